"""The writer of one socket, where nothing else can show what it does."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from jararaca import Microservice
from jararaca.core.lifecycle import TaskScope
from jararaca.presentation.websocket.writer import QueueLimit, SocketWriter
from jararaca_testing import VirtualClock

pytestmark = pytest.mark.virtual_only


class FrozenSocket:
    """A client that reads nothing: the first write never returns."""

    path = "/frozen"

    def __init__(self) -> None:
        self.written: list[bytes | str] = []
        self.closed: list[int] = []

    async def write(self, payload: bytes | str) -> None:
        self.written.append(payload)
        await asyncio.Event().wait()

    async def close(self, code: int) -> None:
        self.closed.append(code)


class GoneSocket(FrozenSocket):
    async def write(self, payload: bytes | str) -> None:
        raise OSError("gone")


Make = Callable[[FrozenSocket], SocketWriter]


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@pytest.fixture
def ended() -> list[SocketWriter]:
    return []


@pytest.fixture
async def writer_of(clock: VirtualClock, ended: list[SocketWriter]) -> AsyncIterator[Make]:
    tasks = TaskScope("writers")
    yield lambda socket: SocketWriter(socket, QueueLimit(size=2), tasks=tasks, on_end=ended.append)
    await tasks.cancel()


async def test_a_client_that_is_frozen_from_the_start_is_closed_in_time(writer_of: Make, clock: VirtualClock) -> None:
    """The close comes before the writer's task ran for the first time."""
    socket = FrozenSocket()
    writer = writer_of(socket)
    writer.put("1")
    await writer.finish(1000)

    assert (socket.written, socket.closed, clock.monotonic()) == (["1"], [1000], 5.0)


async def test_the_first_close_counts_and_nothing_is_taken_after_it(
    writer_of: Make, ended: list[SocketWriter], clock: VirtualClock
) -> None:
    socket = FrozenSocket()
    writer = writer_of(socket)
    await clock.advance(seconds=1)
    writer.close(1013, within=0)
    writer.close(1000)
    writer.put("too late")
    await writer.finish(1001)
    await writer.drained()

    assert (socket.written, socket.closed, ended) == ([], [1013], [writer])


async def test_a_writer_that_is_stopped_before_it_ran_leaves_nobody_waiting(
    writer_of: Make, ended: list[SocketWriter]
) -> None:
    socket = FrozenSocket()
    writer = writer_of(socket)
    writer.put("1")
    await writer.abort()
    await writer.drained()

    assert (socket.written, socket.closed, ended) == ([], [], [writer])


async def test_a_client_that_is_gone_ends_the_writer(writer_of: Make, ended: list[SocketWriter]) -> None:
    socket = GoneSocket()
    writer = writer_of(socket)
    writer.put("1")
    await writer.drained()

    assert (socket.closed, ended) == ([], [writer])
