"""How much runs at a time, in which order, and how it comes to an end."""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.core.context import use_clock
from jararaca.core.steps import Kind
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.decorators import MessageBusController
from jararaca.messagebus.messages import Message
from jararaca.ports.broker import Exchange, Queue, Subscription
from jararaca.ports.clock import Clock
from jararaca_testing.contracts import proves

if TYPE_CHECKING:
    from tests.unit.messagebus.worker.conftest import Rig

pytestmark = pytest.mark.asyncio


async def ten_seconds(message: Message[Any]) -> None:
    await use_clock().sleep(10)


async def publish(rig: "Rig", count: int, **properties: Any) -> None:
    for number in range(count):
        await rig.publish(message_id=f"m-{number}", **properties)
    await rig.settle()


@proves("F-41")
@pytest.mark.parametrize(
    ("config", "options", "running", "delivered"),
    [
        (MessageBusConfig(concurrency=3), {}, 3, 3),
        (MessageBusConfig(concurrency=3, prefetch=5), {}, 3, 5),
        (MessageBusConfig(concurrency=3), {"concurrency": 1}, 1, 1),
        (MessageBusConfig(concurrency=3, prefetch=2), {"concurrency": 4}, 2, 2),
    ],
)
async def test_attempts_are_bounded_by_concurrency_and_deliveries_by_prefetch(
    config: MessageBusConfig, options: dict[str, Any], running: int, delivered: int, rig: "Rig"
) -> None:
    worker = await rig.serve(rig.controller(ten_seconds, **options), config)
    await publish(rig, 8)
    assert (worker.running, len(rig.facts(Kind.DELIVERY))) == (running, delivered)
    await rig.loop.advance(80)
    assert rig.settlements() == [("ack", None)] * 8


async def test_an_ordered_handler_takes_one_message_of_a_key_at_a_time(rig: "Rig") -> None:
    finished: list[str | None] = []

    async def slow_first(message: Message[Any]) -> None:
        await use_clock().sleep({"a-0": 10.0}.get(str(message.message_id), 1.0))
        finished.append(message.message_id)

    await rig.serve(rig.controller(slow_first, ordered=True))
    for identity in ("a-0", "a-1", "b-0", "free-0", "a-2"):
        await rig.publish(message_id=identity, headers={"x-jararaca-key": identity[0]})
    await rig.loop.advance(20)
    assert [identity for identity in finished if str(identity).startswith("a")] == ["a-0", "a-1", "a-2"]
    assert finished[:2] == ["b-0", "free-0"]


async def test_a_worker_is_ready_while_every_queue_is_consumed(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    assert worker.ready
    await worker.stop(0)
    assert not worker.ready


async def test_a_worker_without_handlers_is_ready_until_it_stops_and_is_shown_no_more(rig: "Rig") -> None:
    """It has nothing to take down but itself."""

    @MessageBusController()
    class Nothing: ...

    worker = await rig.serve(Nothing)
    shown = rig.application.environment.measured()
    assert (worker.ready, bool(shown)) == (True, True)

    assert await worker.stop(0) is True

    assert not worker.ready
    assert not rig.application.environment.measured()


async def test_a_stop_within_the_grace_lets_attempts_end_and_requeues_what_was_not_started(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds), MessageBusConfig(concurrency=2, prefetch=5))
    await publish(rig, 6)
    stopping = rig.tasks.spawn(worker.stop(25), name="stop")
    await rig.loop.advance(10)
    assert await stopping is True
    assert sorted(rig.settlements(), key=str) == [("ack", None)] * 2 + [("requeue", "not-started")] * 3
    assert await rig.ready() == 4


async def test_when_the_grace_is_over_attempts_are_cancelled_rolled_back_and_requeued(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    await publish(rig, 1)
    stopping = rig.tasks.spawn(worker.stop(3), name="stop")
    await rig.loop.advance(2.9)
    assert worker.running == 1
    await rig.loop.advance(0.1)
    assert await stopping is False
    assert rig.log == ["rollback", "requeue"]
    assert [facts["outcome"] for facts in rig.facts(Kind.ATTEMPT)] == ["cancelled"]
    again = await rig.outside.get("app.Orders.handle")
    assert again is not None
    assert "x-jararaca-attempt" not in again.envelope.headers


async def test_a_second_stop_cancels_at_once(rig: "Rig", caplog: pytest.LogCaptureFixture) -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    await publish(rig, 1)
    first = rig.tasks.spawn(worker.stop(25), name="stop")
    await rig.settle()
    assert await worker.stop(25) is False
    assert await first is False
    assert rig.loop.time() == 0.0
    told = [each for each in caplog.records if each.getMessage() == "attempts are cancelled by the shutdown"]
    assert [each.__dict__["attempts"] for each in told] == [["attempt of Orders.handle"]]


class Leisurely(MemoryBroker):
    """A broker that takes a second to cancel a consumer."""

    clock: Clock

    async def consume(self, *arguments: Any, **options: Any) -> Any:
        return LeisurelySubscription(await super().consume(*arguments, **options), self.clock)


class LeisurelySubscription:
    def __init__(self, subscription: Subscription, clock: Clock) -> None:
        self._subscription = subscription
        self._clock = clock
        self.lost, self.cancelled, self.close = subscription.lost, subscription.cancelled, subscription.close

    async def cancel(self) -> None:
        await self._clock.sleep(1.0)
        await self._subscription.cancel()


async def test_what_is_cut_while_the_first_stop_still_talks_to_the_broker_is_told_as_cut(rig: "Rig") -> None:
    def leisurely(url: str, *, heartbeat: int, name: str) -> MemoryBroker:
        broker = Leisurely(rig.vhost)
        broker.clock = rig.clock
        return broker

    rig.ports = replace(rig.ports, broker=leisurely)
    worker = await rig.serve(rig.controller(ten_seconds))
    await publish(rig, 1)
    stops = [rig.tasks.spawn(worker.stop(25), name="stop")]
    await rig.loop.advance(0.5)
    stops.append(rig.tasks.spawn(worker.stop(25), name="stop again"))
    await rig.loop.advance(2)

    assert [await stop for stop in stops] == [False, False]
    assert rig.settlements()[0] == ("requeue", "cancelled")


@proves("F-30")
async def test_a_handler_that_swallows_its_cancellation_is_abandoned(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[str] = []

    async def stubborn(message: Message[Any]) -> None:
        for _ in range(3):
            try:
                await use_clock().sleep(1000)
            except asyncio.CancelledError:
                ended.append("cancelled")

    worker = await rig.serve(rig.controller(stubborn))
    await publish(rig, 1)
    stopping = rig.tasks.spawn(worker.stop(0), name="stop")
    await rig.loop.advance(10)
    assert await stopping is False
    assert ended == ["cancelled", "cancelled"]
    assert rig.settlements() == [("requeue", "abandoned")]
    (abandoned,) = [each for each in caplog.records if each.getMessage() == "attempts do not end; they are abandoned"]
    (stack,) = abandoned.__dict__["stacks"]
    assert any(place.endswith(".stubborn") and "test_worker_lifecycle.py:" in place for place in stack)
    await rig.loop.advance(1000)
    assert rig.settlements() == [("requeue", "abandoned")]


async def test_a_delivery_whose_attempt_was_cancelled_before_it_began_is_requeued(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    await rig.publish()
    stopping = rig.tasks.spawn(worker.stop(0), name="stop")
    await stopping
    assert rig.settlements() == [("requeue", "cancelled")]
    assert await rig.ready() == 1


async def test_after_a_lost_connection_everything_is_consumed_again(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    rig.brokers[0].drop()
    await rig.settle()
    assert not worker.ready
    await rig.loop.advance(10)
    assert worker.ready
    await publish(rig, 1)
    await rig.loop.advance(10)
    assert rig.settlements() == [("ack", None)]


async def test_what_waited_in_a_worker_that_lost_its_connection_is_not_handled_twice(rig: "Rig") -> None:
    await rig.serve(rig.controller(ten_seconds), MessageBusConfig(concurrency=1, prefetch=3))
    await publish(rig, 3)
    rig.brokers[0].drop()
    await rig.loop.advance(100)
    assert sorted(str(message.message_id) for message in rig.messages) == ["m-0", "m-0", "m-1", "m-2"]
    assert await rig.ready() == 0


async def test_a_queue_that_was_deleted_is_declared_and_consumed_again(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    await rig.outside.connect()
    await rig.outside.delete_queue("app.Orders.handle")
    await rig.settle()
    assert worker.ready
    await publish(rig, 1)
    await rig.loop.advance(10)
    assert rig.settlements() == [("ack", None)]


async def test_a_shutdown_ends_the_wait_for_a_broker_that_is_down(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds))
    await worker.stop(0)
    rig.vhost.stop()
    await rig.settle()
    rig.application.environment.shutdown.request()
    await type(worker)(rig.application.environment, (), rig.connection, MessageBusConfig()).start()
    assert not rig.connection.ready


@proves("F-4")
async def test_a_queue_that_may_not_be_declared_is_looked_for_until_somebody_declares_it(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    await rig.serve(rig.controller(ten_seconds))
    await rig.outside.connect()
    await rig.outside.declare_exchange(Exchange("app.wait.125"))
    await rig.outside.declare_queue(Queue("app.wait.125"))
    await rig.close()
    worker = await rig.serve(rig.controller(ten_seconds), MessageBusConfig(topology="passive"))
    await rig.outside.connect()
    await rig.outside.delete_queue("app.Orders.handle")
    await rig.loop.advance(3)
    assert not worker.ready
    assert "a queue cannot be consumed for now" in caplog.text
    await rig.outside.declare_queue(Queue("app.Orders.handle"))
    await rig.loop.advance(1)
    assert worker.ready


async def test_stopping_right_after_a_lost_connection_is_no_error(rig: "Rig") -> None:
    worker = await rig.serve(rig.controller(ten_seconds), MessageBusConfig(concurrency=1, prefetch=2))
    await publish(rig, 2)
    rig.brokers[0].drop()
    assert await worker.stop(0) is False
    assert [(facts["reason"], facts["stale"]) for facts in rig.facts(Kind.SETTLE)] == [
        ("not-started", True),
        ("cancelled", True),
    ]


async def test_without_observers_messages_are_handled_all_the_same(rig: "Rig") -> None:
    await rig.serve(rig.controller(ten_seconds))
    rig.unobserve()
    await publish(rig, 3)
    await rig.loop.advance(10)
    assert len(rig.messages) == 3
    assert await rig.ready() == 0


@proves("F-1")
async def test_a_broker_that_goes_away_in_the_middle_of_a_batch_loses_nothing_and_is_found_again_within_ten_seconds(
    rig: "Rig",
) -> None:
    await rig.serve(rig.controller(ten_seconds), MessageBusConfig(concurrency=10))
    await publish(rig, 50)
    await rig.loop.advance(25)
    handled = len(rig.settlements())
    rig.vhost.stop()
    await rig.loop.advance(65)
    before = len(rig.messages)

    rig.vhost.start()
    await rig.loop.advance(10)
    after = len(rig.messages)
    await rig.loop.advance(100)

    assert (handled, before < after) == (20, True)
    assert {str(message.message_id) for message in rig.messages} == {f"m-{number}" for number in range(50)}
    assert len(rig.messages) == 50 + 10  # what was under way comes again
    assert await rig.ready() == 0


@proves("F-35")
async def test_a_broker_that_blocks_publishers_is_not_ready_to_publish_and_its_messages_are_handled(rig: "Rig") -> None:
    await rig.serve(rig.controller(ten_seconds), MessageBusConfig(concurrency=1))
    await publish(rig, 3)
    rig.vhost.block()
    await rig.loop.advance(30)

    assert (rig.connection.ready, rig.connection.can_publish) == (True, False)
    assert rig.settlements() == [("ack", None)] * 3

    rig.vhost.unblock()
    await rig.settle()
    assert rig.connection.can_publish
