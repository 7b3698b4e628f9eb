"""One message on its way to a client."""

from dataclasses import dataclass
from typing import Protocol

from jararaca.adapters.memory.broker.message import Message
from jararaca.ports.broker import Envelope


class Settling(Protocol):
    """The channel of a delivery, as the delivery sees it."""

    @property
    def open(self) -> bool: ...

    def settle_one(self, tag: int, method_id: int, requeue: bool | None) -> bool:
        """Settle one delivery: done if `requeue` is None, refused otherwise. False if the channel is gone."""
        ...


class AmqpDelivery:
    """One message handed out by a channel, with the delivery tag under which the channel knows it.

    It is a `Delivery` of the port as well: its verbs settle it on its own channel. A misuse closes that channel and is
    told to the channel's listener, as for a client that has no answer to wait for.
    """

    __slots__ = ("_channel", "_envelope", "_message", "_returns", "consumer_tag", "delivery_tag", "redelivered")

    def __init__(self, channel: Settling, message: Message, consumer_tag: str, tag: int, returns: int | None) -> None:
        self._channel = channel
        self._message = message
        self._returns = returns
        self._envelope: Envelope | None = None
        self.consumer_tag = consumer_tag
        self.delivery_tag = tag
        self.redelivered = message.redelivered

    @property
    def envelope(self) -> Envelope:
        """Body and properties. It is the very object that was published, if the broker had nothing to change in it."""
        if self._envelope is None:
            self._envelope = self._message.envelope(self._returns)
        return self._envelope

    @property
    def exchange(self) -> str:
        return self._message.exchange

    @property
    def routing_key(self) -> str:
        return self._message.keys[0]

    @property
    def is_stale(self) -> bool:
        return not self._channel.open

    def ack(self) -> bool:
        return self._channel.settle_one(self.delivery_tag, 80, None)

    def nack(self, *, requeue: bool) -> bool:
        return self._channel.settle_one(self.delivery_tag, 120, requeue)

    def reject(self, *, requeue: bool) -> bool:
        return self._channel.settle_one(self.delivery_tag, 90, requeue)


@dataclass(frozen=True, slots=True)
class GetOk:
    """The answer to a get that found something: the message, and how many are ready behind it."""

    delivery: AmqpDelivery
    ready: int
