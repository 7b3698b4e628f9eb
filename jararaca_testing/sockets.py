"""A real loop that knows which connections and servers were opened on it, and by which line."""

import asyncio
from collections.abc import Iterator
from typing import Any

from jararaca_testing.origins import Place, caller
from jararaca_testing.tasks import OrderedTask

DEPTH = 60
"""Frames between a client's call and its socket."""


class NotingLoop(asyncio.SelectorEventLoop):
    """An event loop that notes what is opened on it."""

    def __init__(self, selector: Any = None) -> None:
        super().__init__(selector)
        self._opened: list[tuple[Any, Place | None]] = []

    async def create_connection(self, protocol_factory: Any, *address: Any, **options: Any) -> Any:
        return self._noted(await super().create_connection(protocol_factory, *address, **options))

    async def create_unix_connection(self, protocol_factory: Any, *address: Any, **options: Any) -> Any:
        return self._noted(await super().create_unix_connection(protocol_factory, *address, **options))

    async def create_datagram_endpoint(self, protocol_factory: Any, *address: Any, **options: Any) -> Any:
        return self._noted(await super().create_datagram_endpoint(protocol_factory, *address, **options))

    async def create_server(self, protocol_factory: Any, *address: Any, **options: Any) -> Any:
        server = await super().create_server(protocol_factory, *address, **options)
        self._opened.append((server, _opener()))
        return server

    def _noted(self, opened: tuple[Any, Any]) -> tuple[Any, Any]:
        self._opened = [each for each in self._opened if _is_open(each[0])]
        self._opened.append((opened[0], _opener()))
        return opened

    def open_sockets(self) -> dict[str, Place | None]:
        """What is open, in words, and the line that opened it."""
        return {text: place for opened, place in self._opened if _is_open(opened) for text in _described(opened)}


def _opener() -> Place | None:
    place = caller(depth=DEPTH)
    task = asyncio.current_task()
    return task.origin if place is None and isinstance(task, OrderedTask) else place


def _is_open(opened: Any) -> bool:
    return opened.is_serving() if isinstance(opened, asyncio.Server) else not opened.is_closing()


def _described(opened: Any) -> Iterator[str]:
    if isinstance(opened, asyncio.Server):
        yield from (f"a server on {_address(socket.getsockname())}" for socket in opened.sockets)
    else:
        ends = _address(opened.get_extra_info("peername")), _address(opened.get_extra_info("sockname"))
        yield f"a connection to {ends[0]} from {ends[1]}"


def _address(address: Any) -> str:
    return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address or "nowhere")
