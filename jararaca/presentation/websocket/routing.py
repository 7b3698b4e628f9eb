"""From decorated methods to websocket routes, each connection in an execution of its own."""

import asyncio
import functools
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import FastAPIError
from fastapi.routing import APIWebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from jararaca.core.context import Trigger, enter, leave
from jararaca.core.disclosure import note_given
from jararaca.core.ending import ToldEnding
from jararaca.core.environment import Environment
from jararaca.core.invocation import new_execution
from jararaca.core.lifecycle import TaskScope
from jararaca.core.metadata import class_facts, method_facts
from jararaca.core.steps import Kind
from jararaca.errors import InvalidHandler
from jararaca.presentation.decorators import ControllerFact
from jararaca.presentation.execution_route import CONTROLLER, given_in, identities
from jararaca.presentation.middleware import middleware_dependency, resolve_here, without_self
from jararaca.presentation.options import supported
from jararaca.presentation.routing import spellings
from jararaca.presentation.type_variables import filled_in
from jararaca.presentation.websocket.connection import Connection
from jararaca.presentation.websocket.decorators import WebSocketFact
from jararaca.presentation.websocket.interceptor import RELAY
from jararaca.presentation.websocket.relay import FrameRelay
from jararaca.presentation.websocket.writer import QueueLimit

logger = logging.getLogger("jararaca.presentation")

GOING_AWAY = 1001
INTERNAL_ERROR = 1011


class WebSocketConnections:
    """The open connections of one server."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._open: dict[Connection, str] = {}
        self._ending = ToldEnding("websockets", self.endpoints, logger)
        self._tasks = TaskScope("end of websockets")
        self._is_closing = False

    def start(self) -> None:
        """Accept connections, and receive the frames that other instances send."""
        self._is_closing = False
        self._ending = ToldEnding("websockets", self.endpoints, logger)
        relay = self.environment.resource(RELAY)
        if isinstance(relay, FrameRelay):
            relay.receive()

    async def serve(self, route: "ExecutionWebSocketRoute", scope: Scope, receive: Receive, send: Send) -> None:
        """Run one connection from handshake to end inside an execution; afterwards nothing of it is left.

        A connection that is still open is closed: with 1000 if the endpoint returned, with 1011 if it raised, with 1003
        if its client sent a frame of the kind that the endpoint does not read.
        """
        if self._is_closing:
            await _refuse(scope, receive, send)
            return
        connection = Connection(scope, receive, send, route.limit)
        self._open[connection] = route.trigger.name
        correlation_id, traceparent = identities(scope)
        execution = new_execution(
            self.environment, route.trigger, correlation_id=correlation_id, traceparent=traceparent
        )
        steps, facts = self.environment.steps, {"route": route.trigger.name, "path": connection.path}
        token = enter(execution)
        error: BaseException | None = None
        try:
            if steps.observers:
                await steps.before(Kind.CONNECTION, route, execution, **facts)
            await route.app(scope, connection.receive, connection.send)
        except WebSocketDisconnect:
            pass  # an endpoint may let the end of its connection end itself
        except BaseException as raised:
            error = raised
            note_given(error, given_in(scope, self.environment))
            raise
        finally:
            leave(token)
            await self._conclude(connection, error)
            if steps.observers:
                steps.after(Kind.CONNECTION, route, execution, **facts, error=type(error).__name__ if error else None)

    async def _conclude(self, connection: Connection, error: BaseException | None) -> None:
        try:
            if isinstance(error, asyncio.CancelledError):
                await connection.abort()
            else:
                await connection.end(connection.code_at_return if error is None else INTERNAL_ERROR)
        finally:
            self._open.pop(connection, None)

    async def close(self, grace: float) -> bool:
        """Refuse new connections, write what is queued for the open ones, and close each with 1001.

        Endpoints that do not end in time are cancelled, and abandoned if they do not end ten seconds later. True if
        there were none.
        """
        self._is_closing = True
        for connection in self._open:
            self._tasks.spawn(connection.end(GOING_AWAY), name=f"close websocket {connection.path}")
        clean = await self._ending.within(grace)
        await self._tasks.cancel()
        return clean

    def at_once(self) -> None:
        """Let `close` wait no longer: endpoints that have not ended are cancelled."""
        self._ending.at_once()

    def endpoints(self) -> Mapping["asyncio.Task[Any]", str]:
        """The tasks of the endpoints that run, and the route of each: not its path, which has values."""
        return {connection.task: name for connection, name in self._open.items()}


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    websocket = WebSocket(scope, receive, send)
    if "websocket.http.response" in scope.get("extensions", {}):
        await websocket.send_denial_response(Response("the server is shutting down", status_code=503))
    else:
        await websocket.close(GOING_AWAY)


class ExecutionWebSocketRoute(APIWebSocketRoute):
    """A websocket route whose connections are served by `connections`."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        connections: WebSocketConnections,
        fact: WebSocketFact,
        **options: Any,
    ) -> None:
        super().__init__(path, endpoint, **options)
        self._connections = connections
        self.limit = QueueLimit(fact.queue_size, fact.overflow)
        self.sends, self.receives = fact.sends, fact.receives
        self.trigger = Trigger("connection", f"WS {path}")

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        await self._connections.serve(self, scope, receive, send)


def add_websocket_routes(
    app: FastAPI, controller: type, connections: WebSocketConnections, *, middlewares: Sequence[type] = ()
) -> None:
    """Add a route for every websocket endpoint of `controller`, which answers both spellings of a trailing slash.

    Raises:
        InvalidHandler: an endpoint is not a coroutine method, takes no websocket, or has a parameter that FastAPI
            refuses.
    """
    controller_fact = next(iter(class_facts(controller, ControllerFact)), ControllerFact(""))
    for name, fact in method_facts(controller, WebSocketFact):
        options = {"name": name, **fact.options}
        options["dependencies"] = [
            *(middleware_dependency(middleware) for middleware in (*middlewares, *controller_fact.middlewares)),
            *(controller_fact.options.get("dependencies") or ()),
            *(fact.options.get("dependencies") or ()),
        ]
        taken = {**supported(options, APIWebSocketRoute), "dependency_overrides_provider": app}
        endpoint = _endpoint(controller, name)
        try:
            for path in spellings(controller_fact.path, fact.path):
                route = ExecutionWebSocketRoute(path, endpoint, connections, fact, **taken)
                if not _takes_websocket(route.dependant):
                    raise _not_an_endpoint(controller, name, "takes no websocket")
                app.router.routes.append(route)
        except (FastAPIError, AssertionError, ValueError) as error:
            raise InvalidHandler(
                f"{controller.__qualname__}.{name} cannot be a websocket endpoint, because of a parameter, its path or "
                f"an option. FastAPI says: {error}"
            ) from error


def _takes_websocket(dependant: Dependant) -> bool:
    """Whether the endpoint is given its websocket, or something that was."""
    return dependant.websocket_param_name is not None or any(map(_takes_websocket, dependant.dependencies))


def _not_an_endpoint(controller: type, name: str, why: str) -> InvalidHandler:
    return InvalidHandler(
        f"{controller.__qualname__}.{name} is a websocket endpoint, but {why}. Write `async def {name}(self, "
        "websocket: WebSocket)`."
    )


def _endpoint(controller: type, name: str) -> Callable[..., Any]:
    method = inspect.getattr_static(controller, name)
    if not inspect.iscoroutinefunction(method) or not inspect.signature(method).parameters:
        raise _not_an_endpoint(controller, name, "not a coroutine method")

    @functools.wraps(method)
    async def endpoint(*args: Any, **kwargs: Any) -> Any:
        return await getattr(await resolve_here(controller), name)(*args, **kwargs)

    signature = filled_in(without_self(method), method, controller)
    endpoint.__signature__ = signature  # type: ignore[attr-defined] # functions take attributes
    setattr(endpoint, CONTROLLER, controller)
    return endpoint
