"""A websocket connection on the loop of a test: what the application sees of it, as a server would let it see.

No thread and no socket: every wait is a future, so time can be virtual and settling knows of it. What no server would
carry is refused where the application sends it.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from jararaca.errors import InvalidOption
from jararaca_testing.closing import ABNORMAL, WebSocketClosed, WebSocketRejected, demand_sendable
from jararaca_testing.dump import expecting

CONNECTING = ("websocket.accept", "websocket.close", "websocket.http.response.start")
OPEN = ("websocket.send", "websocket.close")
REFUSING = ("websocket.http.response.body",)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a client reads: `rate` frames a second, or at once; `buffer` frames may be on their way, or any number.

    A client with a rate has a buffer of none unless another is given. Without a rate the buffer is what the test may
    leave unread.

    Raises:
        InvalidOption: the rate is not above 0, or the buffer is below.
    """

    buffer: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and not self.rate > 0:
            raise InvalidOption(f"read_rate={self.rate:g}: a client that reads has a rate above 0 frames a second.")
        if self.buffer is not None and self.buffer < 0:
            raise InvalidOption(f"read_buffer={self.buffer}: there is room for 0 frames or more.")
        if self.rate is not None and self.buffer is None:
            object.__setattr__(self, "buffer", 0)


class Wire:
    """One connection. `closed` says how it ended, `error` what the endpoint raised, `subprotocol` what it chose."""

    def __init__(self, scope: Scope, reading: Reading) -> None:
        self.path: str = scope["path"]
        self._scope = scope
        self._reading = reading
        self._to_app: deque[Message] = deque()
        self._on_the_way: deque[str | bytes] = deque()
        self._frames: deque[str | bytes] = deque()
        self._app_waiter: asyncio.Future[None] | None = None
        self._client_waiter: asyncio.Future[None] | None = None
        self._space_waiters: list[asyncio.Future[None]] = []
        self._next_read: asyncio.TimerHandle | None = None
        self._may_read_at = 0.0
        self._answer: asyncio.Future[None] = _waiting(f"the answer to the handshake of {self.path}")
        self._end: asyncio.Future[None] = _waiting(f"the end of the endpoint of {self.path}")
        self._allowed: tuple[str, ...] = CONNECTING
        self._is_gone = False
        self.closed: WebSocketClosed | None = None
        self.error: Exception | None = None
        self.subprotocol: str | None = None

    # what the application sees

    async def run(self, app: ASGIApp) -> None:
        """Let the application serve this connection to its end; what it raises is kept in `error`."""
        try:
            await app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 -- raised where the test leaves the connection
            self.error = error
            self._over(WebSocketClosed(1011, repr(error)), error)
            return
        self._over(WebSocketClosed(ABNORMAL), WebSocketRejected(500))

    def _over(self, closed: WebSocketClosed, refusal: Exception) -> None:
        if not self._answer.done():
            self._answer.set_exception(refusal)
        self.closed = self.closed or closed
        self._end.set_result(None)
        _wake(self._client_waiter)

    async def _receive(self) -> Message:
        while not self._to_app:
            self._app_waiter = _waiting(f"a frame from the test's websocket {self.path}")
            await self._app_waiter
        return self._to_app.popleft()

    async def _send(self, message: Message) -> None:
        if self._is_gone:
            raise OSError("the peer is gone")
        kind = message["type"]
        if kind not in self._allowed:
            raise RuntimeError(f"the application sent {kind!r} on {self.path}{self._instead()}")
        if kind == "websocket.accept":
            self._allowed = OPEN
            self.subprotocol = message.get("subprotocol")
            self._answer.set_result(None)
        elif kind == "websocket.send":
            self._arrives(_frame_of(message))
            await self._until_read()
        elif kind == "websocket.close":
            self._closes(message)
            await self._until_read()
        elif kind == "websocket.http.response.start":
            self._allowed = REFUSING
            self._answer.set_exception(WebSocketRejected(message["status"]))

    def _instead(self) -> str:
        return f", where a server takes {' or '.join(self._allowed)}" if self._allowed else " after its close"

    def _closes(self, message: Message) -> None:
        code, reason = message.get("code", 1000), message.get("reason") or ""
        if self._allowed is CONNECTING:
            self._answer.set_exception(WebSocketRejected(403))
        else:
            demand_sendable(code, reason)
            self.closed = WebSocketClosed(code, reason)
            self.put({"type": "websocket.disconnect", "code": code})
            _wake(self._client_waiter)
        self._allowed = ()

    # how its frames reach the client

    def _arrives(self, frame: str | bytes) -> None:
        if self._reading.rate is None:
            self._frames.append(frame)
            _wake(self._client_waiter)
        else:
            self._on_the_way.append(frame)
            self._read_in_time()

    def _read_in_time(self) -> None:
        if self._next_read is None and self._on_the_way:
            loop = asyncio.get_running_loop()
            self._next_read = loop.call_at(max(loop.time(), self._may_read_at), self._read_one)

    def _read_one(self) -> None:
        assert self._reading.rate is not None
        self._next_read = None
        self._may_read_at = asyncio.get_running_loop().time() + 1 / self._reading.rate
        self._frames.append(self._on_the_way.popleft())
        _wake(self._client_waiter)
        self._make_space()
        self._read_in_time()

    async def _until_read(self) -> None:
        """Hold the application up as a full connection does: what it wrote is on its way, and it may write no more."""
        while self._reading.buffer is not None and self._held() > self._reading.buffer:
            waiter = _waiting(f"the reader of the test's websocket {self.path} ({self._held()} frames unread)")
            self._space_waiters.append(waiter)
            await waiter
            if self._is_gone:
                raise OSError("the peer is gone")

    def _held(self) -> int:
        return len(self._frames if self._reading.rate is None else self._on_the_way)

    def _make_space(self) -> None:
        for waiter in self._space_waiters:
            _wake(waiter)
        self._space_waiters.clear()

    # what the client does

    @property
    def unread(self) -> int:
        """How many frames were sent to the client that the test has not read."""
        return len(self._frames) + len(self._on_the_way)

    async def handshake(self) -> None:
        """Ask to connect, and return once the application accepted; raise its refusal."""
        self.put({"type": "websocket.connect"})
        await self._answer

    def put(self, message: Message) -> None:
        """Hand one message of the client to the application."""
        self._to_app.append(message)
        _wake(self._app_waiter)

    async def frame(self) -> str | bytes:
        """The next frame; raises how the connection was closed if there will be none."""
        while not self._frames:
            if self.closed is not None and not self._on_the_way:
                raise self.closed
            await self._notice("a frame")
        frame = self._frames.popleft()
        self._make_space()
        return frame

    async def until_closed(self) -> None:
        while self.closed is None:
            await self._notice("the end")

    async def until_ended(self) -> None:
        await self._end

    async def _notice(self, what: str) -> None:
        self._client_waiter = _waiting(f"{what} for the test's websocket {self.path}")
        await self._client_waiter

    def leave(self, code: int, reason: str) -> None:
        """The client goes: what the application sends from now on fails, and what it waits for is the end."""
        self._is_gone = True
        if self._next_read is not None:
            self._next_read.cancel()
        if self.closed is None:
            self.closed = WebSocketClosed(code, reason)
            self.put({"type": "websocket.disconnect", "code": code, "reason": reason})
        self._make_space()


def _frame_of(message: Message) -> str | bytes:
    text, data = message.get("text"), message.get("bytes")
    if isinstance(text, str) and data is None:
        return text
    if isinstance(data, (bytes, bytearray, memoryview)) and text is None:
        return bytes(data)
    given = {name: type(value).__name__ for name, value in message.items() if name != "type"}
    raise RuntimeError(f"the application sent a frame of {given}; a frame has either text (str) or bytes")


def _waiting(what: str) -> "asyncio.Future[Any]":
    return expecting(asyncio.get_running_loop().create_future(), what)


def _wake(waiter: "asyncio.Future[None] | None") -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
