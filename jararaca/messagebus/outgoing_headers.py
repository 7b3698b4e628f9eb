"""The headers of a message that is about to leave: what an application may set, and how much of it. Pure."""

import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from jararaca.errors import InvalidOption, MessageTooLarge, UnencodableValue
from jararaca.ports.broker import decimal_parts

MAX_BYTES = 8192
"""As AMQP counts them, names included: longer tables than a frame make a publish hang."""

_OURS = "x-jararaca-"
_ROUTING = ("CC", "BCC")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_DEEPEST = 16


def checked(given: Mapping[Any, Any]) -> dict[str, Any]:
    """The headers that an application gave, as a table of their own.

    Raises:
        InvalidOption: they are no table, one of them is the framework's, or CC or BCC are no lists of topics.
    """
    if not isinstance(given, Mapping):
        raise InvalidOption(f"headers= is a {type(given).__name__}. Use a dict of names and values.")
    for name in _ROUTING:
        keys = given.get(name, [])
        if not isinstance(keys, (list, tuple)) or not all(isinstance(key, str) for key in keys):
            raise InvalidOption(
                f"headers={{{name!r}: ...}}: the broker routes by it, and closes the channel unless it is a list of "
                "topics. Use a list of texts, or another name."
            )
    for name in given:
        if isinstance(name, str) and name.lower().startswith(_OURS):
            raise InvalidOption(
                f"headers={{{name!r}: ...}}: names that start with {_OURS!r} are the framework's. Name it otherwise."
            )
    return dict(given)


def check_size(headers: Mapping[str, Any]) -> None:
    """Accept headers that every broker takes.

    Raises:
        UnencodableValue: AMQP has no form for a name or value.
        MessageTooLarge: they are longer than 8 kB together.
    """
    size = _table(headers, "", 0)
    if size > MAX_BYTES:
        largest = max(headers, key=lambda name: _value(headers[name], name, 1))
        raise MessageTooLarge(
            f"the headers have {size} bytes, and brokers are given at most {MAX_BYTES}; the largest is {largest!r}. "
            "Put it into the message."
        )


def _table(table: Mapping[Any, Any], path: str, depth: int) -> int:
    return sum(_name(name, path) + _value(value, f"{path}{name}", depth + 1) for name, value in table.items())


def _name(name: object, path: str) -> int:
    if not isinstance(name, str):
        raise UnencodableValue(f"the header name {path}{name!r} is no text. Use text.")
    size = len(_utf8(name, path))
    if size > 255:
        raise UnencodableValue(
            f"the header name {path}{name[:40]!r}... has {size} bytes; AMQP carries 255. Shorten it."
        )
    return size + 2


def _value(value: object, path: str, depth: int) -> int:
    if depth > _DEEPEST:
        raise UnencodableValue(
            f"the header {path[:80]!r} is nested deeper than {_DEEPEST} levels. Send it as JSON text."
        )
    if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
        raise UnencodableValue(f"the header {path!r} has a number of more than 64 bits. Send it as text.")
    if isinstance(value, float) and not math.isfinite(value):
        raise UnencodableValue(
            f"the header {path!r} is {value}, which no broker takes. Leave it out, or send it as text."
        )
    if isinstance(value, Decimal) and decimal_parts(value) is None:
        raise UnencodableValue(f"the header {path!r} has a decimal of more than 32 bits, or none. Send it as text.")
    if value is None or isinstance(value, (int, float, datetime, Decimal)):
        return 8  # at most
    if isinstance(value, str):
        return 4 + len(_utf8(value, path))
    if isinstance(value, bytes):
        return 4 + len(value)
    if isinstance(value, (list, tuple)):
        return 4 + sum(1 + _value(each, f"{path}[]", depth + 1) for each in value)
    if isinstance(value, Mapping):
        return 4 + _table(value, f"{path}.", depth)
    raise UnencodableValue(
        f"the header {path!r} is a {type(value).__name__}, which AMQP cannot carry. Use text, a number, "
        "bytes, a datetime, or lists and tables of them."
    )


def _utf8(text: str, path: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise UnencodableValue(
            f"the header {path!r} has text that is not valid Unicode. Use other characters."
        ) from None
