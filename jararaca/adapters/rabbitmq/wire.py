"""The bytes between us and the server: messages take a short way past the driver, all else is the driver's.

aio-pika reads each frame with three awaits and starts a task per message; it writes and flushes each settlement on its
own. That costs more than the message. So the connection is given a transport of ours (`TransportFactory`, public API of
aiormq): it hands the frames of our channels to a sink at once, passes every other frame on to the driver, and joins
what is written in one turn of the loop into one write.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, cast

from aio_pika import Connection
from aio_pika.abc import ConnectionParameter
from aiormq.connection import TransportFactory
from yarl import URL

from jararaca.adapters.rabbitmq.frames import (
    BODY,
    CONNECTION_BLOCKED,
    CONNECTION_CLOSE,
    CONNECTION_UNBLOCKED,
    FRAME,
    HEADER,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    METHOD,
    METHOD_ID,
    OVERHEAD,
    Refusal,
    read_close,
)

Sink = Callable[[int, bytes, int, int], bool]
"""Is given the type of a frame, a buffer, and where the payload starts and ends; True if the driver must not see it."""

_KINDS = frozenset({METHOD, HEADER, BODY, HEARTBEAT})


class Wire(asyncio.Protocol):
    """One TCP or TLS connection, shared by the driver and our sinks (by channel number)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, on_end: Callable[[], None]) -> None:
        self.reader = asyncio.StreamReader(loop=loop)
        self.sinks: dict[int, Sink] = {0: self._own_frame}
        self.refusal: Refusal | None = None
        self.blocked = False
        self.ended = False
        self._loop = loop
        self._on_end = on_end
        self._stream = asyncio.StreamReaderProtocol(self.reader, loop=loop)
        self._transport: asyncio.Transport | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._rest = b""
        self._foreign = False
        self._queued: list[bytes] = []
        self._last_passed = loop.time()

    @property
    def writer(self) -> asyncio.StreamWriter:
        """What the driver writes to."""
        assert self._writer is not None
        return self._writer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's derive from nothing of asyncio
        self._transport = transport
        self._stream.connection_made(transport)
        self._writer = asyncio.StreamWriter(transport, self._stream, self.reader, self._loop)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stream.connection_lost(exc)
        self.end()

    def eof_received(self) -> bool | None:
        return self._stream.eof_received()

    def pause_writing(self) -> None:
        self._stream.pause_writing()

    def resume_writing(self) -> None:
        self._stream.resume_writing()

    def end(self) -> None:
        """Nothing more is sent or received; told once."""
        if not self.ended:
            self.ended = True
            self._on_end()

    def write(self, data: bytes) -> None:
        """Queue whole frames; everything of this turn of the loop leaves in one write."""
        if not self._queued:
            self._loop.call_soon(self.push)
        self._queued.append(data)

    def push(self) -> None:
        """Hand what is queued to the transport now."""
        if self._queued and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._queued))
        self._queued.clear()

    def abort(self) -> None:
        """Close without a word; what is still in the buffers is lost."""
        if self._transport is not None:
            self._transport.abort()

    async def drain(self) -> None:
        """Wait while the transport holds more than it likes to."""
        self.push()
        await self.writer.drain()

    def data_received(self, data: bytes) -> None:
        if self._foreign:
            self._stream.data_received(data)
            return
        buffer = self._rest + data if self._rest else data
        passed, at, size = [], 0, len(buffer)
        while size - at >= OVERHEAD:
            kind, channel, length = FRAME.unpack_from(buffer, at)
            end = at + OVERHEAD + length
            if kind not in _KINDS:
                self._foreign = True
                end = size
            elif end > size:
                break
            elif (sink := self.sinks.get(channel)) is not None and sink(kind, buffer, at + 7, end - 1):
                at = end
                continue
            passed.append(buffer[at:end])
            at = end
        self._rest = buffer[at:]
        self._pass_on(passed)

    def _pass_on(self, frames: list[bytes]) -> None:
        """Feed the driver. It counts silence as a dead peer, so frames that passed it by show as heartbeats."""
        now = self._loop.time()
        if not frames and now - self._last_passed > 1.0:
            frames = [HEARTBEAT_FRAME]
        if frames:
            self._last_passed = now
            self._stream.data_received(b"".join(frames))

    def _own_frame(self, kind: int, buffer: bytes, start: int, end: int) -> bool:
        """Overhear what the server says of the connection itself; the driver gets it too."""
        if kind == METHOD:
            method = METHOD_ID.unpack_from(buffer, start)[0]
            if method == CONNECTION_CLOSE:
                self.refusal = read_close(buffer[start + 4 : end])
                self.end()
            elif method in {CONNECTION_BLOCKED, CONNECTION_UNBLOCKED}:
                self.blocked = method == CONNECTION_BLOCKED
        return False


class WireFactory(TransportFactory):
    """Opens a `Wire` where the driver would open a stream; `wire` is None until then."""

    def __init__(self, *, on_end: Callable[[], None]) -> None:
        self._on_end = on_end
        self.wire: Wire | None = None

    async def create(self, url: URL, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context: ssl.SSLContext | None = None
        if url.scheme == "amqps":
            context = await kwargs["ssl_context_provider"].get_context()
        loop = asyncio.get_running_loop()
        wire = Wire(loop, on_end=self._on_end)
        await loop.create_connection(lambda: wire, url.host or "", url.port or 0, ssl=context)
        self.wire = wire
        return wire.reader, wire.writer


class WiredConnection(Connection):
    """aio-pika's plain connection (it never reconnects by itself), able to take a transport factory."""

    PARAMETERS = (
        *Connection.PARAMETERS,
        ConnectionParameter(name="transport_factory", parser=lambda factory: factory, is_kwarg=True),
    )
