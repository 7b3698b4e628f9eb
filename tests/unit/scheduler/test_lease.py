"""A run keeps its lease for as long as it lasts, and ends when it has lost it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jararaca import ScheduledAction
from jararaca.core.context import use_clock
from jararaca.core.steps import Kind
from jararaca_testing import VirtualClock

pytestmark = pytest.mark.virtual_only

Start = Callable[..., Awaitable[Any]]


class Slow:
    @ScheduledAction("* * * * *", lease_ttl=30)
    async def run(self) -> None:
        await use_clock().sleep(100)


class Short:
    @ScheduledAction("* * * * * */5", lease_ttl=30)
    async def run(self) -> None: ...


class Mixed:
    @ScheduledAction("* * * * *", lease_ttl=60)
    async def patient(self) -> None:
        await use_clock().sleep(45)

    @ScheduledAction("* * * * * 3", lease_ttl=6)
    async def hasty(self) -> None:
        await use_clock().sleep(5)


async def test_a_long_run_renews_its_lease_every_third_of_its_time(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(Slow)
    await clock.advance(seconds=170)

    assert store.times("renew") == [70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0]
    assert scheduler.ticks == [(120.0, "skipped"), (160.0, "ok")]
    assert scheduler.of(Kind.LEASE) == [(at, "renewed") for at in store.times("renew")]


async def test_leases_of_several_actions_are_each_renewed_in_their_time(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(Mixed)
    await clock.advance(seconds=106)

    assert store.times("renew") == [5.0, 7.0, 65.0, 67.0, 80.0, 100.0]
    assert [outcome for _at, outcome in scheduler.ticks] == ["ok", "ok", "ok"]


async def test_short_runs_renew_nothing(start: Start, store: Any, clock: VirtualClock) -> None:
    scheduler = await start(Short)
    await clock.advance(minutes=2)

    assert store.times("renew") == []
    assert [tick.fencing_token for tick in scheduler.fired] == list(range(1, 25))


async def test_a_run_whose_lease_went_to_somebody_else_is_cancelled(
    start: Start, store: Any, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The process stood still for longer than its lease lasts, and another one took it."""
    store.another_is_quicker = True
    scheduler = await start(Slow)
    await clock.advance(seconds=61)
    await clock.jump(seconds=40)
    await clock.advance(seconds=1)

    assert scheduler.ticks == [(101.0, "lease lost")]
    assert scheduler.of(Kind.LEASE) == [(101.0, "lost")]
    assert scheduler.runtime.running == 0
    assert store.times("release") == []
    assert "a lease was lost: its holder is cancelled" in caplog.text
    await clock.advance(seconds=80)
    assert scheduler.ticks[1:] == [(120.0, "skipped")]  # the other one holds it until 131
    assert scheduler.begun == [60.0, 180.0]


async def test_a_run_goes_on_after_its_process_stood_still_and_nobody_took_its_lease(
    start: Start, store: Any, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that blocks the loop for longer than its lease lasts is slow, and not a danger to anybody."""
    scheduler = await start(Slow)
    await clock.advance(seconds=61)
    await clock.jump(seconds=95)
    await clock.advance(seconds=10)

    assert scheduler.ticks == [(156.0, "skipped"), (160.0, "ok")]
    assert scheduler.of(Kind.LEASE)[0] == (156.0, "renewed")
    assert "a lease was lost" not in caplog.text
    assert store.times("acquire") == [60.0]


async def test_one_renewal_that_fails_is_forgiven_while_the_lease_lasts(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(Slow)
    await clock.advance(seconds=69)
    store.renewals_fail = True
    await clock.advance(seconds=2)
    store.renewals_fail = False
    await clock.advance(seconds=90)

    assert scheduler.of(Kind.LEASE)[:2] == [(70.0, "store unavailable"), (80.0, "renewed")]
    assert scheduler.ticks[-1] == (160.0, "ok")


async def test_a_run_that_cannot_renew_is_cancelled_before_its_lease_ends(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(Slow)
    store.renewals_fail = True
    await clock.advance(seconds=95)

    assert scheduler.ticks == [(80.0, "lease lost")]


async def test_a_store_that_does_not_answer_counts_as_away(start: Start, store: Any, clock: VirtualClock) -> None:
    scheduler = await start(Slow)
    store.hangs = 1000.0
    await clock.advance(seconds=95)

    assert scheduler.ticks == [(80.0, "lease lost")]


async def test_a_renewal_that_answers_after_the_end_changes_nothing(
    start: Start, store: Any, clock: VirtualClock
) -> None:
    scheduler = await start(Mixed)
    store.hangs = 1.5
    await clock.advance(seconds=70)

    assert store.times("renew") == [5.0, 7.0, 65.0, 67.0]
    assert scheduler.of(Kind.LEASE) == [(6.5, "renewed"), (66.5, "renewed")]
    assert scheduler.ticks == [(8.0, "ok"), (68.0, "ok")]


async def test_a_lease_that_cannot_be_released_expires(
    start: Start, store: Any, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await start(Short)
    store.releases_fail = True
    await clock.advance(seconds=6)
    store.releases_fail = False
    await clock.advance(seconds=34)

    assert [outcome for _at, outcome in scheduler.ticks] == ["ok", *["skipped"] * 5, "ok", "ok"]
    assert "a lease could not be released and will expire" in caplog.text


async def test_without_observers_leases_are_renewed_as_well(start: Start, store: Any, clock: VirtualClock) -> None:
    scheduler = await start(Slow)
    scheduler.application.environment.steps.observers = ()
    await clock.advance(seconds=170)

    assert len(store.times("renew")) == 9
    assert store.times("release") == [160.0]
