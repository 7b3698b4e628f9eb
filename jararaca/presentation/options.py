"""The options that decorators pass on to FastAPI, with their names checked where they are written."""

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, TypedDict

from fastapi import Response, params
from fastapi.routing import APIRoute

from jararaca.core.microservice import described
from jararaca.errors import InvalidOption


class RouteOptions(TypedDict, total=False):
    """What `FastAPI.add_api_route` takes, except the path, the endpoint and the methods."""

    response_model: Any
    status_code: int | None
    tags: list[str | Enum] | None
    dependencies: Sequence[params.Depends] | None
    summary: str | None
    description: str | None
    response_description: str
    responses: dict[int | str, dict[str, Any]] | None
    deprecated: bool | None
    operation_id: str | None
    response_model_include: Any
    response_model_exclude: Any
    response_model_by_alias: bool
    response_model_exclude_unset: bool
    response_model_exclude_defaults: bool
    response_model_exclude_none: bool
    include_in_schema: bool
    response_class: type[Response]
    name: str | None
    callbacks: list[Any] | None
    openapi_extra: dict[str, Any] | None
    generate_unique_id_function: Callable[[APIRoute], str]
    strict_content_type: bool
    max_body_size: int | None
    form_limits: Any


class ControllerOptions(TypedDict, total=False):
    """What `APIRouter` takes and makes sense for a controller; the prefix is the controller's path."""

    tags: list[str | Enum] | None
    dependencies: Sequence[params.Depends] | None
    default_response_class: type[Response]
    responses: dict[int | str, dict[str, Any]] | None
    callbacks: list[Any] | None
    deprecated: bool | None
    include_in_schema: bool
    generate_unique_id_function: Callable[[APIRoute], str]
    strict_content_type: bool
    max_body_size: int | None
    form_limits: Any


class WebSocketOptions(TypedDict, total=False):
    """What `FastAPI.add_api_websocket_route` takes, except the path and the endpoint."""

    name: str | None
    dependencies: Sequence[params.Depends] | None


def checked(options: Mapping[str, Any] | None, kind: type, *, where: str) -> dict[str, Any]:
    """A copy of `options` in which every key is one of the TypedDict `kind`.

    Raises:
        InvalidOption: a key is unknown; the text names the nearest one. Or it is no dictionary.
    """
    if options is not None and not isinstance(options, Mapping):
        raise InvalidOption(f"{where}: the second argument is a dictionary of options, and not {described(options)}.")
    known = set(kind.__annotations__)
    for key in options or {}:
        if key not in known:
            nearest = difflib.get_close_matches(str(key), known, n=1)
            advice = f"Did you mean {nearest[0]!r}?" if nearest else f"Known are: {', '.join(sorted(known))}."
            raise InvalidOption(f"{where} has no option {key!r}. {advice}")
    return dict(options or {})


_JOINED = ("tags", "dependencies", "callbacks")


def merged(enclosing: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a route inside a controller: lists and responses are joined, anything else is the route's own.

    What the route leaves out, or sets to None, is the controller's.
    """
    options = {
        **enclosing,
        **{name: value for name, value in own.items() if value is not None or name not in enclosing},
    }
    for name in _JOINED:
        options[name] = [*(enclosing.get(name) or ()), *(own.get(name) or ())]
    for name in ("responses", "form_limits"):
        if enclosing.get(name) and own.get(name):
            options[name] = {**enclosing[name], **own[name]}
    if not enclosing.get("include_in_schema", True):
        options["include_in_schema"] = False
    options["deprecated"] = enclosing.get("deprecated") or own.get("deprecated")
    if "default_response_class" in options:
        options.setdefault("response_class", options.pop("default_response_class"))
    return options


def supported(options: Mapping[str, Any], target: Callable[..., Any]) -> dict[str, Any]:
    """The options, all of which this version of FastAPI takes.

    Raises:
        InvalidOption: the installed FastAPI does not know one of them.
    """
    taken = inspect.signature(target).parameters
    for name in options:
        if name not in taken:
            raise InvalidOption(f"the installed FastAPI has no option {name!r}. Install a newer one, or leave it out.")
    return dict(options)
