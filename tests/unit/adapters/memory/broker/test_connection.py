"""Connections that end, servers that go, and publishes that are under way."""

import asyncio

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import BrokerUnavailable, ChannelClosed, NotEmulated
from jararaca.ports.broker import BrokerState, Confirm, Delivery, Envelope, Exchange, Queue

pytestmark = pytest.mark.asyncio

LIMITED = {"x-queue-type": "quorum", "x-delivery-limit": 20}


def publish(broker: MemoryBroker, body: bytes = b"x", *, exchange: str = "") -> asyncio.Future[Confirm]:
    return broker.publish(Envelope(body), exchange=exchange, routing_key="q")


async def test_before_connecting_nothing_works(vhost: VirtualHost) -> None:
    broker = MemoryBroker(vhost)
    assert (broker.state, broker.lost.is_set()) == (BrokerState.LOST, True)
    for refused in (broker.declare_queue(Queue("q")), broker.flush(), publish(broker)):
        with pytest.raises(BrokerUnavailable, match="connect"):
            await refused
    broker.drop()
    await broker.close()


async def test_connecting_twice_changes_nothing(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", exclusive=True))
    await broker.connect()
    await broker.flush()
    assert (broker.state, broker.lost.is_set()) == (BrokerState.READY, False)
    assert (await broker.inspect_queue("q")).ready == 0


async def test_closing_requeues_what_is_unacked_and_confirms_what_was_read(
    broker: MemoryBroker, other: MemoryBroker
) -> None:
    """RMQ-34."""
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=1, on_delivery=seen.append)
    confirms = [publish(broker, body) for body in (b"0", b"1")]
    await SystemClock().sleep(0.001)
    last = publish(broker, b"2")

    await broker.close()
    await broker.close()

    assert [confirm.result() for confirm in [*confirms, last]] == [Confirm()] * 3
    assert (subscription.lost.is_set(), broker.state) == (True, BrokerState.LOST)
    assert seen[0].ack() is False
    first = await other.get("q")
    assert first is not None
    assert (first.envelope.body, first.redelivered) == (b"0", True)


async def test_a_lost_connection_fails_what_was_not_confirmed_and_delivers_nothing_more(
    broker: MemoryBroker, other: MemoryBroker
) -> None:
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=1, on_delivery=seen.append)
    confirm = publish(broker)

    broker.drop()
    broker.drop()
    with pytest.raises(BrokerUnavailable, match="lost before it confirmed"):
        await confirm

    assert seen == []
    assert (broker.lost.is_set(), subscription.lost.is_set(), subscription.cancelled.is_set()) == (True, True, False)
    await subscription.cancel()
    await subscription.close()
    assert (await other.inspect_queue("q")).ready == 1
    await broker.connect()
    assert (broker.state, broker.lost.is_set()) == (BrokerState.READY, False)


async def test_losing_the_connection_while_cancelling_ends_the_cancel(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    subscription = await broker.consume("q", prefetch=1, on_delivery=lambda _: None)
    cancelling = asyncio.gather(subscription.cancel())
    await asyncio.wait([asyncio.gather(asyncio.wait_for(asyncio.Event().wait(), 0), return_exceptions=True)], timeout=0)
    broker.drop()
    await cancelling
    assert subscription.lost.is_set()


async def test_a_publish_that_nobody_awaits_any_more_disturbs_nothing(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    abandoned = publish(broker)
    abandoned.cancel()
    await publish(broker)
    lost = publish(broker)
    lost.cancel()
    broker.drop()
    assert abandoned.cancelled()


async def test_losing_all_connections_returns_a_message_once(
    vhost: VirtualHost, broker: MemoryBroker, other: MemoryBroker
) -> None:
    """It is not handed from one dying consumer to the next, which would count towards its limit."""
    await broker.declare_queue(Queue("q", arguments=LIMITED))
    for connection in (broker, broker, other):
        await connection.consume("q", prefetch=1, on_delivery=lambda _: None)
    await publish(broker)

    vhost.drop_connections()

    await broker.connect()
    delivery = await broker.get("q")
    assert delivery is not None
    assert delivery.envelope.headers["x-delivery-count"] == 1


async def test_a_stopped_server_refuses_and_forgets_what_is_not_durable(
    vhost: VirtualHost, broker: MemoryBroker
) -> None:
    for queue in (Queue("q"), Queue("transient", durable=False), Queue("safe", arguments=LIMITED)):
        await broker.declare_queue(queue)
    await broker.declare_exchange(Exchange("passing", durable=False))
    for name, persistent in (("q", True), ("q", False), ("safe", False)):
        await broker.publish(Envelope(b"x", persistent=persistent), exchange="", routing_key=name)

    vhost.stop()
    assert broker.lost.is_set()
    with pytest.raises(BrokerUnavailable, match="stopped"):
        await broker.connect()
    vhost.start()
    await broker.connect()

    assert {name: depth.ready for name, depth in vhost.depths().items()} == {"q": 1, "safe": 1}
    with pytest.raises(ChannelClosed, match="no exchange 'passing'"):
        await broker.inspect_exchange("passing")


async def test_what_expired_while_the_server_was_down_expires_at_its_start(
    vhost: VirtualHost, broker: MemoryBroker
) -> None:
    await broker.declare_queue(Queue("q", arguments={"x-message-ttl": 1000}))
    await broker.declare_queue(Queue("unused", arguments={"x-expires": 1000}))
    await publish(broker)
    vhost.stop()
    await SystemClock().sleep(5)
    assert vhost.depths()["q"].ready == 1
    vhost.start()
    assert {name: depth.ready for name, depth in vhost.depths().items()} == {"q": 0, "unused": 0}
    await SystemClock().sleep(1.1)
    assert "unused" not in vhost.depths()


async def test_a_blocked_server_holds_publishes_back(vhost: VirtualHost, broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    states = [broker.state]
    vhost.block()
    states.append(broker.state)
    confirms = [publish(broker, body) for body in (b"0", b"1")]
    strange = broker.publish(Envelope(b"", headers={"x-delay": 5}), exchange="", routing_key="q")
    await SystemClock().sleep(60)
    assert not any(confirm.done() for confirm in confirms)

    vhost.unblock()
    await asyncio.gather(*confirms)

    assert (await broker.inspect_queue("q")).ready == 2
    with pytest.raises(NotEmulated):
        await strange
    assert [*states, broker.state] == [BrokerState.READY, BrokerState.BLOCKED, BrokerState.READY]


async def test_what_is_held_back_is_lost_with_the_connection(vhost: VirtualHost, broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    vhost.block()
    held = publish(broker)
    broker.drop()
    with pytest.raises(BrokerUnavailable):
        await held
    vhost.unblock()
    assert vhost.depths()["q"].ready == 0


async def test_a_refused_publish_takes_those_behind_it_along(broker: MemoryBroker) -> None:
    """RMQ-12: the channel is closed, and what was under way on it is gone; the next one opens another."""
    await broker.declare_queue(Queue("q"))
    before = publish(broker)
    refused = publish(broker, exchange="missing")
    behind = publish(broker)
    outcomes = await asyncio.gather(before, refused, behind, return_exceptions=True)
    assert outcomes[0] == Confirm()
    for outcome in outcomes[1:]:
        assert isinstance(outcome, ChannelClosed)
        assert (outcome.code, outcome.text) == (404, "NOT_FOUND - no exchange 'missing' in vhost '/'")
    assert await publish(broker) == Confirm()
    assert (await broker.inspect_queue("q")).ready == 2


async def test_nothing_is_called_back_before_the_loop_runs(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    await broker.consume("q", prefetch=5, on_delivery=seen.append)
    confirm = publish(broker)
    assert (seen, confirm.done()) == ([], False)
    await confirm
    assert len(seen) == 1
