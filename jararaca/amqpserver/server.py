"""The in-memory broker behind a TCP port: an AMQP 0-9-1 server for development and tests."""

import asyncio
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from urllib.parse import quote

from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.amqpserver.connection import CLOSE_WITHIN, ServedConnection
from jararaca.amqpserver.handshake import Handshake, Terms
from jararaca.amqpserver.wire import Wire
from jararaca.ports.clock import Clock

WRITTEN_WITHIN = 0.5
"""Seconds for what was said last to leave."""

GUEST = {"guest": "guest"}
"""The one user of a fresh RabbitMQ."""


class AmqpServer:
    """Serves one `VirtualHost` for each name, to every client that speaks AMQP 0-9-1. Nothing outlives the object.

    Everything happens in the event loop in which it was started; it starts no thread and no task of its own.

    Args:
        vhosts: the names of the virtual hosts that exist; clients that ask for another are refused with 530.
        users: passwords by user name.
        terms: what clients are offered when they connect.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        vhosts: Iterable[str] = ("/",),
        users: Mapping[str, str] = GUEST,
        terms: Terms | None = None,
    ) -> None:
        self._clock = clock
        self.vhosts = {name: VirtualHost(clock, name) for name in vhosts}
        self._users = dict(users)
        self._terms = terms or Terms()
        self._server: asyncio.Server | None = None
        self._connections: set[ServedConnection] = set()
        self._empty = asyncio.Event()

    async def start(self, listening: socket.socket) -> None:
        """Accept connections on a bound socket, which closes with the server."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self.protocol, sock=listening, backlog=1024)

    def protocol(self) -> asyncio.Protocol:
        """What serves one more client, whatever transport it comes by."""
        wire = Wire(asyncio.get_running_loop())
        handshake = Handshake(self._terms, self._users, self.vhosts)
        connection = ServedConnection(wire, handshake, self.vhosts, on_gone=self._forget)
        wire.attach(connection)
        self._connections.add(connection)
        return wire

    def _forget(self, connection: ServedConnection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    @property
    def port(self) -> int:
        """The port on which it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    def url(self, vhost: str = "/") -> str:
        """Where clients on this machine reach the virtual host of this name, with a login that works."""
        assert self._server is not None
        host = self._server.sockets[0].getsockname()[0]
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 -- nothing is bound here
        user, password = next(iter(self._users.items()))
        login = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"amqp://{login}@{f'[{host}]' if ':' in host else host}:{self.port}/{quote(vhost, safe='')}"

    def add_vhost(self, name: str) -> None:
        """Have one more virtual host; no effect when it is there."""
        self.vhosts.setdefault(name, VirtualHost(self._clock, name))

    def drop_connections(self) -> None:
        """Cut every connection without a word, as a network does; clients may connect again at once."""
        for connection in list(self._connections):
            connection.lost()

    async def stop(self, grace: float = CLOSE_WITHIN) -> None:
        """Accept nothing more, tell every client (320), and return once all are gone: `grace` is for them to answer."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        for end, within in ((ServedConnection.shut_down, grace), (ServedConnection.leave, WRITTEN_WITHIN)):
            for connection in list(self._connections):
                end(connection)
            await self._all_gone(within)
        self.drop_connections()
        await self._all_gone(None)

    async def _all_gone(self, within: float | None) -> None:
        self._empty.clear()
        if self._connections:
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._empty.wait()
