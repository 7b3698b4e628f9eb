"""The address that a command serves on."""

import errno
import socket

from jararaca.errors import InvalidOption


def bound(host: str, port: int) -> socket.socket:
    """A socket that has the address and does not listen yet: a conflict is known before anything starts.

    Raises:
        InvalidOption: the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InvalidOption(f"cannot listen on {host}: {error.strerror}. Choose another --host.") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        listening.close()
        advice = _ADVICE.get(error.errno or 0, "Choose another --host or --port.")
        raise InvalidOption(f"cannot listen on {host}:{port}: {error.strerror}. {advice}") from error
    return listening


_ADVICE = {
    errno.EADDRINUSE: "Stop what uses the port, or choose another one with --port.",
    errno.EACCES: "Choose a --port from 1024 on.",
    errno.EADDRNOTAVAIL: "Choose a --host that this machine has.",
}
