"""The few AMQP 0-9-1 frames that carry messages, built and read by hand; every other frame is the driver's."""

import struct
from dataclasses import dataclass
from functools import lru_cache

from jararaca.adapters.rabbitmq.tables import decode_short, encode_short

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
END = 0xCE
OVERHEAD = 8  # seven bytes in front of a payload, one behind it
HEARTBEAT_FRAME = b"\x08\x00\x00\x00\x00\x00\x00\xce"

CONNECTION_CLOSE, CONNECTION_BLOCKED, CONNECTION_UNBLOCKED = 0x000A0032, 0x000A003C, 0x000A003D
CHANNEL_CLOSE = 0x00140028
CANCEL, RETURN, DELIVER = 0x003C001E, 0x003C0032, 0x003C003C
GET_OK, GET_EMPTY, ACK, NACK = 0x003C0047, 0x003C0048, 0x003C0050, 0x003C0078
WITH_CONTENT = frozenset({RETURN, DELIVER, GET_OK})

FRAME = struct.Struct(">BHI")  # type, channel, payload size
_NEXT = struct.Struct(">BBHI")  # the end of one frame, and the next
METHOD_ID = struct.Struct(">I")
_TAG = struct.Struct(">QB")
_ACK = struct.Struct(">BHIIQBB")
_PUBLISH = bytes.fromhex("003c00280000")
_GET = bytes.fromhex("003c00460000")
_REJECT_ID = 0x003C005A


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the server closed a channel or the connection: its own code and text."""

    code: int
    text: str


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return FRAME.pack(kind, channel, len(payload)) + payload + b"\xce"


def publish_frames(channel: int, route: bytes, header: bytes, body: bytes, *, frame_max: int) -> bytes:
    """One publish as one run of bytes. `route` comes from `encode_route`; frames are at most `frame_max` long."""
    size = frame_max - OVERHEAD
    parts = (
        FRAME.pack(METHOD, channel, len(route)),
        route,
        _NEXT.pack(END, HEADER, channel, len(header)),
        header,
    )
    if 0 < len(body) <= size:
        return b"".join((*parts, _NEXT.pack(END, BODY, channel, len(body)), body, b"\xce"))
    bodies = [frame(BODY, channel, body[at : at + size]) for at in range(0, len(body), size)]
    return b"".join((*parts, b"\xce", *bodies))


@lru_cache(maxsize=1024)
def encode_route(exchange: str, routing_key: str, *, mandatory: bool) -> bytes:
    """The payload of Basic.Publish."""
    return b"".join((_PUBLISH, encode_short(exchange), encode_short(routing_key), b"\x01" if mandatory else b"\x00"))


def get_frame(channel: int, queue: str) -> bytes:
    return frame(METHOD, channel, _GET + encode_short(queue) + b"\x00")


def ack_frame(channel: int, tag: int) -> bytes:
    return _ACK.pack(METHOD, channel, 13, ACK, tag, 0, END)


def nack_frame(channel: int, tag: int, *, requeue: bool) -> bytes:
    return _ACK.pack(METHOD, channel, 13, NACK, tag, 2 if requeue else 0, END)


def reject_frame(channel: int, tag: int, *, requeue: bool) -> bytes:
    return _ACK.pack(METHOD, channel, 13, _REJECT_ID, tag, requeue, END)


def read_confirm(arguments: bytes) -> tuple[int, bool]:
    """The tag of Basic.Ack or Basic.Nack, and whether it stands for all up to it."""
    tag, bits = _TAG.unpack_from(arguments)
    return tag, bool(bits & 1)


def read_deliver(arguments: bytes) -> tuple[int, bool, str, str]:
    """Tag, redelivered, exchange and routing key of Basic.Deliver."""
    return read_get_ok(arguments[1 + arguments[0] :])


def read_get_ok(arguments: bytes) -> tuple[int, bool, str, str]:
    """Tag, redelivered, exchange and routing key of Basic.GetOk."""
    tag, redelivered = _TAG.unpack_from(arguments)
    exchange, at = decode_short(arguments, _TAG.size)
    return tag, bool(redelivered), exchange, decode_short(arguments, at)[0]


def read_return(arguments: bytes) -> tuple[Refusal, str, str]:
    """Reason, exchange and routing key of Basic.Return."""
    refusal, at = _refusal(arguments)
    exchange, at = decode_short(arguments, at)
    return refusal, exchange, decode_short(arguments, at)[0]


def read_close(arguments: bytes) -> Refusal:
    """Why the server closed, of Channel.Close or Connection.Close."""
    return _refusal(arguments)[0]


def _refusal(arguments: bytes) -> tuple[Refusal, int]:
    text, at = decode_short(arguments, 2)
    return Refusal(int.from_bytes(arguments[:2], "big"), text), at
