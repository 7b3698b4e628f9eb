"""A connection: before it is there, while it is, and when it is gone."""

from collections.abc import Awaitable, Callable

import pytest

from jararaca.errors import BrokerUnavailable
from jararaca.ports.broker import (
    Binding,
    Broker,
    BrokerState,
    Confirm,
    Envelope,
    Exchange,
    Queue,
)
from jararaca_testing.contracts.broker.bench import (
    Bodies,
    BrokerBench,
    Connect,
    MakeQueue,
)

CALLS: dict[str, Callable[[Broker], Awaitable[object]]] = {
    "publish": lambda broker: broker.publish(Envelope(b"1"), exchange="", routing_key="a"),
    "flush": lambda broker: broker.flush(),
    "consume": lambda broker: broker.consume("a", prefetch=1, on_delivery=lambda _: None),
    "get": lambda broker: broker.get("a"),
    "declare_exchange": lambda broker: broker.declare_exchange(Exchange("a")),
    "declare_queue": lambda broker: broker.declare_queue(Queue("a")),
    "inspect_exchange": lambda broker: broker.inspect_exchange("a"),
    "inspect_queue": lambda broker: broker.inspect_queue("a"),
    "bind": lambda broker: broker.bind(Binding("a", "b")),
    "unbind": lambda broker: broker.unbind(Binding("a", "b")),
    "purge": lambda broker: broker.purge("a"),
    "delete_queue": lambda broker: broker.delete_queue("a"),
    "delete_exchange": lambda broker: broker.delete_exchange("a"),
}


class ConnectionContract(BrokerBench):
    """What a broker says of its connection, and what works without one."""

    async def test_a_new_broker_is_lost_until_it_connects(self, new_broker: Callable[[], Broker]) -> None:
        broker = new_broker()
        before = (broker.state, broker.lost.is_set())
        await broker.connect()
        during = (broker.state, broker.lost.is_set())
        await broker.close()
        after = (broker.state, broker.lost.is_set())
        assert (before, during, after) == (
            (BrokerState.LOST, True),
            (BrokerState.READY, False),
            (BrokerState.LOST, True),
        )

    @pytest.mark.parametrize("call", CALLS)
    async def test_nothing_works_before_connecting(self, new_broker: Callable[[], Broker], call: str) -> None:
        with pytest.raises(BrokerUnavailable):
            await CALLS[call](new_broker())

    @pytest.mark.parametrize("call", CALLS)
    async def test_nothing_works_after_closing(self, connect: Connect, call: str) -> None:
        broker = await connect()
        await broker.close()
        with pytest.raises(BrokerUnavailable):
            await CALLS[call](broker)

    async def test_connecting_and_closing_twice_is_no_error(self, broker: Broker) -> None:
        await broker.connect()
        connected = broker.state
        await broker.close()
        await broker.close()
        assert (connected, broker.state) == (BrokerState.READY, BrokerState.LOST)

    async def test_a_closed_broker_can_connect_again(self, broker: Broker, queue: MakeQueue, bodies: Bodies) -> None:
        name = await queue()
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        await broker.close()
        await broker.connect()
        assert await broker.publish(Envelope(b"2"), exchange="", routing_key=name) == Confirm()
        assert await bodies(name) == [b"1", b"2"]

    async def test_closing_sends_what_is_queued(
        self, broker: Broker, connect: Connect, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """An ack of the last moment counts."""
        name, other = await queue(), await connect()
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        delivery = await other.get(name)
        assert delivery is not None
        delivery.ack()
        await other.close()
        assert await bodies(name) == []
