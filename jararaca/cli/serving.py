"""The HTTP server of a process: uvicorn around an `HttpRuntime`, stopped by us and not by signals of its own."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from jararaca.cli.closing import BoundedWebSocketProtocol
from jararaca.cli.lifespan import Lifespanned
from jararaca.core.lifecycle import TaskScope
from jararaca.presentation.server import HttpRuntime

logger = logging.getLogger("jararaca.cli")

CANCEL_GRACE = 3.0
"""Seconds that cancelled exchanges have to roll back, and connections that nobody reads to be written out."""


class _Server(uvicorn.Server):
    """uvicorn's server, without its signal handlers, and with an event for the moment it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.servers = []  # there from the first moment, for a stop that comes before the start has ended
        self.accepting = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True  # the lifespan failed, and start() raises why
        else:
            self.accepting.set()

    def release(self) -> None:
        """Accept no connection, close those without an exchange, and close the others after theirs."""
        for listener in self.servers:
            listener.close()
        for connection in tuple(self.server_state.connections):
            if not isinstance(connection, BoundedWebSocketProtocol):
                connection.shutdown()


class HttpServerRuntime:
    """A `Runtime` that serves an `HttpRuntime` on a socket; `url` says where.

    Args:
        listening: as `bound` gives it; whoever made it closes it.
    """

    name = "server"

    def __init__(self, http: HttpRuntime, listening: socket.socket) -> None:
        self._http = http
        self._listening = listening
        self._app = Lifespanned(http.asgi)
        self._server: _Server | None = None
        self._serving = TaskScope("http server", on_failure=lambda _error: http.environment.shutdown.request())
        self._stops = TaskScope("stop of the http server")
        self._stopping: asyncio.Task[bool] | None = None
        self._cut_short = False
        self.url = url_of(listening)

    @property
    def ready(self) -> bool:
        return self._http.ready

    async def start(self) -> None:
        """Accept connections.

        Raises:
            Exception: what the lifespan of the FastAPI object raised.
        """
        await self._http.start()
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            ws=BoundedWebSocketProtocol,
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
        )
        self._server = server = _Server(config)
        serving = self._serving.spawn(server.serve(sockets=[self._listening]), name="uvicorn")
        accepting = self._serving.spawn(server.accepting.wait(), name="wait for uvicorn")
        await asyncio.wait([serving, accepting], return_when=asyncio.FIRST_COMPLETED)
        if not server.accepting.is_set():
            accepting.cancel()
            self._server = None
            raise self._app.failure or RuntimeError("uvicorn ended before it served. See the log for why.")

    async def stop(self, grace: float) -> bool:
        """Accept nothing more, close websockets with 1001, let exchanges end within `grace` seconds, cancel the rest.

        A second call while the first one waits cancels at once. True if nothing had to be cancelled.
        """
        server = self._server
        if server is None:
            return True
        if self._stopping is None:
            self._stopping = self._stops.spawn(self._stop(server, grace), name="stop of the http server")
        else:
            self._cut(server)
        return await asyncio.shield(self._stopping)

    async def _stop(self, server: _Server, grace: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        server.release()
        clean = await self._http.stop(grace)
        await _ended(server.server_state.tasks, deadline - loop.time())
        self._cut(server)
        await _ended(server.server_state.tasks, CANCEL_GRACE)
        server.config.timeout_graceful_shutdown = max(1, round(min(CANCEL_GRACE, deadline - loop.time())))
        server.should_exit = True
        return await self._serving.drain(grace + 2 * CANCEL_GRACE) and clean and not self._cut_short

    def _cut(self, server: _Server) -> None:
        running = tuple(server.server_state.tasks)
        if running:
            self._cut_short = True
            logger.warning("exchanges are cancelled by the shutdown", extra={"exchanges": len(running)})
        for task in running:
            task.cancel()


async def _ended(tasks: set["asyncio.Task[None]"], within: float) -> None:
    if tasks and within > 0:
        await asyncio.wait(tuple(tasks), timeout=within)


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine reaches the socket."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- nothing is bound here
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
