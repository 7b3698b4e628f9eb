"""A scheduler stops in bounded time whatever its actions do, and says which of them it has cut."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from stubborn import Stubborn

from jararaca import ScheduledAction
from jararaca.core.context import use_clock, use_unit_of_work
from jararaca.core.lifecycle import TaskScope
from jararaca_testing import VirtualClock

pytestmark = pytest.mark.virtual_only

Start = Callable[..., Awaitable[Any]]
TICK = "tick of Stubbornly.act at 2026-01-01T00:01:00+00:00"


class Stubbornly:
    stubborn: Stubborn

    @ScheduledAction("* * * * *", lease_ttl=6.0)
    async def act(self) -> None:
        await self.stubborn.wait()


class Hourly:
    @ScheduledAction("0 * * * *", misfire="all", max_catch_up=5)
    async def act(self) -> None:
        await use_clock().sleep(3000)


class Swallowing:
    committed: list[str]

    @ScheduledAction("* * * * *", misfire="all", max_catch_up=5)
    async def act(self) -> None:
        use_unit_of_work().after_commit(self.note)
        with suppress(asyncio.CancelledError):
            await use_clock().sleep(1000)

    async def note(self) -> None:
        self.committed.append("committed")


@pytest.fixture
async def stubborn(clock: VirtualClock) -> AsyncIterator[Stubborn]:
    Stubbornly.stubborn = stubborn = Stubborn(clock)
    yield stubborn
    await stubborn.release()


async def test_an_action_that_swallows_its_cancellation_is_abandoned_with_its_stack(
    start: Start, store: Any, clock: VirtualClock, stubborn: Stubborn, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await start(Stubbornly)
    await clock.advance(seconds=61)

    assert await scheduler.runtime.stop(2) is False

    assert (stubborn.cancelled, clock.monotonic()) == ([63.0, 68.0], 73.0)
    cut, again, abandoned = [each for each in caplog.records if "actions" in each.__dict__]
    assert cut.getMessage() == again.getMessage() == "actions are cancelled by the shutdown"
    assert abandoned.getMessage() == "actions do not end; they are abandoned"
    assert [each.__dict__["actions"] for each in (cut, again, abandoned)] == [[TICK]] * 3
    assert any(place.endswith(" in Stubborn.wait") for place in abandoned.__dict__["stacks"][0])


async def test_the_lease_of_an_abandoned_action_is_renewed_until_then_and_never_given_up(
    start: Start, store: Any, clock: VirtualClock, stubborn: Stubborn
) -> None:
    """The action may still do something: nobody else is to run it before the lease expires."""
    scheduler = await start(Stubbornly)
    await clock.advance(seconds=61)
    await scheduler.runtime.stop(2)

    await clock.advance(seconds=30)
    await stubborn.release()

    assert store.times("renew") == [62.0, 64.0, 66.0, 68.0, 70.0, 72.0]
    assert (store.times("release"), store.times("close")) == ([], [73.0])


async def test_a_second_stop_cancels_at_once_and_others_abandon_at_once(
    start: Start, clock: VirtualClock, stubborn: Stubborn
) -> None:
    scheduler = await start(Stubbornly)
    await clock.advance(seconds=61)
    stops = TaskScope("stops")
    stopping = []
    for _ in range(4):
        stopping.append(stops.spawn(scheduler.runtime.stop(600), name="stop"))
        await clock.advance(seconds=1)

    assert [await each for each in stopping] == [False] * 4
    assert stubborn.cancelled == [62.0, 63.0, 64.0]
    assert clock.monotonic() == 65.0


async def test_late_ticks_that_are_cancelled_are_named_by_the_one_that_runs(
    start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await start(Hourly)
    await clock.jump(hours=5.5)
    await clock.advance(hours=2.25)

    assert await scheduler.runtime.stop(0) is False

    (told,) = [each for each in caplog.records if each.getMessage() == "actions are cancelled by the shutdown"]
    assert told.__dict__["actions"] == ["tick of Hourly.act at 2026-01-01T03:00:00+00:00"]


async def test_an_action_that_swallows_its_cancellation_and_returns_has_not_succeeded(
    start: Start, clock: VirtualClock
) -> None:
    """It is rolled back like one that obeys, and ticks that would come after it do not."""
    Swallowing.committed = []
    scheduler = await start(Swallowing)
    await clock.jump(minutes=3)

    assert await scheduler.runtime.stop(2) is False

    assert (scheduler.ticks, Swallowing.committed) == ([(182.0, "cancelled")], [])


async def test_what_a_stop_would_wait_for_is_counted(start: Start, clock: VirtualClock, stubborn: Stubborn) -> None:
    scheduler = await start(Stubbornly)
    assert scheduler.runtime.under_way == {"actions": 0}

    await clock.advance(seconds=61)

    assert scheduler.runtime.under_way == {"actions": 1}
