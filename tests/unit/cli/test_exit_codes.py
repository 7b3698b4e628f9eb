"""What the caller of a process learns from its exit code."""

import socket

import pytest

from jararaca.cli.exit_codes import exit_code_of, is_unreachable
from jararaca.errors import (
    AsyncFactory,
    BrokerUnavailable,
    ConfigurationError,
    InvalidDeclaration,
    JararacaError,
    LoginRefused,
    MissingExtra,
    MissingProvider,
    TopologyMismatch,
)


class DriverError(Exception):
    """As a database driver raises it."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def translated(hidden: Exception) -> Exception:
    """What a program raises that has dealt with a lost connection, and says so with `from None`."""
    error = RuntimeError("nothing is cached yet")
    error.__context__ = hidden
    error.__suppress_context__ = True
    return error


def wrapped(cause: Exception) -> Exception:
    error = RuntimeError("the toolkit's own words")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MissingProvider("no provider"), 2),
        (InvalidDeclaration([MissingProvider("no provider")]), 2),
        (ConfigurationError("no variable"), 2),
        (AsyncFactory("not here"), 2),
        (BrokerUnavailable("not there"), 3),
        (LoginRefused("no"), 3),
        (TopologyMismatch("other arguments"), 4),
        (MissingExtra("cli", feature="the command"), 1),
        (JararacaError("anything else"), 1),
        (ValueError("anything else"), 1),
    ],
)
def test_an_error_has_the_code_of_its_kind(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        socket.gaierror(-2, "Name or service not known"),
        OSError("Multiple exceptions: refused, refused"),
        OSError(113, "Connect call failed"),
        TimeoutError(110, "Connect call failed"),
        DriverError("28P01"),
        DriverError("3D000"),
        DriverError("57P03"),
        wrapped(wrapped(DriverError("08006"))),
        wrapped(ConnectionResetError()),
        RuntimeError("(sqlite3.OperationalError) unable to open database file"),
    ],
)
def test_a_server_that_is_not_there_is_known_by_what_drivers_raise(error: Exception) -> None:
    assert is_unreachable(error)


@pytest.mark.parametrize(
    "error",
    [
        FileNotFoundError(2, "none"),
        OSError("cannot read the template"),
        OSError(28, "No space left on device"),
        TimeoutError("the third party took too long"),
        DriverError("42P01"),
        DriverError(None),
        wrapped(KeyError("id")),
        translated(ConnectionResetError()),
    ],
)
def test_a_mistake_is_not_taken_for_a_missing_server(error: Exception) -> None:
    assert not is_unreachable(error)
