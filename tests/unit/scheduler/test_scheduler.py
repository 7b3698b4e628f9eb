"""When actions fire: after downtime, while they still run, with several replicas, and without their store."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import FunctionType
from typing import Any

import pytest

from jararaca import Microservice, ScheduledAction
from jararaca.core.context import use_clock
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind
from jararaca_testing import RunningApplication, VirtualClock
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.virtual_only

Start = Callable[..., Awaitable[Any]]
DAYS = timedelta(days=3)


class EveryThreeSeconds:
    @ScheduledAction("* * * * * */3")
    async def run(self) -> None:
        await use_clock().sleep(5)


class Overlapping:
    @ScheduledAction("* * * * * */3", allow_overlap=True)
    async def run(self) -> None:
        await use_clock().sleep(5)


class Hourly:
    @ScheduledAction("0 * * * *")
    async def once(self) -> None: ...


class Skipping:
    @ScheduledAction("0 * * * *", misfire="skip")
    async def skip(self) -> None: ...


class CatchingUp:
    @ScheduledAction("0 * * * *", misfire="all", max_catch_up=5)
    async def all(self) -> None:
        await use_clock().sleep(1800)


class Gracious:
    @ScheduledAction("0 * * * *", misfire="once", misfire_grace=7200)
    async def once(self) -> None: ...


class EachReplica:
    @ScheduledAction("* * * * * */3", exclusive=False)
    async def run(self) -> None:
        await use_clock().sleep(5)


class EveryMinute:
    @ScheduledAction("* * * * *")
    async def act(self) -> None: ...


async def nothing(self: object) -> None: ...


@pytest.fixture
def thousands() -> type:
    """A controller of five thousand actions that are due every minute."""
    body = nothing.__code__
    methods = [FunctionType(body, globals(), f"act{number}") for number in range(5_000)]
    decorate = ScheduledAction("* * * * *")
    return type("Many", (), {each.__name__: decorate(each) for each in methods})


class Nothing:
    async def run(self) -> None: ...


def counts_in(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, int]]:
    """Which action, what the log says of ticks that did not fire, and of how many."""
    counted = [vars(record) for record in caplog.records]
    return [(each["action"], word, each[word]) for each in counted for word in ("missed", "dropped") if word in each]


@proves("F-79")
async def test_a_five_second_body_skips_the_tick_in_between(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(EveryThreeSeconds)
    await clock.advance(seconds=15)

    assert scheduler.begun == [3.0, 9.0, 15.0]
    assert scheduler.ticks == [(6.0, "skipped"), (8.0, "ok"), (12.0, "skipped"), (14.0, "ok")]


async def test_runs_that_may_overlap_do(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(Overlapping)
    await clock.advance(seconds=12)

    assert scheduler.begun == [3.0, 6.0, 9.0, 12.0]
    assert [tick.fencing_token for tick in scheduler.fired] == [0, 0, 0, 0]


@proves("F-87")
async def test_the_first_start_fires_nothing_before_the_next_tick(start: Start, clock: VirtualClock) -> None:
    clock.set(datetime(2026, 5, 1, 12, 30, tzinfo=UTC))
    scheduler = await start(Hourly)
    await clock.advance(minutes=29)
    assert scheduler.begun == []
    await clock.advance(minutes=2)

    assert scheduler.fired[0].scheduled_at == datetime(2026, 5, 1, 13, 0, tzinfo=UTC)


async def test_a_scheduler_without_actions_sleeps_for_ever(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(Nothing)
    await clock.advance(days=1)

    assert (scheduler.ticks, scheduler.runtime.ready) == ([], True)


async def test_downtime_is_made_up_for_once(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(Hourly)
    before = clock.now()
    await clock.jump(days=3)
    await clock.advance(hours=1)

    late, on_time = scheduler.fired
    assert (late.scheduled_at, late.missed) == (before + DAYS, 71)
    assert (on_time.scheduled_at, on_time.missed) == (before + DAYS + timedelta(hours=1), 0)


@proves("F-86")
async def test_downtime_is_skipped(start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = await start(Skipping)
    await clock.jump(days=3, minutes=10)
    assert scheduler.fired == []
    await clock.advance(hours=1)

    assert [tick.missed for tick in scheduler.fired] == [0]
    assert counts_in(caplog) == [("Skipping.skip", "dropped", 72)]


async def test_missed_ticks_fire_one_after_the_other_though_new_ones_come_meanwhile(
    start: Start, clock: VirtualClock
) -> None:
    """Five catch-ups take two and a half hours; what comes due in between is skipped, as over any long run."""
    scheduler = await start(CatchingUp)
    before = clock.now()
    await clock.jump(days=3, minutes=10)
    await clock.advance(hours=4)

    hours = [(tick.scheduled_at - before) / timedelta(hours=1) for tick in scheduler.fired]
    assert hours == [68.0, 69.0, 70.0, 71.0, 72.0, 75.0, 76.0]
    assert [outcome for _at, outcome in scheduler.ticks].count("skipped") == 2


async def test_a_grace_limits_what_is_made_up_for(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(Gracious)
    await clock.jump(days=3, minutes=10)

    assert [tick.missed for tick in scheduler.fired] == [1]


@proves("F-86")
async def test_three_days_of_downtime_of_an_action_of_every_minute_are_one_run(
    start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It says how many ticks it stands for, and so does one line of the log."""
    caplog.set_level(logging.INFO, "jararaca.scheduler")
    scheduler = await start(EveryMinute)
    await clock.advance(minutes=1)
    await clock.jump(days=3)

    assert [tick.missed for tick in scheduler.fired] == [0, 4_319]
    assert counts_in(caplog) == [("EveryMinute.act", "missed", 4_319)]


@pytest.mark.slow
@pytest.mark.jararaca(allow=["loop-stall"])  # collecting so many takes its time, and is done at the start
@proves("F-90")
async def test_thousands_of_actions_may_be_due_at_one_second(
    start: Start, clock: VirtualClock, thousands: type
) -> None:
    """Each fires, and the last one less than a second late."""
    scheduler = await start(thousands)

    await clock.advance(minutes=1)

    assert len({tick.action for tick in scheduler.fired}) == 5_000
    assert max(tick.fired_at - tick.scheduled_at for tick in scheduler.fired) < timedelta(seconds=1)


async def test_a_new_process_makes_up_for_the_time_in_which_none_ran(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    first = await start(Hourly)
    await clock.advance(hours=1)
    await first.stop()
    await clock.advance(hours=5)
    second = await start(Hourly)
    await clock.advance(seconds=1)

    assert [tick.missed for tick in second.fired] == [4]


async def test_each_tick_fires_on_one_replica(start: Start, clock: VirtualClock) -> None:
    first, second = await start(Hourly), await start(Hourly)
    await clock.advance(hours=10)

    fired = [tick.scheduled_at for tick in (*first.fired, *second.fired)]
    assert len(fired) == len(set(fired)) == 10
    assert sorted(outcome for _at, outcome in (*first.of(Kind.CLAIM), *second.of(Kind.CLAIM))) == (
        ["claimed"] * 10 + ["lost"] * 10
    )


async def test_a_replica_does_not_fire_while_another_ones_run_lasts(start: Start, clock: VirtualClock) -> None:
    first, second = await start(EveryThreeSeconds), await start(EveryThreeSeconds)
    await clock.advance(seconds=15)

    assert sorted((*first.begun, *second.begun)) == [3.0, 9.0, 15.0]


async def test_the_other_replica_goes_on_when_one_stops(start: Start, clock: VirtualClock) -> None:
    first, second = await start(Hourly), await start(Hourly)
    await clock.advance(hours=2)
    await first.stop()
    await clock.advance(hours=2)

    assert len(first.fired) + len(second.fired) == 4
    assert len(second.fired) >= 2


async def test_a_scheduler_that_stops_is_not_ready_although_a_run_goes_on(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(EveryThreeSeconds)
    await clock.advance(seconds=4)
    assert scheduler.runtime.ready
    tasks = TaskScope("test")
    stopping = tasks.spawn(scheduler.runtime.stop(60), name="stop")
    await clock.advance(seconds=1)

    assert (scheduler.runtime.ready, scheduler.runtime.running) == (False, 1)
    assert await stopping
    assert (scheduler.runtime.ready, scheduler.ticks) == (False, [(8.0, "ok")])


async def test_actions_that_are_not_exclusive_fire_on_each_replica_and_skip_for_themselves(
    start: Start, clock: VirtualClock
) -> None:
    first = await start(EachReplica)
    await clock.advance(seconds=3)
    second = await start(EachReplica)
    await clock.advance(seconds=7)

    assert (first.begun, second.begun) == ([3.0, 9.0], [6.0])
    assert [tick.fencing_token for tick in first.fired] == [1, 2]


async def test_without_its_store_an_exclusive_action_does_not_fire_and_recovers(
    start: Start, store: Any, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await start(Hourly)
    await clock.advance(hours=1)
    store.is_away = True
    await clock.advance(hours=2)
    store.is_away = False
    await clock.advance(hours=1)

    assert [outcome for _at, outcome in scheduler.ticks] == ["ok", "store unavailable", "store unavailable", "ok"]
    assert scheduler.begun == [3600.0, 4 * 3600.0]
    assert "the schedule store is not available: the action did not fire" in caplog.text


async def test_missed_ticks_that_the_store_cannot_claim_do_not_fire(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(CatchingUp)
    await clock.advance(seconds=1)
    store.is_away = True
    await clock.jump(hours=3, minutes=1)

    assert [outcome for _at, outcome in scheduler.ticks] == ["store unavailable"] * 3


async def test_missed_ticks_whose_lease_cannot_be_taken_do_not_fire(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(CatchingUp)
    await clock.jump(hours=2, minutes=1)
    await clock.advance(minutes=1)
    store.is_away = True
    await clock.advance(hours=1)

    assert scheduler.ticks == [(7340.0, "lease lost"), (7340.0, "store unavailable"), (10800.0, "store unavailable")]


async def test_missed_ticks_that_another_replica_claimed_fire_there(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    first, second = await start(CatchingUp), await start(CatchingUp)
    await clock.jump(hours=3, minutes=1)
    await clock.advance(minutes=50)

    assert sorted([len(first.of(Kind.CLAIM)), len(second.of(Kind.CLAIM))]) == [1, 3]
    assert sorted([len(first.fired), len(second.fired)]) == [0, 2]


async def test_actions_that_are_not_exclusive_fire_without_the_store(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    store.is_away = True
    scheduler = await start(EachReplica)
    await clock.advance(seconds=10)

    assert scheduler.begun == [3.0, 9.0]


async def test_a_scheduler_waits_for_its_store_with_growing_pauses(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    store.is_away = True
    scheduler = await start(Hourly)
    await clock.advance(minutes=2)
    assert store.times("last") == [0.0, 1.0, 3.0, 7.0, 15.0, 31.0, 61.0, 91.0]
    assert scheduler.runtime.ready is False
    store.is_away = False
    await clock.advance(hours=1)

    assert (scheduler.runtime.ready, len(scheduler.fired)) == (True, 1)


async def test_stopping_lets_runs_end_within_the_grace_and_claims_nothing_more(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(EveryThreeSeconds)
    await clock.advance(seconds=4)
    assert scheduler.runtime.running == 1

    assert await scheduler.runtime.stop(10) is True
    assert scheduler.ticks == [(8.0, "ok")]
    assert (clock.monotonic(), len(store.times("claim"))) == (8.0, 1)
    assert store.times("close") == [8.0]


async def test_stopping_cancels_what_takes_too_long_and_gives_its_lease_back(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(EveryThreeSeconds)
    await clock.advance(seconds=4)

    assert await scheduler.runtime.stop(2) is False
    assert (scheduler.ticks, store.times("release")) == ([(6.0, "cancelled")], [6.0])


async def test_without_observers_actions_fire_as_well(start: Start, store: Any, clock: VirtualClock) -> None:
    scheduler = await start(EveryThreeSeconds)
    scheduler.application.environment.steps.observers = ()
    await clock.advance(seconds=10)

    assert store.times("claim") == [3.0, 6.0, 9.0]
    assert store.times("release") == [8.0]


async def test_a_runtime_that_was_not_started_has_nothing_to_rebase(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(Hourly)
    await scheduler.runtime.stop(0)
    scheduler.runtime.rebase()
    await clock.advance(hours=2)

    assert scheduler.fired == []


@pytest.mark.parametrize("jararaca_microservice", [Microservice(controllers=[Hourly])])
class TestTheClockOfATest:
    async def test_setting_the_clock_forward_fires_nothing_and_the_next_tick_follows(
        self, jararaca_app: RunningApplication, clock: VirtualClock
    ) -> None:
        await clock.advance(hours=1)
        clock.set(datetime(2030, 6, 1, 11, 59, tzinfo=UTC))
        await jararaca_app.settle()
        assert len(jararaca_app.ledger.begun(Kind.TICK)) == 1
        await clock.advance(minutes=1)

        assert [round(run.at) for run in jararaca_app.ledger.begun(Kind.TICK)] == [3600, 3660]

    async def test_setting_the_clock_back_fires_at_the_ticks_of_that_time(
        self, jararaca_app: RunningApplication, clock: VirtualClock
    ) -> None:
        await clock.advance(hours=1)
        clock.set(datetime(2020, 6, 1, 11, 59, tzinfo=UTC))
        await clock.advance(minutes=1)
        await clock.advance(hours=1)

        assert [round(run.at) for run in jararaca_app.ledger.begun(Kind.TICK)] == [3600, 3660, 7260]

    async def test_downtime_shows_in_the_tick(self, jararaca_app: RunningApplication, clock: VirtualClock) -> None:
        await clock.jump(days=3)

        assert len(jararaca_app.ledger.begun(Kind.TICK)) == 1


class Stop(BaseException):
    """What no handler is expected to raise, such as a wish to end the process."""


class Ending:
    @ScheduledAction("* * * * *")
    async def run(self) -> None:
        raise Stop


async def test_what_is_no_exception_is_recorded_and_gives_the_lease_back(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(Ending)
    await clock.advance(seconds=60)

    assert (scheduler.ticks, store.times("release")) == ([(60.0, "error")], [60.0])


class Travelling:
    @ScheduledAction("0 * * * *", dispatch="broker")
    async def act(self) -> None: ...


async def test_a_runtime_that_was_given_nothing_to_publish_with_says_so(
    start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await start(Travelling)
    await clock.advance(hours=1)

    assert scheduler.ticks == [(3600.0, "not dispatched")]
    (failure,) = [record.exc_info for record in caplog.records if record.exc_info]
    assert "Travelling.act is dispatched over the broker, and this SchedulerRuntime cannot publish" in str(failure[1])


class MakingUp:
    @ScheduledAction("0 * * * *", misfire="all")
    async def act(self) -> None:
        await use_clock().sleep(10)


async def test_where_another_scheduler_was_quicker_the_rest_of_missed_ticks_is_left_to_it(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    """Shared out between two, they would meet each other's runs and be skipped for good."""
    scheduler = await start(MakingUp)
    await clock.advance(hours=1, seconds=30)
    store.loses_claims = [3]
    await clock.jump(hours=5)

    await clock.advance(minutes=5)

    assert [f"{tick.scheduled_at:%H}" for tick in scheduler.fired] == ["01", "02"]
    assert scheduler.of(Kind.CLAIM)[-1][1] == "lost"
