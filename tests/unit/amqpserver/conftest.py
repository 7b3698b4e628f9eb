"""A client without a network, in time that jumps: when nothing is left to do, the loop is at its next timer at once."""

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from pamqp import commands, frame
from pamqp.exceptions import UnmarshalingException
from speaking import PREAMBLE

from jararaca.adapters.system.clock import SystemClock
from jararaca.amqpserver.server import AmqpServer


class JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        self.elapsed += 0.0 if events else (timeout or 0.0)
        return events


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class Line(asyncio.Transport):
    """A transport whose other end takes `room` bytes and no more until `read` is called."""

    def __init__(self, protocol: asyncio.Protocol, room: int) -> None:
        super().__init__()
        self.protocol = protocol
        self.written = bytearray()
        self.waiting = bytearray()
        self.writes = 0
        self.reading = True
        self.closed = False
        self._room = room
        self._high = 1 << 16
        self._full = False
        protocol.connection_made(self)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 4) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._high = high or 0

    def write(self, data: Any) -> None:
        self.writes += 1
        self.waiting += data
        self._move()

    def read(self, room: int) -> None:
        """The other end takes so many more bytes."""
        self._room += room
        self._move()

    def _move(self) -> None:
        count = min(self._room, len(self.waiting))
        self.written += self.waiting[:count]
        del self.waiting[:count]
        self._room -= count
        if not self._full and len(self.waiting) > self._high:
            self._full = True
            self.protocol.pause_writing()
        elif self._full and not self.waiting:
            self._full = False
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)

    abort = close

    def heard(self) -> list[Any]:
        """The frames that have come since the last time."""
        found = []
        with suppress(UnmarshalingException):  # the rest of a frame is still to come
            while self.written:
                used, _channel, it = frame.unmarshal(bytes(self.written))
                del self.written[:used]
                found.append(it)
        return found


class Dialled:
    """A server, and lines to it."""

    def __init__(self) -> None:
        self.server = AmqpServer(SystemClock())

    def line(self, room: int = 1 << 30) -> Line:
        return Line(self.server.protocol(), room)

    async def opened(self, room: int = 1 << 30, *, heartbeat: int = 0, **capabilities: bool) -> Line:
        """A line with an open connection and channel 1."""
        line = self.line(room)
        properties: Any = {"capabilities": capabilities}
        await self.say(line, PREAMBLE)
        await self.say(line, commands.Connection.StartOk(properties, "PLAIN", "\0guest\0guest", "en_US"), channel=0)
        await self.say(line, commands.Connection.TuneOk(2047, 131_072, heartbeat), channel=0)
        await self.say(line, commands.Connection.Open("/"), channel=0)
        assert isinstance((await self.say(line, commands.Channel.Open()))[-1], commands.Channel.OpenOk)
        return line

    async def say(self, line: Line, *frames: Any, channel: int = 1) -> list[Any]:
        """Send it all at once; what has been answered when everything is done."""
        line.protocol.data_received(
            b"".join(each if isinstance(each, bytes) else frame.marshal(each, channel) for each in frames)
        )
        await SystemClock().sleep(0)
        await SystemClock().sleep(0)
        return line.heard()


@pytest.fixture
def run() -> Iterator[Callable[[Any], Any]]:
    """Runs a coroutine in time that jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        yield runner.run


@pytest.fixture
def dialled() -> Dialled:
    return Dialled()
