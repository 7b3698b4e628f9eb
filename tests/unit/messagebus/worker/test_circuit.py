"""When a circuit opens, and what closes it again."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from jararaca.errors import HandlerTimeout, InvalidOption
from jararaca.messagebus.circuit import Circuit, CircuitBreaker
from jararaca_testing.clock import VirtualClock
from jararaca_testing.loop import VirtualLoop

pytestmark = pytest.mark.asyncio

DOWN = ConnectionError("no answer")


@pytest_asyncio.fixture
async def clock() -> VirtualClock:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return VirtualClock(loop)


def circuit(clock: VirtualClock, **options: Any) -> Circuit:
    given = {"failure_threshold": 3, "window": 10.0, "reset_timeout": 30.0, **options}
    return Circuit(CircuitBreaker(**given), clock)


def fail(circuit: Circuit, times: int = 1) -> None:
    for _ in range(times):
        circuit.record(DOWN, circuit.epoch)


async def test_it_opens_at_the_threshold_within_the_window(clock: VirtualClock) -> None:
    found = circuit(clock)
    fail(found, 2)
    assert (found.state, found.changed.is_set()) == ("closed", False)

    fail(found)

    assert (found.state, found.trips, found.changed.is_set()) == ("open", 1, True)


async def test_failures_that_are_further_apart_leave_it_closed(clock: VirtualClock) -> None:
    found = circuit(clock)
    for _ in range(10):
        fail(found)
        await clock.sleep(5.1)
    assert found.state == "closed"


async def test_successes_and_other_errors_do_not_count(clock: VirtualClock) -> None:
    found = circuit(clock, trip_on=(ConnectionError, HandlerTimeout))
    fail(found, 2)
    for error in (None, ValueError("bad")):
        found.record(error, found.epoch)
    assert found.trips == 0

    found.record(HandlerTimeout("slow"), found.epoch)
    assert found.state == "open"


async def test_after_the_timeout_one_trial_decides(clock: VirtualClock) -> None:
    found = circuit(clock)
    fail(found, 3)
    await clock.sleep(10.0)

    assert await found.admit() == "half-open"
    assert clock.monotonic() == 30.0
    fail(found)
    assert (found.state, found.trips) == ("open", 2)

    assert await found.admit() == "half-open"
    assert clock.monotonic() == 60.0
    found.record(None, found.epoch)
    assert found.state == "closed"
    assert await found.admit() == "closed"
    assert not found.changed.is_set()


async def test_a_trial_that_has_not_ended_is_admitted_again_at_once(clock: VirtualClock) -> None:
    """A connection that was lost meanwhile changes nothing."""
    found = circuit(clock)
    fail(found, 3)
    assert [await found.admit(), await found.admit()] == ["half-open", "half-open"]
    assert clock.monotonic() == 30.0


async def test_what_began_before_the_circuit_changed_decides_nothing(clock: VirtualClock) -> None:
    found = circuit(clock)
    before = found.epoch
    fail(found, 3)
    found.record(DOWN, before)
    await found.admit()

    found.record(None, before)
    found.record(DOWN, before)

    assert (found.state, found.trips) == ("half-open", 1)


async def test_what_is_no_failure_closes_it_on_trial(clock: VirtualClock) -> None:
    found = circuit(clock, trip_on=(ConnectionError,))
    fail(found, 3)
    await found.admit()
    found.record(ValueError("bad"), found.epoch)
    assert found.state == "closed"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"failure_threshold": 0}, r"failure_threshold=0\) cannot work. Use a whole number"),
        ({"failure_threshold": 1.5}, r"failure_threshold=1\.5"),
        ({"window": 0}, r"window=0\) cannot work. Use seconds above 0"),
        ({"reset_timeout": "30"}, r"reset_timeout='30'"),
        ({"trip_on": ConnectionError}, r"trip_on=.*Use a tuple of exception classes"),
        ({"trip_on": ("ConnectionError",)}, r"trip_on=.*Use a tuple of exception classes"),
        ({"trip_on": (int,)}, r"trip_on=.*Use a tuple of exception classes"),
    ],
)
async def test_a_value_that_cannot_work_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        CircuitBreaker(**options)
