"""Publishing without waiting: messages leave as they come, and confirms find their futures by number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from jararaca.adapters.rabbitmq.channel import Channel
from jararaca.adapters.rabbitmq.frames import ACK, NACK, encode_route, publish_frames, read_confirm, read_return
from jararaca.adapters.rabbitmq.properties import decode_header, encode_header
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import JararacaError, PublishRefused
from jararaca.ports.broker import Confirm, Envelope, Returned

_CONFIRMED = Confirm()


@dataclass(slots=True, eq=False)
class _Publish:
    """One message on its way."""

    future: asyncio.Future[Confirm]
    exchange: str
    routing_key: str
    mandatory: bool
    message_id: str | None
    route: bytes
    header: bytes
    body: bytes
    returned: Returned | None = None


class Publisher:
    """Publishes over one channel, which is opened when it is first needed and again after the server closed it.

    The server closes it when an exchange does not exist. Whatever it had not confirmed fails with the same reason: it
    does not tell what it had taken before, and drops what comes after.
    """

    def __init__(self, open_channel: Callable[[], Awaitable[Channel]], frame_max: int, tasks: TaskScope) -> None:
        self._open_channel = open_channel
        self._frame_max = frame_max
        self._tasks = tasks
        self._channel: Channel | None = None
        self._opening: asyncio.Task[None] | None = None
        self._waiting: list[_Publish] = []
        self._unconfirmed: dict[int, _Publish] = {}
        self._tag = 0

    def publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool
    ) -> asyncio.Future[Confirm]:
        publish = _Publish(
            asyncio.get_running_loop().create_future(),
            exchange,
            routing_key,
            mandatory,
            envelope.message_id,
            encode_route(exchange, routing_key, mandatory=mandatory),
            encode_header(envelope),
            envelope.body,
        )
        if self._channel is not None and self._channel.open:
            self._send(self._channel, publish)
        else:
            self._waiting.append(publish)
            self._reopen()
        return publish.future

    async def opened(self) -> None:
        """Wait while messages are held back because the channel is being opened."""
        if self._opening is not None:
            await asyncio.wait([self._opening])

    def _send(self, channel: Channel, publish: _Publish) -> None:
        self._tag += 1
        self._unconfirmed[self._tag] = publish
        channel.write(
            publish_frames(channel.number, publish.route, publish.header, publish.body, frame_max=self._frame_max)
        )

    def _reopen(self) -> None:
        if self._opening is None:
            self._opening = self._tasks.spawn(self._open(), name="publish channel")

    async def _open(self) -> None:
        try:
            channel = await self._open_channel()
        except JararacaError as error:
            waiting, self._waiting = self._waiting, []
            _fail(waiting, error)
            return
        finally:
            self._opening = None
        channel.on_method, channel.on_content, channel.on_end = self._method, self._returned, self._ended
        self._channel, self._tag = channel, 0
        waiting, self._waiting = self._waiting, []
        for publish in waiting:
            self._send(channel, publish)

    def _method(self, method: int, arguments: bytes) -> bool:
        if method not in {ACK, NACK}:
            return False
        tag, multiple = read_confirm(arguments)
        tags = [tag]
        if multiple:
            newest = tag or self._tag
            tags = [known for known in self._unconfirmed if known <= newest]
        for number in tags:
            publish = self._unconfirmed.pop(number, None)
            if publish is not None and not publish.future.done():
                _resolve(publish, accepted=method == ACK)
        return True

    def _returned(self, _method: int, arguments: bytes, header: bytes, body: bytes) -> None:
        """Note the reason on the oldest publish that looks like it; the confirm follows and resolves it.

        The server names no number. Two that agree in all of this are routed alike.
        """
        reason, exchange, routing_key = read_return(arguments)
        message_id = decode_header(header, body).message_id
        for publish in self._unconfirmed.values():
            if (
                publish.mandatory
                and publish.returned is None
                and (publish.exchange, publish.routing_key, publish.message_id) == (exchange, routing_key, message_id)
                and publish.body == body
            ):
                publish.returned = Returned(reason.code, reason.text)
                return

    def _ended(self, error: JararacaError) -> None:
        self._channel = None
        unconfirmed, self._unconfirmed = self._unconfirmed, {}
        _fail(unconfirmed.values(), error)


def _resolve(publish: _Publish, *, accepted: bool) -> None:
    if not accepted:
        target = publish.exchange or publish.routing_key
        publish.future.set_exception(
            PublishRefused(
                f"the broker refused a message for {target!r}: a queue it goes to is full and rejects, or the broker "
                "failed. Make room in the queue, or publish later."
            )
        )
    elif publish.returned is None:
        publish.future.set_result(_CONFIRMED)
    else:
        publish.future.set_result(Confirm(publish.returned))


def _fail(publishes: Iterable[_Publish], error: JararacaError) -> None:
    for publish in publishes:
        if not publish.future.done():
            publish.future.set_exception(error)
