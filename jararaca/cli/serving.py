"""The HTTP server of a process: uvicorn around an `HttpRuntime`, stopped by us and not by signals of its own."""

import asyncio
import logging
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn

from jararaca.cli.closing import BoundedWebSocketProtocol
from jararaca.cli.lifespan import Lifespanned
from jararaca.core.ending import Ending, ToldEnding
from jararaca.core.lifecycle import TaskScope
from jararaca.presentation.server import HttpRuntime

logger = logging.getLogger("jararaca.cli")

WRITTEN_WITHIN = 3.0
"""Seconds that connections which nobody reads have to be written out."""


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
        self._ending = ToldEnding("exchanges", self._exchanges, logger)
        self._leaving: Ending | None = None
        self._is_pressed = False
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

    @property
    def under_way(self) -> dict[str, int]:
        """How many exchanges and websockets a stop would wait for."""
        return {**self._http.under_way, "exchanges": len(self._exchanges())}

    async def stop(self, grace: float) -> bool:
        """Accept nothing more, close websockets with 1001, let exchanges end within `grace` seconds, cancel the rest.

        What does not end all the same is abandoned ten seconds later. A second call while the first one waits cancels
        at once. True if nothing had to be cancelled.
        """
        server = self._server
        if server is None:
            return True
        if self._stopping is None:
            self._stopping = self._stops.spawn(self._stop(server, grace), name="stop of the http server")
        elif self._leaving is not None:
            self._leaving.at_once()
        else:
            self._is_pressed = True
            self._http.at_once()
            self._ending.at_once()
        return await asyncio.shield(self._stopping)

    async def _stop(self, server: _Server, grace: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace
        server.release()
        clean = all(await asyncio.gather(self._ending.within(grace), self._http.stop(grace)))
        server.config.timeout_graceful_shutdown = max(1, round(min(WRITTEN_WITHIN, deadline - loop.time())))
        server.should_exit = True
        self._leaving = Ending("servers", self._serving.running, logger)
        return await self._leaving.within((0 if self._is_pressed else grace) + 2 * WRITTEN_WITHIN) and clean

    def _exchanges(self) -> Mapping[asyncio.Task[Any], str]:
        """Everything that is served except the websockets that `HttpRuntime` closes itself."""
        ours = self._http.connections.endpoints()
        return {task: name for task, name in self._app.under_way().items() if task not in ours}


def url_of(listening: socket.socket) -> str:
    """Where a browser on this machine reaches the socket."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- nothing is bound here
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
