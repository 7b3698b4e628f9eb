"""Several schedulers of one application in one test's world, started, stopped and killed one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from jararaca import Microservice
from jararaca.adapters.sql.tables import metadata
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.schedule_database import schedule_database
from jararaca.bootstrap.wiring import is_redis
from jararaca.core.steps import Kind, Step
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.worker import WorkerRuntime
from jararaca.ports.schedule_store import Lease, ScheduleStore
from jararaca.scheduler.decorators import Tick
from jararaca.scheduler.scheduler import SchedulerRuntime
from jararaca_testing.profiles.world import World

STEP = 0.125
"""Seconds by which time is let pass while something is waited for."""


class CuttableStore:
    """A store that can be cut off: from then on no call reaches it."""

    def __init__(self, store: ScheduleStore) -> None:
        self._store = store
        self.is_cut = False
        self.is_cut_at_a_claim = False

    def _there(self) -> ScheduleStore:
        if self.is_cut:
            raise ScheduleStoreUnavailable("nothing of this process reaches the store")
        return self._store

    async def check(self) -> None:
        await self._there().check()

    async def claim(self, action: str, tick: datetime) -> bool:
        self.is_cut = self.is_cut or self.is_cut_at_a_claim
        return await self._there().claim(action, tick)

    async def last(self, action: str) -> datetime | None:
        return await self._there().last(action)

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        return await self._there().acquire(name, holder=holder, ttl=ttl)

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        return await self._there().renew(lease, ttl=ttl)

    async def release(self, lease: Lease) -> None:
        await self._there().release(lease)

    async def close(self) -> None:
        await self._store.close()


@dataclass(frozen=True, slots=True)
class Ended:
    """A tick of one replica that has ended, or that did not fire, `at` so many seconds of elapsed time."""

    replica: int
    action: str
    scheduled_at: datetime
    at: float
    outcome: str
    token: int
    missed: int


class Replica:
    """One scheduler process, with a worker if it should have one."""

    def __init__(self, number: int, declaration: Microservice, world: World, *, is_worker: bool) -> None:
        ports = replace(world.ports, schedule_store=self._cuttable(world.ports.schedule_store))
        self.number = number
        self._is_worker = is_worker
        self._world = world
        self._stores: list[CuttableStore] = []
        self._assembly = assemble(declaration, ports, MessageBusConfig(url="memory://"), needs_broker=True)
        self.application = self._assembly.application
        for spec in world.providers:
            self.application.environment.container.register(spec)
        self.scheduler: SchedulerRuntime | None = None
        self.worker: WorkerRuntime | None = None

    def _cuttable(self, make: Callable[..., ScheduleStore]) -> Callable[..., ScheduleStore]:
        def cuttable(declared: Callable[[], ScheduleStore] | None) -> ScheduleStore:
            self._stores.append(CuttableStore(make(declared)))
            return self._stores[-1]

        return cuttable

    async def start(self) -> None:
        await self.application.start()
        await self._assembly.connect(60.0)
        await self._migrate()
        if self._is_worker:
            self.worker = self._assembly.worker()
            await self.worker.start()
        self.scheduler = self._assembly.scheduler()
        await self.scheduler.start()
        while not self.scheduler.ready:
            await self._world.clock.sleep(STEP)

    async def _migrate(self) -> None:
        url = self._assembly.scheduling.store_url
        if url is not None and not is_redis(url):
            database = schedule_database(url, self.application.environment)
            await self._world.databases.create_all(database, [metadata])

    async def stop(self, grace: float = 0.0) -> None:
        for runtime in (self.scheduler, self.worker):
            if runtime is not None:
                await runtime.stop(grace)
        self.scheduler = self.worker = None
        await self.application.stop()

    def cut(self) -> None:
        """Let nothing of it reach the store any more."""
        for store in self._stores:
            store.is_cut = True

    def mend(self) -> None:
        """Let it reach the store again."""
        for store in self._stores:
            store.is_cut = False

    def dies_before_it_publishes(self) -> None:
        """At its next tick nothing of it reaches the broker or the store any more."""
        self.application.environment.steps.add(_Death(self))

    def dies_before_it_claims(self) -> None:
        """At its next claim nothing of it reaches the store any more."""
        for store in self._stores:
            store.is_cut_at_a_claim = True

    async def kill(self) -> None:
        """End it like a process that died: it gives nothing back."""
        self.cut()
        await self.stop()


class Replicas:
    """The schedulers of a test, and what became of their ticks."""

    def __init__(self, declaration: Microservice, world: World) -> None:
        self._declaration = declaration
        self._world = world
        self._replicas: list[Replica] = []
        self.clock = world.clock
        self.begun: list[int] = []
        """The numbers of the replicas that began a run, in order."""
        self.ended: list[Ended] = []
        self.message_ids: list[str] = []
        """Of what the broker has confirmed."""

    async def start(self, count: int = 1, *, is_worker: bool = False) -> Sequence[Replica]:
        """Start so many more."""
        started = [
            Replica(len(self._replicas) + number, self._declaration, self._world, is_worker=is_worker)
            for number in range(count)
        ]
        self._replicas += started
        for replica in started:
            replica.application.environment.steps.add(_Observer(replica.number, self))
            await replica.start()
        return started

    def outcomes(self, outcome: str = "ok") -> list[Ended]:
        """Every tick that ended so, in order."""
        return [ended for ended in self.ended if ended.outcome == outcome]

    async def until(self, reached: Callable[[], object], within: float = 600.0) -> None:
        """Let time pass, in every profile, until `reached()`."""
        waited = 0.0
        while not reached():
            assert waited < within, f"not reached within {within} s: {self.ended[-10:]}"
            await self.clock.sleep(STEP)
            waited += STEP

    async def stop(self, grace: float = 0.0) -> None:
        for replica in self._replicas:
            await replica.stop(grace)


class _Death:
    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def observe(self, step: Step) -> None:
        if step.kind is Kind.PUBLISH and step.phase == "before":
            self._replica.cut()
            raise ConnectionError("nothing of this process reaches the broker")


class _Observer:
    def __init__(self, replica: int, replicas: Replicas) -> None:
        self._replica = replica
        self._replicas = replicas

    def observe(self, step: Step) -> None:
        tick = step.subject
        if step.kind is Kind.CONFIRM and step.facts["outcome"] == "confirmed":
            self._replicas.message_ids.append(step.facts["message_id"])
        if step.kind is Kind.TICK and step.phase == "before":
            self._replicas.begun.append(self._replica)
        if step.kind is Kind.TICK and step.phase == "after" and isinstance(tick, Tick):
            at, outcome = self._replicas.clock.monotonic(), step.facts["outcome"]
            of_tick = (tick.fencing_token, tick.missed)
            self._replicas.ended.append(Ended(self._replica, tick.action, tick.scheduled_at, at, outcome, *of_tick))
