"""A client of AMQP that says exactly what it is told to, byte by byte, and shows what the server answers."""

import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from pamqp import base, commands, encode, exceptions, frame, header
from pamqp.body import ContentBody
from pamqp.heartbeat import Heartbeat

PREAMBLE = b"AMQP\x00\x00\x09\x01"
PATIENCE = 10.0  # seconds for an answer

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8


def raw(kind: int, channel: int, payload: bytes, *, end: int = 0xCE, size: int | None = None) -> bytes:
    """One frame; `end` and `size` may lie."""
    return struct.pack(">BHI", kind, channel, len(payload) if size is None else size) + payload + bytes([end])


def publish(channel: int, body: bytes, exchange: str = "", routing_key: str = "", **properties: Any) -> bytes:
    """The three frames of a message."""
    method = commands.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
    content = header.ContentHeader(body_size=len(body), properties=commands.Basic.Properties(**properties))
    parts = [frame.marshal(method, channel), frame.marshal(content, channel)]
    return b"".join([*parts, frame.marshal(ContentBody(body), channel)] if body else parts)


class Speaker:
    """One TCP connection to the server at `url`; nothing is said before the caller says it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.user, self.password = parts.username or "guest", parts.password or "guest"
        self.vhost = unquote(parts.path[1:]) or "/"
        self.socket = socket.create_connection((parts.hostname, parts.port or 5672), timeout=PATIENCE)
        self._read = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _traceback: TracebackType | None) -> None:
        self.socket.close()

    def say(self, *frames: bytes | base.Frame, channel: int = 1) -> None:
        """Send bytes as they are, and methods on `channel`. A server that has closed does not hear it."""
        data = b"".join(each if isinstance(each, bytes) else frame.marshal(each, channel) for each in frames)
        with suppress(ConnectionError):
            self.socket.sendall(data)

    def hear(self) -> Any:
        """The next frame that is no heartbeat: what pamqp makes of it. None: the server has closed the socket."""
        for _channel, heard in self.frames():
            if not isinstance(heard, Heartbeat):
                return heard
        return None

    def frames(self) -> Iterator[tuple[int, Any]]:
        """All that comes, with the channel, until the server closes the socket."""
        while True:
            with suppress(exceptions.UnmarshalingException):
                used, channel, heard = frame.unmarshal(self._read) if len(self._read) >= 8 else (0, 0, None)
                if used:
                    self._read = self._read[used:]
                    yield channel, heard
                    continue
            try:
                more = self.socket.recv(65_536)
            except ConnectionError:
                more = b""
            if not more:
                return
            self._read += more

    def exactly(self, size: int) -> bytes:
        """The next bytes, whatever they are."""
        while len(self._read) < size:
            self._read += self.socket.recv(65_536)
        heard, self._read = self._read[:size], self._read[size:]
        return heard

    def raw_frame(self) -> bytes:
        """The payload of the next frame, whatever it is."""
        size = struct.unpack(">BHI", self.exactly(7))[2]
        return self.exactly(size + 1)[:-1]

    def ask(self, *frames: bytes | base.Frame, channel: int = 1) -> Any:
        """Say something and hear the answer."""
        self.say(*frames, channel=channel)
        return self.hear()

    def greet(self) -> commands.Connection.Start:
        """Up to the server's Start."""
        start = self.ask(PREAMBLE)
        assert isinstance(start, commands.Connection.Start)
        return start

    def log_in(self, *, mechanism: str = "PLAIN", response: bytes | None = None, **capabilities: bool) -> Any:
        """Greet and log in; the answer is Tune, or a close."""
        self.greet()
        return self.ask(self.start_ok(mechanism, response, **capabilities), channel=0)

    def start_ok(self, mechanism: str, response: bytes | None = None, **capabilities: bool) -> bytes:
        if response is None:
            response = f"\0{self.user}\0{self.password}".encode()
        offered: Any = {name.replace("__", "."): value for name, value in capabilities.items()}
        arguments = (
            encode.field_table({"product": "speaker", "capabilities": offered})
            + encode.short_string(mechanism)
            + struct.pack(">I", len(response))
            + response
            + encode.short_string("en_US")
        )
        return raw(METHOD, 0, struct.pack(">I", commands.Connection.StartOk.index) + arguments)

    def tune(self, tune: commands.Connection.Tune, **over: int) -> None:
        wanted = {"channel_max": tune.channel_max, "frame_max": tune.frame_max, "heartbeat": 0, **over}
        self.say(commands.Connection.TuneOk(**wanted), channel=0)

    def open(self, vhost: str | None = None, *, channels: int = 1, **over: Any) -> Any:
        """All the way to an open connection with open channels; the answer to the last step."""
        tune = self.log_in(**{name: value for name, value in over.items() if name not in TUNED})
        self.tune(tune, **{name: value for name, value in over.items() if name in TUNED})
        answer = self.ask(commands.Connection.Open(self.vhost if vhost is None else vhost), channel=0)
        for number in range(1, channels + 1):
            answer = self.ask(commands.Channel.Open(), channel=number)
        return answer


TUNED = frozenset({"channel_max", "frame_max", "heartbeat"})


def shown(heard: Any) -> tuple[Any, ...]:
    """What matters of an answer, to be compared: its name, and what it says."""
    match heard:
        case None:
            return ("closed",)
        case commands.Connection.Close() | commands.Channel.Close():
            return heard.name, heard.reply_code, heard.reply_text, heard.class_id, heard.method_id
        case header.ProtocolHeader():
            return "header", heard.major_version, heard.minor_version, heard.revision
        case _:
            return (heard.name,)
