"""How a frame travels between instances: who sent it as which of its frames, for whom, and its payload untouched."""

import json
import struct
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel

from jararaca.errors import UnencodableMessage

_LENGTH = struct.Struct(">I")
Payload = bytes | str
FrameKind = Literal["broadcast", "send", "close_room", "heartbeat"]


class UndecodableFrame(ValueError):
    """Bytes on a fan-out channel that are no frame of ours."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `seq` counts the frames of `origin` from 1; a heartbeat repeats the latest."""

    kind: FrameKind
    origin: str
    seq: int
    payload: Payload = b""
    rooms: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """A length, a JSON head, and the payload as it is: no room name or byte can be mistaken for another."""
        text = isinstance(self.payload, str)
        head = json.dumps([self.kind, self.origin, self.seq, list(self.rooms), text]).encode()
        body = self.payload.encode() if isinstance(self.payload, str) else self.payload
        return _LENGTH.pack(len(head)) + head + body

    @staticmethod
    def decode(data: bytes) -> "Frame":
        """The frame that `encode` wrote.

        Raises:
            UndecodableFrame: the bytes are something else.
        """
        try:
            (length,) = _LENGTH.unpack_from(data)
            kind, origin, seq, rooms, text = json.loads(data[_LENGTH.size : _LENGTH.size + length])
            body = data[_LENGTH.size + length :]
            payload: Payload = body.decode() if text else body
            _demand(kind in get_args(FrameKind) and isinstance(origin, str) and isinstance(text, bool))
            _demand(type(seq) is int and isinstance(rooms, list) and all(isinstance(room, str) for room in rooms))
            return Frame(kind, origin, seq, payload, tuple(rooms))
        except (struct.error, ValueError, TypeError, RecursionError) as error:
            raise UndecodableFrame(f"{len(data)} bytes that are no frame") from error


def _demand(is_so: bool) -> None:
    if not is_so:
        raise ValueError("not the head of a frame")


def payload_of(message: bytes | str | BaseModel) -> Payload:
    """What goes over the wire: bytes as a binary frame, text and models (as JSON) as a text frame.

    Raises:
        UnencodableMessage: it is something else, or text that UTF-8 cannot carry.
    """
    payload = message.model_dump_json(by_alias=True) if isinstance(message, BaseModel) else message
    if isinstance(payload, str):
        try:
            payload.encode()
        except UnicodeEncodeError as error:
            raise UnencodableMessage(f"a text frame is UTF-8, which cannot carry it: {error.reason}.") from error
    elif not isinstance(payload, bytes):
        raise UnencodableMessage(
            f"a frame is bytes, a string or a pydantic model, not {type(payload).__name__}. Encode it, for example "
            "with json.dumps()."
        )
    return payload
