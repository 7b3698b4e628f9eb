"""A client of the model, which it speaks to in Python."""

from typing import Any

from amqp_clients import (
    WITHOUT_ANSWER,
    Bounced,
    Cancelled,
    Channel,
    Client,
    Confirmed,
    Delivered,
    Got,
    Refusal,
    refusal_of,
)

from jararaca.adapters.memory.broker.session import (
    AmqpConnection,
    AmqpDelivery,
    GetOk,
)
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Envelope, Returned


class ChannelEar:
    """Puts what a channel hears into the events of its client."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._heard = channel.events.put_nowait

    def answered(self, answer: Any) -> None: ...

    def delivered(self, it: AmqpDelivery) -> None:
        self._heard(
            Delivered(it.consumer_tag, it.delivery_tag, it.redelivered, it.exchange, it.routing_key, it.envelope)
        )

    def returned(self, reason: Returned, exchange: str, routing_key: str, envelope: Envelope) -> None:
        self._heard(Bounced(reason.code, reason.text, exchange, routing_key, envelope))

    def acked(self, delivery_tag: int, multiple: bool) -> None:
        self._heard(Confirmed(delivery_tag, multiple, accepted=True))

    def nacked(self, delivery_tag: int, multiple: bool) -> None:
        self._heard(Confirmed(delivery_tag, multiple, accepted=False))

    def cancelled(self, consumer_tag: str) -> None:
        self._heard(Cancelled(consumer_tag))

    def closed(self, reason: ChannelClosed) -> None:
        self._channel.refused(refusal_of(reason))


class ConnectionEar:
    """Tells a client of the end of its connection."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def blocked(self, reason: str) -> None: ...

    def unblocked(self) -> None: ...

    def closed(self, reason: ConnectionClosed) -> None:
        self._client.refused(refusal_of(reason))

    def lost(self) -> None:
        self._client.refused(Refusal(0, "lost", (0, 0)))


class ModelChannel(Channel):
    def __init__(self, client: "ModelClient", number: int) -> None:
        super().__init__()
        self._client = client
        self._amqp = client.connection.channel(number, ChannelEar(self))

    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        try:
            answer = getattr(self._amqp, method)(*args, **options)
        except (ChannelClosed, ConnectionClosed) as error:
            (self if isinstance(error, ChannelClosed) else self._client).refused(refusal_of(error))
            if method in WITHOUT_ANSWER:
                return None
            raise
        if isinstance(answer, GetOk):
            it = answer.delivery
            return Got(it.delivery_tag, it.redelivered, it.exchange, it.routing_key, it.envelope, answer.ready)
        return answer


class ModelClient(Client):
    def __init__(self, vhost: VirtualHost) -> None:
        super().__init__()
        self._opened = 0
        self.connection = AmqpConnection(vhost, ConnectionEar(self))

    async def channel(self) -> Channel:
        self._opened += 1
        return ModelChannel(self, self._opened)

    async def close(self) -> None:
        self.connection.close()
