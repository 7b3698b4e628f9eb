"""One TCP connection: bytes into frames, and what one turn of the loop has to say into one write."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, cast

from jararaca.adapters.rabbitmq.frames import END, FRAME, HEARTBEAT_FRAME, OVERHEAD
from jararaca.amqpserver.refusals import bad_frame
from jararaca.errors import ConnectionClosed

logger = logging.getLogger("jararaca.amqpserver")

PREAMBLE_SIZE = 8
SMALLEST_FRAME_MAX = 4096
"""Bytes; what every peer takes, so what counts until another limit is agreed on."""

HIGH_WATER = 1 << 20
"""Bytes that may wait for a client to read them before it is given no more."""

AT_ONCE = 1 << 18
"""Bytes that are written before a turn of the loop is over."""


CLOSE_OK_FRAME = bytes.fromhex("01000000000004000a0033ce")


class Peer(Protocol):
    """Who makes sense of the frames."""

    def connected(self) -> None: ...

    def preamble(self, data: bytes) -> None:
        """The first eight bytes."""
        ...

    def frame(self, kind: int, channel: int, payload: bytes) -> None:
        """A whole frame. May raise `ConnectionClosed`."""
        ...

    def refuse(self, refusal: ConnectionClosed) -> None:
        """The client breaks the protocol."""
        ...

    def slow(self, is_slow: bool) -> None:
        """The client does not read what is there for it, or does so again."""
        ...

    def gone(self) -> None:
        """The connection has ended; called once."""
        ...


class Wire(asyncio.Protocol):
    """The bytes of one connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.frame_max = SMALLEST_FRAME_MAX
        self.name = ""
        self._loop = loop
        self._peer: Peer | None = None
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._greeted = False
        self._deaf = False
        self._queued: list[bytes] = []
        self._last_words: list[Callable[[], None]] = []
        self._size = 0
        self._scheduled = False
        self._held = False
        self._paused = False
        self._wrote = False
        self._last_read = 0.0
        self._beat: asyncio.TimerHandle | None = None

    def attach(self, peer: Peer) -> None:
        self._peer = peer

    # What the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self.name = "{}:{}".format(*(transport.get_extra_info("peername") or ("?", 0))[:2])
        self._last_read = self._loop.time()
        self.peer.connected()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- gone is gone
        self._deaf = True
        if self._beat is not None:
            self._beat.cancel()
        self.peer.gone()

    def pause_writing(self) -> None:
        self._slow(True)

    def resume_writing(self) -> None:
        self._slow(False)

    def data_received(self, data: bytes) -> None:
        self._last_read = self._loop.time()
        if self._deaf:
            if data.endswith(CLOSE_OK_FRAME):  # all that is looked for after bytes that were no frame
                self.finish()
            return
        buffer = self._rest + data if self._rest else data
        at = 0
        if not self._greeted:
            if len(buffer) < PREAMBLE_SIZE:
                self._rest = buffer
                return
            self._greeted, at = True, PREAMBLE_SIZE
            self.peer.preamble(buffer[:PREAMBLE_SIZE])
        self._rest = buffer[self._read_frames(buffer, at) :]

    def _read_frames(self, buffer: bytes, at: int) -> int:
        """Hand over every whole frame from `at` on; returns where the rest begins."""
        size, peer = len(buffer), self.peer
        while size - at >= OVERHEAD and not self._deaf and not self._held:
            kind, channel, length = FRAME.unpack_from(buffer, at)
            end = at + OVERHEAD + length
            if length > self.frame_max:  # RabbitMQ too is lenient by the eight bytes around a payload
                self._give_up(bad_frame(kind, b"", f"{{frame_too_large,{length},{self.frame_max - OVERHEAD}}}"))
                break
            if end > size:
                break
            payload = buffer[at + 7 : end - 1]
            if buffer[end - 1] != END:
                self._give_up(bad_frame(kind, payload, f"{{invalid_frame_end_marker,{buffer[end - 1]}}}"))
                break
            at = end
            try:
                peer.frame(kind, channel, payload)
            except ConnectionClosed as refusal:
                peer.refuse(refusal)
        return at

    def _give_up(self, refusal: ConnectionClosed) -> None:
        """Nobody knows where the next frame begins."""
        self._deaf = True
        self.peer.refuse(refusal)

    # What the peer asks for

    @property
    def peer(self) -> Peer:
        assert self._peer is not None
        return self._peer

    def write(self, data: bytes) -> None:
        """Queue whole frames; everything of this turn of the loop leaves in one write."""
        if not self._scheduled:
            self._schedule()
        self._queued.append(data)
        self._size += len(data)
        if self._size > AT_ONCE:
            self._send()

    def at_end_of_turn(self, say: Callable[[], None]) -> None:
        """Let `say` write what it has to before this turn's write leaves."""
        if not self._scheduled:
            self._schedule()
        self._last_words.append(say)

    def later(self, seconds: float, say: Callable[[], None]) -> None:
        """Let `say` write what it has to after so many seconds; on a wire that has ended it writes to nobody."""
        self._loop.call_later(seconds, say)

    def now(self) -> float:
        return self._loop.time()

    def _schedule(self) -> None:
        self._scheduled = True
        self._loop.call_soon(self._push)

    def beat(self, interval: int) -> None:
        """Send something every `interval` seconds at the latest, hang up on who is silent for twice that. 0: never."""
        if interval:
            self._beat = self._loop.call_later(interval / 2, self._on_beat, interval)

    def hold(self) -> None:
        """Read no further than the frame at hand, until `listen`."""
        if not self._held:
            self._held = True
            self._regulate()

    def listen(self) -> None:
        """Read again; what has come meanwhile is read in a later turn."""
        if self._held:
            self._held = False
            self._regulate()
            self._loop.call_soon(self.data_received, b"")

    def finish(self) -> None:
        """Close once everything was sent; hear nothing more."""
        self._deaf = True
        self._push()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close without a word; what is still in the buffers is lost."""
        self._deaf = True
        if self._transport is not None:
            self._transport.abort()

    def _push(self) -> None:
        if self._last_words:
            last_words, self._last_words = self._last_words, []
            for say in last_words:
                say()
        self._scheduled = False
        self._send()

    def _send(self) -> None:
        if self._queued and self._transport is not None and not self._transport.is_closing():
            data, self._queued, self._size = b"".join(self._queued), [], 0
            self._transport.write(data)
            self._wrote = True
        self._queued.clear()

    def _on_beat(self, interval: int) -> None:
        if self._held or self._paused:
            self._last_read = self._loop.time()  # nobody listened
        elif self._loop.time() - self._last_read >= 2 * interval:
            logger.warning("a client missed its heartbeats and was hung up on", extra={"client": self.name})
            self.abort()
            return
        if not self._wrote:
            self.write(HEARTBEAT_FRAME)
            self._push()
        self._wrote = False
        self.beat(interval)

    def _slow(self, is_slow: bool) -> None:
        """What a slow client says is not read either: every request makes an answer that it does not read."""
        self._paused = is_slow
        self._regulate()
        self.peer.slow(is_slow)

    def _regulate(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            wanted = not self._held and not self._paused
            (self._transport.resume_reading if wanted else self._transport.pause_reading)()
