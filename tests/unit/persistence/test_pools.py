"""Pools of connections: how many there are to be had, and what happens when all are in use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import WebSocket
from fastapi.responses import StreamingResponse
from httpx import AsyncClient, Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.pool import NullPool

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Container,
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
    RestController,
    WebSocketEndpoint,
    use_publisher,
    use_session,
)
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.context import Trigger, enter, leave, use_clock
from jararaca.core.environment import Environment
from jararaca.core.invocation import new_execution, unit_of_work
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import DatabaseUnavailable
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.worker import MessageBusWorker
from jararaca.persistence.config import create_engine
from jararaca.persistence.pools import sized
from jararaca.persistence.session import database_of
from jararaca_testing import RunningApplication, WebSocketClient
from jararaca_testing.contracts import proves

POOL = {"pool_size": 2, "max_overflow": 0}


@RestController("/")
class Site:
    """Everything that may last for long, and a page that needs the database."""

    end = asyncio.Event()

    @Get("/page")
    async def page(self) -> int:
        return await use_session().scalar(text("SELECT 7")) or 0

    @Get("/slow/{seconds}")
    async def slow(self, seconds: float) -> int:
        await self.page()
        await use_clock().sleep(seconds)
        return 0

    @Get("/stream")
    async def stream(self) -> StreamingResponse:
        await self.page()

        async def body() -> AsyncIterator[str]:
            yield "data: begun\n\n"
            await self.end.wait()

        return StreamingResponse(body(), media_type="text/event-stream")

    @WebSocketEndpoint("/ws")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async for word in websocket.iter_text():
            async with unit_of_work():
                await websocket.send_text(f"{word} {await self.page()}")


@pytest.fixture
def jararaca_microservice() -> Microservice:
    Site.end = asyncio.Event()
    config = AIOSQAConfig("default", "sqlite+aiosqlite:///x.db", engine_options=POOL)
    return Microservice(controllers=[Site], interceptors=[AIOSqlAlchemySessionInterceptor(config)])


@proves("F-50")
async def test_fifty_idle_sockets_hold_no_connection(http: AsyncClient, ws: WebSocketClient) -> None:
    """Each has used the database before, in a unit of work for each of its messages."""
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(ws.connect("/ws")) for _ in range(50)]
        for socket in sockets:
            await socket.send_text("asked")
        assert {await socket.receive_text() for socket in sockets} == {"asked 7"}

        assert (await http.get("/page")).json() == 7


@proves("F-50")
async def test_streams_that_go_on_hold_no_connection(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    tasks = TaskScope("streams")
    streams = [tasks.spawn(http.get("/stream"), name=f"stream {number}") for number in range(10)]
    for _turn in range(20):
        await jararaca_app.clock.sleep(0)

    assert (await http.get("/page")).json() == 7
    Site.end.set()
    assert {(await stream).text for stream in streams} == {"data: begun\n\n"}


@proves("F-50")
@pytest.mark.virtual_only
async def test_a_request_that_gets_no_connection_is_answered_with_503_after_five_seconds(
    http: AsyncClient, jararaca_app: RunningApplication, caplog: pytest.LogCaptureFixture
) -> None:
    begun = jararaca_app.clock.monotonic()
    tasks = TaskScope("requests")
    slow = [tasks.spawn(http.get("/slow/8"), name=f"slow {number}") for number in range(2)]
    pool: Any = database_of(jararaca_app.environment, "default").engine.pool
    while pool.checkedout() < 2:
        await jararaca_app.clock.sleep(0.01)

    refused: Response = await http.get("/page")

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert jararaca_app.clock.monotonic() - begun < 8.0
    assert [(await each).status_code for each in slow] == [200, 200]
    assert (await http.get("/page")).json() == 7
    (record,) = [each for each in caplog.records if each.exc_info]
    error: Any = record.exc_info and record.exc_info[1]
    assert isinstance(error, DatabaseUnavailable)
    assert str(error).startswith("no connection to the database 'default' became free within 5 s (2 are in use). Hold")


def capacity(config: AIOSQAConfig) -> int:
    pool: Any = create_engine(config).pool
    return int(pool.size() + pool._max_overflow)


@pytest.mark.parametrize(("attempts", "expected"), [(0, 15), (15, 15), (16, 16), (40, 40)])
def test_a_pool_of_which_nobody_says_anything_has_a_connection_for_each_attempt(attempts: int, expected: int) -> None:
    config = AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", engine_options={"echo_pool": False})

    assert capacity(sized(config, attempts)) == expected


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("sqlite+aiosqlite:///x.db", POOL),
        ("sqlite+aiosqlite:///x.db", {"pool_size": 0}),
        ("sqlite+aiosqlite:///x.db", {"max_overflow": -1}),
        ("sqlite+aiosqlite:///x.db", {"poolclass": NullPool}),
        ("sqlite+aiosqlite://", {}),
    ],
)
def test_a_pool_of_another_kind_or_of_a_size_that_was_said_stays_as_it_is(url: str, options: dict[str, Any]) -> None:
    config = AIOSQAConfig("main", url, engine_options=options)

    assert sized(config, 40) is config


class Order(BaseModel):
    number: int


@MessageBusController()
class Desk:
    """`are_done` once twenty of its attempts have had a connection at the same time."""

    def __init__(self) -> None:
        self.all_are_here = asyncio.Barrier(20)

    @IncomingHandler("order.placed", concurrency=20)
    async def handle(self, message: Message[Order]) -> None:
        await use_session().scalar(text("SELECT 7"))
        await self.all_are_here.wait()
        Orders.are_done.set()


class Orders:
    """Publishes twenty once the application is up; they wait in their queue for the worker."""

    are_done = asyncio.Event()

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        token = enter(new_execution(container.get_by_type(Environment), Trigger("manual", "test")))
        for number in range(20):
            await use_publisher().publish(Order(number=number), topic="order.placed")
        leave(token)
        yield


@pytest.mark.asyncio
async def test_a_worker_has_a_connection_for_each_attempt(tmp_path: Path) -> None:
    """So none of them waits for another one, which may last."""
    Orders.are_done = asyncio.Event()
    bus = MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"))
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", f"sqlite+aiosqlite:///{tmp_path}/x.db"))
    declaration = Microservice(controllers=[Desk], interceptors=[bus, database, Orders()])
    config = MessageBusConfig()
    worker = MessageBusWorker(assemble(declaration, embedded_ports(), config, needs_broker=True).application, config)
    tasks = TaskScope("worker")
    running = tasks.spawn(worker.start_async(), name="worker")

    async with asyncio.timeout(30):
        await Orders.are_done.wait()

    await worker.stop()
    assert await running is True


def test_who_says_how_long_to_wait_is_heard() -> None:
    config = AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", engine_options={"pool_timeout": 1.0})
    pool: Any = create_engine(config).pool

    assert pool.timeout() == 1.0
