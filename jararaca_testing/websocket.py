"""Websocket clients on the application's own loop, in the hands of a test."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, overload

from pydantic import BaseModel
from starlette.types import ASGIApp, Message

from jararaca.core.lifecycle import TaskScope
from jararaca_testing.closing import ABNORMAL, demand_sendable
from jararaca_testing.closing import WebSocketClosed as WebSocketClosed
from jararaca_testing.closing import WebSocketRejected as WebSocketRejected
from jararaca_testing.handshake import handshake_scope
from jararaca_testing.patterns import Pattern, compare, described, report
from jararaca_testing.wire import Reading, Wire

ModelT = TypeVar("ModelT", bound=BaseModel)


class WebSocketSession:
    """One client of one websocket. Made by `ws.connect(path)`, used inside its `async with`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    @property
    def closed(self) -> WebSocketClosed | None:
        """How the connection ended; None while it is open."""
        return self._wire.closed

    @property
    def error(self) -> Exception | None:
        """What the endpoint raised."""
        return self._wire.error

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the application chose."""
        return self._wire.subprotocol

    @property
    def unread(self) -> int:
        """How many frames were sent to this client that the test has not read."""
        return self._wire.unread

    async def send_text(self, text: str) -> None:
        """Send a text frame."""
        self._sends({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        self._sends({"type": "websocket.receive", "bytes": data})

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON in a text frame."""
        await self.send_text(json.dumps(value))

    def _sends(self, message: Message) -> None:
        if self.closed is not None:
            raise self.closed
        self._wire.put(message)

    async def receive(self, timeout: float = 5.0) -> str | bytes:
        """The next frame, as it was sent: text or bytes.

        Raises:
            TimeoutError: none came within `timeout` seconds of the clock.
            WebSocketClosed: the connection is closed and every frame before that was read.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._wire.frame()
        except TimeoutError:
            raise TimeoutError(f"no frame came on {self._wire.path} within {timeout:g} s") from None

    async def receive_text(self, timeout: float = 5.0) -> str:
        """The next frame as text; bytes are decoded."""
        frame = await self.receive(timeout)
        return frame if isinstance(frame, str) else frame.decode()

    async def receive_bytes(self, timeout: float = 5.0) -> bytes:
        """The next frame as bytes; text is encoded."""
        frame = await self.receive(timeout)
        return frame if isinstance(frame, bytes) else frame.encode()

    async def receive_json(self, timeout: float = 5.0) -> Any:
        """The next frame, parsed.

        Raises:
            AssertionError: it is no JSON; the text shows it.
        """
        frame = await self.receive(timeout)
        try:
            return json.loads(frame)
        except ValueError as error:
            raise AssertionError(f"a frame on {self._wire.path} is no JSON: {frame!r}") from error

    @overload
    async def expect(self, pattern: type[ModelT], /, *, timeout: float = 5.0, **fields: Pattern) -> ModelT: ...
    @overload
    async def expect(self, pattern: Pattern = None, /, *, timeout: float = 5.0, **fields: Pattern) -> Any: ...
    async def expect(self, pattern: Pattern = None, /, *, timeout: float = 5.0, **fields: Pattern) -> Any:
        """The next frame that is like `pattern` and has these fields; what comes before it is skipped.

        A string is the text of the frame, a compiled regular expression is found in it, a mapping has fields that a
        JSON object has at least, a pydantic model is what the frame is parsed as; types and predicates may stand for
        values. Without a pattern it is a JSON object with the fields.

        Raises:
            TimeoutError: none came within `timeout` seconds of the clock; the text shows what came, and the nearest.
            WebSocketClosed: the connection is closed, with the same as a note.
        """
        skipped: list[str | bytes] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    frame = await self._wire.frame()
                    found = compare(frame, pattern, fields)
                    if not found.differences:
                        return found.value
                    skipped.append(frame)
        except TimeoutError:
            missed = f"no frame {described(pattern, fields)} came on {self._wire.path} within {timeout:g} s"
            raise TimeoutError("\n".join([missed, *report(skipped, pattern, fields)])) from None
        except WebSocketClosed as closed:
            closed.add_note("\n".join([f"expected {described(pattern, fields)}", *report(skipped, pattern, fields)]))
            raise

    async def receive_nothing(self, within: float = 1.0) -> None:
        """Assert that no frame comes within so many seconds of the clock, and that the connection stays open.

        Raises:
            AssertionError: a frame came, which the text shows.
            WebSocketClosed: the connection was closed.
        """
        try:
            frame = await self.receive(within)
        except TimeoutError:
            return
        raise AssertionError(f"expected nothing on {self._wire.path} within {within:g} s, but received {frame!r}")

    async def until_closed(self) -> None:
        """Return once the connection is closed, without reading what is unread."""
        await self._wire.until_closed()

    async def until_ended(self) -> None:
        """Return once the endpoint has ended."""
        await self._wire.until_ended()

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye as a polite client does; what the application sends from now on fails.

        Raises:
            ValueError: no client may send this code, or a reason that long.
        """
        demand_sendable(code, reason)
        self._wire.leave(code, reason)

    def drop(self) -> None:
        """Vanish, as on a cut cable: the application reads 1006."""
        self._wire.leave(ABNORMAL, "")


class WebSocketClient:
    """Opens websockets to the application under test: `async with ws.connect("/feed") as feed`."""

    def __init__(self, app: ASGIApp, tasks: TaskScope) -> None:
        self._app = app
        self._tasks = tasks

    @asynccontextmanager
    async def connect(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        read_buffer: int | None = None,
        read_rate: float | None = None,
    ) -> AsyncIterator[WebSocketSession]:
        """One connection, closed with 1000 at the end of the block; then the endpoint has ended.

        Args:
            path: with a query string, if there is one.
            headers: those of the handshake.
            subprotocols: what the client speaks; `subprotocol` of the session is what the application chose.
            read_buffer: how many frames may wait for the test before the application's sends are held up, as a client
                that does not read holds them up; None takes everything.
            read_rate: how many frames the client reads in a second of the loop's time, whether the test asks for them
                or not: a slow client. `read_buffer`, 0 unless it is given, then counts what it has not read.

        Raises:
            InvalidOption: `read_buffer` or `read_rate` cannot be.
            WebSocketRejected: the application refused the handshake.
            Exception: whatever the endpoint raised, at the end of the block.
        """
        wire = Wire(handshake_scope(path, headers or {}, subprotocols), Reading(read_buffer, read_rate))
        session = WebSocketSession(wire)
        task = self._tasks.spawn(wire.run(self._app), name=f"websocket {path}")
        try:
            await wire.handshake()
            yield session
        except WebSocketClosed as closed:
            session.close()
            await asyncio.wait([task])
            if session.error is not None and closed is session.closed:
                raise session.error from closed  # why it was closed, rather than that it was
            raise
        finally:
            session.close()
            await asyncio.wait([task])
        if session.error is not None:
            raise session.error
