"""One bounded queue and one writer per socket, so that nobody ever waits for a slow client."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from jararaca.core.lifecycle import TaskScope
from jararaca.presentation.websocket.decorators import Overflow
from jararaca.presentation.websocket.frames import Payload

logger = logging.getLogger("jararaca.presentation")

TRY_AGAIN_LATER = 1013
CLOSE_WITHIN = 5.0
"""Seconds that a client which is to be closed has for reading what is still in its way."""


@dataclass(frozen=True, slots=True)
class QueueLimit:
    """How much may wait for one socket, and what happens beyond."""

    size: int = 256
    overflow: Overflow = "close"


OnEnd = Callable[["SocketWriter"], None]


class Socket(Protocol):
    """Where a writer writes to. `path` is for logs."""

    path: str

    async def write(self, payload: Payload) -> None:
        """Send one message; waits for a client that does not read, and raises `OSError` when it is gone."""
        ...

    async def close(self, code: int) -> None:
        """Send a close frame, in bounded time; no effect on a socket that is closed."""
        ...


class SocketWriter:
    """Writes to one socket, in the order of `put`, from a task of its own that ends with the socket.

    `on_end` is called once, as soon as the writer takes nothing more.
    """

    def __init__(self, socket: Socket, limit: QueueLimit, *, tasks: TaskScope, on_end: OnEnd) -> None:
        self._socket = socket
        self._limit = limit
        self._on_end = on_end
        self._queue: deque[Payload] = deque()
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._close_code: int | None = None
        self._deadline: float | None = None
        self._patience: asyncio.Timeout | None = None
        self._ended = False
        self._dropped = 0
        self._task: asyncio.Task[Any] = tasks.spawn(self._run(), name=f"writer of websocket {socket.path}")

    def put(self, payload: Payload) -> None:
        """Queue one message; never waits. A full queue closes the socket or drops a message, as it was told."""
        if self._ended:
            return
        if len(self._queue) >= self._limit.size and not self._has_made_room():
            return
        self._queue.append(payload)
        self._drained.clear()
        self._wake.set()

    def _has_made_room(self) -> bool:
        if self._limit.overflow == "close":
            logger.warning("a websocket client did not keep up and is closed", extra={"path": self._socket.path})
            self._queue.clear()
            self.close(TRY_AGAIN_LATER, within=0)
            return False
        if not self._dropped:
            logger.warning("a websocket client does not keep up and misses messages", extra={"path": self._socket.path})
        self._dropped += 1
        if self._limit.overflow == "drop_newest":
            return False
        self._queue.popleft()
        return True

    def close(self, code: int, *, within: float = CLOSE_WITHIN) -> None:
        """Close the socket with `code` once what is queued was written, or after `within` seconds without that."""
        if self._ended:
            return
        self._close_code = code
        self._deadline = asyncio.get_running_loop().time() + within
        if self._patience is not None:
            self._patience.reschedule(self._deadline)
        self._end()
        self._wake.set()

    async def finish(self, code: int) -> None:
        """Close, and return when that has happened."""
        self.close(code)
        await asyncio.wait([self._task])

    async def abort(self) -> None:
        """Stop at once, whatever is queued, and leave the socket as it is."""
        self._task.cancel()
        await asyncio.wait([self._task])
        self._drained.set()
        self._end()

    async def drained(self) -> None:
        """Return once everything queued so far was written, or the client is gone."""
        await self._drained.wait()

    async def _run(self) -> None:
        try:
            await self._write_until_closed()
            assert self._close_code is not None
            await self._socket.close(self._close_code)
        except OSError as error:
            logger.info("a websocket client was gone", extra={"reason": type(error).__name__})
        finally:
            self._drained.set()
            self._end()

    async def _write_until_closed(self) -> None:
        try:
            async with asyncio.timeout_at(self._deadline) as self._patience:
                while True:
                    while self._queue:
                        await self._socket.write(self._queue.popleft())
                    if self._close_code is not None:
                        return
                    self._drained.set()
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            self._queue.clear()  # a client that does not read gets its close frame and nothing more
        finally:
            self._patience = None

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._on_end(self)
