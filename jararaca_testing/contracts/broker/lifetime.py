"""Lifetimes: queues and exchanges that go by themselves, with what they are there for."""

from functools import partial

import pytest

from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Binding, Broker, Envelope, Exchange, Queue
from jararaca_testing.contracts.broker.bench import (
    QUORUM,
    Arrival,
    BrokerBench,
    Connect,
    Fill,
    Gone,
    Grave,
    Inbox,
    MakeQueue,
    Name,
    Passes,
    Take,
)
from jararaca_testing.contracts.proofs import proves


class LifetimeContract(BrokerBench):
    """What deletes itself, and when."""

    @proves("RMQ-16")
    async def test_an_auto_delete_queue_goes_with_its_last_consumer(
        self, broker: Broker, fresh: Name, fill: Fill, gone: Gone, take: Take
    ) -> None:
        """Until the first one came it stays; a message that is got makes no consumer."""
        name = fresh("passing")
        await broker.declare_queue(Queue(name, durable=False, auto_delete=True))
        await fill(name, 1)
        (await take(name)).ack()
        first, second = [await broker.consume(name, prefetch=1, on_delivery=lambda _: None) for _ in range(2)]
        await first.close()
        assert (await broker.inspect_queue(name)).consumers == 1
        await second.cancel()
        await gone(partial(broker.inspect_queue, name))

    @proves("RMQ-16")
    async def test_an_auto_delete_queue_goes_with_the_connection_of_its_last_consumer(
        self, broker: Broker, connect: Connect, fresh: Name, gone: Gone
    ) -> None:
        name, other = fresh("passing"), await connect()
        await broker.declare_queue(Queue(name, durable=False, auto_delete=True))
        await other.consume(name, prefetch=1, on_delivery=lambda _: None)
        await other.close()
        await gone(partial(broker.inspect_queue, name))

    @proves("RMQ-17")
    async def test_an_auto_delete_exchange_goes_with_its_last_binding(
        self, broker: Broker, fresh: Name, queue: MakeQueue
    ) -> None:
        """Until the first one came it stays."""
        exchange, first, second = fresh("passing"), await queue(), await queue()
        await broker.declare_exchange(Exchange(exchange, "fanout", auto_delete=True))
        await broker.inspect_exchange(exchange)
        await broker.bind(Binding(exchange, first))
        await broker.bind(Binding(exchange, second))
        await broker.unbind(Binding(exchange, first))
        await broker.inspect_exchange(exchange)
        await broker.delete_queue(second)
        with pytest.raises(ChannelClosed) as caught:
            await broker.inspect_exchange(exchange)
        assert caught.value.code == 404

    @proves("RMQ-17")
    async def test_an_auto_delete_exchange_that_is_only_bound_to_stays(self, broker: Broker, fresh: Name) -> None:
        """What counts are bindings that lead on from it."""
        source, passing = fresh("source"), fresh("passing")
        await broker.declare_exchange(Exchange(source, "fanout"))
        await broker.declare_exchange(Exchange(passing, "fanout", auto_delete=True))
        await broker.bind(Binding(source, passing, destination_type="exchange"))
        await broker.unbind(Binding(source, passing, destination_type="exchange"))
        await broker.inspect_exchange(passing)

    @proves("RMQ-15")
    async def test_an_exclusive_queue_goes_with_its_connection(
        self, broker: Broker, connect: Connect, fresh: Name, gone: Gone
    ) -> None:
        name, owner = fresh("exclusive"), await connect()
        await owner.declare_queue(Queue(name, durable=False, exclusive=True))
        await owner.close()
        await gone(partial(broker.inspect_queue, name))

    @proves("RMQ-20")
    async def test_an_unused_queue_expires_with_its_messages_and_without_dead_letters(
        self, broker: Broker, queue: MakeQueue, grave: Grave, fill: Fill, passes: Passes
    ) -> None:
        arguments, letters = await grave()
        name = await queue(arguments | {"x-expires": 100})
        await fill(name, 1)
        await passes(600)
        with pytest.raises(ChannelClosed) as caught:
            await broker.inspect_queue(name)
        assert caught.value.code == 404
        assert letters.empty()

    @proves("RMQ-20")
    async def test_a_classic_queue_that_is_looked_at_does_not_expire(
        self, broker: Broker, queue: MakeQueue, passes: Passes
    ) -> None:
        name = await queue({"x-expires": 1_000})
        for _ in range(2):
            await passes(600)
            await broker.inspect_queue(name)

    @proves("RMQ-20")
    @pytest.mark.parametrize("kind", [{}, QUORUM], ids=["classic", "quorum"])
    async def test_a_queue_with_a_consumer_does_not_expire(
        self, broker: Broker, queue: MakeQueue, passes: Passes, arrival: Arrival, kind: dict[str, str]
    ) -> None:
        name, inbox = await queue(kind | {"x-expires": 500}), Inbox()
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        await passes(1_500)
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        assert (await arrival(inbox)).envelope.body == b"1"
