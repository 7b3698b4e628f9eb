"""Consuming: who gets a message, how many at a time, and in which order."""

import asyncio

import pytest

from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Broker, Envelope, Queue
from jararaca_testing.contracts.broker.bench import Arrival, Bodies, BrokerBench, Fill, Happens, Inbox, MakeQueue, Name
from jararaca_testing.contracts.proofs import proves


class ConsumingContract(BrokerBench):
    """Who is handed which message, and when."""

    @proves("RMQ-33")
    async def test_messages_arrive_in_order_and_say_where_they_come_from(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """Tags count from 1 on the consumer's own channel."""
        name, inbox = await queue(), Inbox()
        await fill(name, 3)
        await broker.consume(name, prefetch=10, on_delivery=inbox.put_nowait)
        deliveries = [await arrival(inbox) for _ in range(3)]
        assert [(seen.envelope.body, seen.delivery_tag, seen.redelivered) for seen in deliveries] == [
            (b"0", 1, False),
            (b"1", 2, False),
            (b"2", 3, False),
        ]
        assert {(seen.exchange, seen.routing_key) for seen in deliveries} == {("", name)}

    async def test_consuming_from_a_missing_queue_is_refused_with_404(self, broker: Broker, fresh: Name) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.consume(fresh("missing"), prefetch=1, on_delivery=lambda _: None)
        assert caught.value.code == 404

    @proves("RMQ-23")
    async def test_no_more_than_prefetch_are_unacked_at_a_time(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """An ack makes room for one."""
        name, inbox = await queue(), Inbox()
        await fill(name, 4)
        await broker.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        first = await arrival(inbox)
        await arrival(inbox)
        assert (await broker.inspect_queue(name)).ready == 2
        first.ack()
        assert (await arrival(inbox)).envelope.body == b"2"
        assert (await broker.inspect_queue(name)).ready == 1

    @proves("RMQ-23")
    async def test_prefetch_counts_for_each_consumer(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """Two consumers with room for two hold four."""
        name, inbox = await queue(), Inbox()
        for _ in range(2):
            await broker.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        await fill(name, 5)
        assert sorted([(await arrival(inbox)).envelope.body for _ in range(4)]) == [b"0", b"1", b"2", b"3"]
        assert (await broker.inspect_queue(name)).ready == 1

    @proves("RMQ-24")
    async def test_idle_consumers_take_turns(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        name, inboxes = await queue(), [Inbox() for _ in range(3)]
        for inbox in inboxes:
            await broker.consume(name, prefetch=10, on_delivery=inbox.put_nowait)
        await fill(name, 9)
        taken = [[(await arrival(inbox)).envelope.body for _ in range(3)] for inbox in inboxes]
        assert taken == [[b"0", b"3", b"6"], [b"1", b"4", b"7"], [b"2", b"5", b"8"]]

    @proves("RMQ-25")
    async def test_a_higher_priority_is_served_until_its_window_is_full(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        name, low, high = await queue(), Inbox(), Inbox()
        await broker.consume(name, prefetch=10, on_delivery=low.put_nowait)
        await broker.consume(name, prefetch=2, on_delivery=high.put_nowait, priority=5)
        await fill(name, 4)
        assert [(await arrival(high)).envelope.body for _ in range(2)] == [b"0", b"1"]
        assert [(await arrival(low)).envelope.body for _ in range(2)] == [b"2", b"3"]

    async def test_cancelling_and_closing_twice_is_no_error(self, broker: Broker, queue: MakeQueue) -> None:
        subscription = await broker.consume(await queue(), prefetch=1, on_delivery=lambda _: None)
        for end in (
            subscription.cancel,
            subscription.cancel,
            subscription.close,
            subscription.close,
            subscription.cancel,
        ):
            await end()
        assert not subscription.lost.is_set()

    @proves("RMQ-37")
    async def test_deleting_the_queue_cancels_its_consumers(
        self, broker: Broker, queue: MakeQueue, happens: Happens
    ) -> None:
        """The channel lives on."""
        name = await queue()
        subscription = await broker.consume(name, prefetch=1, on_delivery=lambda _: None)
        await broker.delete_queue(name)
        await happens(subscription.cancelled)
        assert not subscription.lost.is_set()

    @proves("RMQ-28")
    async def test_getting_takes_one_message_or_none(self, broker: Broker, queue: MakeQueue, fill: Fill) -> None:
        name = await queue()
        await fill(name, 1)
        delivery = await broker.get(name)
        assert delivery is not None
        assert (delivery.envelope.body, delivery.redelivered, delivery.routing_key) == (b"0", False, name)
        assert await broker.get(name) is None
        assert delivery.ack()

    @proves("RMQ-28")
    async def test_getting_works_beside_a_consumer(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """It takes what the consumer has no room for."""
        name, inbox = await queue(), Inbox()
        await fill(name, 2)
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        held = await arrival(inbox)
        delivery = await broker.get(name)
        assert delivery is not None
        assert (held.envelope.body, delivery.envelope.body) == (b"0", b"1")

    async def test_getting_from_a_missing_queue_is_refused_with_404(self, broker: Broker, fresh: Name) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.get(fresh("missing"))
        assert caught.value.code == 404

    async def test_many_may_get_at_once(self, broker: Broker, queue: MakeQueue, fill: Fill) -> None:
        name = await queue()
        await fill(name, 3)
        taken = await asyncio.gather(*[broker.get(name) for _ in range(5)])
        assert sorted(delivery.envelope.body for delivery in taken if delivery is not None) == [b"0", b"1", b"2"]

    @proves("RMQ-59")
    async def test_priorities_of_messages_are_served_highest_first(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """In order among equals, what is above the maximum counts as it, none counts as 0."""
        name = await queue({"x-max-priority": 5})
        for body, priority in ((b"a", 0), (b"b", 5), (b"c", 9), (b"d", None), (b"e", 3)):
            await broker.publish(Envelope(body, priority=priority), exchange="", routing_key=name)
        assert await bodies(name) == [b"b", b"c", b"e", b"a", b"d"]

    @proves("RMQ-26")
    async def test_only_one_consumer_is_active_if_the_queue_says_so(
        self, broker: Broker, fresh: Name, fill: Fill, arrival: Arrival
    ) -> None:
        """The next in the order of registration follows."""
        name, first, second = fresh("single"), Inbox(), Inbox()
        await broker.declare_queue(Queue(name, arguments={"x-single-active-consumer": True}))
        active = await broker.consume(name, prefetch=1, on_delivery=first.put_nowait)
        await broker.consume(name, prefetch=1, on_delivery=second.put_nowait)
        await fill(name, 2)
        assert ((await arrival(first)).envelope.body, second.empty()) == (b"0", True)
        await active.close()
        assert (await arrival(second)).envelope.body == b"0"
