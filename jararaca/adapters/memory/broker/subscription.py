"""The channels behind the port: one for each consumer, and one for whatever is got."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from jararaca.adapters.memory.broker.session import AmqpChannel, AmqpConnection, AmqpDelivery
from jararaca.errors import BrokerUnavailable, ChannelClosed
from jararaca.ports.broker import Delivery, Envelope, Returned


class Wire(Protocol):
    """The way back to the application: everything arrives in order, from the loop."""

    @property
    def amqp(self) -> AmqpConnection: ...

    def number(self) -> int:
        """The number of a channel that is not open."""
        ...

    def forget(self, channel: "PortChannel") -> None:
        """A channel was closed by its client."""
        ...

    def send(self, callback: Callable[[Any], None], argument: Any) -> None: ...

    def drained(self) -> asyncio.Future[None]:
        """Done once all that was sent before has arrived; fails with `BrokerUnavailable` if it never will."""
        ...


class PortChannel:
    """A channel that publishes nothing, with at most one consumer. What it hears waits for the loop."""

    def __init__(self, wire: Wire, on_delivery: Callable[[Delivery], None] | None = None) -> None:
        self._wire = wire
        self._on_delivery = on_delivery
        self.amqp: AmqpChannel = wire.amqp.channel(wire.number(), self)
        self.ended = asyncio.Event()
        self.lost = asyncio.Event()

    def close(self) -> None:
        self.amqp.close()
        self._wire.forget(self)

    # As the listener of its channel. Nothing is published on it, so that nothing is confirmed or returned.

    def answered(self, answer: Any) -> None: ...

    def returned(self, reason: Returned, exchange: str, routing_key: str, envelope: Envelope) -> None: ...

    def acked(self, delivery_tag: int, multiple: bool) -> None: ...

    def nacked(self, delivery_tag: int, multiple: bool) -> None: ...

    def delivered(self, delivery: AmqpDelivery) -> None:
        self._wire.send(self._hand_over, delivery)

    def cancelled(self, consumer_tag: str) -> None:
        self._wire.send(self._report_cancelled, consumer_tag)

    def closed(self, _reason: ChannelClosed) -> None:
        self.lost.set()

    def _hand_over(self, delivery: AmqpDelivery) -> None:
        if self.amqp.open and self._on_delivery is not None:
            self._on_delivery(delivery)

    def _report_cancelled(self, _consumer_tag: str) -> None:
        if self.amqp.open:
            self.ended.set()


class MemorySubscription:
    """A running consumer of the in-memory broker."""

    def __init__(self, channel: PortChannel, wire: Wire, queue: str, *, prefetch: int, priority: int) -> None:
        self._channel = channel
        self._wire = wire
        channel.amqp.basic_qos(prefetch)
        self._tag = channel.amqp.basic_consume(queue, arguments={"x-priority": priority})

    @property
    def cancelled(self) -> asyncio.Event:
        return self._channel.ended

    @property
    def lost(self) -> asyncio.Event:
        return self._channel.lost

    async def cancel(self) -> None:
        """What the server sent before it heard of this still arrives before this returns."""
        if not self._channel.amqp.open or self.cancelled.is_set():
            return
        self._channel.amqp.basic_cancel(self._tag)
        with suppress(BrokerUnavailable):
            await self._wire.drained()
            self.cancelled.set()

    async def close(self) -> None:
        await self.cancel()
        self._channel.close()
