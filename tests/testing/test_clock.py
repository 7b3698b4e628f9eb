"""The clock of a test: the application's port, and the test's hands on it."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from jararaca.ports.clock import Clock
from jararaca_testing.clock import PendingTimer, VirtualClock
from jararaca_testing.errors import NotSettled, PatienceSpent
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run
from jararaca_testing.wallclock import WALL_BASE


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(VirtualLoop)
    yield run
    run.close()


@pytest.fixture
def clock(run: Run) -> VirtualClock:
    assert isinstance(run.loop, VirtualLoop)
    return VirtualClock(run.loop)


def at(clock: VirtualClock) -> timedelta:
    return clock.now() - WALL_BASE


def test_it_is_the_applications_clock(clock: VirtualClock) -> None:
    port: Clock = clock
    assert port.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert port.monotonic() == 0.0


def test_it_begins_at_its_base_also_on_a_loop_whose_time_has_moved(run: Run) -> None:
    async def scenario(loop: VirtualLoop) -> datetime:
        await loop.advance(1.5)
        return VirtualClock(loop).now()

    assert isinstance(run.loop, VirtualLoop)
    assert run(scenario(run.loop)) == WALL_BASE


def test_sleeps_and_timeouts_of_the_port_are_virtual(run: Run, clock: VirtualClock) -> None:
    async def scenario() -> None:
        await clock.sleep(2)
        with pytest.raises(TimeoutError):
            async with clock.timeout(3):
                await clock.sleep(10)
        async with clock.timeout(None):
            await clock.sleep(1)

    run(scenario())
    assert (at(clock), clock.monotonic()) == (timedelta(seconds=6), 6.0)


def test_a_timeout_of_the_port_counts_instead_of_patience(run: Run, clock: VirtualClock) -> None:
    async def scenario() -> None:
        async with clock.timeout(3601):
            await clock.sleep(3600)

    run(scenario())
    assert at(clock) == timedelta(hours=1)


@pytest.mark.parametrize(
    "units",
    [{"seconds": 5400}, {"minutes": 90}, {"hours": 1.5}, {"hours": 1, "minutes": 30}, {"milliseconds": 5_400_000}],
)
def test_time_advances_in_the_units_of_timedelta(run: Run, clock: VirtualClock, units: dict[str, Any]) -> None:
    run(clock.advance(**units))
    assert at(clock) == timedelta(hours=1, minutes=30)


@pytest.mark.parametrize("call", ["advance", "jump"])
def test_an_unknown_unit_is_refused_with_the_nearest(run: Run, clock: VirtualClock, call: str) -> None:
    with pytest.raises(TypeError, match=rf"clock\.{call}\(\) has no unit 'hour'\. Did you mean 'hours'\? There are"):
        run(getattr(clock, call)(hour=1))


@pytest.mark.parametrize("call", ["advance", "jump"])
def test_time_does_not_run_backwards(run: Run, clock: VirtualClock, call: str) -> None:
    with pytest.raises(ValueError, match=rf"time cannot {call} by -3600 seconds: use clock\.set\(\)"):
        run(getattr(clock, call)(hours=-1))


def test_while_time_advances_the_process_is_up(run: Run, clock: VirtualClock) -> None:
    ticks: list[timedelta] = []

    async def cron() -> None:
        while True:
            await clock.sleep(600)
            ticks.append(at(clock))

    async def scenario() -> None:
        ticker = asyncio.create_task(cron())
        await clock.advance(minutes=30)
        ticker.cancel()

    run(scenario())
    assert ticks == [timedelta(minutes=10), timedelta(minutes=20), timedelta(minutes=30)]


def test_advancing_is_bounded_in_steps(run: Run, clock: VirtualClock) -> None:
    async def scenario(loop: VirtualLoop) -> None:
        steps = iter(range(0, 1_000, 10))
        loop.waiting.steps = lambda: next(steps)
        loop.call_later(1, lambda: None)
        with pytest.raises(NotSettled):
            await clock.advance(seconds=2, max_steps=5)

    assert isinstance(run.loop, VirtualLoop)
    run(scenario(run.loop))


def test_while_time_jumps_the_process_is_down(run: Run, clock: VirtualClock) -> None:
    """What came due meanwhile is late, and finds the new time."""
    ticks: list[timedelta] = []

    async def cron() -> None:
        while True:
            await clock.sleep(600)
            ticks.append(at(clock))

    async def scenario() -> None:
        ticker = asyncio.create_task(cron())
        await asyncio.sleep(0)
        await clock.jump(days=3)
        ticker.cancel()

    run(scenario())
    assert ticks == [timedelta(days=3)]


def test_listeners_are_told_of_a_jump_before_anything_else_runs(run: Run, clock: VirtualClock) -> None:
    seen: list[object] = []

    async def restart(before: datetime, after: datetime) -> None:
        await asyncio.sleep(0)
        seen.append((before - WALL_BASE, after - WALL_BASE))

    def note(_before: datetime, _after: datetime) -> None:
        seen.append("told")

    async def scenario(loop: VirtualLoop) -> None:
        clock.on_jump(note)
        clock.on_jump(restart)
        await clock.advance(seconds=10)
        loop.call_later(1, seen.append, "overdue")
        await clock.jump(minutes=1)

    assert isinstance(run.loop, VirtualLoop)
    run(scenario(run.loop))
    assert seen[0] == "told"
    assert set(seen[1:]) == {"overdue", (timedelta(seconds=10), timedelta(seconds=70))}


def test_setting_the_wall_time_moves_no_timer_and_fires_nothing(run: Run, clock: VirtualClock) -> None:
    fired: list[str] = []

    async def scenario() -> None:
        asyncio.get_running_loop().call_later(60, fired.append, "timer")
        clock.set(datetime(2030, 6, 1, 12, tzinfo=UTC))
        assert (clock.now(), clock.monotonic()) == (datetime(2030, 6, 1, 12, tzinfo=UTC), 0.0)
        clock.set(datetime(2020, 6, 1, tzinfo=UTC))
        await clock.advance(seconds=59)
        assert fired == []
        await clock.advance(seconds=1)

    run(scenario())
    assert fired == ["timer"]
    assert clock.now() == datetime(2020, 6, 1, 0, 1, tzinfo=UTC)


def test_a_wall_time_is_understood_in_its_zone_in_the_given_one_or_in_utc(clock: VirtualClock) -> None:
    clock.set(datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")))
    assert clock.now() == datetime(2026, 7, 1, 10, tzinfo=UTC)
    clock.set(datetime(2026, 7, 1, 12), tz="Europe/Berlin")
    assert clock.now() == datetime(2026, 7, 1, 10, tzinfo=UTC)
    clock.set(datetime(2026, 7, 1, 12))
    assert clock.now() == datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


def test_autojump_ends_with_its_block(run: Run, clock: VirtualClock) -> None:
    async def scenario() -> None:
        with clock.autojump():
            await clock.sleep(86_400)
        await clock.sleep(86_400)

    with pytest.raises(PatienceSpent):
        run(scenario())
    assert at(clock) == timedelta(days=1)


def test_autojump_as_a_statement_lasts(run: Run, clock: VirtualClock) -> None:
    async def scenario() -> None:
        clock.autojump()
        await clock.sleep(86_400)
        await clock.sleep(86_400)

    run(scenario())
    assert at(clock) == timedelta(days=2)


def test_the_next_timers_are_listed_with_their_wall_time_and_names(run: Run, clock: VirtualClock) -> None:
    async def scenario() -> list[PendingTimer]:
        await clock.advance(seconds=10)
        task = asyncio.create_task(clock.sleep(5), name="billing.charge retry 2")
        await asyncio.sleep(0)
        found = clock.next_timers()
        task.cancel()
        return found

    (timer,) = run(scenario())
    assert timer == PendingTimer(
        at=WALL_BASE + timedelta(seconds=15), seconds=5.0, label="billing.charge retry 2 (sleep)"
    )


class Wall:
    """A wall clock that remembers what it was told."""

    def __init__(self) -> None:
        self.moments: list[int] = []
        self.zones: list[str] = []

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def move_to(self, microseconds: int) -> None:
        self.moments.append(microseconds)

    def change_zone(self, name: str) -> None:
        self.zones.append(name)


def test_the_wall_is_told_of_every_change(run: Run) -> None:
    wall, loop = Wall(), run.loop
    assert isinstance(loop, VirtualLoop)
    clock = VirtualClock(loop, wall=wall, base=datetime(1970, 1, 2, tzinfo=UTC))
    run(clock.advance(seconds=1.5))
    clock.set(datetime(1970, 1, 1, 2, 0), tz="Africa/Cairo")
    clock.set(datetime(1970, 1, 1, 0, 0, 1))

    assert wall.moments == [86_400_000_000, 86_401_500_000, 0, 1_000_000]
    assert wall.zones == ["Africa/Cairo"]
