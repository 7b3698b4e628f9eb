"""The in-memory broker on a port of this machine, for tests of programs that bring their own client of AMQP.

The server has a thread and an event loop of its own. So a test may block, as pika and Celery do, or run any loop; and
time in it is real, whatever time is elsewhere.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from jararaca.adapters.memory.broker.vhost import QueueDepth
from jararaca.adapters.system.clock import SystemClock
from jararaca.amqpserver.server import AmqpServer

T = TypeVar("T")


class RunningAmqpServer:
    """A server in its thread. Every method may be called from any thread, and has happened when it returns.

    `url` is the address of the virtual host `/`, with a login that works.
    """

    def __init__(self, server: AmqpServer, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._loop = loop
        self.url = server.url()

    def add_vhost(self, name: str) -> str:
        """Have one more virtual host. Returns its address."""
        self._do(lambda: self._server.add_vhost(name))
        return self._server.url(name)

    def depths(self, vhost: str = "/") -> dict[str, QueueDepth]:
        """What is in each queue: messages that are ready and unacked, and consumers."""
        return self._do(self._server.vhosts[vhost].depths)

    def drop_connections(self) -> None:
        """Cut every connection, as a network does: clients hear nothing, and may connect again at once."""
        self._do(self._server.drop_connections)

    def block(self, reason: str = "low on memory", vhost: str = "/") -> None:
        """Raise an alarm: who publishes is told (connection.blocked) and not read from any more."""
        self._do(lambda: self._server.vhosts[vhost].block(reason))

    def unblock(self, vhost: str = "/") -> None:
        """End the alarm: what was published meanwhile is read."""
        self._do(self._server.vhosts[vhost].unblock)

    def stop(self) -> None:
        """Go, as a server does that is shut down: every client is told (320). It does not come back."""
        asyncio.run_coroutine_threadsafe(self._server.stop(grace=0), self._loop).result()

    def _do(self, work: Callable[[], T]) -> T:
        async def done() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(done(), self._loop).result()


@contextmanager
def serving(*, port: int = 0) -> Iterator[RunningAmqpServer]:
    """Run a server for the block, on a free port of the loopback interface unless another is given."""
    listening = socket.create_server(("127.0.0.1", port))
    loop = asyncio.SelectorEventLoop()
    server = AmqpServer(SystemClock())
    thread = threading.Thread(target=loop.run_forever, name="AMQP server", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(listening), loop).result()
        running = RunningAmqpServer(server, loop)
        try:
            yield running
        finally:
            running.stop()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
