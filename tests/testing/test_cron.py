"""The `cron` fixture: actions fired by hand, over the path of the scheduler, and questions about what fired."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from jararaca import MessageBusController, Microservice, ScheduledAction, use_publisher
from jararaca.core.context import current_execution, use_clock
from jararaca.errors import InvalidOption, UsageError
from jararaca.scheduler.decorators import Tick
from jararaca_testing import Bus, Cron, RunningApplication, VirtualClock

pytestmark = pytest.mark.jararaca(allow=["unroutable"])


class Reminder(Exception):
    """Nobody is there to be reminded."""


class Reminded(BaseModel):
    token: int
    missed: int


@MessageBusController()
class Tasks:
    @ScheduledAction("0 6 * * *")
    async def remind(self, tick: Tick) -> None:
        assert current_execution().trigger.kind == "tick"
        await use_publisher().publish(Reminded(token=tick.fencing_token, missed=tick.missed), topic="reminder")

    @ScheduledAction("*/20 * * * *", name="sweeping")
    async def sweep(self) -> None:
        await use_clock().sleep(30)

    @ScheduledAction("0 0 1 1 *")
    async def fail(self) -> None:
        raise Reminder


class Others:
    @ScheduledAction("0 12 * * *")
    async def remind(self) -> None: ...


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Tasks, Others])


async def test_an_action_fires_now_in_a_unit_of_work_of_its_own_and_returns_its_record(cron: Cron, bus: Bus) -> None:
    record = await cron.fire(Tasks.remind)

    assert (record.handler, record.outcome, record.error) == ("Tasks.remind", "ok", None)
    assert bus.published("reminder").one().payload == Reminded(token=1, missed=0)
    assert cron.fired(Tasks.remind).one() == record


@pytest.mark.virtual_only
async def test_firing_by_hand_takes_nothing_from_the_schedule(cron: Cron, clock: VirtualClock) -> None:
    await clock.advance(hours=6)
    await cron.fire(Tasks.remind)
    await cron.fire(Tasks.remind)
    await clock.advance(days=1)

    cron.fired(Tasks.remind).times(4)


@pytest.mark.virtual_only
async def test_an_action_that_still_runs_is_skipped(cron: Cron, clock: VirtualClock) -> None:
    await clock.advance(minutes=20)

    record = await cron.fire("sweeping")

    assert record.outcome == "skipped"
    cron.skipped(Tasks.sweep).one()
    cron.fired(Tasks.sweep).none()
    await clock.advance(seconds=30)
    cron.fired(Tasks.sweep).one()


@pytest.mark.virtual_only
async def test_firing_waits_for_the_end_and_no_other_tick_is_taken_for_it(cron: Cron, clock: VirtualClock) -> None:
    await clock.advance(minutes=19)
    before = clock.monotonic()

    record = await cron.fire(Tasks.sweep)

    assert (record.outcome, clock.monotonic() - before) == ("ok", 30.0)


async def test_what_an_action_raises_is_in_its_record_and_has_to_be_expected(cron: Cron, bus: Bus) -> None:
    bus.expect_errors(Reminder)

    record = await cron.fire(Tasks.fail)

    assert (record.outcome, type(record.error)) == ("error", Reminder)


async def test_all_actions_are_asked_for_together(cron: Cron, bus: Bus) -> None:
    bus.expect_errors(Reminder)
    await cron.fire(Tasks.remind)
    await cron.fire(Tasks.fail)

    assert [each.handler for each in cron.fired()] == ["Tasks.remind", "Tasks.fail"]
    cron.fired(None, lambda each: each.error is not None).one()
    cron.skipped().none()


@pytest.mark.virtual_only
async def test_the_next_firings_are_told_of_one_action_or_of_all_in_order(cron: Cron, clock: VirtualClock) -> None:
    await clock.advance(hours=5, minutes=30)
    day = datetime(2026, 1, 1, tzinfo=UTC)

    assert [each.at - day for each in cron.next_firings(Tasks.remind, count=2)] == [
        timedelta(hours=6),
        timedelta(days=1, hours=6),
    ]
    coming = cron.next_firings(count=4)
    assert [(each.action, (each.at - day).total_seconds() / 3600) for each in coming] == [
        ("sweeping", pytest.approx(5 + 2 / 3)),
        ("Tasks.remind", 6.0),
        ("sweeping", 6.0),
        ("sweeping", pytest.approx(6 + 1 / 3)),
    ]


@pytest.mark.virtual_only
async def test_a_firing_that_did_not_come_says_when_it_will(cron: Cron) -> None:
    with pytest.raises(AssertionError) as failure:
        cron.fired(Tasks.remind).one()

    assert str(failure.value).splitlines() == [
        "fired(Tasks.remind): expected once, but it happened never.",
        "Tasks.remind is due at 2026-01-01 06:00:00 UTC, in 21600 s; let time pass with `await clock.advance(...)`",
    ]


@pytest.mark.virtual_only
async def test_a_firing_too_many_is_shown(cron: Cron) -> None:
    await cron.fire(Tasks.remind)

    with pytest.raises(AssertionError, match=r"ended: #\d+ t=0.000 tick Tasks.remind ok"):
        cron.fired(Tasks.remind).none()


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("remind", "'remind' is the name of several scheduled actions of this application."),
        ("remand", "'remand' is no scheduled action of this application."),
        (len, "'len' is no scheduled action"),
    ],
)
async def test_what_is_no_action_is_an_error_that_lists_those_there_are(cron: Cron, asked: Any, shown: str) -> None:
    with pytest.raises(InvalidOption, match=f"{shown}.*Tasks.remind, sweeping, Tasks.fail, Others.remind"):
        await cron.fire(asked)


async def test_before_the_start_nothing_fires(jararaca_harness: RunningApplication) -> None:
    with pytest.raises(UsageError, match="ask for the fixture jararaca_app or cron"):
        await jararaca_harness.cron.fire(Tasks.remind)
