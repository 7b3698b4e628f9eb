"""One client: from its first bytes to its end."""

import asyncio
import logging
import struct
from collections.abc import Callable, Mapping
from typing import Any

from pamqp import commands

from jararaca.adapters.memory.broker.session import AmqpConnection
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.rabbitmq.frames import BODY, HEADER, HEARTBEAT, METHOD
from jararaca.amqpserver.channel import ServedChannel
from jararaca.amqpserver.codec import decode_method, encode_method
from jararaca.amqpserver.handshake import OLDER_PREAMBLES, PREAMBLE, Handshake, HungUp
from jararaca.amqpserver.refusals import (
    bad_frame,
    internal_error,
    no_method,
    not_emulated,
    not_now,
    not_open,
    shutdown,
    too_many_channels,
    unexpected,
)
from jararaca.amqpserver.wire import Wire
from jararaca.errors import BrokerUnavailable, ChannelClosed, ConnectionClosed, NotEmulated

logger = logging.getLogger("jararaca.amqpserver")

HANDSHAKE_WITHIN = 10.0
"""Seconds from the first byte to an open connection; RabbitMQ's `handshake_timeout`."""

CLOSE_WITHIN = 3.0
"""Seconds that a client has to say that it knows of its connection's end."""

_LEAST = {METHOD: 4, HEADER: 14, BODY: 0}


class ServedConnection:
    """What a client says, told apart: before its connection is open, of the connection itself, and of its channels.

    Args:
        vhosts: by name.
    """

    def __init__(
        self,
        wire: Wire,
        handshake: Handshake,
        vhosts: Mapping[str, VirtualHost],
        on_gone: Callable[["ServedConnection"], None],
    ) -> None:
        self._wire = wire
        self._on_gone = on_gone
        self._handshake = handshake
        self._vhosts = vhosts
        self._channels: dict[int, ServedChannel] = {}
        self._session: AmqpConnection | None = None
        self._told_blocked = False
        self._loop = asyncio.get_running_loop()
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def _stage(self) -> str:
        return self._handshake.stage

    def connected(self) -> None:
        self._deadline = self._loop.call_later(HANDSHAKE_WITHIN, self._hang_up, "its handshake takes too long")

    def preamble(self, data: bytes) -> None:
        if data == PREAMBLE or data in OLDER_PREAMBLES:
            self._wire.write(self._handshake.greeting())
        else:
            self._wire.write(PREAMBLE)
            self._wire.finish()

    def frame(self, kind: int, channel: int, payload: bytes) -> None:
        """Raises `ConnectionClosed` for what ends the connection."""
        try:
            known = self._channels.get(channel)
            if known is None or kind not in _LEAST or len(payload) < _LEAST[kind] or self._session is None:
                self._take_other(kind, channel, payload)
            elif known.closing:
                self._take_while_closing(kind, channel, payload)
            elif kind == METHOD and payload.startswith(_CHANNEL_CLOSE):
                self._close_channel(channel, payload)
            else:
                known.frame(kind, payload)
        except ChannelClosed as refusal:
            self._channels[channel].closed(refusal)
        except NotEmulated as error:
            raise not_emulated(str(error)) from error
        except HungUp as error:
            self._hang_up(str(error))
        except (ConnectionClosed, asyncio.CancelledError):
            raise
        except Exception as error:  # whatever a client sends, the others are served
            logger.exception("a frame could not be handled", extra={"client": self._wire.name})
            raise internal_error() from error

    def _take_other(self, kind: int, channel: int, payload: bytes) -> None:
        """What is not for an open channel."""
        if self._stage == "closing":
            if channel == 0 and kind == METHOD and payload == _CLOSE_OK:
                self._wire.finish()
            return
        if kind == HEARTBEAT and not payload:
            if channel:
                raise unexpected(kind, payload)
            return
        if kind not in _LEAST or len(payload) < _LEAST[kind]:
            raise bad_frame(kind, payload, "unknown_frame")
        if channel == 0:
            self._take_own(kind, payload)
        elif self._session is None:
            raise unexpected(kind, payload)
        elif kind != METHOD:
            raise no_method()
        else:
            self._take_on_no_channel(channel, decode_method(payload))

    def _take_own(self, kind: int, payload: bytes) -> None:
        """What concerns the connection itself."""
        if kind != METHOD:
            raise unexpected(kind, payload)
        method = decode_method(payload)
        match method:
            case commands.Connection.Close():
                self._end()
                self._wire.write(encode_method(0, commands.Connection.CloseOk))
                self._wire.finish()
            case _ if self._session is None:
                answer = self._handshake.answer(method)
                self._after(method)
                self._wire.write(answer)
            case commands.Connection.UpdateSecret():
                self._wire.write(encode_method(0, commands.Connection.UpdateSecretOk))
            case commands.Connection.CloseOk():
                pass
            case _:
                raise not_now("running", method.index)

    def _after(self, method: Any) -> None:
        """What an answered step of the handshake brings about."""
        agreed = self._handshake.agreed
        if isinstance(method, commands.Connection.TuneOk):
            self._wire.frame_max = agreed.frame_max
            self._wire.beat(agreed.heartbeat)
        elif isinstance(method, commands.Connection.Open):
            if self._deadline is not None:
                self._deadline.cancel()
            vhost = self._vhosts[self._handshake.vhost]
            try:
                self._session = AmqpConnection(vhost, self, user=self._handshake.user)
            except BrokerUnavailable as error:
                raise HungUp(str(error)) from error

    def _take_on_no_channel(self, channel: int, method: Any) -> None:
        match method:
            case commands.Channel.Open():
                limit = self._handshake.agreed.channel_max
                if len(self._channels) >= limit:
                    raise too_many_channels(limit)
                assert self._session is not None
                served = ServedChannel(channel, self._wire, self._session, self.hold)
                served.session = self._session.channel(channel, served)
                self._channels[channel] = served
                self._wire.write(encode_method(channel, commands.Channel.OpenOk, channel_id=b""))
            case commands.Channel.CloseOk():
                pass  # both sides closed the channel at once
            case _:
                raise not_open(method.index)

    def _close_channel(self, channel: int, payload: bytes) -> None:
        decode_method(payload)
        served = self._channels.pop(channel)
        served.close()
        self._wire.write(encode_method(channel, commands.Channel.CloseOk))

    def _take_while_closing(self, kind: int, channel: int, payload: bytes) -> None:
        """The server has closed the channel: everything is ignored until the client knows it."""
        if kind != METHOD:
            return
        if payload.startswith(_CHANNEL_CLOSE):
            del self._channels[channel]
            self._wire.write(encode_method(channel, commands.Channel.CloseOk))
        elif payload.startswith(_CHANNEL_CLOSE_OK):
            del self._channels[channel]

    # The end

    def refuse(self, refusal: ConnectionClosed) -> None:
        """Tell a client that has logged in why, and give it a moment to hear it; hang up on others."""
        if self._stage in {"starting", "tuning"} and refusal.code != 403:
            self._hang_up(str(refusal))
            return
        logger.warning(
            "a connection was refused", extra={"client": self._wire.name, "code": refusal.code, "text": refusal.text}
        )
        self._say_close(refusal)

    def _say_close(self, refusal: ConnectionClosed) -> None:
        self._end()
        self._handshake.stage = "closing"
        self._wire.write(
            encode_method(
                0,
                commands.Connection.Close,
                reply_code=refusal.code,
                reply_text=refusal.text,
                class_id=refusal.class_id,
                method_id=refusal.method_id,
            )
        )
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(CLOSE_WITHIN, self._wire.finish)

    def _hang_up(self, why: str) -> None:
        logger.warning("a client was hung up on", extra={"client": self._wire.name, "why": why})
        self._end()
        self._wire.finish()

    def shut_down(self) -> None:
        """The server goes: say so to a client that has a connection."""
        if self._session is None:
            self._wire.finish()
        else:
            self._say_close(shutdown())

    def leave(self) -> None:
        """The server does not wait for an answer."""
        self._wire.finish()

    def _end(self) -> None:
        """End the session, in good order: what is unacked returns to its queues."""
        self._channels.clear()
        if self._session is not None:
            self._session.close()

    # As the listener of its session

    def blocked(self, reason: str) -> None:
        if not self._told_blocked and self._handshake.capabilities.get("connection.blocked"):
            self._told_blocked = True
            self._wire.write(encode_method(0, commands.Connection.Blocked, reason=reason))

    def hold(self) -> None:
        """A publish came during an alarm: it is not read, and nothing behind it. Who came late hears why now."""
        assert self._session is not None
        self.blocked(self._session.vhost.alarm)
        self._wire.hold()

    def unblocked(self) -> None:
        if self._told_blocked:
            self._told_blocked = False
            self._wire.write(encode_method(0, commands.Connection.Unblocked))
        self._wire.listen()

    def closed(self, reason: ConnectionClosed) -> None:
        self._say_close(reason)

    def lost(self) -> None:
        self._wire.abort()

    # What the wire tells

    def slow(self, is_slow: bool) -> None:
        if self._session is not None:
            (self._session.pause if is_slow else self._session.resume)()

    def gone(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._end()
        self._on_gone(self)


_CHANNEL_CLOSE = struct.pack(">I", commands.Channel.Close.index)
_CHANNEL_CLOSE_OK = struct.pack(">I", commands.Channel.CloseOk.index)
_CLOSE_OK = struct.pack(">I", commands.Connection.CloseOk.index)
