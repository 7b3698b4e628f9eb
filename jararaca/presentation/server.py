"""The HTTP runtime: one running application behind one FastAPI object."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cached_property

from fastapi import FastAPI

from jararaca.core.application import Application
from jararaca.core.ending import Patience
from jararaca.core.lifecycle import TaskScope
from jararaca.core.metadata import method_facts
from jararaca.core.microservice import described
from jararaca.core.places import place_of
from jararaca.core.secrecy import without_values
from jararaca.errors import InvalidOption, JararacaError
from jararaca.presentation.exceptions import add_exception_handlers
from jararaca.presentation.execution_route import route_class_of
from jararaca.presentation.guards import check_middlewares, middlewares_of
from jararaca.presentation.health import add_health_routes
from jararaca.presentation.http_microservice import HttpMicroservice, Lifespan
from jararaca.presentation.routing import add_controller, add_kept_routes, kept_routes
from jararaca.presentation.websocket.decorators import WebSocketFact
from jararaca.presentation.websocket.routing import WebSocketConnections, add_websocket_routes


class HttpRuntime:
    """Serves the controllers of an application over ASGI. What is wrong with their routes is raised by the constructor.

    Starting and stopping only opens and closes the door: the socket belongs to whoever runs `asgi`.
    """

    name = "http"

    def __init__(self, application: Application, http: HttpMicroservice, *, lifespan: Lifespan | None = None) -> None:
        self.environment = application.environment
        self.in_flight = 0
        self.has_started = False
        self.ready = False
        self._idle: asyncio.Event | None = None
        self._patience = Patience()
        self._stops = TaskScope("stop of http")
        self._stopping: asyncio.Task[bool] | None = None
        self.connections = WebSocketConnections(self.environment)
        self._http = http
        self._lifespan = lifespan or no_lifespan
        for controller in http.app.controllers:
            kept_routes(controller, middlewares=http.middlewares)
        if http.factory is not None or any(method_facts(each, WebSocketFact) for each in http.app.controllers):
            self.asgi  # noqa: B018 -- what is wrong with it is raised here
        application.validates(lambda _application: check_middlewares(self.environment.container, http))
        for middleware in middlewares_of(http):
            self.environment.container.require(middleware)

    @cached_property
    def asgi(self) -> FastAPI:
        """The FastAPI object, complete; made when it is first asked for, which in many a test nobody does."""
        http = self._http
        app = (
            FastAPI(title=http.app.name, lifespan=self._lifespan)
            if http.factory is None
            else _made(http.factory, self._lifespan)
        )
        app.router.route_class = route_class_of(self)
        for controller in http.app.controllers:
            if http.factory is None:
                add_kept_routes(app, controller, middlewares=http.middlewares)
            else:
                add_controller(app.router, controller, middlewares=http.middlewares)
            add_websocket_routes(app, controller, self.connections, middlewares=http.middlewares)
        if http.health_path is not None:
            add_health_routes(app, self.environment, http.health_path, is_serving=lambda: self.ready)
        add_exception_handlers(app)
        return app

    @property
    def has_lifespan(self) -> bool:
        """Whether somebody may have given the FastAPI object a lifespan or handlers of its own."""
        return "asgi" in self.__dict__

    def finished(self) -> None:
        """No exchange is under way any more; `stop` may be waiting for that."""
        if self._idle is not None:
            self._idle.set()

    async def start(self) -> None:
        self._stopping = None
        self.connections.start()
        self.has_started = self.ready = True

    @property
    def under_way(self) -> dict[str, int]:
        """How many exchanges and websockets a stop would wait for."""
        return {"exchanges": self.in_flight, "websockets": len(self.connections.endpoints())}

    async def stop(self, grace: float) -> bool:
        """Close the websockets with 1001 and wait for exchanges under way. False if `grace` was not enough.

        A second call while the first one waits is `at_once`.
        """
        self.ready = False
        if self._stopping is None:
            self._stopping = self._stops.spawn(self._stop(grace), name="stop of http")
        else:
            self.at_once()
        return await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> bool:
        deadline = asyncio.get_running_loop().time() + grace
        closed = await self.connections.close(grace)
        await self._patience.wait(self._until_idle, deadline - asyncio.get_running_loop().time())
        return closed and not self.in_flight

    def at_once(self) -> None:
        """Let a stop that is under way wait no longer: websocket endpoints that have not ended are cancelled."""
        self._patience.lose()
        self.connections.at_once()

    async def _until_idle(self) -> None:
        while self.in_flight:
            self._idle = asyncio.Event()  # made here, because an event belongs to one loop
            await self._idle.wait()


def _made(factory: Callable[[Lifespan], FastAPI], lifespan: Lifespan) -> FastAPI:
    try:
        app = factory(lifespan)
    except JararacaError:
        raise
    except Exception as error:
        refusal = without_values(error, "the factory of the FastAPI object")
        if refusal is not None:
            raise refusal from None
        raise InvalidOption(
            f"the factory of the FastAPI object failed at {place_of(error)}: {type(error).__name__}: {error}. Correct "
            "what happens there."
        ) from error
    if not isinstance(app, FastAPI):
        raise InvalidOption(
            f"the factory of the FastAPI object returned {described(app)}. Return FastAPI(lifespan=lifespan)."
        )
    return app


@asynccontextmanager
async def no_lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """For an application that is started and stopped by somebody else."""
    yield
