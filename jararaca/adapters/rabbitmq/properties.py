"""The content header of a message: its basic properties as bytes, and back to an `Envelope`."""

import logging
import struct
from typing import Any

from jararaca.adapters.rabbitmq.tables import (
    decode_short,
    decode_table,
    encode_short,
    encode_table,
    moment_of,
    repeated_short,
    seconds_of,
)
from jararaca.errors import UnencodableValue
from jararaca.ports.broker import Envelope

logger = logging.getLogger("jararaca.adapters")

_START = struct.Struct(">HHQH")  # class, weight, body size, flags
_SECONDS = struct.Struct(">Q")
_BASIC = 60

_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS, _DELIVERY_MODE = 0x8000, 0x4000, 0x2000, 0x1000
_PRIORITY, _CORRELATION_ID, _REPLY_TO, _EXPIRATION = 0x0800, 0x0400, 0x0200, 0x0100
_MESSAGE_ID, _TIMESTAMP, _TYPE, _USER_ID, _APP_ID = 0x0080, 0x0040, 0x0020, 0x0010, 0x0008


def encode_header(envelope: Envelope) -> bytes:
    """The payload of the header frame.

    Raises:
        UnencodableValue: a body that is not bytes, a header that AMQP cannot carry, or a property over 255 bytes.
    """
    body, content_type, content_encoding, headers, persistent, priority, *texts, timestamp, kind, user, app = envelope
    if not isinstance(body, bytes):
        raise UnencodableValue(f"the body is a {type(body).__name__}. Encode it to bytes.")
    flags = _DELIVERY_MODE
    parts = [b""]
    if content_type is not None:
        flags |= _CONTENT_TYPE
        parts.append(repeated_short(content_type))
    if content_encoding is not None:
        flags |= _CONTENT_ENCODING
        parts.append(repeated_short(content_encoding))
    if headers:
        flags |= _HEADERS
        parts.append(encode_table(headers))
    parts.append(b"\x02" if persistent else b"\x01")
    if priority is not None:
        flags |= _PRIORITY
        parts.append(bytes((min(max(priority, 0), 255),)))
    flag = _CORRELATION_ID
    for text in texts:  # to _MESSAGE_ID
        if text is not None:
            flags |= flag
            parts.append(encode_short(text))
        flag >>= 1
    if timestamp is not None:
        flags |= _TIMESTAMP
        parts.append(_SECONDS.pack(seconds_of(timestamp)))
    if kind is not None:
        flags |= _TYPE
        parts.append(repeated_short(kind))
    if user is not None:
        flags |= _USER_ID
        parts.append(repeated_short(user))
    if app is not None:
        flags |= _APP_ID
        parts.append(repeated_short(app))
    parts[0] = _START.pack(_BASIC, 0, len(body), flags)
    return b"".join(parts)


def body_size_of(header: bytes) -> int:
    """How many bytes of body follow a header frame with this payload."""
    return int.from_bytes(header[4:12], "big")


def decode_header(header: bytes, body: bytes) -> Envelope:
    """The message as the application sees it; without the properties from a damaged one on, if there is one."""
    fields: dict[str, Any] = {"persistent": False}
    name = ""
    try:
        flags = _START.unpack_from(header)[3]
        at = _START.size
        for flag, name in _ORDER:
            if flags & flag:
                fields[name], at = _decode(name, header, at)
    except (IndexError, struct.error):
        logger.warning("the properties of a message are damaged and were left out", extra={"from": name})
    return Envelope(body, **fields)


_ORDER = (
    (_CONTENT_TYPE, "content_type"),
    (_CONTENT_ENCODING, "content_encoding"),
    (_HEADERS, "headers"),
    (_DELIVERY_MODE, "persistent"),
    (_PRIORITY, "priority"),
    (_CORRELATION_ID, "correlation_id"),
    (_REPLY_TO, "reply_to"),
    (_EXPIRATION, "expiration"),
    (_MESSAGE_ID, "message_id"),
    (_TIMESTAMP, "timestamp"),
    (_TYPE, "type"),
    (_USER_ID, "user_id"),
    (_APP_ID, "app_id"),
)


def _decode(name: str, header: bytes, at: int) -> tuple[Any, int]:
    match name:
        case "headers":
            return decode_table(header, at)
        case "persistent":
            return header[at] == 2, at + 1
        case "priority":
            return header[at], at + 1
        case "timestamp":
            return moment_of(int.from_bytes(header[at : at + 8], "big")), at + 8
    return decode_short(header, at)
