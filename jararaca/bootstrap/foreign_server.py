"""One wish to stop, shared with the server that runs the application where the process is not ours.

Such a server, uvicorn for example, handles SIGTERM and SIGINT itself, and tells the application only once the last
request has ended: too late for a request that waits for the shutdown. So the application listens in on the handlers
that it finds, while it is served. It adds none where there is none, and leaves what a signal does to the server's own.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

from jararaca.core.lifecycle import TaskScope
from jararaca.core.shutdown import Shutdown

logger = logging.getLogger("jararaca.bootstrap")

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@asynccontextmanager
async def foreign_server(shutdown: Shutdown) -> AsyncIterator[None]:
    """While this is open, a signal to the server is a wish to stop, and a wish to stop is a SIGTERM to the server.

    Where the server handles no signals, or runs the application in another thread than the main one, neither is so: a
    wish is logged as a warning then, because only whoever runs the server can end it.
    """
    listener = _Listener(shutdown)
    tasks = TaskScope("foreign server")
    listener.start()
    tasks.spawn(listener.pass_on(), name="pass a wish to stop on to the server")
    try:
        yield
    finally:
        await tasks.cancel()
        listener.stop()


class _Listener:
    """Stands before the signal handlers of the server, and calls them."""

    def __init__(self, shutdown: Shutdown) -> None:
        self._shutdown = shutdown
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._is_stopping = False

    def start(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets only the main thread set handlers
        for number in SIGNALS:
            handler = signal.getsignal(number)
            if callable(handler):
                self._handlers[number] = handler
                signal.signal(number, self._hear)

    def stop(self) -> None:
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == self._hear:
                signal.signal(number, handler)

    async def pass_on(self) -> None:
        """Ask the server to stop once the application wants to, unless that is what the server said itself."""
        await self._shutdown.wait()
        if self._is_stopping:
            return
        if signal.SIGTERM in self._handlers:
            signal.raise_signal(signal.SIGTERM)
        else:
            logger.warning("a shutdown was asked for, but the server around the application takes no signal: stop it")

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self._is_stopping = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._shutdown.request)
        self._handlers[number](number, frame)
