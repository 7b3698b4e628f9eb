"""Time that jumps: when nothing is left to do, the loop is at its next timer at once."""

import asyncio
import selectors
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock


class JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        self.elapsed += 0.0 if events else (timeout or 0.0)
        return events


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


class FixedClock(SystemClock):
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"jumping": JumpingLoop}


@pytest.fixture
def vhost() -> VirtualHost:
    return VirtualHost(FixedClock())


@pytest_asyncio.fixture
async def broker(vhost: VirtualHost) -> AsyncIterator[MemoryBroker]:
    connection = MemoryBroker(vhost)
    await connection.connect()
    yield connection
    await connection.close()


@pytest_asyncio.fixture
async def other(vhost: VirtualHost) -> AsyncIterator[MemoryBroker]:
    connection = MemoryBroker(vhost)
    await connection.connect()
    yield connection
    await connection.close()
