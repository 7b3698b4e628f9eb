"""AMQP field tables to bytes and back.

Written here because the driver's own codec sends floats in single precision, refuses `bytes`, and copies the rest of
the table once per field. Integers travel as 32 or 64 bits, floats as doubles, timestamps as whole seconds.

Writing refuses what AMQP cannot carry. Reading never fails: whoever wrote a table, its message must be settled, so
what cannot be read of it is left out, with a warning.
"""

import logging
import math
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jararaca.errors import UnencodableValue
from jararaca.ports.broker import DEEPEST, decimal_parts

logger = logging.getLogger("jararaca.adapters")

_LENGTH = struct.Struct(">I")
_INTEGER = struct.Struct(">ci")
_LONG = struct.Struct(">cq")
_DOUBLE = struct.Struct(">cd")
_SECONDS = struct.Struct(">cQ")
_DECIMAL = struct.Struct(">Bi")
_FIXED = {
    ord(letter): struct.Struct(f">{code}")
    for letter, code in zip("tbBsuIilLfd", "?bBhHiIqqfd", strict=True)
}  # fmt: skip


def encode_table(table: Mapping[str, Any], depth: int = 0) -> bytes:
    """A table with its length in front; `depth` is how many others it lies in.

    Raises:
        UnencodableValue: a value that AMQP has no form for, or a key longer than 255 bytes.
    """
    parts: list[bytes] = []
    for key, value in table.items():
        parts.append(repeated_short(key))
        if type(value) is str:  # most are, and a call for each would be felt
            raw = _encode_text(value)
            parts += (b"S", _LENGTH.pack(len(raw)), raw)
        else:
            parts.append(_encode_value(value, depth + 1))
    content = b"".join(parts)
    return _LENGTH.pack(len(content)) + content


def encode_short(text: str) -> bytes:
    """A short string: one byte of length, UTF-8. What was decoded from foreign bytes is restored exactly."""
    raw = _encode_text(text)
    if len(raw) > 255:
        raise UnencodableValue(f"{text[:40]!r}... has {len(raw)} bytes, and AMQP allows 255 here. Shorten it.")
    return bytes((len(raw),)) + raw


repeated_short = lru_cache(maxsize=1024)(encode_short)
"""`encode_short` for what many messages have in common: names, types, topics."""


def _encode_text(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except (AttributeError, UnicodeEncodeError) as error:
        raise UnencodableValue(f"{text!r:.80} cannot travel as an AMQP string: {error}. Pass plain text.") from error


def _encode_value(value: Any, depth: int) -> bytes:
    match value:
        case str():
            return _prefixed(b"S", _encode_text(value))
        case bool():
            return b"t\x01" if value else b"t\x00"
        case int():
            return _encode_integer(value)
        case float():
            return _encode_float(value)
        case None:
            return b"V"
        case bytes() | bytearray() | memoryview():
            return _prefixed(b"x", bytes(value))
        case datetime():
            return _SECONDS.pack(b"T", seconds_of(value))
        case Decimal():
            return _encode_decimal(value)
        case Mapping():
            _check_depth(depth)
            return b"F" + encode_table(value, depth)
        case list() | tuple():
            _check_depth(depth)
            return _prefixed(b"A", b"".join([_encode_value(item, depth + 1) for item in value]))
    raise UnencodableValue(
        f"{type(value).__name__} is not an AMQP table value. Use None, bool, int, float, str, bytes, datetime, "
        "Decimal, or lists and tables of them."
    )


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise UnencodableValue(f"a value is nested deeper than {DEEPEST} levels. Flatten it, or send it as JSON text.")


def _prefixed(tag: bytes, content: bytes) -> bytes:
    return tag + _LENGTH.pack(len(content)) + content


def _encode_integer(value: int) -> bytes:
    if -0x80000000 <= value <= 0x7FFFFFFF:
        return _INTEGER.pack(b"I", value)
    if -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
        return _LONG.pack(b"l", value)
    raise UnencodableValue(f"{value} needs more than the 64 bits of an AMQP integer. Pass it as text.")


def _encode_float(value: float) -> bytes:
    if not math.isfinite(value):  # the server closes the whole connection over it (541)
        raise UnencodableValue(f"{value} is no number that AMQP carries. Pass it as text, or leave it out.")
    return _DOUBLE.pack(b"d", value)


def _encode_decimal(value: Decimal) -> bytes:
    parts = decimal_parts(value)
    if parts is None:
        raise UnencodableValue(f"{value} does not fit AMQP's decimal of 32 bits. Pass it as text.")
    return b"D" + _DECIMAL.pack(*parts)


def seconds_of(moment: datetime) -> int:
    """Whole seconds since 1970; a time without zone is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0, int(aware.timestamp()))


def moment_of(seconds: int) -> datetime | None:
    """The aware UTC time, or None for what no calendar has (some clients send milliseconds)."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def decode_short(data: bytes, at: int) -> tuple[str, int]:
    """The short string at `at`, and the position after it. Foreign bytes that are not UTF-8 survive as surrogates."""
    end = at + 1 + data[at]
    return data[at + 1 : end].decode("utf-8", "surrogateescape"), end


class _TooDeep(Exception):
    """A value is nested deeper than `DEEPEST`; where it ends is known all the same."""


class _Damaged(Exception):
    """Lengths contradict each other, so nothing tells where the next value starts."""


def decode_table(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    """The table whose length stands at `at`, and the position after it.

    A field that is nested too deeply is left out, and so is everything from a damaged one on.
    """
    end = at + 4 + _LENGTH.unpack_from(data, at)[0]
    at += 4
    table: dict[str, Any] = {}
    name = ""
    try:
        _check_end(end, within=len(data))
        while at < end:
            name, at = decode_short(data, at)
            try:
                table[name], at = _decode_value(data, at, 1)
            except _TooDeep:
                _left_out(name, f"nested deeper than {DEEPEST} levels")
                at += 5 + _LENGTH.unpack_from(data, at + 1)[0]
    except (_Damaged, IndexError, struct.error):
        _left_out(name, "damaged, with all that follow")
    return table, end


class DamagedTable(ValueError):
    """A table cannot be read to its end."""


def read_table(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    """As `decode_table`, for who has to refuse a table that is damaged or nested too deeply.

    Raises:
        DamagedTable: it is.
    """
    try:
        end = at + 4 + _LENGTH.unpack_from(data, at)[0]
        _check_end(end, within=len(data))
        return _decode_fields(data, at + 4, end, 1), end
    except (_Damaged, _TooDeep, IndexError, struct.error) as error:
        raise DamagedTable("this is no table of AMQP") from error


def _left_out(name: str, why: str) -> None:
    logger.warning("a header cannot be read and was left out", extra={"header": name[:80], "why": why})


def _check_end(end: int, *, within: int) -> None:
    if end > within:
        raise _Damaged


def _decode_value(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    tag = data[at]
    at += 1
    if (fixed := _FIXED.get(tag)) is not None:
        value = fixed.unpack_from(data, at)[0]
        finite = type(value) is not float or math.isfinite(value)
        return value if finite else None, at + fixed.size  # a server closes the connection of who sends it on
    match tag:
        case 0x56:  # V
            return None, at
        case 0x54:  # T
            seconds = int.from_bytes(data[at : at + 8], "big", signed=True)
            return moment_of(seconds) or seconds, at + 8
        case 0x44:  # D
            scale, mantissa = _DECIMAL.unpack_from(data, at)
            return Decimal(mantissa).scaleb(-scale), at + 5
    return _decode_long(tag, data, at, depth)


def _decode_long(tag: int, data: bytes, at: int, depth: int) -> tuple[Any, int]:
    end = at + 4 + _LENGTH.unpack_from(data, at)[0]
    _check_end(end, within=len(data))
    at += 4
    if tag in {0x41, 0x46}:  # A, F
        if depth > DEEPEST:
            raise _TooDeep
        decode = _decode_items if tag == 0x41 else _decode_fields
        return decode(data, at, end, depth + 1), end
    raw = bytes(data[at:end])
    return _text_or_bytes(raw) if tag == 0x53 else raw, end


def _decode_items(data: bytes, at: int, end: int, depth: int) -> list[Any]:
    items: list[Any] = []
    while at < end:
        item, at = _decode_value(data, at, depth)
        items.append(item)
    _check_end(at, within=end)
    return items


def _decode_fields(data: bytes, at: int, end: int, depth: int) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    while at < end:
        name, at = decode_short(data, at)
        fields[name], at = _decode_value(data, at, depth)
    _check_end(at, within=end)
    return fields


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
