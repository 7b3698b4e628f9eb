"""Methods of AMQP 0-9-1 to bytes and back. pamqp says which methods there are, what their fields are called and of
which types they are; only this module reads that.

The bytes themselves are read and written here. pamqp's own reading notices neither a frame that is cut short nor one
that is too long, and its constructors refuse names that RabbitMQ takes.
"""

import struct
from collections.abc import Callable
from typing import Any, cast

from pamqp import commands
from pamqp.base import Frame

from jararaca.adapters.rabbitmq.frames import METHOD, METHOD_ID, frame
from jararaca.adapters.rabbitmq.tables import DamagedTable, encode_short, encode_table, read_table
from jararaca.amqpserver.refusals import malformed_utf8, undecodable, unknown_method

_OCTET, _SHORT, _LONG, _LONG_LONG = (struct.Struct(f">{code}") for code in "BHIQ")
_LONGEST_TEXT = 255


def decode_method(payload: bytes) -> Any:
    """The method of a frame, as an instance of its class in `pamqp.commands`.

    Raises:
        ConnectionClosed: there is no such method, or its arguments cannot be read.
    """
    index = METHOD_ID.unpack_from(payload)[0]
    kind = commands.INDEX_MAPPING.get(index)
    if kind is None:
        raise unknown_method(index)
    method: Frame = cast(Any, object).__new__(kind)
    try:
        end = _read_fields(method, kind, payload)
    except (IndexError, struct.error, DamagedTable) as error:
        raise undecodable(payload[METHOD_ID.size :], index) from error
    if end != len(payload):
        raise undecodable(payload[METHOD_ID.size :], index)
    return method


def _read_fields(method: Frame, kind: type[Frame], payload: bytes) -> int:
    at, bit = METHOD_ID.size, 0
    for name in kind.__slots__:
        field = kind.amqp_type(name)
        if field == "bit":
            setattr(method, name, bool(payload[at] >> bit & 1))
            bit += 1
            continue
        at, bit = at + (bit > 0), 0
        value, at = _READERS[field](payload, at)
        setattr(method, name, value)
    return at + (bit > 0)


def encode_method(channel: int, kind: type[Frame], **fields: Any) -> bytes:
    """A whole frame. Texts that are too long for a short string end in an ellipsis, as RabbitMQ's do."""
    parts = [METHOD_ID.pack(kind.index)]
    bits: list[bool] = []
    for name in kind.__slots__:
        field = kind.amqp_type(name)
        if field == "bit":
            bits.append(fields[name])
        else:
            parts.append(_WRITERS[field](fields[name]))
    if bits:  # no method that a server sends has fields behind its bits
        parts.append(bytes([sum(bit << place for place, bit in enumerate(bits))]))
    return frame(METHOD, channel, b"".join(parts))


def shortened(text: str) -> str:
    """At most 255 bytes of it."""
    raw = text.encode("utf-8", "surrogateescape")
    if len(raw) <= _LONGEST_TEXT:
        return text
    return raw[: _LONGEST_TEXT - 3].decode("utf-8", "ignore") + "..."


def read_short(data: bytes, at: int) -> tuple[str, int]:
    """The short string at `at`, and the position after it. Raises `IndexError` if it is cut, as other reading does."""
    end = at + 1 + data[at]
    if end > len(data):
        raise IndexError(end)
    try:
        return data[at + 1 : end].decode(), end
    except UnicodeDecodeError as error:
        raise malformed_utf8() from error


def _read_long_text(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + _LONG.unpack_from(data, at)[0]
    if end > len(data):
        raise IndexError(end)
    return data[at + 4 : end], end


def _reader(of: struct.Struct) -> Callable[[bytes, int], tuple[int, int]]:
    return lambda data, at: (of.unpack_from(data, at)[0], at + of.size)


_READERS: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "octet": _reader(_OCTET),
    "short": _reader(_SHORT),
    "long": _reader(_LONG),
    "longlong": _reader(_LONG_LONG),
    "shortstr": read_short,
    "longstr": _read_long_text,
    "table": read_table,
}
_WRITERS: dict[str, Callable[[Any], bytes]] = {
    "octet": _OCTET.pack,
    "short": _SHORT.pack,
    "long": _LONG.pack,
    "longlong": _LONG_LONG.pack,
    "shortstr": lambda text: encode_short(shortened(text)),
    "longstr": lambda raw: _LONG.pack(len(raw)) + raw,
    "table": encode_table,
}
