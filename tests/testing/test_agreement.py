"""Every way in which user code tells the time says the same, to the microsecond, whoever moved it."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jararaca_testing.clock import VirtualClock
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run
from jararaca_testing.wallclock import WALL_BASE, started

MICROSECOND = timedelta(microseconds=1)

DELAYS = st.integers(1, 10**13).map(lambda microseconds: microseconds / 1_000_000)
"""Up to four months, and often a few microseconds, in seconds."""

WAYS = st.lists(st.tuples(st.sampled_from(["sleep", "timeout", "wait_for", "advance", "later"]), DELAYS), max_size=8)


async def by_sleep(_clock: VirtualClock, seconds: float) -> None:
    await asyncio.sleep(seconds)


async def by_timeout(_clock: VirtualClock, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await asyncio.Event().wait()


async def by_wait_for(_clock: VirtualClock, seconds: float) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.Event().wait(), seconds)


async def by_advance(clock: VirtualClock, seconds: float) -> None:
    await clock.advance(seconds)


async def by_later(_clock: VirtualClock, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    reached = asyncio.Event()
    loop.call_later(seconds, reached.set)
    await reached.wait()


PASS: dict[str, Any] = {
    "sleep": by_sleep,
    "timeout": by_timeout,
    "wait_for": by_wait_for,
    "advance": by_advance,
    "later": by_later,
}


def told() -> set[datetime]:
    """What each way of asking answers, as one moment in UTC."""
    return {
        datetime.now(UTC),
        datetime.now().astimezone(UTC),
        datetime.fromtimestamp(0, UTC) + time.time_ns() // 1_000 * MICROSECOND,
        datetime.fromtimestamp(0, UTC) + round(time.time() * 1_000_000) * MICROSECOND,
    }


async def passes(ways: list[tuple[str, float]], wall: Any) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    clock = VirtualClock(loop, wall=wall)
    clock.autojump()
    for way, seconds in ways:
        before = loop.microseconds
        await PASS[way](clock, seconds)
        assert loop.microseconds - before == round(seconds * 1_000_000)
        moment = WALL_BASE + loop.microseconds * MICROSECOND
        assert told() == {moment}
        assert clock.now() == moment
        assert round(clock.monotonic() * 1_000_000) == loop.microseconds == round(loop.time() * 1_000_000)


@given(ways=WAYS)
@settings(deadline=None)
def test_sleeps_timeouts_and_all_clocks_agree_to_the_microsecond(ways: list[tuple[str, float]]) -> None:
    run = Run(VirtualLoop)
    try:
        with started("time-machine") as wall:
            run(passes(ways, wall))
    finally:
        run.close()


@pytest.mark.processes
def test_so_they_do_with_the_other_backend(pytester: pytest.Pytester) -> None:
    """In a process of its own, for freezegun stays loaded as long as one lives."""
    pytester.makepyfile(Path(__file__).read_text().replace('started("time-machine")', 'started("freezegun")'))

    result = pytester.runpytest_subprocess("-k", "agree", "-p", "no:asyncio", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=1, deselected=1)
