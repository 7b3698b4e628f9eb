"""The route class that gives every exchange its execution, and every method its unit of work.

`handle` surrounds the whole exchange, streaming and background tasks included. `get_route_handler` surrounds
dependencies, method and serialization, and ends before the first byte leaves. This is the only place that uses those
two hooks of FastAPI; `get_route_handler` is a candidate for replacement there, so a test watches that it is in effect.
"""

import inspect
import json
import re
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, request_response
from starlette.types import Message, Receive, Scope, Send

from jararaca.core.context import Execution, Trigger, current_execution, enter, leave
from jararaca.core.disclosure import Given, note_given
from jararaca.core.environment import Environment
from jararaca.core.invocation import in_unit_of_work, new_execution
from jararaca.core.steps import Kind
from jararaca.errors import UsageError

CONTROLLER = "__jararaca_controller__"
"""Attribute of an endpoint: the class that must be built before it can be called."""

_CORRELATION = re.compile(rb"[\x21-\x7e]{1,128}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

_NOT_STARTED = (
    "a request came before the application was started, so that it has no database, no broker and no websockets. Serve "
    "the object that create_http_server returned with its lifespan: a factory must pass it on, a mounted object needs "
    "its parent to run it, and of test clients only `with TestClient(app)` does, or the fixture `http`."
)


class Exchanges(Protocol):
    """Who serves: the surroundings of executions, and the count of exchanges that are under way."""

    environment: Environment
    in_flight: int

    @property
    def has_started(self) -> bool: ...
    def finished(self) -> None: ...


class ExecutionRoute(APIRoute):
    """An `APIRoute` whose exchanges run in an execution of `server`, set on a subclass by `route_class_of`."""

    server: Exchanges
    _trigger: Trigger

    def served_by(self, app: FastAPI) -> "ExecutionRoute":
        """A copy of this route for another application: of the route class of its router, with overrides of its own.

        What FastAPI found out about the method, most of the cost of a route, is shared: nobody changes it.
        """
        route_class = app.router.route_class
        assert issubclass(route_class, ExecutionRoute)
        route: ExecutionRoute = object.__new__(route_class)
        route.__dict__ |= self.__dict__
        route.methods, route.tags, route.responses = {*(self.methods or ())}, [*self.tags], {**self.responses}
        route.dependencies = [*self.dependencies]
        route.dependency_overrides_provider = app
        del route.app  # it belongs to the other application; see __getattr__
        return route

    def __getattr__(self, name: str) -> Any:
        """The ASGI application of a copy, made at the first request: most routes are not asked in most tests."""
        if name != "app":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
        made = self.app = request_response(self.get_route_handler())
        return made

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._trigger = Trigger("request", f"{'|'.join(sorted(self.methods or ()))} {path}")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange inside an execution of its own.

        Raises:
            UsageError: the application was never started.
        """
        server = self.server
        if not server.has_started:
            raise UsageError(_NOT_STARTED)
        environment = server.environment
        correlation_id, traceparent = identities(scope)
        execution = new_execution(environment, self._trigger, correlation_id=correlation_id, traceparent=traceparent)
        server.in_flight += 1
        token = enter(execution)
        try:
            if environment.steps.observers:
                await self._observed(execution, scope, receive, send)
            elif "fastapi" in scope or scope["method"] not in (self.methods or ()):
                await super().handle(scope, receive, send)
            else:  # what the line above would come to for a route that was not included, two calls later
                await self.app(scope, receive, send)
        except Exception as error:
            note_given(error, given_in(scope, environment))
            raise
        finally:
            leave(token)
            server.in_flight -= 1
            if not server.in_flight:
                server.finished()

    async def _observed(self, execution: Execution, scope: Scope, receive: Receive, send: Send) -> None:
        steps = execution.environment.steps
        facts = {"method": scope["method"], "path": scope["path"], "route": self._trigger.name}
        status: int | None = None
        error: str | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await steps.before(Kind.REQUEST, self, execution, **facts)
            await super().handle(scope, receive, noting)
        except BaseException as raised:
            error = type(raised).__name__
            status = status or getattr(raised, "status_code", 500)
            raise
        finally:
            steps.after(Kind.REQUEST, self, execution, status=status, error=error, **facts)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler that FastAPI made, inside a unit of work."""
        handler = super().get_route_handler()
        controller: type | None = getattr(self.endpoint, CONTROLLER, None)

        is_coroutine = inspect.iscoroutinefunction(inspect.unwrap(self.endpoint))  # others may run in a thread

        async def with_controller(request: Request) -> Response:
            scope = current_execution().scope
            assert scope is not None
            assert controller is not None
            await scope.resolve(controller)
            return await handler(request)

        async def handled(request: Request) -> Response:
            execution = current_execution("a route")
            builds_at_once = is_coroutine and execution.environment.container.builds_at_once(controller)
            call = handler if controller is None or builds_at_once else with_controller
            try:
                return await in_unit_of_work(execution, partial(call, request))
            except Exception as error:
                note_given(error, given_in(request.scope, execution.environment, _read_of(request)))
                raise

        return handled


def route_class_of(server: Exchanges) -> type[ExecutionRoute]:
    """The route class of one server: two applications in one process keep apart."""
    return type("ExecutionRoute", (ExecutionRoute,), {"server": server})


def identities(scope: Scope) -> tuple[str | None, str | None]:
    """The correlation id and `traceparent` that a client sent; anything not well formed is as if it were not there."""
    correlation_id = traceparent = None
    for name, value in scope["headers"]:
        if name == b"x-correlation-id" and _CORRELATION.fullmatch(value):
            correlation_id = value.decode("ascii")
        elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
            traceparent = value.decode("ascii")
    return correlation_id, traceparent


def given_in(scope: Scope, environment: Environment, body: bytes = b"") -> Given:
    """What a request said, and no log may repeat."""
    words = [value.decode("latin-1") for _name, value in scope["headers"]]
    words += [str(value) for value in scope.get("path_params", {}).values()]
    return Given(body, (*words, scope["query_string"].decode("latin-1")), environment.secrets)


def _read_of(request: Request) -> bytes:
    """The body, if it was read as a whole; Starlette keeps it for the next who asks, and would read it for us."""
    fields = getattr(request, "_form", None)
    if fields:
        return json.dumps([value for _name, value in fields.multi_items() if isinstance(value, str)]).encode()
    return getattr(request, "_body", b"")
