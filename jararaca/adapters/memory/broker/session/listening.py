"""What comes from the broker without being asked for, and who hears of it."""

from typing import Any, Protocol

from jararaca.adapters.memory.broker.session.delivery import AmqpDelivery
from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Envelope, Returned


class ChannelListener(Protocol):
    """The client's end of one channel. It hears everything in the order in which RabbitMQ sends it.

    It is called in the middle of what the broker does. So it notes what came, or writes it down for its client, and
    returns: it must not call the session before the call that is under way has returned.
    """

    def answered(self, answer: Any, /) -> None:
        """The method under way was carried out; `answer` is what its call returns in a moment.

        Called by every method to which AMQP has an answer, before anything that the method brings about on its own
        channel: a consume is answered before its first delivery.
        """
        ...

    def delivered(self, delivery: AmqpDelivery, /) -> None:
        """A message for the consumer `delivery.consumer_tag` (basic.deliver)."""
        ...

    def returned(self, reason: Returned, exchange: str, routing_key: str, envelope: Envelope, /) -> None:
        """A mandatory message found no queue (basic.return); its confirm follows."""
        ...

    def acked(self, delivery_tag: int, multiple: bool, /) -> None:
        """The broker took a published message, or all up to it (basic.ack)."""
        ...

    def nacked(self, delivery_tag: int, multiple: bool, /) -> None:
        """The broker refused a published message, or all up to it (basic.nack)."""
        ...

    def cancelled(self, consumer_tag: str, /) -> None:
        """The broker ended a consumer, whose queue is gone (basic.cancel). The channel stays open."""
        ...

    def closed(self, reason: ChannelClosed, /) -> None:
        """The broker closed the channel (channel.close), and no call is there that could raise `reason`."""
        ...


class ConnectionListener(Protocol):
    """The client's end of a connection."""

    def blocked(self, reason: str, /) -> None:
        """An alarm: the broker reads nothing more from a connection that publishes (connection.blocked)."""
        ...

    def unblocked(self) -> None:
        """The alarm is over (connection.unblocked)."""
        ...

    def closed(self, reason: ConnectionClosed, /) -> None:
        """The broker closed the connection (connection.close), and no call is there that could raise `reason`."""
        ...

    def lost(self) -> None:
        """The network failed, or the server crashed: nothing more comes, and nothing was said."""
        ...
