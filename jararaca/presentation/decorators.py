"""What a user writes on controllers and their methods to serve HTTP."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from jararaca.core.metadata import attach
from jararaca.core.microservice import listed
from jararaca.presentation.options import ControllerOptions, RouteOptions, checked
from jararaca.presentation.paths import checked_path

C = TypeVar("C", bound=type)
M = TypeVar("M", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class ControllerFact:
    """Left on a class by `RestController`."""

    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    middlewares: tuple[type, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteFact:
    """Left on a method by one of the verbs."""

    verb: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)
    middlewares: tuple[type, ...] = ()


def RestController(  # noqa: N802 -- decorators read as the nouns they make of a class
    path: str = "", options: ControllerOptions | None = None, *, middlewares: Sequence[type] = ()
) -> Callable[[C], C]:
    """Serve the decorated methods of a class below `path`.

    Args:
        path: starts with `/` or is empty; joined to the methods' paths without a doubled slash.
        options: `APIRouter` arguments such as `tags`.
        middlewares: `HttpMiddleware` classes around every method, after the global ones.

    Raises:
        InvalidOption: the path is not one, or an option is unknown.
    """
    where = f"@RestController({path!r})"
    taken = checked(options, ControllerOptions, where=where)
    fact = ControllerFact(
        checked_path(path, where=where), taken, listed(middlewares, f"{where[:-1]}, middlewares=...)")
    )
    return lambda cls: attach(cls, fact)


class Verb(Protocol):
    """A decorator for methods that answer one HTTP verb."""

    def __call__(
        self, path: str = "/", options: RouteOptions | None = None, *, middlewares: Sequence[type] = ()
    ) -> Callable[[M], M]:
        """Answer requests to `path`, relative to the controller's, with the decorated method.

        The method may be a coroutine, a function (run in a thread), a generator or an async generator (streamed),
        with any parameter that FastAPI understands.

        Args:
            path: starts with `/`; answered with and without a trailing slash.
            options: `add_api_route` arguments such as `status_code`.
            middlewares: `HttpMiddleware` classes around this method, inside the controller's.

        Raises:
            InvalidOption: the path is not one, or an option is unknown.
        """
        ...


def _verb(verb: str) -> Verb:
    def decorator(
        path: str = "/", options: RouteOptions | None = None, *, middlewares: Sequence[type] = ()
    ) -> Callable[[M], M]:
        where = f"@{verb.capitalize()}({path!r})"
        taken = checked(options, RouteOptions, where=where)
        fact = RouteFact(
            verb, checked_path(path, where=where), taken, listed(middlewares, f"{where[:-1]}, middlewares=...)")
        )

        def decorate(method: M) -> M:
            return attach(method, fact)

        return decorate

    decorator.__name__ = decorator.__qualname__ = verb.capitalize()
    decorator.__doc__ = Verb.__call__.__doc__
    return decorator


Get = _verb("GET")
Post = _verb("POST")
Put = _verb("PUT")
Patch = _verb("PATCH")
Delete = _verb("DELETE")
Head = _verb("HEAD")
Options = _verb("OPTIONS")
