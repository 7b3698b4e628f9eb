"""AMQP 0-9-1 over a blocking socket, frame by frame: what a test needs to see everything in the order it arrives in.

A client library reconnects, renumbers and hides; this one shows. Method frames are those of pamqp. Tables and
properties are written and read by the codec of our RabbitMQ adapter, which keeps every type apart.
"""

import select
import socket
import struct
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from pamqp import base, commands, decode, encode

from jararaca.adapters.rabbitmq.frames import BODY, FRAME, HEADER, METHOD, frame
from jararaca.adapters.rabbitmq.properties import body_size_of, decode_header, encode_header
from jararaca.adapters.rabbitmq.tables import decode_table, encode_table
from jararaca.ports.broker import Envelope

PATIENCE = 10.0
"""Seconds for an answer."""

_OVERHEAD = 8
_FRAME_MAX = 131_072
_WITH_CONTENT = (commands.Basic.Deliver, commands.Basic.GetOk, commands.Basic.Return)


class Silence(AssertionError):
    """The server did not answer, or hung up without a word."""


@dataclass(slots=True)
class Arrival:
    """One method from the server, with its message if it carries one."""

    channel: int
    method: Any
    envelope: Envelope | None = None


class AmqpSocket:
    """One connection, logged in and open. `close` it.

    Args:
        url: `amqp://user:password@host:port/vhost`.

    Raises:
        OSError: nobody listens there.
        Silence: somebody does, and does not answer, or refuses the login.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 5672), PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""
        self._partial: dict[int, tuple[Any, bytes, bytes]] = {}
        try:
            self._open(unquote(parts.username or "guest"), unquote(parts.password or "guest"), parts.path)
        except BaseException:
            self.close()
            raise

    def _open(self, user: str, password: str, path: str) -> None:
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self.expect(0, commands.Connection.Start)
        capabilities = {"publisher_confirms": True, "consumer_cancel_notify": True, "basic.nack": True}
        properties: Any = {"product": "jararaca differential test", "capabilities": capabilities}
        secret = f"\0{user}\0{password}"
        self.send(0, commands.Connection.StartOk(properties, "PLAIN", secret, "en_US"))
        self.expect(0, commands.Connection.Tune)
        self.send(0, commands.Connection.TuneOk(2047, _FRAME_MAX, 0))
        self.send(0, commands.Connection.Open(unquote(path[1:]) or "/"))
        self.expect(0, commands.Connection.OpenOk)

    def expect(self, channel: int, kind: type[Any]) -> Any:
        """The next method on `channel`, which must be of this kind."""
        arrival = self.receive()
        if arrival.channel != channel or not isinstance(arrival.method, kind):
            raise Silence(f"the server said {arrival.method.name} where {kind.name} was expected")
        return arrival.method

    def send(self, channel: int, *methods: Any) -> None:
        self._socket.sendall(b"".join(frame(METHOD, channel, encode_method(method)) for method in methods))

    def publish(self, channel: int, method: commands.Basic.Publish, envelope: Envelope) -> None:
        frames = [frame(METHOD, channel, encode_method(method)), frame(HEADER, channel, encode_header(envelope))]
        size = _FRAME_MAX - _OVERHEAD
        body = envelope.body
        frames += [frame(BODY, channel, body[at : at + size]) for at in range(0, len(body), size)]
        self._socket.sendall(b"".join(frames))

    def pending(self) -> bool:
        """Whether something can be received without waiting."""
        return bool(self._data) or bool(select.select([self._socket], [], [], 0)[0])

    def receive(self) -> Arrival:
        """Wait for the next method.

        Raises:
            Silence: nothing came within `PATIENCE`, or the server hung up.
        """
        while True:
            kind, channel, payload = self._frame()
            if kind == METHOD:
                method = decode_method(payload)
                if not isinstance(method, _WITH_CONTENT):
                    return Arrival(channel, method)
                self._partial[channel] = (method, b"", b"")
            elif kind in {HEADER, BODY}:
                method, header, body = self._partial.pop(channel)
                header, body = (payload, body) if kind == HEADER else (header, body + payload)
                if len(body) == body_size_of(header):
                    return Arrival(channel, method, decode_header(header, body))
                self._partial[channel] = (method, header, body)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _frame(self) -> tuple[int, int, bytes]:
        self._fill(_OVERHEAD)
        kind, channel, size = FRAME.unpack_from(self._data)
        end = _OVERHEAD + size
        self._fill(end)
        payload, self._data = self._data[_OVERHEAD - 1 : end - 1], self._data[end:]
        return kind, channel, payload

    def _fill(self, size: int) -> None:
        while len(self._data) < size:
            try:
                data = self._socket.recv(65_536)
            except OSError as error:
                raise Silence(f"the server said nothing for {PATIENCE:g} seconds, or hung up: {error}") from error
            if not data:
                raise Silence("the server hung up")
            self._data += data


def encode_method(method: base.Frame) -> bytes:
    """The payload of a method frame, unchecked: a server must stand what pamqp would refuse to send."""
    parts = [struct.pack(">I", method.index)]
    bits: list[bool] = []
    for name in method.attributes():
        kind, value = method.amqp_type(name), getattr(method, name)
        if kind == "bit":
            bits.append(bool(value))
            continue
        parts += [_packed(bits)] if bits else []
        bits = []
        parts.append(encode_table(value or {}) if kind == "table" else encode.by_type(value, kind))
    return b"".join([*parts, _packed(bits)] if bits else parts)


def decode_method(payload: bytes) -> Any:
    """The method in a frame from the server."""
    method: Any = commands.INDEX_MAPPING[struct.unpack_from(">I", payload)[0]]()
    at, bit = 4, 0
    value: Any
    for name in method.attributes():
        kind = method.amqp_type(name)
        if kind == "bit":
            setattr(method, name, bool(payload[at] >> bit & 1))
            bit += 1
            continue
        at, bit = (at + 1, 0) if bit else (at, 0)
        if kind == "table":
            value, at = decode_table(payload, at)
        else:
            consumed, value = decode.by_type(payload[at:], kind)
            at += consumed
        setattr(method, name, value)
    return method


def _packed(bits: list[bool]) -> bytes:
    return bytes([sum(bit << position for position, bit in enumerate(bits))])
