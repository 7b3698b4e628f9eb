"""Sockets and programs refused under virtual time, by name: whoever is at the other end lives in real time."""

import asyncio
import functools
import sys
from typing import Any, NoReturn

from jararaca_testing.errors import ForeignPeer


class PeerlessLoop(asyncio.SelectorEventLoop):
    """An event loop that opens no connection, listens on no address and starts no program.

    What blocks, such as `urllib` or `httpx.Client`, is refused in the loop's thread while it runs. Threads that it
    waits for may connect: it knows of them, and time stands still.
    """

    def __init__(self, selector: Any = None) -> None:
        super().__init__(selector)
        _refuse_what_blocks()

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:  # noqa: ARG002
        _refuse("a connection to", _address(host, port, options.get("sock")))

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **options: Any) -> Any:  # noqa: ARG002
        _refuse("a connection to", _address(path, None, options.get("sock")))

    async def create_datagram_endpoint(
        self,
        protocol_factory: Any,  # noqa: ARG002
        local_addr: Any = None,
        remote_addr: Any = None,
        **options: Any,
    ) -> Any:
        host, port = (remote_addr or local_addr or (None, None))[:2]
        _refuse("a datagram socket for", _address(host, port, options.get("sock")))

    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:  # noqa: ARG002
        _refuse("listening on", _address(host, port, options.get("sock")))

    async def create_unix_server(self, protocol_factory: Any, path: Any = None, **options: Any) -> Any:  # noqa: ARG002
        _refuse("listening on", _address(path, None, options.get("sock")))

    async def sock_connect(self, sock: Any, address: Any) -> None:  # noqa: ARG002
        host, port = address[:2] if isinstance(address, tuple) else (address, None)
        _refuse("a connection to", _address(host, port, None))

    async def subprocess_exec(self, protocol_factory: Any, *args: Any, **options: Any) -> Any:  # noqa: ARG002
        _refuse("the program", " ".join(str(part) for part in args))

    async def subprocess_shell(self, protocol_factory: Any, cmd: Any, **options: Any) -> Any:  # noqa: ARG002
        _refuse("the program", str(cmd))


@functools.cache
def _refuse_what_blocks() -> None:
    """Look at what Python's audit events tell of sockets; such a hook stays as long as the process."""
    sys.addaudithook(_audited)


def _audited(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        address = args[1]
    elif event == "socket.getaddrinfo":
        address = args[:2]
    else:
        return
    if isinstance(asyncio._get_running_loop(), PeerlessLoop):
        host, port = address[:2] if isinstance(address, tuple) else (address, None)
        _refuse("a connection to", _address(host, port, None))


_audited.__cantrace__ = True  # type: ignore[attr-defined] # read by CPython: a hook is measured and debugged like the rest


def _address(host: Any, port: Any, sock: Any) -> str:
    if sock is not None:
        return _peer_of(sock)
    if host is None and port is None:
        return "an unnamed address"
    place = ",".join(map(str, host)) if isinstance(host, (list, tuple)) else str(host or "*")
    return place if port is None else f"{place}:{port}"


def _peer_of(sock: Any) -> str:
    for name in (sock.getpeername, sock.getsockname):
        try:
            address = name()
        except OSError:
            continue
        if address:
            return ":".join(map(str, address[:2])) if isinstance(address, tuple) else str(address)
    return "an unconnected socket"


def _refuse(what: str, peer: str) -> NoReturn:
    raise ForeignPeer(
        f"{what} {peer} was refused: the test runs in virtual time, in which nobody outside of the process can answer. "
        "Override the provider that reaches out, or run the test with --jararaca-profile=services.",
        peer=peer,
    )
