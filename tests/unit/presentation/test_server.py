"""The object that a server runs: complete at once, started and stopped by its lifespan, more than once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from jararaca import Container, Get, Microservice, RestController, create_http_server
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.errors import UsageError
from jararaca.presentation.http_microservice import HttpMicroservice, Lifespan
from jararaca.presentation.routing import controller_router
from jararaca.presentation.server import HttpRuntime

pytestmark = pytest.mark.asyncio


class Recording:
    """An interceptor that writes down when the application lives."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        self.lines.append("up")
        yield
        self.lines.append("down")


@RestController("/hello")
class Hello:
    @Get("/")
    async def get(self) -> str:
        return "hello"


class Gate:
    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.open = asyncio.Event()


@RestController("/slow")
class Slow:
    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    @Get("/")
    async def get(self) -> str:
        self.gate.reached.set()
        await self.gate.open.wait()
        return "done"


def client(app: FastAPI) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(app=app), base_url="http://test")


async def served(app: FastAPI) -> Any:
    async with app.router.lifespan_context(app), client(app) as http:
        return (await http.get("/hello")).json()


async def test_both_kinds_of_declaration_are_served() -> None:
    app = Microservice(controllers=[Hello])

    assert await served(create_http_server(app)) == "hello"
    assert await served(create_http_server(HttpMicroservice(app))) == "hello"


async def test_routes_and_openapi_exist_without_a_start() -> None:
    recording = Recording()

    app = create_http_server(Microservice(controllers=[Hello], interceptors=[recording], name="greeter"))

    assert (list(app.openapi()["paths"]), app.title) == (["/hello"], "greeter")
    assert recording.lines == []


async def test_routes_added_afterwards_are_served_and_documented() -> None:
    async def later() -> str:
        return "later"

    app = create_http_server(Microservice(controllers=[Hello]))
    app.add_api_route("/later", later)

    async with app.router.lifespan_context(app), client(app) as http:
        assert (await http.get("/later")).json() == "later"
    assert list(app.openapi()["paths"]) == ["/hello", "/later"]


async def test_the_lifespan_starts_and_stops_the_application_each_time() -> None:
    recording = Recording()
    app = create_http_server(Microservice(controllers=[Hello], interceptors=[recording]))

    assert [await served(app), await served(app)] == ["hello", "hello"]
    assert recording.lines == ["up", "down", "up", "down"]


async def test_each_start_may_be_on_another_loop() -> None:
    app = create_http_server(Microservice(controllers=[Hello]))

    answers = [await asyncio.to_thread(asyncio.run, served(app)) for _ in range(2)]

    assert answers == ["hello", "hello"]


async def test_included_routes_and_other_verbs_are_answered_as_without_observers() -> None:
    app = create_http_server(Microservice(controllers=[Hello]))
    app.include_router(controller_router(Hello, route_class=app.router.route_class), prefix="/v2")

    async with app.router.lifespan_context(app), client(app) as http:
        assert (await http.get("/v2/hello")).json() == "hello"
        assert (await http.post("/v2/hello")).status_code == 405
        assert (await http.post("/hello")).status_code == 405


def titled(lifespan: Lifespan) -> FastAPI:
    return FastAPI(title="made by a factory", lifespan=lifespan)


def titled_again(lifespan: Lifespan) -> FastAPI:
    return FastAPI(title="made by another one", lifespan=lifespan)


async def test_a_factory_makes_the_object() -> None:
    app = Microservice(controllers=[Hello])

    assert create_http_server(app, titled).title == "made by a factory"
    assert create_http_server(HttpMicroservice(app, titled)).title == "made by a factory"
    assert create_http_server(HttpMicroservice(app, titled), titled_again).title == "made by another one"
    assert await served(create_http_server(app, titled)) == "hello"


async def test_a_factory_that_forgets_the_lifespan_is_told_at_the_first_request() -> None:
    app = create_http_server(Microservice(controllers=[Hello]), lambda _lifespan: FastAPI())

    with pytest.raises(UsageError, match=r"before the application was started.*factory must pass it on"):
        await served(app)


async def test_an_application_that_fails_to_start_fails_the_lifespan() -> None:
    class Failing(Recording):
        @asynccontextmanager
        async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
            raise ConnectionError("no database")
            yield

    app = create_http_server(Microservice(interceptors=[Failing()]))

    with pytest.raises(ConnectionError, match="no database"):
        async with app.router.lifespan_context(app):
            pass


async def test_handlers_of_the_applications_own_errors_are_kept() -> None:
    from jararaca.errors import NotFound

    async def mine(_request: Any, _error: Exception) -> Any:
        raise NotImplementedError

    def factory(lifespan: Lifespan) -> FastAPI:
        return FastAPI(lifespan=lifespan, exception_handlers={NotFound: mine})

    assert create_http_server(Microservice(), factory).exception_handlers[NotFound] is mine


# stopping


@asynccontextmanager
async def slow_runtime() -> AsyncIterator[tuple[HttpRuntime, Gate, "asyncio.Task[Any]"]]:
    """A runtime with one exchange under way."""
    declaration = Microservice(controllers=[Slow])
    application = Application(declaration, embedded_ports())
    runtime = HttpRuntime(application, HttpMicroservice(declaration))
    await application.start()
    await runtime.start()
    gate = application.environment.container.get_by_type(Gate)
    async with client(runtime.asgi) as http:
        request = application.environment.tasks.spawn(http.get("/slow"), name="a request")
        await gate.reached.wait()
        yield runtime, gate, request
        gate.open.set()
        await request
    await application.stop()


async def test_stopping_waits_for_exchanges_under_way() -> None:
    async with slow_runtime() as (runtime, gate, request):
        asyncio.get_running_loop().call_soon(gate.open.set)
        clean = await runtime.stop(10)

        assert (clean, runtime.ready) == (True, False)
        assert (await request).json() == "done"


async def test_stopping_says_when_the_grace_was_not_enough() -> None:
    async with slow_runtime() as (runtime, _gate, _request):
        assert await runtime.stop(0.001) is False
        assert await runtime.stop(0) is False


async def test_stopping_with_nothing_under_way_is_immediate() -> None:
    async with slow_runtime() as (runtime, gate, request):
        gate.open.set()
        await request

        assert await runtime.stop(10) is True
