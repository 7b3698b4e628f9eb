"""AMQP tables: which Python values have a wire type, and copies that share nothing with their origin."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import NoneType
from typing import Any

from jararaca.errors import UnencodableValue
from jararaca.ports.broker import DEEPEST, decimal_parts

SHORT_STRING = 255
"""Bytes that a name, a routing key or a string property may have."""

CERTAINLY_SHORT = SHORT_STRING // 4
"""Characters that fit into a short string, whichever they are."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FREE = frozenset({NoneType, bool, bytes})
"""Types of which every value travels, as it is."""
_TYPE_NAMES: dict[type, str] = {
    bool: "bool",
    float: "float",
    str: "longstr",
    bytes: "binary",
    datetime: "timestamp",
    Decimal: "decimal",
    list: "array",
    dict: "table",
    NoneType: "void",
}


def copied(table: Mapping[str, Any], where: str, depth: int = 0) -> dict[str, Any]:
    """What arrives at the other end of the wire: a deep copy in plain Python types. `depth`: tables it lies in.

    Times lose their fractions of a second and are in UTC; tuples arrive as lists, other buffers as bytes.

    Raises:
        UnencodableValue: a value, or a key, that AMQP has no type for; the text says which and in `where`.
    """
    copy: dict[str, Any] = {}
    for key, value in table.items():
        if type(key) is not str:
            raise UnencodableValue(f"{where} has the key {key!r}, which is not a str. Use str keys.")
        if not key.isascii() or len(key) > SHORT_STRING:
            checked_name(key, f"key in {where}")
        free = value.isascii() if type(value) is str else type(value) in _FREE
        copy[key] = value if free else _copied_value(value, f"{where}[{key!r}]", depth + 1)
    return copy


def _copied_value(value: Any, where: str, depth: int) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        if not -(2**63) <= value < 2**63:
            raise UnencodableValue(f"{where} is {value}, which does not fit in 64 bits. Send it as a str.")
        return int(value)
    if isinstance(value, datetime):
        return whole_seconds(value)
    if depth > DEEPEST and isinstance(value, Mapping | list | tuple):
        raise UnencodableValue(f"{where[:80]} is nested deeper than {DEEPEST} levels. Flatten it, or send JSON text.")
    if isinstance(value, Mapping):
        return copied(value, where, depth)
    if isinstance(value, list | tuple):
        return [_copied_value(item, f"{where}[{index}]", depth + 1) for index, item in enumerate(value)]
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    return _checked_scalar(value, where)


def _checked_scalar(value: Any, where: str) -> Any:
    """What cannot be changed is handed over as it is."""
    if isinstance(value, str):
        encoded(value, where)
        return value
    if isinstance(value, float):
        if not math.isfinite(value):  # RabbitMQ closes the whole connection over it (541)
            raise UnencodableValue(f"{where} is {value}, which AMQP cannot carry. Send it as a str.")
        return value
    if isinstance(value, Decimal):
        if decimal_parts(value) is None:
            raise UnencodableValue(
                f"{where} is {value}, which AMQP's decimal of 32 bits cannot hold. Send it as a str."
            )
        return value
    for plain in _FREE:
        if isinstance(value, plain):
            return value
    raise UnencodableValue(
        f"{where} is a {type(value).__name__}, and AMQP has no type for it. Use None, bool, int, float, str, bytes, "
        "datetime, Decimal, or lists and dicts of them."
    )


def whole_seconds(moment: datetime) -> datetime:
    """A time as AMQP carries it: whole seconds, in UTC, from 1970 on; a naive one is taken as UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(aware.astimezone(UTC).replace(microsecond=0), _EPOCH)


def encoded(text: str, what: str) -> bytes:
    """The bytes of a text; lone surrogates stand for foreign bytes that were no UTF-8.

    Raises:
        UnencodableValue: it holds half a character.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UnencodableValue(f"{what} is no valid Unicode: {error}. Use other characters.") from error


def checked_name(name: str, what: str) -> str:
    """The name itself, if it fits in a short string of AMQP; else `UnencodableValue`."""
    if (len(name) > CERTAINLY_SHORT or not name.isascii()) and len(encoded(name, f"the {what}")) > SHORT_STRING:
        raise UnencodableValue(f"the {what} {name[:40]!r}... is longer than {SHORT_STRING} bytes. Shorten it.")
    return name


def type_name(value: Any) -> str:
    """The server's name of a value's wire type, for a client that sends integers with 32 or 64 bits."""
    if isinstance(value, int) and not isinstance(value, bool):
        return "signedint" if -(2**31) <= value < 2**31 else "long"
    return _TYPE_NAMES[type(value)]


def printed(value: Any) -> str:
    """A value as the server's refusals show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
