"""How long messages wait: never less than they should, never much more, and never in a hot loop."""

from datetime import timedelta

import pytest
from order_handlers import GatewayDown, Order
from processes import System
from script import Desk, PatientDesk, Script, raising, retrying_once
from shopping import connection_of, ends, publish_raw, ready, serving, settlements, until

from jararaca import Message
from jararaca.errors import AlreadySettled, InvalidOption
from jararaca.messagebus.headers import milliseconds
from jararaca.ports.broker import Envelope
from jararaca_testing import Bus, RunningApplication

RESOLUTION = 0.001
"""Seconds; a message that is due sooner than this is due."""
LATEST = 0.125
"""Seconds by which a message may be late: the shortest step of the ladder."""
DELAYS = [0.01, 0.125, 0.2, 0.25, 1.0, 1.3, 7.77, 60.0, 3599.99, 100_000.0, 1_000_000.0]


def arrivals(app: RunningApplication) -> list[float]:
    """When each attempt ended, which is when it began as handlers here take no time."""
    return [record.at for record in app.bus.handled("handle")]


async def delay_after_retry(app: RunningApplication, script: Script, delay: float) -> float:
    """How long a message took to come back that asked for a retry after `delay` seconds."""
    script.body = retrying_once(delay)
    await app.bus.publish(Order(number=1), "order.placed")
    await until(app, lambda: len(arrivals(app)) == 2, within=2 * delay + 600)
    first, second = arrivals(app)
    return second - first


@pytest.mark.virtual_only
@serving(Desk)
@pytest.mark.parametrize("delay", DELAYS)
async def test_a_retry_comes_when_it_was_asked_for_and_at_most_one_step_later(
    jararaca_app: RunningApplication, script: Script, delay: float
) -> None:
    script.body = retrying_once(delay)
    await jararaca_app.bus.publish(Order(number=1), "order.placed")
    await jararaca_app.clock.advance(delay + LATEST)

    first, second = arrivals(jararaca_app)
    assert delay - RESOLUTION <= second - first <= delay + LATEST


@pytest.mark.virtual_only
@serving(Desk)
@pytest.mark.parametrize("delay", DELAYS)
async def test_a_delayed_publish_comes_when_it_is_due_and_at_most_one_step_later(
    jararaca_app: RunningApplication, delay: float
) -> None:
    await jararaca_app.bus.publish(Order(number=1), "order.placed", delay=delay)
    await jararaca_app.clock.advance(delay + LATEST)

    (arrival,) = arrivals(jararaca_app)
    assert delay - RESOLUTION <= arrival <= delay + LATEST


@pytest.mark.virtual_only
@serving(PatientDesk)
async def test_a_policy_waits_exactly_what_it_says(jararaca_app: RunningApplication, script: Script, bus: Bus) -> None:
    """Jitter is off under the harness: one second, then three, then the longest that the policy allows."""
    bus.expect_errors(GatewayDown)
    bus.expect_leftover("order.placed", kind="dead-letter")
    script.body = raising(GatewayDown("no answer"))

    await bus.publish(Order(number=1), "order.placed")
    await jararaca_app.clock.advance(minutes=1)

    assert arrivals(jararaca_app) == [0.0, 1.0, 4.0, 9.0]


@pytest.mark.virtual_only
@serving(PatientDesk)
async def test_retry_without_a_delay_waits_what_the_policy_says(
    jararaca_app: RunningApplication, script: Script
) -> None:
    script.body = retrying_once(None)

    await jararaca_app.bus.publish(Order(number=1), "order.placed")
    await jararaca_app.clock.advance(minutes=1)

    assert arrivals(jararaca_app) == [0.0, 1.0]


@serving(Desk)
async def test_no_retry_is_early(jararaca_app: RunningApplication, script: Script) -> None:
    assert await delay_after_retry(jararaca_app, script, 1.3) >= 1.3 - RESOLUTION


@serving(Desk)
async def test_no_delayed_publish_is_early(bus: Bus, jararaca_app: RunningApplication) -> None:
    asked = jararaca_app.clock.monotonic()
    await bus.publish(Order(number=1), "order.placed", delay=1.3)
    await jararaca_app.settle()
    assert arrivals(jararaca_app) == []

    await until(jararaca_app, lambda: arrivals(jararaca_app))

    assert jararaca_app.clock.monotonic() - asked >= 1.3 - RESOLUTION


@serving(Desk)
async def test_a_message_may_be_published_for_a_moment(
    bus: Bus, jararaca_app: RunningApplication, script: Script
) -> None:
    due = jararaca_app.clock.now() + timedelta(seconds=2)
    await bus.publish(Order(number=1), "order.placed", at=due)

    await until(jararaca_app, lambda: script.messages)

    assert jararaca_app.clock.now() >= due - timedelta(milliseconds=1)


@serving(Desk)
async def test_a_moment_that_has_passed_is_now(bus: Bus, jararaca_app: RunningApplication, script: Script) -> None:
    await bus.publish(Order(number=1), "order.placed", at=jararaca_app.clock.now() - timedelta(days=1))
    await jararaca_app.settle()

    assert script.numbers == [1]


@serving(PatientDesk)
async def test_attempts_are_counted_until_they_are_spent(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    bus.expect_errors(GatewayDown)
    script.body = raising(GatewayDown("no answer"))

    await bus.publish(Order(number=1), "order.placed")
    await until(jararaca_app, lambda: len(ends(jararaca_app)) == 4)

    assert [message.attempt for message in script.messages] == [1, 2, 3, 4]
    assert [message.will_retry for message in script.messages] == [True, True, True, False]
    bus.dead_lettered("order.placed").one()
    bus.handled(PatientDesk.handle).attempts(4)
    assert len(bus.retried(PatientDesk.handle)) == 3


@serving(Desk)
async def test_retry_without_a_policy_gives_up_after_five_attempts(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    async def retry(message: Message[Order]) -> None:
        await message.retry(delay=0)

    script.body = retry

    await bus.publish(Order(number=1), "order.placed")
    await until(jararaca_app, lambda: len(ends(jararaca_app)) == 5)

    assert ends(jararaca_app)[-1] == ("dead-letter", "retries-exhausted")
    assert [message.attempt for message in script.messages] == [1, 2, 3, 4, 5]


@serving(Desk)
async def test_a_message_that_comes_before_it_is_due_waits_on_and_counts_no_attempt(
    jararaca_app: RunningApplication, script: Script
) -> None:
    due = jararaca_app.clock.now() + timedelta(seconds=2)
    headers = {"x-jararaca-not-before": milliseconds(due)}
    await publish_raw(jararaca_app, Envelope(b'{"number": 1}', message_id="m-1", headers=headers), "order.placed")

    await until(jararaca_app, lambda: script.messages)

    assert jararaca_app.clock.now() >= due - timedelta(milliseconds=1)
    early, end = settlements(jararaca_app)[0], settlements(jararaca_app)[-1]
    assert [(early.outcome, early.reason), (end.outcome, end.reason)] == [("wait", "early"), ("ack", None)]
    assert [message.attempt for message in script.messages] == [1]


@serving(Desk)
async def test_a_handler_that_always_nacks_does_not_spin(jararaca_app: RunningApplication, script: Script) -> None:
    """At most eight times a second, and still the first attempt."""

    async def nack(message: Message[Order]) -> None:
        await message.nack()

    script.body = nack
    jararaca_app.bus.expect_leftover(handler="handle", kind="retry")
    await jararaca_app.bus.publish(Order(number=1), "order.placed")
    await jararaca_app.clock.advance(10.0)

    assert 2 <= len(script.messages) <= 81
    assert {message.attempt for message in script.messages} == {1}


@serving(Desk)
async def test_a_message_that_waits_outlives_its_processes(system: System, script: Script) -> None:
    """The wait is the broker's: nobody needs to be there when it ends."""
    first = await system.start()
    await first.publish(Order(number=1), "order.placed", delay=2.0)
    await first.stop()
    await system.clock.advance(10.0)

    await system.start()
    await until(system, lambda: ends(system))

    assert script.numbers == [1]


@serving(Desk)
async def test_wait_queues_are_kept(jararaca_app: RunningApplication, script: Script) -> None:
    await delay_after_retry(jararaca_app, script, 1.0)

    assert await ready(jararaca_app, "wait.1000") == 0


@pytest.mark.virtual_only
@serving(Desk)
async def test_wait_queues_are_kept_for_years(jararaca_app: RunningApplication, script: Script) -> None:
    await delay_after_retry(jararaca_app, script, 1.0)
    await jararaca_app.clock.advance(days=1000)

    assert await ready(jararaca_app, "wait.1000") == 0


@serving(Desk)
async def test_a_wait_that_an_operator_deleted_is_declared_again(
    jararaca_app: RunningApplication, script: Script
) -> None:
    await delay_after_retry(jararaca_app, script, 1.0)
    connection = connection_of(jararaca_app)
    await connection.broker.delete_queue(connection.names.wait(1.0))
    script.messages.clear()

    async def retry_again(message: Message[Order]) -> None:
        await message.retry(delay=1.0)

    script.body = retry_again
    jararaca_app.bus.expect_leftover(handler="handle", kind="retry")
    await jararaca_app.bus.publish(Order(number=2), "order.placed")
    await until(jararaca_app, lambda: len(script.messages) == 2)

    assert [message.attempt for message in script.messages] == [1, 2]


@serving(Desk)
@pytest.mark.parametrize("delay", [-1.0, 1e12])
async def test_a_delay_that_cannot_be_is_refused(bus: Bus, delay: float) -> None:
    with pytest.raises(InvalidOption, match="delay"):
        await bus.publish(Order(number=1), "order.placed", delay=delay)


@serving(Desk)
async def test_two_different_decisions_raise(jararaca_app: RunningApplication, script: Script, bus: Bus) -> None:
    async def hesitate(message: Message[Order]) -> None:
        await message.ack()
        await message.retry()

    bus.expect_errors(AlreadySettled)
    script.body = hesitate
    await bus.publish(Order(number=1), "order.placed")
    await jararaca_app.settle()

    assert ends(jararaca_app) == [("dead-letter", "error")]
