"""A real loop notes what is opened on it, with the line, until it is closed."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from jararaca_testing.gates.tasks import open_sockets
from jararaca_testing.realtime import RealTimeLoop
from jararaca_testing.run import Run


class End(asyncio.Protocol):
    """One end of a connection; `lost` is set when it is over."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(lambda: RealTimeLoop(patience=10))
    yield run
    run.close()


def left(loop: Any) -> list[tuple[str, str]]:
    return [(finding.what, " ".join(finding.lines)) for finding in open_sockets(loop)]


def test_a_server_and_a_connection_are_open_until_they_are_closed(run: Run) -> None:
    async def talk() -> list[list[tuple[str, str]]]:
        loop, far = asyncio.get_running_loop(), End()
        server = await loop.create_server(lambda: far, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        transport, near = await loop.create_connection(End, host, port)
        seen = [left(loop)]
        transport.close()
        await near.lost.wait()
        await far.lost.wait()
        server.close()
        return [*seen, left(loop)]

    opened, closed = run(talk())

    (server, at), (connection, _at) = opened
    assert server.startswith("a server on 127.0.0.1:")
    assert server.endswith("is open")
    assert 'server = await loop.create_server(lambda: far, "127.0.0.1", 0)' in at
    assert connection.startswith("a connection to 127.0.0.1:")
    assert closed == []


@pytest.mark.parametrize("kind", ["create_unix_connection", "create_datagram_endpoint"])
def test_other_sockets_are_noted_as_well(run: Run, kind: str) -> None:
    one, other = socket.socketpair(type=socket.SOCK_DGRAM if "datagram" in kind else socket.SOCK_STREAM)

    async def opened() -> list[tuple[str, str]]:
        transport, end = await getattr(asyncio.get_running_loop(), kind)(End, sock=one)
        seen = left(asyncio.get_running_loop())
        transport.close()
        await end.lost.wait()
        return seen

    ((what, at),) = run(opened())

    other.close()
    assert what.startswith("a connection to ")
    assert "transport, end = await getattr(" in at
