"""The `cluster` fixture: replicas of one application, on one loop, in one world, to kill, drain and cut off."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime

from jararaca.errors import InvalidOption, UsageError
from jararaca_testing.cluster.door import Balancer
from jararaca_testing.cluster.replica import ROLES, Replica, Role
from jararaca_testing.faults.vocabulary import Faults
from jararaca_testing.harness import RunningApplication
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.mortality import LIFE


class Cluster:
    """Runs replicas of the application under test: `await cluster(http=2, worker=3, scheduler=2)`.

    `http`, `worker`, `scheduler` and `app` are those replicas in the order of their start. The fixtures `http` and `ws`
    reach the next replica that serves; `bus`, `cron` and `db` look at all of them from outside. `faults` is the fixture
    of that name. With `restarts`, whoever dies is started again at once.
    """

    def __init__(self, application: RunningApplication) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        assert application.faults is not None, "an application that is clustered has faults"
        loop.heed_lives()
        self.application = application
        self.faults: Faults = application.faults
        self.restarts = False
        self.replicas: list[Replica] = []
        self._loop = loop
        self._restarting: list[asyncio.Task[None]] = []
        application.served.asgi = Balancer(lambda: [each.door for each in self.replicas])
        self._stack = AsyncExitStack()
        self._stack.callback(application.clock.on_set(self._rebase))

    def _of(self, role: Role) -> list[Replica]:
        return [each for each in self.replicas if each.role == role]

    @property
    def http(self) -> list[Replica]:
        return self._of("http")

    @property
    def worker(self) -> list[Replica]:
        return self._of("worker")

    @property
    def scheduler(self) -> list[Replica]:
        return self._of("scheduler")

    @property
    def app(self) -> list[Replica]:
        return self._of("app")

    async def __call__(self, *, http: int = 0, worker: int = 0, scheduler: int = 0, app: int = 0) -> "Cluster":
        """Start so many replicas, one after the other; more of them if some run already.

        Raises:
            InvalidOption: no replica is asked for, or less than none.
        """
        counts: dict[Role, int] = {"http": http, "worker": worker, "scheduler": scheduler, "app": app}
        if min(counts.values()) < 0 or not any(counts.values()):
            raise InvalidOption(f"a cluster has replicas. Say how many of {', '.join(ROLES)}: cluster(worker=2).")
        for role in ROLES:
            for _ in range(counts[role]):
                replica = Replica(self.application, role, len(self._of(role)) + 1)
                replica.on_death.append(self._died)
                self.replicas.append(replica)
                await replica.start()
        if self.application.cron.scheduler is None and self.application.assembly.actions:
            self.application.cron.scheduler = self
        return self

    def __getitem__(self, name: str) -> Replica:
        """The replica of that name, such as `worker-1`.

        Raises:
            KeyError: there is none.
        """
        return {each.name: each for each in self.replicas}[name]

    async def fire(self, action: str, at: datetime) -> None:
        """Fire an action beside its schedule, on the first replica that can."""
        able = next((each for each in self.replicas if each.scheduler is not None), None)
        if able is None:
            raise UsageError("cron.fire() needs a replica that schedules: await cluster(scheduler=1).")
        await able.fire(action, at)

    def _rebase(self, _moment: datetime) -> None:
        for each in self.replicas:
            if each.scheduler is not None and each.process.life is not None:
                each.process.life.call(each.scheduler.rebase)

    def _died(self, replica: Replica) -> None:
        if self.restarts:
            context = contextvars.copy_context()
            context.run(LIFE.set, None)
            activity = self._loop.activity(f"the restart of {replica.name}")

            async def restart() -> None:
                with activity:
                    await replica.start()

            self._restarting.append(
                self.application.tasks.spawn(restart(), name=f"restart of {replica.name}", context=context)
            )

    async def stop(self) -> None:
        """Drain every replica at once. What was left open in them is told with the application's own."""
        self.restarts = False
        await asyncio.gather(*self._restarting)
        for replica in reversed(self.replicas):
            await replica.drain(0.0)
            await replica.http.aclose()
        self.application.left_open_elsewhere += [each for one in self.replicas for each in one.left_open]
        self.application.cron.scheduler = None
        await self._stack.aclose()


@asynccontextmanager
async def running_cluster(application: RunningApplication) -> AsyncIterator[Cluster]:
    """A cluster without replicas of an application that was built to be clustered and runs; it stops with the block."""
    cluster = Cluster(application)
    try:
        yield cluster
    finally:
        await cluster.stop()


@asynccontextmanager
async def fresh_cluster(
    harness: RunningApplication, *, http: int = 0, worker: int = 0, scheduler: int = 0, app: int = 0
) -> AsyncIterator[Cluster]:
    """A cluster in a world of its own for the length of a block, as `harness.fresh()`: for one of many examples.

    What is asked of the application, `bus` say, is in `cluster.application`.
    """
    async with harness.fresh(clustered=True) as application, running_cluster(application) as cluster:
        yield await cluster(http=http, worker=worker, scheduler=scheduler, app=app)
