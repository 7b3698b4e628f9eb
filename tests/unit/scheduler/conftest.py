"""Schedulers over a store that can fail, in virtual time, with every tick on record."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from jararaca import Microservice
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.core.application import Application
from jararaca.core.steps import Kind, Step
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.ports.schedule_store import Lease
from jararaca.scheduler.actions import collect_actions
from jararaca.scheduler.decorators import Tick
from jararaca.scheduler.scheduler import SchedulerRuntime
from jararaca_testing import VirtualClock
from jararaca_testing.profiles.world import World


class FaultyStore:
    """A store in memory that is away while `is_away`, renews nothing while `renewals_fail`, and may hang.

    Another scheduler is quicker at the claims whose numbers are in `loses_claims`, and while `another_is_quicker`, it
    takes a lease that ended before it is renewed.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._inner = MemoryScheduleStore(clock)
        self.is_away = False
        self.renewals_fail = False
        self.releases_fail = False
        self.another_is_quicker = False
        self.loses_claims: list[int] = []
        self.hangs = 0.0
        self.calls: list[tuple[str, float]] = []

    async def check(self) -> None:
        self._called("check")

    async def claim(self, action: str, tick: datetime) -> bool:
        self._called("claim")
        if len(self.times("claim")) in self.loses_claims:
            await self._inner.claim(action, tick)
        return await self._inner.claim(action, tick)

    async def last(self, action: str) -> datetime | None:
        self._called("last")
        return await self._inner.last(action)

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        self._called("acquire")
        return await self._inner.acquire(name, holder=holder, ttl=ttl)

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        self._called("renew", self.renewals_fail)
        if self.hangs:
            await self._clock.sleep(self.hangs)
        if self.another_is_quicker:
            await self._inner.acquire(lease.name, holder="another", ttl=ttl)
        return await self._inner.renew(lease, ttl=ttl)

    async def release(self, lease: Lease) -> None:
        self._called("release", self.releases_fail)
        await self._inner.release(lease)

    async def close(self) -> None:
        self.calls.append(("close", self._clock.monotonic()))

    def _called(self, name: str, fails: bool = False) -> None:
        self.calls.append((name, self._clock.monotonic()))
        if self.is_away or fails:
            raise ScheduleStoreUnavailable("the store is away")

    def times(self, name: str) -> list[float]:
        """When it was asked for this, in seconds since the start."""
        return [at for called, at in self.calls if called == name]


class Scheduler:
    """One scheduler process. `ticks` are the times at which firings ended and how, `begun` when they began."""

    def __init__(self, controller: type, world: World, store: FaultyStore, **options: Any) -> None:
        declaration = Microservice(controllers=[controller], **options)
        self.application = Application(declaration, replace(world.ports, schedule_store=lambda _declared: store))
        self.runtime = SchedulerRuntime(self.application, collect_actions(declaration), store)
        self._clock = world.clock
        self.steps: list[tuple[float, Step]] = []
        self.application.environment.steps.add(self)

    def observe(self, step: Step) -> None:
        self.steps.append((self._clock.monotonic(), step))

    def of(self, kind: Kind) -> list[tuple[float, str]]:
        return [(at, step.facts["outcome"]) for at, step in self.steps if step.kind is kind and step.phase == "after"]

    @property
    def ticks(self) -> list[tuple[float, str]]:
        return self.of(Kind.TICK)

    @property
    def begun(self) -> list[float]:
        return [at for at, step in self.steps if step.kind is Kind.TICK and step.phase == "before"]

    @property
    def fired(self) -> list[Tick]:
        """What the action was given, or would have been."""
        return [step.subject for _at, step in self.steps if step.kind is Kind.TICK and step.phase == "before"]

    async def start(self) -> None:
        await self.application.start()
        await self.runtime.start()

    async def stop(self) -> None:
        await self.runtime.stop(0)
        await self.application.stop()


Start = Callable[..., Awaitable[Scheduler]]


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@pytest.fixture
def store(clock: VirtualClock) -> FaultyStore:
    return FaultyStore(clock)


@pytest.fixture
async def start(jararaca_world: World, store: FaultyStore) -> AsyncIterator[Start]:
    """Starts one more scheduler over the store of this test."""
    running: list[Scheduler] = []

    async def start(controller: type, **options: Any) -> Scheduler:
        running.append(Scheduler(controller, jararaca_world, store, **options))
        await running[-1].start()
        return running[-1]

    yield start
    for scheduler in reversed(running):
        await scheduler.stop()
