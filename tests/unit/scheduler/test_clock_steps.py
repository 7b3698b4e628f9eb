"""The wall time is set while schedulers run, as by NTP or by hand. No tick fires twice, whatever happens."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from jararaca import ScheduledAction
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.virtual_only, proves("F-83")]

Start = Callable[..., Awaitable[Any]]
HOUR = timedelta(hours=1)


class EveryMinute:
    @ScheduledAction("* * * * *")
    async def act(self) -> None: ...


class CatchingUp:
    @ScheduledAction("* * * * *", misfire="all", max_catch_up=5)
    async def act(self) -> None: ...


class Daily:
    @ScheduledAction("0 12 * * *")
    async def act(self) -> None: ...


def minutes(scheduler: Any) -> list[str]:
    """Which ticks fired, and how many earlier ones each stands for."""
    return [f"{tick.scheduled_at:%H:%M}" + (f" +{tick.missed}" if tick.missed else "") for tick in scheduler.fired]


async def test_a_step_forward_is_time_in_which_ticks_were_missed(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(EveryMinute)
    await clock.advance(minutes=2.5)
    clock.set(clock.now() + HOUR)
    await clock.advance(minutes=2)

    assert minutes(scheduler) == ["00:01", "00:02", "01:02 +59", "01:03", "01:04"]


async def test_a_step_forward_follows_the_policy_of_each_action(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(CatchingUp)
    await clock.advance(minutes=2.5)
    clock.set(clock.now() + HOUR)
    await clock.advance(minutes=1)

    assert minutes(scheduler)[2:] == ["00:58", "00:59", "01:00", "01:01", "01:02", "01:03"]


async def test_after_a_step_back_ticks_that_fired_do_not_fire_again(start: Start, clock: VirtualClock) -> None:
    """The next one is the first that is later than every tick before the step."""
    scheduler = await start(EveryMinute)
    await clock.advance(hours=2, seconds=30)
    clock.set(clock.now() - HOUR)
    await clock.advance(hours=1, minutes=2)

    fired = minutes(scheduler)
    assert fired[118:] == ["01:59", "02:00", "02:01", "02:02"]
    assert len(fired) == len(set(fired))


async def test_replicas_whose_clocks_differ_fire_each_tick_once(start: Start, store: Any, clock: VirtualClock) -> None:
    """One starts after a step back: what it thinks is due was claimed already."""
    first = await start(EveryMinute)
    await clock.advance(minutes=10)
    clock.set(clock.now() - timedelta(minutes=5))
    second = await start(EveryMinute)
    await clock.advance(minutes=10)

    fired = sorted(minutes(first) + minutes(second))
    assert fired == [f"00:{minute:02}" for minute in range(1, 16)]


async def test_a_long_sleep_ends_with_the_wall_time_and_not_with_the_time_it_once_had_left(
    start: Start, clock: VirtualClock
) -> None:
    scheduler = await start(Daily)
    await clock.advance(hours=1)
    clock.set(clock.now() + timedelta(hours=10, minutes=30))
    await clock.advance(minutes=30)

    assert minutes(scheduler) == ["12:00"]
    assert scheduler.ticks == [(5400.0, "ok")]
