"""Who gets which message, in which order, and what happens to what is not done."""

import asyncio
from collections.abc import Callable

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Delivery, Envelope, Queue, Subscription

pytestmark = pytest.mark.asyncio

QUORUM = {"x-queue-type": "quorum"}
LIMITED = {**QUORUM, "x-delivery-limit": 5}
KINDS = pytest.mark.parametrize("arguments", [{}, QUORUM], ids=["classic", "quorum"])


async def put(broker: MemoryBroker, queue: str, *bodies: str) -> None:
    await asyncio.gather(*[broker.publish(Envelope(body.encode()), exchange="", routing_key=queue) for body in bodies])


async def take_all(broker: MemoryBroker, queue: str) -> list[str]:
    bodies = []
    while (delivery := await broker.get(queue)) is not None:
        bodies.append(delivery.envelope.body.decode())
        delivery.ack()
    return bodies


async def passed() -> None:
    """Let the loop hand over whatever is under way."""
    await SystemClock().sleep(0.001)


def into(deliveries: list[Delivery]) -> Callable[[Delivery], None]:
    return deliveries.append


def bodies_of(deliveries: list[Delivery]) -> list[str]:
    return [delivery.envelope.body.decode() for delivery in deliveries]


@KINDS
async def test_a_consumer_holds_no_more_than_its_prefetch(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-23: two consumers with a window of two hold four; one ack frees one place of that consumer."""
    await broker.declare_queue(Queue("q", arguments=arguments))
    first: list[Delivery] = []
    second: list[Delivery] = []
    await broker.consume("q", prefetch=2, on_delivery=into(first))
    await broker.consume("q", prefetch=2, on_delivery=into(second))
    await put(broker, "q", *"012345")
    await passed()
    assert (bodies_of(first), bodies_of(second)) == (["0", "2"], ["1", "3"])

    first[0].ack()
    await passed()

    assert (bodies_of(first), bodies_of(second)) == (["0", "2", "4"], ["1", "3"])


@KINDS
async def test_idle_consumers_are_served_in_turn(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-24."""
    await broker.declare_queue(Queue("q", arguments=arguments))
    seen: list[list[Delivery]] = [[], [], []]
    for deliveries in seen:
        await broker.consume("q", prefetch=10, on_delivery=into(deliveries))

    await put(broker, "q", *"012345678")
    await passed()

    assert [bodies_of(deliveries) for deliveries in seen] == [["0", "3", "6"], ["1", "4", "7"], ["2", "5", "8"]]


async def test_a_window_of_zero_has_no_limit(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    await broker.consume("q", prefetch=0, on_delivery=into(seen))
    await put(broker, "q", *"0123456789")
    await passed()
    assert len(seen) == 10


@KINDS
async def test_the_higher_priority_is_served_until_its_window_is_full(
    broker: MemoryBroker, arguments: dict[str, object]
) -> None:
    """RMQ-25."""
    await broker.declare_queue(Queue("q", arguments=arguments))
    low: list[Delivery] = []
    high: list[Delivery] = []
    await broker.consume("q", prefetch=2, on_delivery=into(low))
    await broker.consume("q", prefetch=2, on_delivery=into(high), priority=7)
    await put(broker, "q", *"0123")
    await passed()
    assert (bodies_of(low), bodies_of(high)) == (["2", "3"], ["0", "1"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, ["0", "2", "3", "4"]), (QUORUM, ["3", "4", "2", "0"]), (LIMITED, ["2", "0", "3", "4"])],
    ids=["classic: original place", "quorum: the back", "quorum with a limit: the head, as returned"],
)
async def test_a_refused_message_returns_to_the_place_that_its_queue_gives(
    broker: MemoryBroker, arguments: dict[str, object], expected: list[str]
) -> None:
    """RMQ-29, RMQ-30, with 2 refused before 0."""
    await broker.declare_queue(Queue("q", arguments=arguments))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=3, on_delivery=into(seen))
    await put(broker, "q", *"01234")
    await subscription.cancel()

    seen[2].nack(requeue=True)
    seen[0].reject(requeue=True)

    assert await take_all(broker, "q") == expected


@pytest.mark.parametrize("arguments", [{}, QUORUM, LIMITED], ids=["classic", "quorum", "quorum with a limit"])
async def test_what_a_closed_consumer_held_returns_first_and_in_order(
    broker: MemoryBroker, arguments: dict[str, object]
) -> None:
    """RMQ-34."""
    await broker.declare_queue(Queue("q", arguments=arguments))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=3, on_delivery=into(seen))
    await put(broker, "q", *"01234")
    await passed()

    await subscription.close()

    returned = await broker.get("q")
    assert returned is not None
    assert (returned.envelope.body, returned.redelivered) == (b"0", True)
    assert await take_all(broker, "q") == ["1", "2", "3", "4"]


async def test_a_message_that_returns_between_others_takes_its_place(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    await put(broker, "q", *"0123")
    taken = [await broker.get("q") for _ in range(3)]
    for position in (0, 2, 1):
        delivery = taken[position]
        assert delivery is not None
        delivery.nack(requeue=True)
    assert await take_all(broker, "q") == ["0", "1", "2", "3"]


@KINDS
async def test_requeueing_offers_the_message_to_the_next_consumer(
    broker: MemoryBroker, arguments: dict[str, object]
) -> None:
    await broker.declare_queue(Queue("q", arguments=arguments))
    seen: list[list[Delivery]] = [[], []]
    for deliveries in seen:
        await broker.consume("q", prefetch=1, on_delivery=into(deliveries))
    await put(broker, "q", "0")
    await passed()

    seen[0][0].nack(requeue=True)
    await passed()

    assert [(delivery.redelivered) for delivery in seen[1]] == [True]


async def test_a_lone_consumer_that_requeues_does_not_stop_the_loop(broker: MemoryBroker) -> None:
    """RMQ-31: a hot loop, but one that lets others run."""
    await broker.declare_queue(Queue("q"))
    count = 0

    def refuse(delivery: Delivery) -> None:
        nonlocal count
        count += 1
        delivery.nack(requeue=count < 1000)

    await broker.consume("q", prefetch=1, on_delivery=refuse)
    await put(broker, "q", "0")
    await passed()
    assert count == 1000


async def test_a_quorum_queue_counts_returns(broker: MemoryBroker) -> None:
    """RMQ-57: absent on a first push, 0 on a first get, one more after each return."""
    await broker.declare_queue(Queue("q", arguments=LIMITED))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=1, on_delivery=into(seen))
    await put(broker, "q", "0")
    await passed()
    seen[0].nack(requeue=True)
    await passed()
    assert [delivery.envelope.headers for delivery in seen] == [{}, {"x-delivery-count": 1}]
    seen[1].ack()
    await subscription.close()

    await put(broker, "q", "1")
    first = await broker.get("q")

    assert first is not None
    assert first.envelope.headers == {"x-delivery-count": 0}


async def test_a_cancelled_consumer_may_still_settle(broker: MemoryBroker, vhost: VirtualHost) -> None:
    """RMQ-35."""
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=2, on_delivery=into(seen))
    await put(broker, "q", *"01")
    await subscription.cancel()
    await subscription.cancel()
    await put(broker, "q", "2")

    assert subscription.cancelled.is_set()
    assert not subscription.lost.is_set()
    assert [delivery.ack() for delivery in seen] == [True, True]
    assert (vhost.depths()["q"].ready, vhost.depths()["q"].unacked) == (1, 0)


async def test_a_cancel_comes_after_what_was_sent_before_it(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=2, on_delivery=into(seen))
    confirm = broker.publish(Envelope(b"0"), exchange="", routing_key="q")
    await subscription.cancel()
    assert confirm.done()
    assert bodies_of(seen) == ["0"]


async def test_deleting_a_queue_cancels_its_consumers(broker: MemoryBroker, other: MemoryBroker) -> None:
    """RMQ-37: the channel lives on, and late settlements mean nothing."""
    await broker.declare_queue(Queue("q", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "d"}))
    await broker.declare_queue(Queue("d"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=3, on_delivery=into(seen))
    await put(broker, "q", *"0123")
    await passed()

    assert await other.delete_queue("q") == 1
    await asyncio.wait_for(subscription.cancelled.wait(), 1)

    assert (seen[0].ack(), seen[1].nack(requeue=True), seen[2].reject(requeue=False)) == (True, True, True)
    assert not subscription.lost.is_set()
    assert await take_all(broker, "d") == []
    await subscription.close()


async def test_settling_twice_closes_the_channel(broker: MemoryBroker) -> None:
    """RMQ-33: whatever else the channel held is requeued, and later settlements answer False."""
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=3, on_delivery=into(seen))
    await put(broker, "q", *"012")
    await passed()

    assert seen[0].ack() is True
    assert seen[0].ack() is True

    assert subscription.lost.is_set()
    assert seen[1].nack(requeue=True) is False
    assert seen[2].ack() is False
    assert await take_all(broker, "q") == ["1", "2"]


async def test_a_delivery_that_is_not_settled_in_time_costs_the_channel(broker: MemoryBroker) -> None:
    """RMQ-38: after thirty minutes, seen at a tick of one."""
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=1, on_delivery=into(seen))
    await put(broker, "q", "0")
    await SystemClock().sleep(1000)
    seen[0].ack()
    await put(broker, "q", "1")
    await SystemClock().sleep(1700)
    assert not subscription.lost.is_set()

    await SystemClock().sleep(200)

    assert subscription.lost.is_set()
    assert await take_all(broker, "q") == ["1"]


async def test_a_channel_without_unacked_deliveries_lives_on(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=1, on_delivery=into(seen))
    await put(broker, "q", "0")
    await passed()
    seen[0].ack()
    await SystemClock().sleep(5000)
    assert not subscription.lost.is_set()


async def test_get_works_again_after_its_channel_was_closed(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    await put(broker, "q", "0", "1")
    delivery = await broker.get("q")
    assert delivery is not None
    delivery.ack()
    delivery.ack()
    assert await take_all(broker, "q") == ["1"]
    assert await broker.get("q") is None


async def test_get_works_beside_consumers(broker: MemoryBroker) -> None:
    """RMQ-28."""
    await broker.declare_queue(Queue("q"))
    seen: list[Delivery] = []
    await broker.consume("q", prefetch=1, on_delivery=into(seen))
    await put(broker, "q", *"012")
    delivery = await broker.get("q")
    assert delivery is not None
    assert (delivery.envelope.body, bodies_of(seen)) == (b"1", ["0"])
    assert delivery.delivery_tag == 1


@pytest.mark.parametrize(
    ("arguments", "after_cancel", "after_close"),
    [({}, [], ["1"]), (QUORUM, ["1"], ["2"])],
    ids=["classic: idle until work comes", "quorum"],
)
async def test_a_single_active_consumer_is_followed_by_the_next(
    broker: MemoryBroker, arguments: dict[str, object], after_cancel: list[str], after_close: list[str]
) -> None:
    """RMQ-26. To close is to cancel first: a quorum queue has served the next one when the message returns."""
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-single-active-consumer": True}))
    seen: list[list[Delivery]] = [[], [], []]
    subscriptions: list[Subscription] = [
        await broker.consume("q", prefetch=1, on_delivery=into(seen[index]), priority=priority)
        for index, priority in enumerate([0, 5, 0])
    ]
    await put(broker, "q", *"0123")
    await passed()
    assert [bodies_of(deliveries) for deliveries in seen] == [["0"], [], []]

    await subscriptions[0].cancel()
    await passed()
    assert [bodies_of(deliveries) for deliveries in seen] == [["0"], after_cancel, []]

    await put(broker, "q", "4")
    await passed()
    assert bodies_of(seen[1]) == ["1"]

    await subscriptions[1].close()
    await passed()
    assert bodies_of(seen[2]) == after_close


async def test_the_last_single_active_consumer_leaves_nobody(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", arguments={"x-single-active-consumer": True}))
    seen: list[Delivery] = []
    subscription = await broker.consume("q", prefetch=1, on_delivery=into(seen))
    await subscription.close()
    await put(broker, "q", "0")
    await passed()
    assert bodies_of(seen) == []
    assert await take_all(broker, "q") == ["0"]


async def test_get_is_refused_where_a_quorum_queue_has_a_single_active_consumer(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", arguments={**QUORUM, "x-single-active-consumer": True}))
    with pytest.raises(ChannelClosed, match="not supported by quorum queues with single active consumer") as caught:
        await broker.get("q")
    assert caught.value.code == 405


async def test_the_highest_priority_leaves_first(broker: MemoryBroker) -> None:
    """RMQ-59: more than the maximum counts as the maximum, none as 0."""
    await broker.declare_queue(Queue("q", arguments={"x-max-priority": 5}))
    for body, priority in (("a", 0), ("b", 5), ("c", 9), ("d", None), ("e", 3)):
        await broker.publish(Envelope(body.encode(), priority=priority), exchange="", routing_key="q")
    first = await broker.get("q")
    assert first is not None
    first.nack(requeue=True)
    assert await take_all(broker, "q") == ["b", "c", "e", "a", "d"]
    await put(broker, "q", "x")
    assert await broker.purge("q") == 1


async def test_an_auto_delete_queue_goes_with_its_last_consumer(broker: MemoryBroker, vhost: VirtualHost) -> None:
    """RMQ-16: without a consumer it lives."""
    await broker.declare_queue(Queue("q", auto_delete=True))
    assert "q" in vhost.depths()
    subscriptions = [await broker.consume("q", prefetch=1, on_delivery=into([])) for _ in range(2)]
    await subscriptions[0].cancel()
    assert "q" in vhost.depths()
    await subscriptions[1].cancel()
    assert "q" not in vhost.depths()
    await subscriptions[1].close()


async def test_a_consumer_that_raises_hurts_nobody_else(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    reported: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context["message"]))
    seen: list[Delivery] = []

    def fail_first(delivery: Delivery) -> None:
        seen.append(delivery)
        _ = 1 / (len(seen) - 1)

    await broker.consume("q", prefetch=5, on_delivery=fail_first)
    await put(broker, "q", "0", "1")
    await passed()
    assert bodies_of(seen) == ["0", "1"]
    assert len(reported) == 1


async def test_nothing_of_the_publishers_context_reaches_a_consumer(broker: MemoryBroker) -> None:
    """Only bytes travel through a broker."""
    import contextvars

    variable = contextvars.ContextVar("variable", default="clean")
    await broker.declare_queue(Queue("q"))
    seen: list[str] = []
    await broker.consume("q", prefetch=1, on_delivery=lambda _delivery: seen.append(variable.get()))
    variable.set("dirty")
    await put(broker, "q", "0")
    await passed()
    assert seen == ["clean"]


async def test_an_exclusive_queue_belongs_to_its_connection(
    broker: MemoryBroker, other: MemoryBroker, vhost: VirtualHost
) -> None:
    """RMQ-15."""
    info = await broker.declare_queue(Queue("", exclusive=True))
    assert info.name.startswith("amq.gen-")
    for refused in (other.inspect_queue(info.name), other.purge(info.name), other.delete_queue(info.name)):
        with pytest.raises(ChannelClosed, match="RESOURCE_LOCKED") as caught:
            await refused
        assert caught.value.code == 405
    await broker.close()
    assert vhost.depths() == {}
