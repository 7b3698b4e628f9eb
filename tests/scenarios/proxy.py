"""A network between client and server that can fail."""

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit


class Proxy:
    """Passes every connection on to the server at `url`; `cut` loses those that are open, `address` is the way in."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None
        self.accepted = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    @property
    def port(self) -> int:
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def address(self) -> str:
        return self._parts._replace(netloc=f"guest:guest@127.0.0.1:{self.port}").geturl()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        there, to_server = await asyncio.open_connection(self._parts.hostname, self._parts.port or 5672)
        self._writers += [writer, to_server]
        await asyncio.gather(self._pump(reader, to_server), self._answer(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pump(reader, writer)

    def cut(self) -> None:
        """Lose every connection without a word."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()


DECLARE_OK = (50).to_bytes(2, "big") + (11).to_bytes(2, "big")
"""How a frame begins that says that a queue is declared."""


class SwallowingProxy(Proxy):
    """One that keeps the first answer for itself that begins with `method`."""

    def __init__(self, url: str, method: bytes) -> None:
        super().__init__(url)
        self._method = method
        self.swallowed = asyncio.Event()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readexactly(7)
                rest = await reader.readexactly(int.from_bytes(head[3:], "big") + 1)
                if head[0] == 1 and rest.startswith(self._method) and not self.swallowed.is_set():
                    self.swallowed.set()
                    continue
                writer.write(head + rest)
                await writer.drain()
        writer.close()
