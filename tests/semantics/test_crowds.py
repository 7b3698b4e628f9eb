"""Many messages at once: nothing is lost, nobody waits for those who fail, and nothing runs hot."""

import asyncio
from collections import Counter

import pytest
from order_handlers import GatewayDown, Order
from processes import System
from script import Desk, OrderedDesk, PatientDesk, Script, Scripted, sleeping
from shopping import ends, serving, take_all, until

from jararaca import IncomingHandler, Message, MessageBusController
from jararaca.core.context import use_clock
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves


@serving(Desk)
async def test_a_batch_outlives_a_connection_that_is_lost_in_its_middle(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    """Everything that was confirmed is handled, only what was under way is handled twice, and within ten seconds."""
    lost: list[float] = []
    back: list[float] = []

    async def lose_in_the_middle(message: Message[Order]) -> None:
        await use_clock().sleep(0.05)
        if len(script.messages) >= 50 and not lost:
            lost.append(jararaca_app.clock.monotonic())
            jararaca_app.world.lose_connections()
        elif lost and not back and message.redelivered:
            back.append(jararaca_app.clock.monotonic())

    script.body = lose_in_the_middle
    for number in range(200):
        await bus.publish(Order(number=number), "order.placed", timeout=60.0)

    await until(jararaca_app, lambda: back and set(script.numbers) == set(range(200)) and not script.running)

    counted = Counter(script.numbers)
    assert set(counted) == set(range(200))
    assert sum(counted.values()) - 200 <= 10  # as many as were handled at a time
    assert back[0] - lost[0] <= 10.0


@proves("F-48")
@serving(Desk)
async def test_five_hundred_publishes_at_once_all_arrive_once(system: System, script: Script) -> None:
    process = await system.start()

    await asyncio.gather(
        *(process.publish(Order(number=number), "order.placed", timeout=60.0) for number in range(500))
    )
    await until(system, lambda: len(ends(system)) == 500)

    assert sorted(script.numbers) == list(range(500))


@proves("F-43")
@pytest.mark.slow
@serving(OrderedDesk)
async def test_a_thousand_messages_of_ten_keys_are_handled_in_the_order_of_each_key(
    system: System, script: Script
) -> None:
    process = await system.start(concurrency=20)
    busy: set[int] = set()
    together: list[int] = []

    async def take(message: Message[Order]) -> None:
        key = message.payload().number % 10
        together.extend({key} & busy)
        busy.add(key)
        await use_clock().sleep(0.001 * (1 + key % 3))
        busy.remove(key)

    script.body = take
    publishes = [
        process.publish(Order(number=number), "order.placed", key=f"customer {number % 10}", timeout=60.0)
        for number in range(1000)
    ]
    await asyncio.gather(*publishes)
    await until(system, lambda: len(ends(system)) == 1000)

    assert together == []
    for key in range(10):
        assert [number for number in script.numbers if number % 10 == key] == list(range(key, 1000, 10))
    assert 1 < script.most <= 10


@proves("F-19")
@serving(PatientDesk)
async def test_a_message_that_fails_each_time_is_given_up_after_its_attempts_and_keeps_nobody_waiting(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    async def fail_for_one(message: Message[Order]) -> None:
        if message.payload().number == 13:
            raise GatewayDown("no answer")

    bus.expect_errors(GatewayDown)
    script.body = fail_for_one
    for number in range(10, 20):
        await bus.publish(Order(number=number), "order.placed")
    await jararaca_app.settle()
    before_its_retry = set(script.numbers)

    await until(jararaca_app, lambda: len(ends(jararaca_app)) == 13)

    assert before_its_retry == set(range(10, 20))
    assert Counter(script.numbers) == {13: 4, **dict.fromkeys({*range(10, 20)} - {13}, 1)}
    (letter,) = await take_all(jararaca_app, "PatientDesk.handle.dlq")
    told = [letter.headers[f"x-jararaca-{name}"] for name in ("reason", "error-type", "original-topic", "attempts")]
    assert told == ["retries-exhausted", "order_handlers.GatewayDown", "order.placed", 4]


@proves("F-38")
@pytest.mark.virtual_only
@serving(PatientDesk)
async def test_while_a_dependency_is_down_messages_wait_on_the_broker_and_are_tried_no_more_than_the_policy_says(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    async def fail_for_a_minute(_message: Message[Order]) -> None:
        if jararaca_app.clock.monotonic() < 4.0:
            raise GatewayDown("no answer")

    bus.expect_errors(GatewayDown)
    script.body = fail_for_a_minute
    for number in range(60):
        await bus.publish(Order(number=number), "order.placed")

    await jararaca_app.clock.advance(minutes=1)

    assert Counter(Counter(script.numbers).values()) == {3: 60}
    assert Counter(ends(jararaca_app)) == {("wait", "retry"): 120, ("ack", None): 60}


@MessageBusController()
class FastAndSlow(Scripted):
    @IncomingHandler("order.placed")
    async def slow(self, message: Message[Order]) -> None:
        await sleeping(100.0)(message)

    @IncomingHandler("order.paid")
    async def fast(self, message: Message[Order]) -> None:
        await self.script.run(message)


@proves("F-42")
@pytest.mark.virtual_only
@serving(FastAndSlow)
async def test_a_slow_handler_holds_up_nobody_elses_messages(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    """All that may run of the slow one runs, and ten times as many wait; the other one is served at once."""
    for number in range(100):
        await bus.publish(Order(number=number), "order.placed")
    for number in range(50):
        await bus.publish(Order(number=number), "order.paid")
    await jararaca_app.clock.advance(0.01)

    assert script.numbers == list(range(50))
    await jararaca_app.clock.advance(2000)
