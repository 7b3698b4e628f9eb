"""The `Broker` port on the in-memory model: one connection to a `VirtualHost`."""

import asyncio
from collections.abc import Callable

from jararaca.adapters.memory.broker.connection import Connection
from jararaca.adapters.memory.broker.subscription import MemorySubscription, PortChannel
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.errors import BrokerUnavailable, ConnectionClosed
from jararaca.ports.broker import (
    Binding,
    BrokerState,
    Confirm,
    Delivery,
    Envelope,
    Exchange,
    Queue,
    QueueInfo,
)
from jararaca.ports.inventory import QueueStock, application_of


class MemoryBroker:
    """One connection to the in-memory broker. Several may share a `VirtualHost`, as processes share a server."""

    def __init__(self, vhost: VirtualHost) -> None:
        self._vhost = vhost
        self._connection: Connection | None = None
        self._getting: PortChannel | None = None
        self._lost = asyncio.Event()
        self._lost.set()

    @property
    def state(self) -> BrokerState:
        if self._connection is None or not self._connection.open:
            return BrokerState.LOST
        return BrokerState.BLOCKED if self._vhost.blocked else BrokerState.READY

    @property
    def lost(self) -> asyncio.Event:
        return self._lost

    async def connect(self) -> None:
        if self._connection is not None and self._connection.open:
            return
        if not self._vhost.running:
            raise BrokerUnavailable("the in-memory broker is stopped. Connect again when it runs.")
        self._connection = Connection(self._vhost, self._lost)
        self._getting = None

    def drop(self) -> None:
        """Lose the connection, as the network would: unacked messages return, unconfirmed publishes fail."""
        if self._connection is not None:
            self._connection.drop()

    def publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool = False
    ) -> asyncio.Future[Confirm]:
        """As the port says. What cannot be sent or is not modelled raises here, before anything is queued.

        Raises:
            NotEmulated: the message asks for something that this model does not have.
            UnencodableValue: the body or a header has no form in AMQP.
        """
        connection = self._connection
        if connection is None or not connection.open:
            future: asyncio.Future[Confirm] = asyncio.get_running_loop().create_future()
            future.set_exception(_not_connected())
            return future
        return connection.publish(envelope, exchange, routing_key, mandatory=mandatory)

    async def flush(self) -> None:
        self._open()

    async def consume(
        self, queue: str, *, prefetch: int, on_delivery: Callable[[Delivery], None], priority: int = 0
    ) -> MemorySubscription:
        connection = self._open()
        channel = connection.channel(on_delivery)
        return MemorySubscription(channel, connection, queue, prefetch=prefetch, priority=priority)

    async def get(self, queue: str) -> Delivery | None:
        connection = self._open()
        self._vhost.queues.find(queue, connection.amqp).check_get()
        if self._getting is None or not self._getting.amqp.open:
            self._getting = connection.channel()
        found = self._getting.amqp.basic_get(queue)
        return None if found is None else found.delivery

    async def declare_exchange(self, exchange: Exchange) -> None:
        connection = self._open()
        try:
            self._vhost.exchanges.declare(exchange)
        except ConnectionClosed as refusal:
            connection.drop()
            raise BrokerUnavailable(f"{refusal}. Connect again.") from None

    async def declare_queue(self, queue: Queue) -> QueueInfo:
        return self._vhost.queues.declare(queue, self._open().amqp)

    async def inspect_exchange(self, name: str) -> None:
        self._open()
        self._vhost.exchanges.inspect(name)

    async def inspect_queue(self, name: str) -> QueueInfo:
        return self._vhost.queues.inspect(name, self._open().amqp)

    async def bind(self, binding: Binding) -> None:
        self._vhost.bind(binding, self._open().amqp)

    async def unbind(self, binding: Binding) -> None:
        self._vhost.unbind(binding, self._open().amqp)

    async def purge(self, queue: str) -> int:
        return self._vhost.queues.purge(queue, self._open().amqp)

    async def delete_queue(self, name: str) -> int:
        return self._vhost.queues.delete(name, self._open().amqp)

    async def delete_exchange(self, name: str) -> None:
        self._open()
        self._vhost.exchanges.delete(name)

    async def list_queues(self) -> list[QueueStock]:
        """Every queue of the virtual host; see `Inventory`, which this broker is as well."""
        depths = self._vhost.depths()
        return [
            QueueStock(name, depth.ready + depth.unacked, depth.consumers, application_of(depth.arguments))
            for name, depth in depths.items()
        ]

    async def list_bindings(self) -> list[Binding]:
        return list(self._vhost.exchanges.bindings())

    async def disabled_features(self) -> list[str]:
        return []

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> Connection:
        if self._connection is None or not self._connection.open:
            raise _not_connected()
        return self._connection


def _not_connected() -> BrokerUnavailable:
    return BrokerUnavailable("not connected to the in-memory broker. Call connect() first, and again after a loss.")
