"""A client of a server of AMQP 0-9-1, which it speaks to in frames."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from amqp_clients import (
    PATIENCE,
    WITHOUT_ANSWER,
    Bounced,
    Cancelled,
    Channel,
    Client,
    Confirmed,
    Delivered,
    Got,
    Refusal,
)
from pamqp import body, frame, header
from pamqp import commands as typed_commands

from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Envelope, Exchange, Queue, QueueInfo

commands: Any = typed_commands
"""Frames, some of whose attributes pamqp declares as None, though no frame from a server leaves them out."""

CAPABILITIES = {"consumer_cancel_notify": True, "publisher_confirms": True, "basic.nack": True}
TEXTS = (
    "content_type", "content_encoding", "priority", "correlation_id", "reply_to", "expiration", "message_id",
    "timestamp", "user_id", "app_id",
)  # fmt: skip


def properties_of(envelope: Envelope) -> commands.Basic.Properties:
    texts = {name: getattr(envelope, name) for name in TEXTS}
    return commands.Basic.Properties(
        headers=dict(envelope.headers) or None,
        delivery_mode=2 if envelope.persistent else None,
        message_type=envelope.type,
        **texts,
    )


def envelope_of(content: bytes, it: Any) -> Envelope:
    texts = {name: getattr(it, name) for name in TEXTS}
    return Envelope(content, headers=it.headers or {}, persistent=it.delivery_mode == 2, type=it.message_type, **texts)


class AnyQueueDeclare(typed_commands.Queue.Declare):
    def validate(self) -> None:
        """Let names through that pamqp refuses and servers take: those of direct reply-to."""


def _queue_declare(it: Queue, *, passive: bool) -> Any:
    flags = (passive, it.durable, it.exclusive, it.auto_delete)
    return AnyQueueDeclare(0, it.name, *flags, False, dict(it.arguments))


def _exchange_declare(it: Exchange, *, passive: bool) -> Any:
    flags = (passive, it.durable, it.auto_delete, it.internal)
    return commands.Exchange.Declare(0, it.name, it.type, *flags, False, dict(it.arguments))


def _consume(queue: str, *, consumer_tag: str, no_ack: bool, exclusive: bool, arguments: Any) -> Any:
    return commands.Basic.Consume(0, queue, consumer_tag, False, no_ack, exclusive, False, dict(arguments))


METHODS: dict[str, Any] = {
    "exchange_declare": _exchange_declare,
    "exchange_delete": lambda name, if_unused: commands.Exchange.Delete(0, name, if_unused),
    "exchange_bind": lambda to, source, key, table: commands.Exchange.Bind(0, to, source, key, False, dict(table)),
    "exchange_unbind": lambda to, source, key, table: commands.Exchange.Unbind(0, to, source, key, False, dict(table)),
    "queue_declare": _queue_declare,
    "queue_bind": lambda queue, source, key, table: commands.Queue.Bind(0, queue, source, key, False, dict(table)),
    "queue_unbind": lambda queue, source, key, table: commands.Queue.Unbind(0, queue, source, key, dict(table)),
    "queue_purge": lambda queue: commands.Queue.Purge(0, queue),
    "queue_delete": lambda queue, if_unused, if_empty: commands.Queue.Delete(0, queue, if_unused, if_empty),
    "basic_qos": lambda count, prefetch_size, global_: commands.Basic.Qos(prefetch_size, count, global_),
    "basic_consume": _consume,
    "basic_cancel": commands.Basic.Cancel,
    "basic_get": lambda queue, no_ack: commands.Basic.Get(0, queue, no_ack),
    "basic_ack": commands.Basic.Ack,
    "basic_nack": commands.Basic.Nack,
    "basic_reject": commands.Basic.Reject,
    "basic_recover": commands.Basic.Recover,
    "confirm_select": commands.Confirm.Select,
    "tx_select": commands.Tx.Select,
    "tx_commit": commands.Tx.Commit,
    "tx_rollback": commands.Tx.Rollback,
    "flow": commands.Channel.Flow,
    "close": lambda: commands.Channel.Close(200, "", 0, 0),
}
"""The frame of each method, made from the arguments of the call."""


class WireChannel(Channel):
    def __init__(self, client: "WireClient", number: int) -> None:
        super().__init__()
        self._client = client
        self._number = number
        self._answer: asyncio.Future[Any] | None = None
        self._content: tuple[Any, Any, bytes] | None = None

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        if method == "basic_publish":
            return self._publish(*args, **options)
        return await self.ask(METHODS[method](*args, **options), answered=method not in WITHOUT_ANSWER)

    async def ask(self, sent: Any, *, answered: bool = True) -> Any:
        if not answered:
            self._client.send(self._number, sent)
            return None
        self._answer = asyncio.get_running_loop().create_future()
        self._client.send(self._number, sent)
        async with asyncio.timeout(PATIENCE):
            return await self._answer

    def fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

    def hear(self, it: Any) -> None:
        """One frame of this channel."""
        if isinstance(it, commands.Basic.Deliver | commands.Basic.GetOk | commands.Basic.Return):
            self._content = (it, None, b"")
        elif isinstance(it, header.ContentHeader):
            assert self._content is not None
            self._content = (self._content[0], it, b"")
            self._complete()
        elif isinstance(it, body.ContentBody):
            assert self._content is not None
            self._content = (*self._content[:2], self._content[2] + it.value)
            self._complete()
        else:
            self._hear_method(it)

    def _hear_method(self, it: Any) -> None:
        if isinstance(it, commands.Basic.Ack | commands.Basic.Nack):
            self.events.put_nowait(Confirmed(it.delivery_tag, it.multiple, isinstance(it, commands.Basic.Ack)))
        elif isinstance(it, commands.Basic.Cancel):
            self.events.put_nowait(Cancelled(it.consumer_tag))
        elif isinstance(it, commands.Channel.Close):
            self._client.send(self._number, commands.Channel.CloseOk())
            method = {"class_id": it.class_id, "method_id": it.method_id}
            self.refused(Refusal(it.reply_code, it.reply_text, (it.class_id, it.method_id)))
            self.fail(ChannelClosed(it.reply_code, it.reply_text, **method))
        else:
            self._conclude(self._value_of(it))

    def _value_of(self, it: Any) -> Any:
        if isinstance(it, commands.Queue.DeclareOk):
            return QueueInfo(it.queue, it.message_count, it.consumer_count)
        for name in ("message_count", "consumer_tag", "active"):
            if name in it.attributes():
                return getattr(it, name)
        return None

    def _complete(self) -> None:
        assert self._content is not None
        it, head, content = self._content
        if len(content) < head.body_size:
            return
        self._content = None
        envelope = envelope_of(content, head.properties)
        about = (it.exchange, it.routing_key, envelope)
        if isinstance(it, commands.Basic.Deliver):
            self.events.put_nowait(Delivered(it.consumer_tag, it.delivery_tag, it.redelivered, *about))
        elif isinstance(it, commands.Basic.Return):
            self.events.put_nowait(Bounced(it.reply_code, it.reply_text, *about))
        else:
            self._conclude(Got(it.delivery_tag, it.redelivered, *about, it.message_count))

    def _conclude(self, value: Any) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(value)

    def _publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool, immediate: bool
    ) -> None:
        method = commands.Basic.Publish(0, exchange, routing_key, mandatory, immediate)
        head = header.ContentHeader(0, len(envelope.body), properties_of(envelope))
        content = [body.ContentBody(envelope.body)] if envelope.body else []
        self._client.send(self._number, method, head, *content)


class WireClient(Client):
    """A connection to the server at a URL."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__()
        self._reader = reader
        self._writer = writer
        self._channels: dict[int, WireChannel] = {}
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, url: str) -> "WireClient":
        """Connect and log in. The path of the URL names the virtual host."""
        at = urlsplit(url)
        client = cls(*await asyncio.open_connection(at.hostname, at.port or 5672))
        await client._log_in(at.username or "guest", at.password or "guest", at.path.removeprefix("/") or "/")
        client._listening = asyncio.get_running_loop().create_task(client._listen())
        return client

    async def channel(self) -> Channel:
        number = len(self._channels) + 1
        channel = self._channels[number] = WireChannel(self, number)
        await channel.ask(commands.Channel.Open())
        return channel

    async def close(self) -> None:
        assert self._listening is not None
        if not self.refusal.done() and not self._listening.done():
            self.send(0, commands.Connection.Close(200, "", 0, 0))
        async with asyncio.timeout(PATIENCE):
            await self._listening
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()

    def send(self, channel: int, *frames: Any) -> None:
        if not self._writer.is_closing():
            self._writer.write(b"".join(frame.marshal(each, channel) for each in frames))

    async def _log_in(self, user: str, password: str, vhost: str) -> None:
        self._writer.write(b"AMQP\x00\x00\x09\x01")
        await self._next()
        properties = {"capabilities": CAPABILITIES}
        self.send(0, commands.Connection.StartOk(properties, "PLAIN", f"\0{user}\0{password}", "en_US"))
        _, tune = await self._next()
        self.send(0, commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0))
        self.send(0, commands.Connection.Open(vhost))
        await self._next()

    async def _listen(self) -> None:
        while True:
            try:
                number, it = await self._next()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if number:
                self._channels[number].hear(it)
            elif isinstance(it, commands.Connection.Close):
                self.send(0, commands.Connection.CloseOk())
                self.refused(Refusal(it.reply_code, it.reply_text, (it.class_id, it.method_id)))
                method = {"class_id": it.class_id, "method_id": it.method_id}
                for channel in self._channels.values():
                    channel.fail(ConnectionClosed(it.reply_code, it.reply_text, **method))
            elif isinstance(it, commands.Connection.CloseOk):
                return

    async def _next(self) -> tuple[int, Any]:
        head = await self._reader.readexactly(7)
        rest = await self._reader.readexactly(int.from_bytes(head[3:], "big") + 1)
        _, number, it = frame.unmarshal(head + rest)
        return number, it
