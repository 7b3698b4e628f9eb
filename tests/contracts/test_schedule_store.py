"""The schedule store of one process under contract."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.ports.schedule_store import ScheduleStore
from jararaca_testing.contracts import ScheduleStoreContract, runs_on
from jararaca_testing.contracts.schedule_store import TICK, Elapse


class HandClock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self._elapsed = 1_000.0
        self.wall = TICK

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self._elapsed += seconds
        self.wall += timedelta(seconds=seconds)

    async def sleep_until(self, moment: datetime) -> None:
        raise AssertionError("a store does not wait")

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(seconds)


class TestMemoryScheduleStore(ScheduleStoreContract):
    @pytest.fixture
    def hand_clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def new_store(self, request: pytest.FixtureRequest, hand_clock: HandClock) -> Callable[[], ScheduleStore]:
        runs_on(request, "memory")
        store = MemoryScheduleStore(hand_clock)
        return lambda: store

    @pytest.fixture
    def elapse(self, hand_clock: HandClock) -> Elapse:
        return hand_clock.sleep
