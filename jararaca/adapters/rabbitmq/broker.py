"""RabbitMQ as a `Broker`, on aio-pika's plain connection.

Not on its robust one: that restores topology by itself without a time limit, and can hang for ever while doing so.
Here a lost connection is reported, and whoever uses the broker connects and declares again.
"""

import asyncio
from collections.abc import Callable

from jararaca.adapters.rabbitmq.admin import Admin
from jararaca.adapters.rabbitmq.connection import Connection, masked, parse_url
from jararaca.adapters.rabbitmq.consumer import Getter, RabbitMQSubscription
from jararaca.adapters.rabbitmq.publisher import Publisher
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import BrokerUnavailable
from jararaca.ports.broker import (
    Binding,
    BrokerState,
    Confirm,
    Delivery,
    Envelope,
    Exchange,
    Queue,
    QueueInfo,
    Subscription,
)


class _Session:
    """What lives as long as one connection: it is thrown away with it."""

    def __init__(self, connection: Connection, tasks: TaskScope, *, timeout: float) -> None:
        self.connection = connection
        self.admin = Admin(connection.open_channel)
        self.publisher = Publisher(lambda: connection.open_channel(confirms=True), connection.frame_max, tasks)
        self._timeout = timeout
        self._getting = asyncio.Lock()
        self._getter: Getter | None = None

    async def get(self, queue: str) -> Delivery | None:
        # Asked beforehand: a missing queue would cost the channel, and with it every message taken before.
        await self.admin.inspect_queue(queue)
        async with self._getting:
            if self._getter is None or not self._getter.channel.open:
                self._getter = Getter(await self.connection.open_channel(), timeout=self._timeout)
            return await self._getter.get(queue)

    async def flush(self) -> None:
        await self.publisher.opened()
        await self.connection.flush()


class RabbitMQBroker:
    """A `Broker`. Messages leave and arrive past the driver (see `wire`), everything else is the driver's.

    `heartbeat` is in seconds, `timeout` bounds connecting and each request, in seconds, and `name` is what operators
    see in the list of connections.

    Raises:
        ConfigurationError: the URL is not one of a broker.
    """

    def __init__(self, url: str, *, heartbeat: int = 30, timeout: float = 10.0, name: str = "jararaca") -> None:
        self._url = parse_url(url)
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._name = name
        self._lost = asyncio.Event()
        self._lost.set()
        self._connecting = asyncio.Lock()
        self._tasks = TaskScope("rabbitmq")
        self._session: _Session | None = None

    def __repr__(self) -> str:
        return f"RabbitMQBroker({masked(self._url)!r}, name={self._name!r})"

    @property
    def state(self) -> BrokerState:
        if self._session is None or self._session.connection.lost:
            return BrokerState.LOST
        return BrokerState.BLOCKED if self._session.connection.blocked else BrokerState.READY

    @property
    def lost(self) -> asyncio.Event:
        return self._lost

    @property
    def server(self) -> str:
        """Product and version of the server, such as `RabbitMQ 4.1.0`.

        Raises:
            BrokerUnavailable: there is no connection.
        """
        return self._connected().connection.server

    async def connect(self) -> None:
        async with self._connecting:
            if self.state is not BrokerState.LOST:
                return
            await self._discard()
            connection = Connection(masked(self._url), timeout=self._timeout, on_lost=self._lost.set)
            await connection.open(self._url, heartbeat=self._heartbeat, name=self._name)
            self._session = _Session(connection, self._tasks, timeout=self._timeout)
            self._lost.clear()

    async def close(self) -> None:
        async with self._connecting:
            await self._discard()

    def drop(self) -> None:
        """Lose the connection, as the network would: unacked messages return, unconfirmed publishes fail."""
        if self._session is not None:
            self._session.connection.abort()

    async def _discard(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.connection.close()
        await self._tasks.drain(self._timeout)

    def _connected(self) -> _Session:
        if self._session is None:
            raise BrokerUnavailable(f"not connected to the broker at {masked(self._url)}. Await connect() first.")
        if self._session.connection.lost:
            raise self._session.connection.failure()
        return self._session

    def publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool = False
    ) -> asyncio.Future[Confirm]:
        try:
            publisher = self._connected().publisher
        except BrokerUnavailable as error:
            failed: asyncio.Future[Confirm] = asyncio.get_running_loop().create_future()
            failed.set_exception(error)
            return failed
        return publisher.publish(envelope, exchange=exchange, routing_key=routing_key, mandatory=mandatory)

    async def flush(self) -> None:
        await self._connected().flush()

    async def consume(
        self, queue: str, *, prefetch: int, on_delivery: Callable[[Delivery], None], priority: int = 0
    ) -> Subscription:
        channel = await self._connected().connection.open_channel()
        subscription = RabbitMQSubscription(channel, on_delivery)
        try:
            await subscription.start(queue, prefetch=prefetch, priority=priority)
        except BaseException:
            await channel.close()
            raise
        return subscription

    async def get(self, queue: str) -> Delivery | None:
        return await self._connected().get(queue)

    async def declare_exchange(self, exchange: Exchange) -> None:
        await self._connected().admin.declare_exchange(exchange)

    async def declare_queue(self, queue: Queue) -> QueueInfo:
        return await self._connected().admin.declare_queue(queue)

    async def inspect_exchange(self, name: str) -> None:
        await self._connected().admin.inspect_exchange(name)

    async def inspect_queue(self, name: str) -> QueueInfo:
        return await self._connected().admin.inspect_queue(name)

    async def bind(self, binding: Binding) -> None:
        await self._connected().admin.bind(binding)

    async def unbind(self, binding: Binding) -> None:
        await self._connected().admin.unbind(binding)

    async def purge(self, queue: str) -> int:
        return await self._connected().admin.purge(queue)

    async def delete_queue(self, name: str) -> int:
        return await self._connected().admin.delete_queue(name)

    async def delete_exchange(self, name: str) -> None:
        await self._connected().admin.delete_exchange(name)
