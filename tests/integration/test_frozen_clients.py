"""Clients that read nothing, on a real socket: none of them keeps its connection."""

import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from jararaca.cli.closing import GONE_WITHIN

pytestmark = pytest.mark.processes

APP = """
import asyncio
from fastapi import WebSocket
from jararaca import *

@RestController("/")
class C:
    @WebSocketEndpoint("/reads", queue_size=8)
    async def reads(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await websocket.receive_text()

    @WebSocketEndpoint("/waits", queue_size=8)
    async def waits(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await asyncio.Event().wait()

    @WebSocketEndpoint("/ends")
    async def ends(self, websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            async with asyncio.timeout(1):
                await websocket.send_text("x" * 1_000_000)

    @Post("/flood")
    async def flood(self) -> int:
        for _ in range(60):
            await use_ws_manager().broadcast("x" * 1_000_000, immediate=True)
        return use_ws_manager().local_count()

app = Microservice(controllers=[C], shutdown_grace=0.2)
"""

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


@pytest.fixture
def address(tmp_path: Path, start: Callable[..., Any]) -> str:
    (tmp_path / "app.py").write_text(APP)
    child = start("jararaca", "server", "app:app", "--port", "0")
    return str(child.until("serving on").rpartition(" ")[2])


@pytest.fixture
def frozen(address: str) -> Iterator[Callable[[str], socket.socket]]:
    """Connects to a path, and reads nothing but the answer to the handshake."""
    connections: list[socket.socket] = []

    def connect(path: str) -> socket.socket:
        parts = urlsplit(address)
        connection = socket.create_connection((parts.hostname, parts.port or 0))
        connections.append(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(HANDSHAKE.format(path=path).encode())
        assert connection.recv(12) == b"HTTP/1.1 101"
        return connection

    yield connect
    for connection in connections:
        connection.close()


def is_gone(connection: socket.socket, within: float) -> bool:
    """Whether the other side ends the connection; nothing is read for it."""
    poll = select.poll()
    poll.register(connection, 0)  # errors and the end are told unasked
    return bool(poll.poll(within * 1000))


def test_a_connection_that_was_closed_is_gone_in_bounded_time(
    address: str, frozen: Callable[[str], socket.socket]
) -> None:
    """Whether its endpoint reads, waits for something else, or has failed."""
    reads, waits, ends = frozen("/reads"), frozen("/waits"), frozen("/ends")

    assert httpx.post(f"{address}/flood", timeout=60).json() == 0

    assert [is_gone(each, within=2 * GONE_WITHIN) for each in (reads, waits, ends)] == [True, True, True]
