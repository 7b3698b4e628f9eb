"""Every argument, type, header and name with a meaning for RabbitMQ: modelled, or refused by name.

The lists are those of RabbitMQ's reference for queues, quorum queues, streams, exchanges, messages and plugins, of any
version. What was in neither column would do something else in silence.
"""

from typing import Any

import pytest

from jararaca.adapters.memory.broker.arguments import EXCHANGE_ARGUMENTS, EXCHANGE_TYPES, QUEUE_ARGUMENTS
from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.errors import BrokerUnavailable, ChannelClosed, NotEmulated
from jararaca.ports.broker import Binding, Envelope, Exchange, Queue

pytestmark = pytest.mark.asyncio

MODELLED_QUEUE_ARGUMENTS = {
    "x-dead-letter-exchange": "",
    "x-dead-letter-routing-key": "k",
    "x-dead-letter-strategy": "at-least-once",
    "x-delivery-limit": 5,
    "x-expires": 60_000,
    "x-max-length": 5,
    "x-max-length-bytes": 5,
    "x-max-priority": 5,
    "x-message-ttl": 1000,
    "x-overflow": "drop-head",
    "x-queue-type": "quorum",
    "x-single-active-consumer": True,
}
OTHER_QUEUE_ARGUMENTS = {
    "x-cancel-on-ha-failover": True,
    "x-consumer-timeout": 1000,
    "x-ha-policy": "all",
    "x-initial-cluster-size": 1,
    "x-max-age": "1h",
    "x-max-in-memory-bytes": 5,
    "x-max-in-memory-length": 5,
    "x-queue-leader-locator": "balanced",
    "x-queue-master-locator": "random",
    "x-queue-mode": "lazy",
    "x-queue-version": 2,
    "x-quorum-initial-group-size": 1,
    "x-quorum-target-group-size": 1,
    "x-stream-filter-size-bytes": 16,
    "x-stream-max-segment-size-bytes": 1000,
    "x-message-deduplication": True,
    "x-mesage-ttl": 1000,
}
ONLY_QUORUM = ("x-dead-letter-strategy", "x-delivery-limit")


async def test_the_model_knows_the_arguments_that_it_says_it_knows(broker: MemoryBroker) -> None:
    assert sorted(QUEUE_ARGUMENTS) == sorted(MODELLED_QUEUE_ARGUMENTS)
    assert (EXCHANGE_ARGUMENTS, EXCHANGE_TYPES) == (("alternate-exchange",), ("direct", "fanout", "topic", "headers"))


@pytest.mark.parametrize("name", sorted(MODELLED_QUEUE_ARGUMENTS))
async def test_a_modelled_queue_argument_is_accepted(broker: MemoryBroker, name: str) -> None:
    """Those of quorum queues only, on one; a dead-letter routing key, beside its exchange."""
    needed: dict[str, dict[str, Any]] = {
        "x-dead-letter-routing-key": {"x-dead-letter-exchange": ""},
        **{only: {"x-queue-type": "quorum"} for only in ONLY_QUORUM},
    }
    arguments = {**needed.get(name, {}), name: MODELLED_QUEUE_ARGUMENTS[name]}
    assert (await broker.declare_queue(Queue("q", arguments=arguments))).ready == 0


@pytest.mark.parametrize("kind", ["classic", "quorum"])
@pytest.mark.parametrize("name", sorted(OTHER_QUEUE_ARGUMENTS))
async def test_any_other_queue_argument_is_refused_by_name(broker: MemoryBroker, name: str, kind: str) -> None:
    arguments = {"x-queue-type": kind, name: OTHER_QUEUE_ARGUMENTS[name]}
    with pytest.raises(NotEmulated, match=f"does not emulate the argument '{name}' of queue 'q'"):
        await broker.declare_queue(Queue("q", arguments=arguments))


async def test_a_stream_is_refused(broker: MemoryBroker) -> None:
    with pytest.raises(NotEmulated, match="the queue type 'stream'"):
        await broker.declare_queue(Queue("q", arguments={"x-queue-type": "stream"}))


@pytest.mark.parametrize(
    "kind",
    ["x-consistent-hash", "x-delayed-message", "x-deduplication", "x-federation-upstream", "x-jms-topic",
     "x-local-random", "x-lvc", "x-modulus-hash", "x-random", "x-recent-history", "x-rtopic"],
)  # fmt: skip
async def test_an_exchange_type_of_a_plugin_is_refused_by_name(broker: MemoryBroker, kind: Any) -> None:
    with pytest.raises(NotEmulated, match=f"the exchange type '{kind}' of exchange 'x'"):
        await broker.declare_exchange(Exchange("x", kind))


@pytest.mark.parametrize("name", ["x-delayed-type", "x-recent-history-length", "x-recent-history-no-store"])
async def test_an_exchange_argument_of_a_plugin_is_refused_by_name(broker: MemoryBroker, name: str) -> None:
    with pytest.raises(NotEmulated, match=f"the argument '{name}' of exchange 'x'"):
        await broker.declare_exchange(Exchange("x", arguments={name: "direct"}))


@pytest.mark.parametrize("name", ["amq.rabbitmq.trace", "amq.rabbitmq.log", "amq.rabbitmq.event"])
async def test_the_servers_own_exchanges_are_refused_by_name(broker: MemoryBroker, name: str) -> None:
    await broker.declare_queue(Queue("q"))
    text = f"the exchange '{name}'"
    with pytest.raises(NotEmulated, match=text):
        await broker.bind(Binding(name, "q", "#"))
    with pytest.raises(NotEmulated, match=text):
        await broker.inspect_exchange(name)
    with pytest.raises(NotEmulated, match=text):
        await broker.declare_exchange(Exchange(name, "topic"))
    with pytest.raises(NotEmulated, match=text):
        await broker.delete_exchange(name)
    with pytest.raises(NotEmulated, match=text):
        await broker.publish(Envelope(b""), exchange=name, routing_key="k")


async def test_the_port_takes_no_direct_replies(broker: MemoryBroker) -> None:
    """RMQ-63: they need a consumer without acks, and the port has none. The refusals are those of RabbitMQ."""
    with pytest.raises(ChannelClosed, match="406 PRECONDITION_FAILED - fast reply consumer does not exist"):
        await broker.publish(Envelope(b"", reply_to="amq.rabbitmq.reply-to"), exchange="", routing_key="q")
    with pytest.raises(ChannelClosed, match="406 PRECONDITION_FAILED - reply consumer cannot acknowledge"):
        await broker.consume("amq.rabbitmq.reply-to", prefetch=1, on_delivery=lambda _: None)
    with pytest.raises(ChannelClosed, match=r"404 NOT_FOUND - no queue 'amq\.rabbitmq\.reply-to'"):
        await broker.get("amq.rabbitmq.reply-to")


@pytest.mark.parametrize("name", ["x-delay", "x-deduplication-header", "x-stream-filter-value"])
async def test_a_message_header_of_a_plugin_is_refused_by_name(broker: MemoryBroker, name: str) -> None:
    with pytest.raises(NotEmulated, match=f"the message header '{name}'"):
        await broker.publish(Envelope(b"", headers={name: 5}), exchange="", routing_key="q")


@pytest.mark.parametrize(
    "headers", [{"x-jararaca-attempt": 1}, {"x-death": []}, {"traceparent": "00-0"}, {"x-received-from": []}]
)
async def test_headers_that_the_server_only_carries_pass(broker: MemoryBroker, headers: dict[str, Any]) -> None:
    await broker.declare_queue(Queue("q"))
    await broker.publish(Envelope(b"", headers=headers), exchange="", routing_key="q")
    delivery = await broker.get("q")
    assert delivery is not None
    assert delivery.envelope.headers == headers


async def test_an_exchange_type_that_nobody_knows_costs_the_connection(broker: MemoryBroker) -> None:
    """RabbitMQ closes it: 503."""
    with pytest.raises(BrokerUnavailable, match="503 COMMAND_INVALID - unknown exchange type 'strange'"):
        await broker.declare_exchange(Exchange("x", "strange"))  # type: ignore[arg-type]
    assert broker.lost.is_set()
