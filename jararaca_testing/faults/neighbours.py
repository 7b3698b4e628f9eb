"""The other servers and the clock as one process sees them: out of reach, or wrong."""

from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from jararaca.errors import ScheduleStoreUnavailable
from jararaca.ports.clock import Clock
from jararaca.ports.schedule_store import Lease
from jararaca_testing.faults.process import Process

T = TypeVar("T")


class FaultyStore:
    """A `ScheduleStore` on another one. Claims and leases are boundaries at which the process may die."""

    def __init__(self, store: Any, process: Process) -> None:
        self._store = store
        self._process = process

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, action: str, tick: datetime) -> bool:
        return await self._durable("claim", action, self._store.claim(action, tick))

    async def last(self, action: str) -> datetime | None:
        found: datetime | None = await self._answered(self._store.last(action))
        return found

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        return await self._durable("lease", name, self._store.acquire(name, holder=holder, ttl=ttl))

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        return await self._durable("lease", lease.name, self._store.renew(lease, ttl=ttl))

    async def release(self, lease: Lease) -> None:
        await self._durable("lease", lease.name, self._store.release(lease))

    async def _durable(self, kind: str, what: str, call: Awaitable[T]) -> T:
        await self._process.passes("before", kind, what)
        result: T = await self._answered(call)
        await self._process.passes("after", kind, what)
        return result

    async def _answered(self, call: Any) -> Any:
        if not self._process.reaches("store"):
            call.close()
            raise ScheduleStoreUnavailable("a fault of the test cuts this process off from the schedule store")
        return await call


LONGEST_SLEEP = timedelta(minutes=1)
"""After which a process looks whether its clock was stepped meanwhile."""


class ProcessClock:
    """The clock of one process, which may be ahead of the others, or behind."""

    def __init__(self, clock: Clock, process: Process) -> None:
        self._clock = clock
        self._process = process

    def now(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._process.skew)

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    async def sleep_until(self, moment: datetime) -> None:
        while (left := moment - self.now()) > timedelta():
            await self._clock.sleep_until(self._clock.now() + min(left, LONGEST_SLEEP))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return self._clock.timeout(seconds)


def cut_client(client: Any, process: Process) -> Any:
    """Let a Redis client, and every pool that is made like its own, reach the server only while the process does."""
    from redis.exceptions import ConnectionError as Unreachable

    reachable: Any = client.connection_pool.connection_class

    class ProcessConnection(reachable):  # type: ignore[misc] # known at run time only
        """A connection of this process."""

        def _demand(self) -> None:
            if not process.reaches("redis"):
                raise Unreachable("a fault of the test cuts this process off from Redis")

        async def connect(self) -> None:
            self._demand()
            await super().connect()

        async def send_packed_command(self, *given: Any, **options: Any) -> None:
            self._demand()
            await super().send_packed_command(*given, **options)

    client.connection_pool.connection_class = ProcessConnection
    return client
