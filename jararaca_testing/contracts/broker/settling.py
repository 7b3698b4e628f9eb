"""Settling: where a message goes when it is acked, refused or forgotten."""

import pytest

from jararaca.ports.broker import Broker
from jararaca_testing.contracts.broker.bench import (
    QUORUM,
    Arrival,
    Bodies,
    BrokerBench,
    Connect,
    Fill,
    Happens,
    Inbox,
    MakeQueue,
)
from jararaca_testing.contracts.proofs import proves


class SettlingContract(BrokerBench):
    """What becomes of a message that somebody holds."""

    async def test_an_acked_message_never_returns(
        self, broker: Broker, connect: Connect, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        name, inbox, other = await queue(), Inbox(), await connect()
        await fill(name, 2)
        await other.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        assert (await arrival(inbox)).ack()
        second = await arrival(inbox)
        await other.close()
        inbox = Inbox()
        await broker.consume(name, prefetch=10, on_delivery=inbox.put_nowait)
        returned = await arrival(inbox)
        assert (returned.envelope.body, returned.redelivered) == (second.envelope.body, True)
        assert inbox.empty()

    @proves("RMQ-31", "RMQ-32")
    @pytest.mark.parametrize("verb", ["nack", "reject"])
    @pytest.mark.parametrize("arguments", [{}, QUORUM], ids=["classic", "quorum"])
    async def test_a_requeued_message_returns_and_says_so(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival, verb: str, arguments: dict[str, str]
    ) -> None:
        """To the same consumer at once, if there is no other."""
        name, inbox = await queue(arguments), Inbox()
        await fill(name, 1)
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        first = await arrival(inbox)
        assert getattr(first, verb)(requeue=True)
        again = await arrival(inbox)
        assert (first.redelivered, again.redelivered, again.envelope.body) == (False, True, b"0")
        again.ack()

    @proves("RMQ-32")
    @pytest.mark.parametrize("verb", ["nack", "reject"])
    async def test_a_message_refused_without_requeue_is_gone(
        self, broker: Broker, queue: MakeQueue, fill: Fill, bodies: Bodies, verb: str
    ) -> None:
        """Without a dead-letter exchange there is no other place for it."""
        name = await queue()
        await fill(name, 2)
        delivery = await broker.get(name)
        assert getattr(delivery, verb)(requeue=False)
        assert await bodies(name) == [b"1"]

    @proves("RMQ-29")
    async def test_a_classic_queue_takes_a_message_back_where_it_was(
        self, broker: Broker, queue: MakeQueue, fill: Fill
    ) -> None:
        """0, 1 and 2 are out, 2 and then 0 return, 1 stays out."""
        name = await queue()
        await fill(name, 5)
        taken = [await broker.get(name) for _ in range(3)]
        for delivery in (taken[2], taken[0]):
            assert delivery is not None
            delivery.nack(requeue=True)
        rest = [await broker.get(name) for _ in range(4)]
        assert [(delivery.envelope.body, delivery.redelivered) for delivery in rest if delivery] == [
            (b"0", True),
            (b"2", True),
            (b"3", False),
            (b"4", False),
        ]

    @proves("RMQ-30")
    @pytest.mark.parametrize(
        ("limit", "order"),
        [
            pytest.param({}, [b"2", b"3", b"0"], id="to the back without a delivery limit"),
            pytest.param({"x-delivery-limit": 5}, [b"0", b"2", b"3"], id="near the head with one"),
        ],
    )
    async def test_a_quorum_queue_takes_a_message_back(
        self, broker: Broker, queue: MakeQueue, fill: Fill, bodies: Bodies, limit: dict[str, int], order: list[bytes]
    ) -> None:
        name = await queue(QUORUM | limit)
        await fill(name, 4)
        first, _second = await broker.get(name), await broker.get(name)
        assert first is not None
        first.nack(requeue=True)
        assert await bodies(name) == order

    @proves("RMQ-57")
    async def test_a_quorum_queue_counts_how_often_a_message_returned(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        name, inbox = await queue(QUORUM), Inbox()
        await fill(name, 1)
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        counts = []
        for _ in range(3):
            delivery = await arrival(inbox)
            counts.append(delivery.envelope.headers.get("x-delivery-count", 0))
            delivery.nack(requeue=True)
        assert counts == [0, 1, 2]

    @proves("RMQ-35")
    async def test_cancelling_keeps_what_is_unacked(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival, bodies: Bodies
    ) -> None:
        """It may still be acked, and nothing more arrives."""
        name, inbox = await queue(), Inbox()
        await fill(name, 3)
        subscription = await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        delivery = await arrival(inbox)
        await subscription.cancel()
        assert (subscription.cancelled.is_set(), subscription.lost.is_set()) == (True, False)
        assert (await broker.inspect_queue(name)).ready == 2
        assert delivery.ack()
        await subscription.close()
        assert await bodies(name) == [b"1", b"2"]
        assert inbox.empty()

    @proves("RMQ-34")
    async def test_closing_a_subscription_returns_what_is_unacked(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """In order, and marked; settling it then does nothing."""
        name, inbox = await queue(), Inbox()
        await fill(name, 3)
        subscription = await broker.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        held = [await arrival(inbox) for _ in range(2)]
        await subscription.close()
        assert [delivery.ack() for delivery in held] == [False, False]
        await broker.consume(name, prefetch=10, on_delivery=inbox.put_nowait)
        again = [await arrival(inbox) for _ in range(3)]
        assert [(delivery.envelope.body, delivery.redelivered) for delivery in again] == [
            (b"0", True),
            (b"1", True),
            (b"2", False),
        ]

    @proves("RMQ-34")
    async def test_closing_the_connection_returns_what_is_unacked(
        self, broker: Broker, connect: Connect, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """To whoever else consumes; settling it afterwards answers False."""
        name, inbox, other = await queue(), Inbox(), await connect()
        await fill(name, 2)
        subscription = await other.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        held = [await arrival(inbox) for _ in range(2)]
        await other.close()
        await broker.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        again = [await arrival(inbox) for _ in range(2)]
        assert [(delivery.envelope.body, delivery.redelivered) for delivery in again] == [(b"0", True), (b"1", True)]
        assert [held[0].ack(), held[1].nack(requeue=True), held[1].reject(requeue=False)] == [False, False, False]
        assert subscription.lost.is_set()

    @proves("RMQ-33")
    async def test_settling_twice_costs_the_channel(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival, happens: Happens
    ) -> None:
        """The loss is reported, and the other unacked messages return."""
        name, inbox = await queue(), Inbox()
        await fill(name, 2)
        subscription = await broker.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        first, second = await arrival(inbox), await arrival(inbox)
        first.ack()
        first.ack()
        await happens(subscription.lost)
        assert not second.ack()
        await broker.consume(name, prefetch=2, on_delivery=inbox.put_nowait)
        assert (await arrival(inbox)).envelope.body == b"1"

    @proves("RMQ-34")
    async def test_a_delivery_tells_that_its_channel_is_gone_before_it_is_settled(
        self, broker: Broker, queue: MakeQueue, fill: Fill, arrival: Arrival
    ) -> None:
        """Whoever knows makes no copy of what the broker has requeued."""
        name, inbox = await queue(), Inbox()
        await fill(name, 2)
        subscription = await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        first = await arrival(inbox)
        assert (first.is_stale, first.ack(), first.is_stale) == (False, True, False)
        second = await arrival(inbox)
        await subscription.close()
        assert (second.is_stale, second.ack()) == (True, False)
        again = await broker.get(name)
        assert again is not None
        assert (again.envelope.body, again.is_stale) == (b"1", False)
        await broker.close()
        assert again.is_stale
