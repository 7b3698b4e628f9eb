"""One alarm that moves."""

import asyncio

import pytest

from jararaca.adapters.memory.broker.timers import Alarm
from jararaca.adapters.system.clock import SystemClock

pytestmark = pytest.mark.asyncio


async def test_an_alarm_rings_at_the_last_moment_it_was_set_to() -> None:
    rung: list[float] = []
    loop = asyncio.get_running_loop()
    alarm = Alarm("expiry in queue 'q'", lambda: rung.append(loop.time()))
    start = loop.time()
    alarm.set(start + 5)
    alarm.set(start + 1)
    alarm.set(start + 1)
    await SystemClock().sleep(10)
    assert rung == [pytest.approx(start + 1)]
    assert alarm.at is None


async def test_an_alarm_that_was_taken_back_does_not_ring() -> None:
    rung: list[str] = []
    alarm = Alarm("expiry", lambda: rung.append("rung"))
    alarm.set(asyncio.get_running_loop().time() + 1)
    alarm.set(None)
    await SystemClock().sleep(10)
    assert rung == []


async def test_the_loop_shows_an_alarm_by_its_label() -> None:
    assert repr(Alarm("expiry in queue 'q'", lambda: None)) == "expiry in queue 'q'"
