"""What is particular to the schedule store in memory; the rest is in the contract."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jararaca.adapters.memory.schedule_store import MemoryScheduleStore

pytestmark = pytest.mark.asyncio


class WallOnly:
    """A clock whose wall time is stepped while no time passes."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return 5.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a store does not wait")

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError("a store does not wait")

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(seconds)


async def test_a_step_of_the_wall_time_does_not_end_a_lease() -> None:
    clock = WallOnly()
    store = MemoryScheduleStore(clock)
    lease = await store.acquire("app.job", holder="a", ttl=30.0)
    assert lease is not None

    clock.wall += timedelta(hours=1)

    assert await store.renew(lease, ttl=30.0)
    assert await store.acquire("app.job", holder="b", ttl=30.0) is None


async def test_a_lease_that_ended_is_renewed_while_nobody_took_it() -> None:
    store = MemoryScheduleStore(WallOnly())
    lease = await store.acquire("app.job", holder="a", ttl=0.0)
    assert lease is not None

    assert await store.renew(lease, ttl=30.0)
    assert await store.acquire("app.job", holder="b", ttl=30.0) is None


async def test_closing_a_shared_store_keeps_what_others_need() -> None:
    """Each scheduler closes its store when it stops; the next one in the process goes on from there."""
    store = MemoryScheduleStore(WallOnly())
    tick = datetime(2026, 1, 1, tzinfo=UTC)
    await store.claim("app.job", tick)

    await store.close()

    assert await store.last("app.job") == tick
