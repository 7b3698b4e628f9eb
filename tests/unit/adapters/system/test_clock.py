"""The machine's clock where its wall time is set while somebody sleeps; waiting itself is virtual here."""

from datetime import datetime, timedelta

import pytest

from jararaca import Microservice
from jararaca.adapters.system.clock import SystemClock
from jararaca.core.lifecycle import TaskScope
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.virtual_only

HOUR = timedelta(hours=1)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


class Machine(SystemClock):
    """Its wall time is the test's, and some time off."""

    def __init__(self, time: VirtualClock) -> None:
        self._time = time
        self.off = timedelta(0)

    def now(self) -> datetime:
        return self._time.now() + self.off


@proves("F-83")
@pytest.mark.parametrize(
    ("step", "seconds"),
    [
        (timedelta(0), 3600.0),
        (HOUR, 120.0),
        (timedelta(minutes=10), 3000.0),
        (-HOUR, 7200.0),
    ],
)
async def test_who_sleeps_until_a_moment_notices_within_a_minute_that_the_time_was_set(
    clock: VirtualClock, step: timedelta, seconds: float
) -> None:
    """Nobody tells a process, so it looks. The time is set after 100 s."""
    machine = Machine(clock)
    ended: list[float] = []

    async def sleep() -> None:
        await machine.sleep_until(machine.now() + HOUR)
        ended.append(clock.monotonic())

    sleeper = TaskScope("test").spawn(sleep(), name="sleeper")
    await clock.advance(seconds=100)
    machine.off += step
    await clock.advance(hours=3)

    await sleeper
    assert ended == [seconds]
