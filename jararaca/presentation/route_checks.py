"""What FastAPI would accept and not serve: paths that never match, and annotations that stay names."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, ForwardRef, Literal, get_args, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from jararaca.errors import InvalidHandler

_PARAMETER = re.compile(r"{([a-zA-Z_]\w*)(?::[a-zA-Z_]\w*)?}")


def check_path(path: str, *, method: str) -> None:
    """See to it that no parameter is in a path twice; braces were looked at where the path is written.

    Raises:
        InvalidHandler: it is not so; the text names `method`.
    """
    names = _PARAMETER.findall(path)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise InvalidHandler(
            f"{method} cannot be a route: its path {path!r}, of the controller and the method, has {{{twice}}} twice. "
            "Give one of them another name."
        )


def check_annotations(route: APIRoute, *, method: str) -> None:
    """See to it that FastAPI could evaluate every annotation that the route depends on.

    Raises:
        InvalidHandler: one is a name that does not exist at run time; the text names it and `method`.
    """
    unresolved = [*_of_parameters(route.dependant)]
    if route.response_field is not None:
        unresolved += [("return", name) for name in _names(route.response_field.field_info.annotation)]
    if unresolved:
        parameter, name = unresolved[0]
        raise InvalidHandler(
            f"{method} cannot be a route: the annotation {name!r} of {parameter!r} cannot be found at run time. A name "
            "that exists only inside a function or under TYPE_CHECKING is not there, and one in quotes inside of "
            "another type is not looked up: quote the whole. Define or import it at module level."
        )


def _of_parameters(dependant: Dependant) -> Iterator[tuple[str, str]]:
    for kind in ("path", "query", "header", "cookie", "body"):
        for field in getattr(dependant, f"{kind}_params"):
            for name in _names(field.field_info.annotation):
                yield field.name, name
    for each in dependant.dependencies:
        yield from _of_parameters(each)


def _names(annotation: Any) -> Iterator[str]:
    """The names in an annotation that nobody has looked up."""
    if isinstance(annotation, ForwardRef):
        yield annotation.__forward_arg__
    elif isinstance(annotation, str):
        yield annotation
    elif get_origin(annotation) is Annotated:
        yield from _names(get_args(annotation)[0])
    elif get_origin(annotation) is not Literal:
        for each in get_args(annotation):
            yield from _names(each)
