"""Messages on the wire: what a client publishes, and what it receives. No object of the codec is made on the way.

What arrives is kept as it came. A consumer gets the publisher's own bytes unless the broker has to change something,
so that integers of any size, times that no calendar has and whatever else `Envelope` does not tell apart survive.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

from jararaca.adapters.rabbitmq.frames import BODY, DELIVER, FRAME, GET_OK, HEADER, METHOD, OVERHEAD, RETURN
from jararaca.adapters.rabbitmq.properties import encode_header
from jararaca.adapters.rabbitmq.tables import DamagedTable, decode_short, encode_short, moment_of, read_table
from jararaca.amqpserver.codec import read_short
from jararaca.amqpserver.refusals import internal_error, no_header, undecodable, unknown_delivery_mode
from jararaca.amqpserver.rewriting import rewritten
from jararaca.ports.broker import Envelope

PUBLISH = 0x003C0028

_START = struct.Struct(">HHQH")  # class, weight, body size, flags
_TAG = struct.Struct(">QB")
_COUNT = struct.Struct(">I")
_ID = struct.Struct(">I")
_CODE = struct.Struct(">H")
_DELIVERY_MODES = frozenset({1, 2})
_NO_HEADERS: Mapping[str, Any] = {}

_CONTINUED, _CLUSTER_ID = 0x0001, 0x0004
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS, _DELIVERY_MODE = 0x8000, 0x4000, 0x2000, 0x1000
_PRIORITY, _CORRELATION_ID, _REPLY_TO, _EXPIRATION = 0x0800, 0x0400, 0x0200, 0x0100
_MESSAGE_ID, _TIMESTAMP, _TYPE, _USER_ID, _APP_ID = 0x0080, 0x0040, 0x0020, 0x0010, 0x0008


class Received(Envelope):
    """A message that came over a socket: `source` is the payload of the header frame that its publisher sent.

    `changed` says that the broker has made another message of it since.
    """

    source: bytes = b""
    changed: bool = False

    def _replace(self, **changes: Any) -> Self:
        replaced = super()._replace(**changes)
        replaced.source, replaced.changed = self.source, True
        return replaced

    @property
    def header(self) -> bytes:
        """The payload of the header frame for whoever receives it."""
        return rewritten(self.source, self) if self.changed else self.source


@lru_cache(maxsize=1024)
def read_publish(payload: bytes) -> tuple[str, str, bool, bool]:
    """Exchange, routing key, mandatory and immediate of Basic.Publish. Most publishes say what another one said.

    Raises:
        ConnectionClosed: 501, it cannot be read.
    """
    try:
        exchange, at = read_short(payload, 6)
        routing_key, at = read_short(payload, at)
        bits = payload[at]
    except IndexError as error:
        raise undecodable(payload[4:], PUBLISH) from error
    if at + 1 != len(payload):
        raise undecodable(payload[4:], PUBLISH)
    return exchange, routing_key, bool(bits & 1), bool(bits & 2)


def read_header(header: bytes) -> tuple[int, int]:
    """Class and body size of a header frame.

    Raises:
        ConnectionClosed: 505, it is none.
    """
    class_id, weight, size, _flags = _START.unpack_from(header)
    if weight:
        raise no_header(PUBLISH)
    return class_id, size


def read_message(header: bytes, body: bytes) -> Received:
    """Put a message together.

    Raises:
        ConnectionClosed: 541, its properties cannot be read.
        ChannelClosed: 406, its delivery mode is neither 1 nor 2.
    """
    flags = _START.unpack_from(header)[3]
    if flags & _CONTINUED:
        raise internal_error()
    try:
        fields, end = _read_properties(flags, header, _START.size)
    except (IndexError, DamagedTable) as error:
        raise internal_error() from error
    if end != len(header):
        raise internal_error()
    message = Received(body, *fields)
    message.source = header
    return message


def _read_properties(flags: int, data: bytes, at: int) -> tuple[tuple[Any, ...], int]:  # noqa: PLR0912 -- a list
    """The fields of an `Envelope` behind its body, in its order, and where the next byte is."""
    content_type = encoding = priority = correlation_id = reply_to = expiration = None
    message_id = timestamp = kind = user_id = app_id = None
    headers, persistent = _NO_HEADERS, False
    if flags & _CONTENT_TYPE:
        content_type, at = decode_short(data, at)
    if flags & _CONTENT_ENCODING:
        encoding, at = decode_short(data, at)
    if flags & _HEADERS:
        headers, at = read_table(data, at)
    if flags & _DELIVERY_MODE:
        if data[at] not in _DELIVERY_MODES:
            raise unknown_delivery_mode(data[at], PUBLISH)
        persistent, at = data[at] == 2, at + 1
    if flags & _PRIORITY:
        priority, at = data[at], at + 1
    if flags & _CORRELATION_ID:
        correlation_id, at = decode_short(data, at)
    if flags & _REPLY_TO:
        reply_to, at = decode_short(data, at)
    if flags & _EXPIRATION:
        expiration, at = decode_short(data, at)
    if flags & _MESSAGE_ID:
        message_id, at = decode_short(data, at)
    if flags & _TIMESTAMP:
        timestamp, at = moment_of(int.from_bytes(data[at : at + 8], "big")), at + 8
    if flags & _TYPE:
        kind, at = decode_short(data, at)
    if flags & _USER_ID:
        user_id, at = decode_short(data, at)
    if flags & _APP_ID:
        app_id, at = decode_short(data, at)
    if flags & _CLUSTER_ID:
        _, at = decode_short(data, at)
    ids = (message_id, timestamp, kind, user_id, app_id)
    return (content_type, encoding, headers, persistent, priority, correlation_id, reply_to, expiration, *ids), at


def write_content(channel: int, method: bytes, message: Envelope, frame_max: int) -> bytes:
    """A method with its message behind it, as one run of frames of at most `frame_max` bytes."""
    header = message.header if isinstance(message, Received) else encode_header(message)
    body = message.body
    parts = [
        FRAME.pack(METHOD, channel, len(method)), method, b"\xce",
        FRAME.pack(HEADER, channel, len(header)), header, b"\xce",
    ]  # fmt: skip
    room = frame_max - OVERHEAD
    if 0 < len(body) <= room:
        parts += (FRAME.pack(BODY, channel, len(body)), body, b"\xce")
    else:
        for at in range(0, len(body), room):
            piece = body[at : at + room]
            parts += (FRAME.pack(BODY, channel, len(piece)), piece, b"\xce")
    return b"".join(parts)


@lru_cache(maxsize=1024)
def write_consumer(consumer_tag: str) -> bytes:
    """The beginning of Basic.Deliver, the same for all that one consumer receives."""
    return _ID.pack(DELIVER) + encode_short(consumer_tag)


@lru_cache(maxsize=1024)
def write_route(exchange: str, routing_key: str) -> bytes:
    """Exchange and routing key; few are many messages' own."""
    return encode_short(exchange) + encode_short(routing_key)


def write_deliver(consumer_tag: str, tag: int, redelivered: bool, exchange: str, routing_key: str) -> bytes:
    """The payload of Basic.Deliver."""
    return write_consumer(consumer_tag) + _TAG.pack(tag, redelivered) + write_route(exchange, routing_key)


def write_get_ok(tag: int, redelivered: bool, exchange: str, routing_key: str, ready: int) -> bytes:
    """The payload of Basic.GetOk; `ready` is how many messages are left."""
    return _ID.pack(GET_OK) + _TAG.pack(tag, redelivered) + write_route(exchange, routing_key) + _COUNT.pack(ready)


def write_return(code: int, text: str, exchange: str, routing_key: str) -> bytes:
    """The payload of Basic.Return."""
    return _ID.pack(RETURN) + _CODE.pack(code) + encode_short(text) + write_route(exchange, routing_key)
