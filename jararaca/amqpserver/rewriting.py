"""The header of a message in which the broker has changed something: what its publisher wrote stays byte for byte.

A consumer in a language that tells integers apart by their size sees what RabbitMQ would show it: the publisher's own
values with their own types, and 64 bits for every number of the broker's (the count of a death, of deliveries).
"""

import struct
from collections.abc import Mapping
from typing import Any

from jararaca.adapters.rabbitmq.tables import encode_short, encode_table, read_table
from jararaca.ports.broker import Envelope

_START = struct.Struct(">HHQH")  # class, weight, body size, flags
_LENGTH = struct.Struct(">I")
_HEADERS, _REPLY_TO, _EXPIRATION = 0x2000, 0x0200, 0x0100
_ONE_BYTE = 0x1800  # delivery mode and priority
_TIMESTAMP = 0x0040
_FLAGS = tuple(1 << place for place in range(15, 1, -1))
_SIZES = {ord(letter): size for letter, size in zip("tbBsuIilLfdTDV", (1, 1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 8, 5, 0))}  # noqa: B905


def rewritten(source: bytes, message: Envelope) -> bytes:
    """The payload of the header frame of `message`, whose publisher sent `source`.

    Headers, `reply_to` and `expiration` are those of the message; the broker changes nothing else.
    """
    class_id, weight, size, flags = _START.unpack_from(source)
    found = _properties(source, flags)
    table = _rewritten_table(found.get(_HEADERS, _LENGTH.pack(0)), message.headers) if message.headers else None
    changed = {
        _HEADERS: table,
        _REPLY_TO: None if message.reply_to is None else encode_short(message.reply_to),
        _EXPIRATION: None if message.expiration is None else encode_short(message.expiration),
    }
    parts = {flag: raw for flag, raw in (found | changed).items() if raw is not None}
    start = _START.pack(class_id, weight, size, sum(parts))
    return start + b"".join([parts[flag] for flag in _FLAGS if flag in parts])


def _properties(source: bytes, flags: int) -> dict[int, bytes]:
    """The bytes of each property that is there, by its flag."""
    found: dict[int, bytes] = {}
    at = _START.size
    for flag in _FLAGS:
        if flags & flag:
            size = _property_size(flag, source, at)
            found[flag] = source[at : at + size]
            at += size
    return found


def _property_size(flag: int, source: bytes, at: int) -> int:
    if flag & _ONE_BYTE:
        return 1
    if flag == _HEADERS:
        return 4 + int(_LENGTH.unpack_from(source, at)[0])
    return 8 if flag == _TIMESTAMP else 1 + source[at]


def _rewritten_table(source: bytes, headers: Mapping[str, Any]) -> bytes:
    """In the order of names, as RabbitMQ leaves a table that it has touched."""
    before, _end = read_table(source, 0)
    raw = _fields(source)
    parts = []
    for name in sorted(headers):
        value = headers[name]
        kept = name in before and type(before[name]) is type(value) and before[name] == value
        parts.append(encode_short(name) + (raw[name] if kept else _encoded(value)))
    content = b"".join(parts)
    return _LENGTH.pack(len(content)) + content


def _fields(table: bytes) -> dict[str, bytes]:
    """The bytes of each value, type first; the table has been read before, so that it is sound."""
    found: dict[str, bytes] = {}
    at = 4
    while at < len(table):
        end = at + 1 + table[at]
        name = table[at + 1 : end].decode("utf-8", "surrogateescape")
        size = _SIZES.get(table[end])
        at = end + 1 + (4 + int(_LENGTH.unpack_from(table, end + 1)[0]) if size is None else size)
        found[name] = table[end:at]
    return found


def _encoded(value: Any) -> bytes:
    """A value of the broker's, type first."""
    if type(value) is int:
        return b"l" + value.to_bytes(8, "big", signed=True)
    if isinstance(value, Mapping):
        content = b"".join([encode_short(name) + _encoded(each) for name, each in value.items()])
        return b"F" + _LENGTH.pack(len(content)) + content
    if isinstance(value, list):
        content = b"".join([_encoded(each) for each in value])
        return b"A" + _LENGTH.pack(len(content)) + content
    return encode_table({"": value})[5:]  # behind the length of the table and of the empty name
