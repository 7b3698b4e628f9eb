"""uvicorn's side of a websocket, with an end that no client can put off.

Closing a transport waits until everything in its buffer was sent, and a client that reads nothing lets nothing be sent:
its connection, and what is buffered for it, would stay for as long as it likes.
"""

import asyncio
import socket
import struct
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

GONE_WITHIN = 10.0
"""Seconds from the close frame, or from the end of the endpoint, until a connection is reset that is there still."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class BoundedWebSocketProtocol(WebSocketsSansIOProtocol):
    """One websocket connection, which is gone `GONE_WITHIN` seconds after this side has ended it."""

    _timer: asyncio.TimerHandle | None = None

    async def run_asgi(self) -> None:
        """Run the application, and see to the end of the connection afterwards."""
        try:
            await super().run_asgi()
        finally:
            self._end_soon()

    async def send(self, message: Any) -> None:
        """Send what the application says. Waits for a client that does not read, until the connection is reset."""
        if message["type"] == "websocket.close":
            self._end_soon()
        await super().send(message)

    def keepalive_timeout(self) -> None:
        """Close the connection of a client that does not answer pings."""
        self._end_soon()
        super().keepalive_timeout()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the timer: the connection is gone."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _end_soon(self) -> None:
        if self._timer is None and not self.disconnected:
            self._timer = self.loop.call_later(GONE_WITHIN, self._reset)

    def _reset(self) -> None:
        """End it, and let the system forget what it holds for the client."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()
