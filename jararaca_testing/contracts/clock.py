"""The contract of a clock. No test waits longer than a few hundredths of a second, in whatever time it is."""

import asyncio
from datetime import timedelta

import pytest

from jararaca.errors import UsageError
from jararaca.ports.clock import Clock
from jararaca_testing.contracts.proofs import proves

SHORT = 0.01  # seconds
LONG = 60.0  # seconds, which no test waits for
GRAIN = 0.001  # seconds by which a timer may ring early: event loops round to what their clock can tell


class ClockContract:
    """Every test of a `Clock`. Inherit it in a class whose name begins with `Test`, and override `clock`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def clock(self) -> Clock:
        """Override this: the clock under contract. Waiting on it has to end without anybody moving it."""
        raise UsageError(
            f"{type(self).__name__} says not which clock is under contract. Override its fixture clock with one that "
            "returns it."
        )

    @proves("CLOCK-01")
    async def test_the_wall_time_is_aware_and_in_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == timedelta(0)

    @proves("CLOCK-02")
    async def test_elapsed_time_never_goes_back(self, clock: Clock) -> None:
        moments = []
        for _ in range(5):
            moments += [clock.monotonic(), clock.monotonic()]
            await clock.sleep(0)
        assert moments == sorted(moments)

    @proves("CLOCK-03")
    async def test_a_sleep_lasts_as_long_as_it_says(self, clock: Clock) -> None:
        wall, elapsed = clock.now(), clock.monotonic()
        await clock.sleep(SHORT)
        assert clock.monotonic() - elapsed >= SHORT - GRAIN
        assert clock.now() - wall >= timedelta(seconds=SHORT - GRAIN)

    @proves("CLOCK-04")
    @pytest.mark.parametrize("seconds", [0, 0.0, -1.0])
    async def test_a_sleep_of_no_time_lets_others_run(self, clock: Clock, seconds: float) -> None:
        seen: list[str] = []

        async def other() -> None:
            seen.append("other")

        async with asyncio.TaskGroup() as group:
            group.create_task(other())
            await clock.sleep(seconds)
            seen.append("self")
        assert seen == ["other", "self"]

    @proves("CLOCK-05")
    async def test_sleepers_wake_in_the_order_of_their_ends(self, clock: Clock) -> None:
        woken: list[int] = []

        async def sleep(number: int) -> None:
            await clock.sleep(SHORT * number)
            woken.append(number)

        await asyncio.gather(*(sleep(number) for number in (3, 1, 2)))
        assert woken == [1, 2, 3]

    @proves("CLOCK-06")
    async def test_a_cancelled_sleep_ends_at_once(self, clock: Clock) -> None:
        before = clock.monotonic()
        async with asyncio.TaskGroup() as group:
            sleeper = group.create_task(clock.sleep(LONG))
            await clock.sleep(0)
            sleeper.cancel()
        assert sleeper.cancelled()
        assert clock.monotonic() - before < LONG

    @proves("CLOCK-07")
    async def test_a_timeout_cancels_its_body_and_raises(self, clock: Clock) -> None:
        before, seen = clock.monotonic(), list[type[BaseException]]()

        async def limited() -> None:
            async with clock.timeout(SHORT):
                try:
                    await clock.sleep(LONG)
                except BaseException as error:
                    seen.append(type(error))
                    raise

        with pytest.raises(TimeoutError):
            await limited()
        assert seen == [asyncio.CancelledError]
        assert SHORT - GRAIN <= clock.monotonic() - before < LONG

    @proves("CLOCK-08")
    @pytest.mark.parametrize("seconds", [LONG, None])
    async def test_a_body_that_ends_in_time_notices_nothing(self, clock: Clock, seconds: float | None) -> None:
        async with clock.timeout(seconds):
            await clock.sleep(SHORT)

    @proves("CLOCK-09")
    async def test_of_nested_timeouts_the_one_that_passed_raises(self, clock: Clock) -> None:
        """The inner one lets the cancellation by the outer one through."""
        seen: list[str] = []

        async def limited() -> None:
            async with clock.timeout(SHORT):
                try:
                    async with clock.timeout(LONG):
                        await clock.sleep(LONG)
                except TimeoutError:
                    seen.append("inner")

        with pytest.raises(TimeoutError):
            await limited()
        assert seen == []

    @proves("CLOCK-10")
    async def test_a_cancellation_from_outside_is_no_timeout(self, clock: Clock) -> None:
        async def limited() -> None:
            async with clock.timeout(LONG):
                await clock.sleep(LONG)

        async with asyncio.TaskGroup() as group:
            task = group.create_task(limited())
            await clock.sleep(0)
            task.cancel()
        assert task.cancelled()

    @proves("CLOCK-11")
    async def test_a_sleep_until_a_moment_lasts_until_then(self, clock: Clock) -> None:
        moment = clock.now() + timedelta(seconds=SHORT)
        await clock.sleep_until(moment)
        assert clock.now() >= moment

    @proves("CLOCK-11")
    async def test_a_sleep_until_what_has_passed_ends_at_once(self, clock: Clock) -> None:
        before = clock.monotonic()
        await clock.sleep_until(clock.now() - timedelta(seconds=LONG))
        assert clock.monotonic() - before < LONG

    @proves("CLOCK-06", "CLOCK-11")
    async def test_a_cancelled_sleep_until_a_moment_ends_at_once(self, clock: Clock) -> None:
        before = clock.monotonic()
        async with asyncio.TaskGroup() as group:
            sleeper = group.create_task(clock.sleep_until(clock.now() + timedelta(seconds=LONG)))
            await clock.sleep(0)
            sleeper.cancel()
        assert sleeper.cancelled()
        assert clock.monotonic() - before < LONG
