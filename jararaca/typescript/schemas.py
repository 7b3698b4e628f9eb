"""What FastAPI and pydantic say about an application: its operations as OpenAPI has them, and JSON schemas.

This is the only module that calls what FastAPI uses itself to document routes, so that a client and the OpenAPI
document can only agree. The schemas differ from that document's in four ways: they know the names of enum members, a
type without a schema is marked instead of refused, inputs and outputs are always told apart, and generic models are
known as such.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, cast

from fastapi import FastAPI
from fastapi._compat import ModelField, v2
from fastapi.openapi.constants import REF_PREFIX, REF_TEMPLATE
from fastapi.openapi.utils import get_fields_from_routes, get_openapi_path
from fastapi.routing import APIRoute, APIWebSocketRoute, RouteContext, iter_route_contexts
from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from starlette.routing import BaseRoute

from jararaca.core.metadata import named
from jararaca.core.microservice import described
from jararaca.errors import InvalidHandler
from jararaca.presentation.execution_route import CONTROLLER
from jararaca.typescript.faults import check_schemas
from jararaca.typescript.generator import Filled, GenericSchemas, Mode, Schema
from jararaca.typescript.hidden import hidden_parameters


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb of one route."""

    route: Any
    """A `RouteContext`: the route with what its inclusion in other routers adds."""
    verb: str
    spoken: Mapping[str, Any]
    """The OpenAPI operation."""
    security: Mapping[str, Mapping[str, Any]]
    """The security schemes that it mentions."""


@dataclass(frozen=True, slots=True)
class SocketRoute:
    """One websocket endpoint."""

    route: Any
    spoken: Mapping[str, Any]
    sends: Schema | None
    receives: Schema | None


@dataclass(frozen=True, slots=True)
class Spoken:
    """Everything that an application offers."""

    operations: tuple[Operation, ...]
    sockets: tuple[SocketRoute, ...]
    definitions: Mapping[str, Schema]
    filled: Mapping[str, Filled]
    """The generic models among them."""
    left_out: tuple[str, ...]


def spoken_by(app: FastAPI) -> Spoken:
    """What is to be known about every route of `app`, which does not have to be started.

    Raises:
        InvalidHandler: code of the application that makes a schema fails, or messages of a websocket are no models.
    """
    contexts = list(iter_route_contexts(app.routes))
    routes = [each for each in contexts if isinstance(each.original_route, APIRoute) and each.include_in_schema]
    sockets = _without_twins(each for each in contexts if isinstance(each.original_route, APIWebSocketRoute))
    shadows = [_shadow(each) for each in sockets]
    messages = [(each, way) for each in sockets for way in _WAYS if getattr(each.original_route, way, None) is not None]
    inputs: list[tuple[object, Mode, Any]] = [_message_input(each, way) for each, way in messages]
    try:
        fields = get_fields_from_routes([*routes, *shadows])
        inputs[:0] = [(field, field.mode, field._type_adapter.core_schema) for field in fields]
        generator = GenericSchemas(ref_template=REF_TEMPLATE, arguments=dict(_arguments(fields)))
        mapping, definitions = generator.generate_definitions(inputs=cast(Any, inputs))
    except Exception:
        for each in (*routes, *shadows):
            check_schemas(each, place_of_route(each))
        raise
    found: dict[str, Schema] = {str(name): schema for name, schema in definitions.items()}
    declared = frozenset(found)
    operations = [one for each in routes for one in _operations(each, mapping, found, declared)]
    shadowed = [next(_operations(RouteContext(each), mapping, found, declared)) for each in shadows]
    return Spoken(
        operations=tuple(operations),
        sockets=tuple(
            SocketRoute(each, shadow.spoken, *(_message_schema(mapping, each, way) for way in _WAYS))
            for each, shadow in zip(sockets, shadowed, strict=True)
        ),
        definitions=found,
        filled=generator.filled(mapping),
        left_out=(*_left_out(contexts), *sorted({*_hidden([*routes, *sockets])})),
    )


def _arguments(fields: Sequence[ModelField]) -> Iterator[tuple[str, str]]:
    """The classes that generic models are made of, by their identities as pydantic writes them."""
    for model in v2.get_flat_models_from_fields(fields, known_models=set()):
        for each in getattr(model, "__pydantic_generic_metadata__", {}).get("args", ()):
            if isinstance(each, type):
                yield str(id(each)), f"{each.__module__}.{each.__qualname__}"


class _Unread(set[str]):
    """Operation ids that FastAPI may write down, and not find again: two verbs of one route have the same."""

    def __contains__(self, _given: object) -> bool:
        return False


def _operations(
    route: Any, mapping: Mapping[Any, Schema], definitions: dict[str, Schema], declared: Set[str]
) -> Iterator[Operation]:
    """The verbs of a route. Models of FastAPI's own are added to the definitions, beside those that are `declared`."""
    path, security, more = get_openapi_path(
        route=route, operation_ids=_Unread(), model_name_map={}, field_mapping=cast(Any, mapping)
    )
    taken = declared & more.keys()
    definitions.update({_own(name, taken): _renamed(schema, taken) for name, schema in more.items()})
    for verb in sorted(path):
        spoken = path[verb]
        if taken:
            spoken["responses"]["422"] = _renamed(spoken["responses"]["422"], taken)
        yield Operation(route, verb.upper(), spoken, security)


def _own(name: str, taken: Set[str]) -> str:
    """What one of the models of FastAPI's own answers is called, if the application has `taken` its name."""
    return f"FastAPI{name}" if name in taken else name


def _renamed(schema: Any, taken: Set[str]) -> Any:
    if isinstance(schema, list):
        return [_renamed(each, taken) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "$ref" in schema:
        return {"$ref": REF_PREFIX + _own(schema["$ref"].removeprefix(REF_PREFIX), taken)}
    return {name: _renamed(each, taken) for name, each in schema.items()}


_WAYS: tuple[Literal["sends", "receives"], ...] = ("sends", "receives")
_MODES: Mapping[str, Mode] = {"sends": "serialization", "receives": "validation"}


def _message_input(socket: Any, way: str) -> tuple[object, Mode, Any]:
    declared = getattr(socket.original_route, way)
    try:
        schema = TypeAdapter(declared).core_schema
    except (PydanticUserError, NameError) as error:
        raise InvalidHandler(
            f"{place_of_route(socket)}: {way}={described(declared)} is no model. Name a pydantic model, a union of "
            f"models, str or bytes. pydantic says: {str(error).partition(chr(10))[0]}"
        ) from error
    return (id(socket), way), _MODES[way], schema


def _message_schema(mapping: Mapping[Any, Schema], socket: Any, way: str) -> Schema | None:
    return mapping.get(((id(socket), way), _MODES[way]))


def _shadow(socket: Any) -> APIRoute:
    """An HTTP route with the parameters of a websocket route, because FastAPI documents no other."""
    return APIRoute(
        socket.path, socket.endpoint, dependencies=socket.dependencies, response_model=None, methods=["GET"]
    )


def place_of_route(route: Any) -> str:
    """What a route is called in sentences."""
    owner: type | None = getattr(route.endpoint, CONTROLLER, None)
    name = getattr(route.endpoint, "__name__", str(route.name))
    return f"{route.endpoint.__module__}.{name}" if owner is None else f"{named(owner)}.{name}"


def _without_twins(routes: Any) -> list[Any]:
    """The first of two routes that differ in a trailing slash only."""
    found: dict[tuple[object, str], Any] = {}
    for each in routes:
        found.setdefault((each.endpoint, each.path.rstrip("/")), each)
    return list(found.values())


def _left_out(contexts: Sequence[RouteContext]) -> Iterator[str]:
    """What answers requests and is not in the client, in words."""
    shown = {_place(each) for each in contexts if getattr(each, "include_in_schema", False)}
    hidden: set[str] = set()
    for each in contexts:
        original: BaseRoute = each.original_route
        if isinstance(original, APIWebSocketRoute) or _place(each) in shown:
            continue
        if isinstance(original, APIRoute):
            hidden.add(f"{_verbs(each)} {(each.path or '').rstrip('/') or '/'}, whose include_in_schema is False")
        elif not hasattr(original, "include_in_schema"):
            hidden.add(f"what is mounted at {each.path}")
    yield from sorted(hidden)


def _hidden(routes: Sequence[RouteContext]) -> Iterator[str]:
    """Parameters that are not in the client, in words."""
    for route in routes:
        for each in hidden_parameters(route.dependant):
            place = f"the {each.place} parameter {each.name!r} of {place_of_route(route)}"
            yield f"{place}, whose include_in_schema is False"


def _verbs(route: RouteContext) -> str:
    return "|".join(sorted(route.methods or ()))


def _place(route: RouteContext) -> tuple[str, str]:
    return _verbs(route), (route.path or "").rstrip("/")
