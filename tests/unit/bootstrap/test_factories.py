"""What a module of the user's calls: objects that other programs serve and start."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from jararaca import (
    Container,
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    RestController,
    create_http_server,
    create_messagebus_worker,
)
from jararaca.core.environment import Environment
from jararaca.core.stopping import wait_for_shutdown
from jararaca.errors import ConfigurationError, DeclarationError, InvalidOption
from jararaca.messagebus.config import MessageBusConfig
from jararaca.presentation.http_microservice import HttpMicroservice, Lifespan
from jararaca.presentation.middleware import HttpMiddleware


class Order(BaseModel):
    id: int


@MessageBusController()
@RestController("/orders")
class Orders:
    @Get()
    async def all_orders(self) -> list[int]:
        return [1]

    @Get("/late")
    async def late(self, request: Request) -> str:
        request.app.state.runs.set()
        await wait_for_shutdown()
        return "noticed"

    @IncomingHandler("order.placed")
    async def bill(self, message: Message[Order]) -> None: ...


class Journal:
    """A lifecycle that writes down when it is entered and left."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        self.lines.append("entered")
        yield
        self.lines.append("left")


class StopAtOnce:
    """A lifecycle that asks the process to stop as soon as it runs."""

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        container.get_by_type(Environment).shutdown.request()
        yield


class Marked(HttpMiddleware):
    async def intercept(self, request: Request) -> AsyncIterator[None]:
        request.app.state.marked = True
        yield


@asynccontextmanager
async def served(server: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the server, while its lifespan is on."""
    async with server.router.lifespan_context(server):
        transport = httpx.ASGITransport(server)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.fixture(autouse=True)
def nobody_says_where_the_broker_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JARARACA_BROKER_URL", raising=False)


def test_a_server_has_its_routes_before_it_starts() -> None:
    journal = Journal()

    server = create_http_server(Microservice(controllers=[Orders], interceptors=[journal]))

    assert list(server.openapi()["paths"]) == ["/orders", "/orders/late"]
    assert journal.lines == []


@pytest.mark.asyncio
async def test_a_server_lives_with_its_lifespan() -> None:
    journal = Journal()
    server = create_http_server(Microservice(controllers=[Orders], interceptors=[journal]))

    async with served(server) as client:
        answer = await client.get("/orders")
        assert journal.lines == ["entered"]

    assert answer.json() == [1]
    assert journal.lines == ["entered", "left"]


@pytest.mark.asyncio
async def test_a_request_that_waits_notices_the_end_of_the_lifespan() -> None:
    """A test client, or a parent that mounts the server, ends it without a signal."""
    server = create_http_server(Microservice(controllers=[Orders]))
    server.state.runs = asyncio.Event()
    transport = httpx.ASGITransport(server)

    async with asyncio.TaskGroup() as group, httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        async with server.router.lifespan_context(server):
            waiting = group.create_task(client.get("/orders/late"))
            await server.state.runs.wait()

        assert waiting.result().json() == "noticed"


@pytest.mark.asyncio
async def test_a_server_can_be_started_again() -> None:
    journal = Journal()
    server = create_http_server(Microservice(controllers=[Orders], interceptors=[journal]))

    for _time in range(2):
        async with served(server) as client:
            assert (await client.get("/orders")).status_code == 200

    assert journal.lines == ["entered", "left"] * 2


@pytest.mark.asyncio
async def test_what_a_request_raises_through_the_server_does_not_keep_it_open() -> None:
    journal = Journal()
    server = create_http_server(Microservice(interceptors=[journal]))

    with pytest.raises(ZeroDivisionError):
        async with served(server):
            raise ZeroDivisionError

    assert journal.lines == ["entered", "left"]


def titled(title: str) -> Any:
    def make(lifespan: Lifespan) -> FastAPI:
        return FastAPI(title=title, lifespan=lifespan)

    return make


def test_a_factory_makes_the_object() -> None:
    app = Microservice(controllers=[Orders])

    assert create_http_server(HttpMicroservice(app, titled("own"))).title == "own"
    assert create_http_server(HttpMicroservice(app, titled("own")), titled("other")).title == "other"


def broken(_lifespan: Lifespan) -> FastAPI:
    raise ZeroDivisionError("no title")


class TitleSettings(BaseSettings):
    title_of_nobody: str


def unset(lifespan: Lifespan) -> FastAPI:
    return FastAPI(title=TitleSettings().title_of_nobody, lifespan=lifespan)


def refusing(_lifespan: Lifespan) -> FastAPI:
    raise ConfigurationError("the title is missing. Set TITLE.")


@pytest.mark.parametrize(
    ("factory", "said"),
    [
        (lambda _lifespan: None, "the factory of the FastAPI object returned None. Return FastAPI(lifespan=lifespan)."),
        (lambda _lifespan: FastAPI, "the factory of the FastAPI object returned the class FastAPI. Return"),
        (broken, f"the factory of the FastAPI object failed at {__file__}:"),
        (unset, "the environment lacks what the factory of the FastAPI object needs: TITLE_OF_NOBODY: Field required."),
        (refusing, "the title is missing. Set TITLE."),
    ],
)
def test_a_factory_that_makes_none_is_refused(factory: Any, said: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        create_http_server(Microservice(), factory)

    assert str(raised.value).startswith(said)


@pytest.mark.parametrize(
    ("call", "arguments", "said"),
    [
        (
            create_http_server,
            {"app": Orders},
            "create_http_server() takes a Microservice or an HttpMicroservice, and got",
        ),
        (
            create_messagebus_worker,
            {"app": None},
            "create_messagebus_worker() takes a Microservice or an HttpMicroservice",
        ),
        (HttpMicroservice, {"app": Orders}, "HttpMicroservice() takes a Microservice, and got the class Orders."),
        (
            HttpMicroservice,
            {"app": Microservice(), "factory": 5},
            "HttpMicroservice(factory=...) takes a function, and",
        ),
        (HttpMicroservice, {"app": Microservice(), "middlewares": Marked}, "HttpMicroservice(middlewares=...) takes a"),
        (HttpMicroservice, {"app": Microservice(), "health_path": "up"}, "HttpMicroservice(health_path='up'): a path"),
    ],
)
def test_something_else_than_a_declaration_is_refused(
    call: Callable[..., Any], arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidOption) as raised:
        call(**arguments)

    assert str(raised.value).startswith(said)


@pytest.mark.asyncio
async def test_a_worker_takes_what_has_an_http_side_too() -> None:
    app = Microservice(controllers=[Orders], interceptors=[StopAtOnce()])

    worker = create_messagebus_worker(HttpMicroservice(app), MessageBusConfig(url="memory://"))

    assert await worker.start_async() is True


@pytest.mark.asyncio
async def test_another_factory_leaves_the_rest_of_the_http_side_as_it_is() -> None:
    http = HttpMicroservice(Microservice(controllers=[Orders]), middlewares=[Marked], health_path="/up")
    server = create_http_server(http, titled("other"))

    async with served(server) as client:
        await client.get("/orders")
        assert (await client.get("/up/live")).status_code == 200

    assert server.state.marked is True


@pytest.mark.asyncio
async def test_a_worker_is_made_without_a_loop_and_stops_when_asked() -> None:
    journal = Journal()
    worker = create_messagebus_worker(
        Microservice(controllers=[Orders], interceptors=[journal, StopAtOnce()]), MessageBusConfig(url="memory://")
    )

    assert await worker.start_async() is True
    assert journal.lines == ["entered", "left"]


def test_a_setting_wins_over_the_configuration_given_to_a_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JARARACA_BROKER_URL", "memory://")
    journal = Journal()
    app = Microservice(controllers=[Orders], interceptors=[journal, StopAtOnce()])

    clean = create_messagebus_worker(app, MessageBusConfig(url="amqp://127.0.0.1:1/")).start_sync()

    assert clean
    assert journal.lines == ["entered", "left"]
