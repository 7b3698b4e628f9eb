"""What the process says to its caller when it ends."""

import errno
import socket
from collections.abc import Iterator

from jararaca.errors import DeclarationError, MissingTable, ServerUnavailable, TopologyMismatch, UsageError

CLEAN = 0
FAILURE = 1
INVALID = 2
UNREACHABLE = 3
MISMATCH = 4
CUT_SHORT = 124
INTERRUPTED = 130  # what shells say of a command that Ctrl+C ended

_SQLSTATES = ("08", "28", "3D", "57P")
"""Connection lost, login refused, no such database, server going down: the classes of SQL's standard and PostgreSQL."""


def exit_code_of(error: BaseException) -> int:
    """The exit code for an error that ends the process."""
    if isinstance(error, DeclarationError | UsageError):
        return INVALID
    if isinstance(error, MissingTable | TopologyMismatch):
        return MISMATCH
    return UNREACHABLE if is_unreachable(error) else FAILURE


def is_unreachable(error: BaseException) -> bool:
    """Whether a server could not be reached or refused the login, also when a driver says so in its own words."""
    return any(
        isinstance(each, ServerUnavailable | ConnectionError | socket.gaierror)
        or _is_of_the_network(each)
        or str(getattr(each, "sqlstate", "")).startswith(_SQLSTATES)
        or "unable to open database file" in str(each)
        for each in _chain(error)
    )


def _is_of_the_network(error: BaseException) -> bool:
    return isinstance(error, OSError) and (error.errno in _ERRNOS or str(error).startswith(_SEVERAL))


_ERRNOS = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN, errno.ETIMEDOUT})
_SEVERAL = "Multiple exceptions: "
"""How asyncio begins to say that none of several addresses of a server took the connection."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
