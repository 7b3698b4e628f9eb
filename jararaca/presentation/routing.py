"""From decorated controllers to FastAPI routes."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIRoute
from pydantic.errors import PydanticUserError

from jararaca.core.context import current_execution
from jararaca.core.keeping import Kept
from jararaca.core.metadata import class_facts, ingredients, method_facts
from jararaca.errors import InvalidHandler
from jararaca.presentation.decorators import ControllerFact, RouteFact
from jararaca.presentation.execution_route import CONTROLLER, ExecutionRoute
from jararaca.presentation.middleware import middleware_dependency, without_self
from jararaca.presentation.options import merged, supported
from jararaca.presentation.route_checks import check_annotations, check_path
from jararaca.presentation.type_variables import filled_in


def controller_router(controller: type, *, route_class: type[APIRoute], middlewares: Sequence[type] = ()) -> APIRouter:
    """A router with every route of `controller`, to be included wherever it is wanted.

    Args:
        controller: a class with methods decorated by verbs.
        route_class: `router.route_class` of the object that `create_http_server` made, whose application then runs
            the methods.
        middlewares: `HttpMiddleware` classes around every method, outside of the controller's own.

    Raises:
        InvalidHandler: see `add_controller`.
    """
    router = APIRouter(route_class=route_class)
    add_controller(router, controller, middlewares=middlewares)
    return router


def add_controller(router: APIRouter, controller: type, *, middlewares: Sequence[type] = ()) -> None:
    """Add every route of `controller` to a router whose route class gives its methods their execution.

    A path is answered with and without a trailing slash, without a redirect; only one spelling is documented. Routes
    are added one by one: a router included in another one is matched twice at every request.

    Raises:
        InvalidHandler: a method has no `self` or a signature that FastAPI refuses, or a middleware cannot be one.
    """
    fact = next(iter(class_facts(controller, ControllerFact)), ControllerFact(""))
    outer = [middleware_dependency(middleware) for middleware in (*middlewares, *fact.middlewares)]
    enclosing = {**fact.options, "dependencies": [*outer, *(fact.options.get("dependencies") or ())]}
    for name, route in method_facts(controller, RouteFact):
        inner = [middleware_dependency(middleware) for middleware in route.middlewares]
        method = f"{controller.__qualname__}.{name}"
        try:
            own = {"name": name, **route.options, "dependencies": [*inner, *(route.options.get("dependencies") or ())]}
            options = {**merged(enclosing, own), "endpoint": bound_endpoint(controller, name), "methods": [route.verb]}
            _add_route(router, [*spellings(fact.path, route.path)], options, method=method)
        except _REFUSALS as error:
            given = f" ({', '.join(route.options)})" if route.options else ""
            raise InvalidHandler(
                f"{method} cannot be a route, because of a parameter, its return type or an option{given}. FastAPI "
                f"says: {str(error).partition(_ADVERTISEMENT)[0]}"
            ) from error


def add_kept_routes(app: FastAPI, controller: type, *, middlewares: Sequence[type] = ()) -> None:
    """As `add_controller`, to a FastAPI object without options: its routes are copies of `kept_routes`."""
    routes = kept_routes(controller, middlewares=middlewares)
    if any(route.max_body_size is not None for route in routes):  # FastAPI wraps those in something of its own
        add_controller(app.router, controller, middlewares=middlewares)
    else:
        app.router.routes += [route.served_by(app) for route in routes]


def kept_routes(controller: type, *, middlewares: Sequence[type] = ()) -> tuple[ExecutionRoute, ...]:
    """The routes of `controller` as `add_controller` adds them to a FastAPI object without options, for copies of them.

    They are made once, for an application is put together anew for every test; see `ExecutionRoute.served_by`.

    Raises:
        InvalidHandler: see `add_controller`.
    """
    if not method_facts(controller, RouteFact):
        return ()
    facts = class_facts(controller, ControllerFact)
    own = [each for fact in facts for each in fact.middlewares]
    own += [each for _name, route in method_facts(controller, RouteFact) for each in route.middlewares]
    intercepts = [getattr(each, "intercept", None) for each in (*middlewares, *own)]
    made_of = [*middlewares, *facts, *ingredients(controller, RouteFact), *intercepts]
    return _kept.get(controller, made_of, lambda: _routes_of(controller, middlewares))


_kept: Kept[tuple[ExecutionRoute, ...]] = Kept()


def _routes_of(controller: type, middlewares: Sequence[type]) -> tuple[ExecutionRoute, ...]:
    router = FastAPI(openapi_url=None).router
    router.route_class = ExecutionRoute
    add_controller(router, controller, middlewares=middlewares)
    return tuple(route for route in router.routes if isinstance(route, ExecutionRoute))


_REFUSALS = (
    *(FastAPIError, AssertionError, PydanticUserError),
    *(TypeError, ValueError, NameError, AttributeError, SyntaxError),
)
"""How FastAPI, Starlette and pydantic say that they cannot make a route: no code of the application runs in between."""

_ADVERTISEMENT = "\n\nFor further information"


def _add_route(router: APIRouter, paths: Sequence[str], options: Mapping[str, Any], *, method: str) -> None:
    check_path(paths[0], method=method)
    taken = supported(options, router.add_api_route)
    router.add_api_route(paths[0], **taken)
    made = router.routes[-1]
    assert isinstance(made, APIRoute)
    check_annotations(made, method=method)
    for path in paths[1:]:
        router.add_api_route(path, **{**taken, "include_in_schema": False})


def spellings(prefix: str, path: str) -> Iterator[str]:
    """The documented path first, then the same with the other trailing slash.

    A path that ends in a parameter which swallows slashes (`{rest:path}`) has one spelling only.
    """
    joined = f"{prefix.rstrip('/')}/{path.lstrip('/')}"
    bare = joined.rstrip("/")
    if not bare:
        yield "/"
    elif bare.endswith(":path}"):
        yield bare
    elif joined.endswith("/") and path.strip("/"):
        yield from (bare + "/", bare)
    else:
        yield from (bare, bare + "/")


def bound_endpoint(controller: type, name: str) -> Callable[..., Any]:
    """A function that calls the method on the controller of the unit of work at hand.

    It calls at once, whatever kind the method is, and is marked as wrapping it: so FastAPI sees the method's kind
    (coroutine, function, generator, async generator), and a generator holds its controller before the work ends.

    Raises:
        InvalidHandler: the method is static, or takes no arguments at all.
    """
    method = inspect.getattr_static(controller, name)
    function = getattr(method, "__func__", method)
    if isinstance(method, staticmethod) or not inspect.signature(function).parameters:
        raise InvalidHandler(f"{controller.__qualname__}.{name}() has no `self`. Add it as the first parameter.")

    @functools.wraps(function)
    def endpoint(*args: Any, **kwargs: Any) -> Any:
        scope = current_execution().scope
        assert scope is not None
        return getattr(scope.get(controller), name)(*args, **kwargs)

    signature = filled_in(without_self(function), function, controller)
    endpoint.__signature__ = signature  # type: ignore[attr-defined] # functions take attributes
    setattr(endpoint, CONTROLLER, controller)
    return endpoint
