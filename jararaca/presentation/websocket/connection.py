"""One websocket as the framework sees it, between the server that holds it and the endpoint that serves it."""

import asyncio
import logging
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from jararaca.core.lifecycle import TaskScope
from jararaca.errors import UsageError
from jararaca.presentation.websocket.frames import Payload
from jararaca.presentation.websocket.incoming import UNSUPPORTED_DATA, Incoming
from jararaca.presentation.websocket.writer import CLOSE_WITHIN, OnEnd, QueueLimit, SocketWriter

logger = logging.getLogger("jararaca.presentation")

NORMAL = 1000
_KEY = "jararaca_connection"


class Connection:
    """Passes an endpoint's messages on, and can end the connection although the endpoint holds it.

    An endpoint whose connection was closed here reads a disconnect, and whatever it sends fails as it does when the
    client is gone.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: QueueLimit) -> None:
        scope[_KEY] = self
        self.path: str = scope["path"]
        self.task = _current_task()
        self.is_new = True
        self.is_open = False
        self.writer: SocketWriter | None = None
        self._limit = limit
        self._receive = receive
        self._send = send
        self._receiving: asyncio.Timeout | None = None
        self._closed_with: int | None = None
        self._latest: Incoming | None = None

    # -- what the endpoint is given

    async def receive(self) -> Message:
        """What the client sends next; a disconnect once the connection was closed here."""
        if self._closed_with is None:
            try:
                async with asyncio.timeout(None) as self._receiving:
                    self._latest = message = Incoming(await self._receive(), path=self.path)
                    self.is_open = self.is_open and message["type"] != "websocket.disconnect"
                    return message
            except TimeoutError:
                if self._closed_with is None:
                    raise
            finally:
                self._receiving = None
        return {"type": "websocket.disconnect", "code": self._closed_with, "reason": ""}

    async def send(self, message: Message) -> None:
        """Pass a message of the endpoint on. Its close frame follows what is queued for the socket."""
        if self._closed_with is not None:
            raise OSError("the connection is closed")
        self.is_new = False
        if message["type"] == "websocket.close":
            if self.writer is not None:
                await self._drain(self.writer)
            await self._say_goodbye(message)
            return
        try:
            await self._send(message)
        except OSError:
            self.is_open = False
            raise
        self.is_open = self.is_open or message["type"] == "websocket.accept"

    async def _drain(self, writer: SocketWriter) -> None:
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await writer.drained()
        except TimeoutError:
            logger.info("a websocket client did not read what was queued for it", extra={"path": self.path})

    async def _say_goodbye(self, message: Message) -> None:
        self.is_open = False
        try:
            async with asyncio.timeout(CLOSE_WITHIN):
                await self._send(message)
        except TimeoutError:
            logger.warning("a websocket client did not read its close frame", extra={"path": self.path})

    # -- what the framework does with it

    @property
    def code_at_return(self) -> int:
        """With what to close once the endpoint has returned: 1003 if the latest it got is not what it reads."""
        return UNSUPPORTED_DATA if self._latest is not None and self._latest.was_refused else NORMAL

    def opened_writer(self, *, tasks: TaskScope, on_end: OnEnd) -> SocketWriter:
        """The one writer of this connection, made at the first call."""
        if self.writer is None:
            self.writer = SocketWriter(self, self._limit, tasks=tasks, on_end=on_end)
        return self.writer

    async def write(self, payload: Payload) -> None:
        """Send one message.

        Raises:
            OSError: the client is gone, or the connection is closed.
        """
        if not self.is_open:
            raise OSError("the connection is closed")
        form = "text" if isinstance(payload, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", form: payload})
        except (OSError, RuntimeError) as error:  # servers raise RuntimeError where their side is closed already
            self.is_open = False
            raise OSError(str(error)) from error

    async def close(self, code: int) -> None:
        """Send a close frame, within `CLOSE_WITHIN` seconds, and let the endpoint read a disconnect."""
        if not self.is_open:
            return
        try:
            await self._say_goodbye({"type": "websocket.close", "code": code, "reason": ""})
        except (OSError, RuntimeError) as error:
            logger.info("a websocket client was gone", extra={"path": self.path, "reason": type(error).__name__})
        finally:
            self._closed_with = code
            if self._receiving is not None:
                self._receiving.reschedule(asyncio.get_running_loop().time())

    async def end(self, code: int) -> None:
        """Write what is queued, close with `code` where the connection is open still, and end the writer."""
        if self.writer is not None and self.is_open:
            await self.writer.finish(code)
        await self.close(code)
        await self.abort()

    async def abort(self) -> None:
        """End the writer without writing anything more."""
        if self.writer is not None:
            await self.writer.abort()


def _current_task() -> "asyncio.Task[Any]":
    task = asyncio.current_task()
    assert task is not None
    return task


def connection_of(websocket: WebSocket) -> Connection:
    """The connection behind a websocket that an endpoint was given.

    Raises:
        UsageError: it belongs to no endpoint of a controller.
    """
    connection: Any = websocket.scope.get(_KEY)
    if not isinstance(connection, Connection):
        raise UsageError(
            f"the websocket at {websocket.scope.get('path')!r} is not served by a @WebSocketEndpoint, so it has no "
            "writer and no limits. Serve it with a controller's endpoint."
        )
    return connection
