"""Pools of connections: how many there are to be had, and what happens when all are in use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import WebSocket
from fastapi.responses import StreamingResponse
from httpx import AsyncClient, Response
from sqlalchemy import text
from sqlalchemy.pool import NullPool, StaticPool

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Get,
    Microservice,
    RestController,
    WebSocketEndpoint,
    use_session,
)
from jararaca.core.context import use_clock
from jararaca.core.invocation import unit_of_work
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import DatabaseUnavailable
from jararaca.persistence.config import create_engine
from jararaca.persistence.pools import capacity_of, too_small
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


@pytest.mark.parametrize(
    ("options", "capacity"),
    [
        ({}, 15),
        (POOL, 2),
        ({"pool_size": 0}, None),
        ({"max_overflow": -1}, None),
        ({"poolclass": NullPool}, None),
        ({"poolclass": StaticPool}, None),
    ],
)
def test_the_capacity_of_a_pool_is_that_of_its_engine(options: dict[str, Any], capacity: int | None) -> None:
    config = AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", engine_options=options)
    pool: Any = create_engine(config).pool

    assert capacity_of(config) == capacity
    assert capacity is None or (pool.size() + pool._max_overflow, pool.timeout()) == (capacity, 5.0)


def test_a_pool_that_is_too_small_for_a_worker_is_told_with_what_to_do() -> None:
    config = AIOSQAConfig("main", "sqlite+aiosqlite:///x.db")

    assert too_small(config, 15) is None
    said = too_small(config, 40)
    assert said is not None
    assert said.startswith("the database 'main' has at most 15 connections, and up to 40 messages are handled at the")
    assert said.endswith("Give AIOSQAConfig engine_options={'pool_size': 40}, or lower the concurrency.")


def test_who_says_how_long_to_wait_is_heard() -> None:
    config = AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", engine_options={"pool_timeout": 1.0})
    pool: Any = create_engine(config).pool

    assert pool.timeout() == 1.0
