"""Declaring, looking and deleting: what is refused, with which code, and that a refusal costs nothing else."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jararaca.errors import ChannelClosed
from jararaca.ports.broker import (
    Binding,
    Broker,
    Confirm,
    Envelope,
    Exchange,
    Queue,
    QueueInfo,
)
from jararaca_testing.contracts.broker.bench import (
    BrokerBench,
    Connect,
    MakeQueue,
    Name,
)
from jararaca_testing.contracts.proofs import proves


class TopologyContract(BrokerBench):
    """What may be declared, bound, looked at and deleted."""

    async def test_declaring_the_same_again_counts_what_is_there(self, broker: Broker, fresh: Name) -> None:
        declared = Queue(fresh("queue"), arguments={"x-message-ttl": 60_000})
        assert await broker.declare_queue(declared) == QueueInfo(declared.name, 0, 0)
        await broker.publish(Envelope(b"1"), exchange="", routing_key=declared.name)
        await broker.consume(declared.name, prefetch=1, on_delivery=lambda _: None)
        await broker.publish(Envelope(b"2"), exchange="", routing_key=declared.name)
        assert await broker.declare_queue(declared) == QueueInfo(declared.name, 1, 1)

    @proves("RMQ-13")
    @pytest.mark.parametrize(
        ("declared", "differently", "what"),
        [
            ({"arguments": {"x-message-ttl": 1_000}}, {"arguments": {"x-message-ttl": 2_000}}, "x-message-ttl"),
            ({"arguments": {"x-max-length": 5}}, {}, "x-max-length"),
            ({}, {"arguments": {"x-expires": 60_000}}, "x-expires"),
            ({}, {"durable": False}, "durable"),
            ({}, {"auto_delete": True}, "auto_delete"),
        ],
    )
    async def test_declaring_a_queue_differently_is_refused_with_406(
        self, broker: Broker, fresh: Name, declared: dict[str, Any], differently: dict[str, Any], what: str
    ) -> None:
        name = fresh("queue")
        await broker.declare_queue(Queue(name, **declared))
        with pytest.raises(ChannelClosed, match=f"PRECONDITION_FAILED - inequivalent arg '{what}'") as caught:
            await broker.declare_queue(Queue(name, **differently))
        assert caught.value.code == 406

    @proves("RMQ-13")
    @pytest.mark.parametrize(
        ("differently", "what"),
        [
            ({"type": "fanout"}, "type"),
            ({"type": "topic", "durable": False}, "durable"),
            ({"type": "topic", "auto_delete": True}, "auto_delete"),
            ({"type": "topic", "internal": True}, "internal"),
            ({"type": "topic", "arguments": {"alternate-exchange": "another"}}, "alternate-exchange"),
        ],
    )
    async def test_declaring_an_exchange_differently_is_refused_with_406(
        self, broker: Broker, fresh: Name, differently: dict[str, Any], what: str
    ) -> None:
        name = fresh("exchange")
        await broker.declare_exchange(Exchange(name, "topic"))
        with pytest.raises(ChannelClosed, match=f"PRECONDITION_FAILED - inequivalent arg '{what}'") as caught:
            await broker.declare_exchange(Exchange(name, **differently))
        assert caught.value.code == 406

    @proves("RMQ-14")
    async def test_looking_at_a_missing_queue_is_refused_with_404(self, broker: Broker, fresh: Name) -> None:
        name = fresh("missing")
        with pytest.raises(ChannelClosed, match=f"NOT_FOUND - no queue '{name}'") as caught:
            await broker.inspect_queue(name)
        assert caught.value.code == 404

    @proves("RMQ-14")
    async def test_looking_at_a_missing_exchange_is_refused_with_404(self, broker: Broker, fresh: Name) -> None:
        name = fresh("missing")
        with pytest.raises(ChannelClosed, match=f"NOT_FOUND - no exchange '{name}'") as caught:
            await broker.inspect_exchange(name)
        assert caught.value.code == 404

    async def test_looking_at_an_exchange_that_is_there_says_nothing(self, broker: Broker, fresh: Name) -> None:
        exchange = Exchange(fresh("exchange"), "topic")
        await broker.declare_exchange(exchange)
        await broker.inspect_exchange(exchange.name)

    @proves("RMQ-08")
    async def test_looking_at_the_default_exchange_is_refused_with_403(self, broker: Broker) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.inspect_exchange("")
        assert caught.value.code == 403

    @proves("RMQ-15")
    async def test_an_exclusive_queue_is_refused_to_other_connections_with_405(
        self, connect: Connect, fresh: Name
    ) -> None:
        owner, stranger, name = await connect(), await connect(), fresh("exclusive")
        await owner.declare_queue(Queue(name, durable=False, exclusive=True))
        with pytest.raises(ChannelClosed) as caught:
            await stranger.inspect_queue(name)
        assert caught.value.code == 405
        await owner.delete_queue(name)

    @proves("RMQ-18")
    @pytest.mark.parametrize("what", ["queue", "exchange"])
    async def test_the_prefix_of_the_broker_is_refused_with_403(self, broker: Broker, what: str) -> None:
        declare: dict[str, Callable[[], Awaitable[object]]] = {
            "queue": lambda: broker.declare_queue(Queue("amq.mine")),
            "exchange": lambda: broker.declare_exchange(Exchange("amq.mine")),
        }
        with pytest.raises(ChannelClosed) as caught:
            await declare[what]()
        assert caught.value.code == 403

    @proves("RMQ-21")
    async def test_a_queue_without_name_is_given_one(self, broker: Broker) -> None:
        first = await broker.declare_queue(Queue("", durable=False, exclusive=True))
        second = await broker.declare_queue(Queue("", durable=False, exclusive=True))
        assert first.name.startswith("amq.gen-")
        assert first.name != second.name

    @proves("RMQ-58")
    @pytest.mark.parametrize(
        ("kind", "argument"),
        [
            ("classic", {"x-delivery-limit": 3}),
            ("classic", {"x-dead-letter-strategy": "at-least-once"}),
            ("quorum", {"x-max-priority": 3}),
        ],
    )
    async def test_arguments_of_the_other_kind_of_queue_are_refused_with_406(
        self, broker: Broker, fresh: Name, kind: str, argument: dict[str, object]
    ) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.declare_queue(Queue(fresh("queue"), arguments={"x-queue-type": kind, **argument}))
        assert caught.value.code == 406

    @proves("RMQ-58")
    async def test_a_quorum_queue_cannot_be_transient(self, broker: Broker, fresh: Name) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.declare_queue(Queue(fresh("queue"), durable=False, arguments={"x-queue-type": "quorum"}))
        assert caught.value.code == 406

    @proves("RMQ-22")
    async def test_purging_drops_what_is_ready_and_counts_it(self, broker: Broker, queue: MakeQueue) -> None:
        """What is unacked is not ready."""
        name = await queue()
        for number in range(4):
            await broker.publish(Envelope(b"%d" % number), exchange="", routing_key=name)
        held = await broker.get(name)
        assert held is not None
        assert await broker.purge(name) == 3
        held.nack(requeue=True)
        returned = await broker.get(name)
        assert returned is not None
        assert returned.envelope.body == b"0"

    @proves("RMQ-22")
    async def test_deleting_a_queue_counts_what_is_lost(self, broker: Broker, queue: MakeQueue) -> None:
        name = await queue()
        for _ in range(2):
            await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        assert await broker.delete_queue(name) == 2
        with pytest.raises(ChannelClosed):
            await broker.inspect_queue(name)

    @proves("RMQ-20")
    async def test_deleting_a_quorum_queue_counts_what_is_lost(self, broker: Broker, queue: MakeQueue) -> None:
        """Neither if-unused nor if-empty is sent, which would cost the connection."""
        name = await queue({"x-queue-type": "quorum"})
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        await broker.consume(name, prefetch=1, on_delivery=lambda _: None)
        await broker.delete_queue(name)
        with pytest.raises(ChannelClosed):
            await broker.inspect_queue(name)
        assert not broker.lost.is_set()

    async def test_deleting_what_is_missing_is_no_error(self, broker: Broker, fresh: Name) -> None:
        assert await broker.delete_queue(fresh("missing")) == 0
        await broker.delete_exchange(fresh("missing"))

    async def test_deleting_an_exchange_takes_its_bindings(self, broker: Broker, fresh: Name, queue: MakeQueue) -> None:
        exchange, name = fresh("exchange"), await queue()
        await broker.declare_exchange(Exchange(exchange, "fanout"))
        await broker.bind(Binding(exchange, name))
        await broker.delete_exchange(exchange)
        await broker.declare_exchange(Exchange(exchange, "fanout"))
        confirm = await broker.publish(Envelope(b"1"), exchange=exchange, routing_key="", mandatory=True)
        assert confirm.returned is not None

    async def test_binding_what_is_missing_is_refused_with_404(
        self, broker: Broker, fresh: Name, queue: MakeQueue
    ) -> None:
        exchange, name = fresh("exchange"), await queue()
        await broker.declare_exchange(Exchange(exchange, "fanout"))
        for binding in (Binding(fresh("missing"), name), Binding(exchange, fresh("missing"))):
            with pytest.raises(ChannelClosed) as caught:
                await broker.bind(binding)
            assert caught.value.code == 404

    @proves("RMQ-14")
    async def test_a_refusal_costs_no_consumer_publish_or_taken_message(
        self, broker: Broker, fresh: Name, queue: MakeQueue
    ) -> None:
        """The server closes the channel of a refused request; nothing else may have lived on it."""
        name = await queue()
        subscription = await broker.consume(await queue(), prefetch=1, on_delivery=lambda _: None)
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        taken = await broker.get(name)
        assert taken is not None
        for ask in (broker.inspect_queue, broker.get, broker.purge):
            with pytest.raises(ChannelClosed):
                await ask(fresh("missing"))
        assert await broker.publish(Envelope(b"2"), exchange="", routing_key=name) == Confirm()
        assert taken.ack()
        assert not subscription.lost.is_set()
