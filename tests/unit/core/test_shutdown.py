"""The wish to stop, and races against it."""

import asyncio

import pytest

from jararaca.core.shutdown import Shutdown

pytestmark = pytest.mark.asyncio


async def answer(value: int) -> int:
    return value


async def forever() -> int:
    await asyncio.Event().wait()
    raise AssertionError("not reached")


async def fail() -> int:
    raise ValueError("no")


async def test_a_race_returns_what_ends_first() -> None:
    assert await Shutdown().race(forever(), answer(2)) == 2


async def test_a_race_raises_what_its_winner_raised() -> None:
    with pytest.raises(ValueError, match="no"):
        await Shutdown().race(forever(), fail())


async def test_a_race_ends_with_none_when_a_shutdown_is_asked_for() -> None:
    shutdown = Shutdown()
    asyncio.get_running_loop().call_soon(shutdown.request)

    assert await shutdown.race(forever()) is None


async def test_a_race_is_cancelled_by_a_winner_that_was_cancelled() -> None:
    """None would say that the process ends."""
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()

    with pytest.raises(asyncio.CancelledError):
        await Shutdown().race(cancelled, forever())


async def test_a_value_wins_over_a_cancellation_that_came_with_it() -> None:
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()

    assert await Shutdown().race(cancelled, answer(2)) == 2


async def test_a_cancellation_that_comes_with_a_shutdown_is_the_shutdown() -> None:
    shutdown = Shutdown()
    shutdown.request()
    cancelled = asyncio.get_running_loop().create_future()
    cancelled.cancel()

    assert await shutdown.race(cancelled) is None


async def test_a_race_of_nobody_waits_for_the_shutdown() -> None:
    shutdown = Shutdown()
    asyncio.get_running_loop().call_soon(shutdown.request)

    await shutdown.race()

    assert shutdown.is_requested


async def test_a_wish_is_never_taken_back() -> None:
    shutdown = Shutdown()
    assert not shutdown.is_requested

    shutdown.request()
    await shutdown.wait()

    assert shutdown.is_requested
