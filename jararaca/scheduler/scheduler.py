"""The scheduler runtime: one heap of next ticks, one sleep, one task per firing."""

import asyncio
import heapq
import logging
from contextlib import suppress
from datetime import datetime

from jararaca.core.application import Application
from jararaca.core.ending import ToldEnding
from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.ports.schedule_store import ScheduleStore
from jararaca.scheduler.actions import ActionSpec
from jararaca.scheduler.dispatch import Dispatching, PublishTick, cannot_publish
from jararaca.scheduler.firing import Firing
from jararaca.scheduler.lease import Leases
from jararaca.scheduler.misfire import ON_TIME, Decision, Due, due_ticks

logger = logging.getLogger("jararaca.scheduler")

FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0
"""Seconds between attempts to read the watermarks while the store is away; they double from one to the next."""

MOST_AT_ONCE = 100
"""Firings that are begun before others on the loop have their turn."""


class SchedulerRuntime:
    """Fires the scheduled actions of a running application.

    It sleeps until the next tick on the application's clock and polls nothing. Ticks missed while no scheduler ran
    are found through the store's watermarks; without history nothing fires before the next tick.
    """

    name = "scheduler"

    def __init__(
        self,
        application: Application,
        actions: tuple[ActionSpec, ...],
        store: ScheduleStore,
        publish: PublishTick = cannot_publish,
    ) -> None:
        self._application = application
        self._store = store
        self._leases = Leases(store, self.environment)
        self._loop_tasks = TaskScope("scheduler")
        self._firing_tasks = TaskScope("scheduled actions")
        self._stops = TaskScope("stop of the scheduler")
        self._ending = ToldEnding("actions", self._firing_tasks.running, logger)
        self._stopping: asyncio.Task[bool] | None = None
        self._firings = [self._firing(action, publish) for action in actions]
        self._after: dict[str, datetime] = {}
        self._heap: list[tuple[datetime, int]] = []
        self._loop: asyncio.Task[None] | None = None
        self._has_asked = asyncio.Event()
        self.ready = False

    def _firing(self, action: ActionSpec, publish: PublishTick) -> Firing | Dispatching:
        if action.fact.dispatch == "broker":
            return Dispatching(self.environment, self._store, self._leases, action, publish)
        return Firing(self.environment, self._store, self._leases, action)

    @property
    def environment(self) -> Environment:
        return self._application.environment

    @property
    def running(self) -> int:
        """How many firings are under way."""
        return len(self._firing_tasks)

    @property
    def under_way(self) -> dict[str, int]:
        """How many firings a stop would wait for."""
        return {"actions": self.running}

    async def start(self) -> None:
        """Begin to fire; returns once the watermarks have been read, or the store was found to be away.

        In that case `ready` says when it has come back.

        Raises:
            MissingTable: the store answers, and lacks what it needs.
        """
        with suppress(ScheduleStoreUnavailable):  # told when the watermarks are read, again and again
            await self._store.check()
        if not self._firings:
            self.ready = True
            return
        self._loop = self._loop_tasks.spawn(self._run(self.environment.clock.now()), name="scheduler")
        await self._has_asked.wait()

    async def fire(self, action: str, at: datetime) -> None:
        """Fire an action beside its schedule, as of `at`, and return when it has ended.

        It takes its turn, its lease, its unit of work and its records like any tick. No watermark moves, so the ticks
        of the schedule come as they would have come.
        """
        firing = next(each for each in self._firings if each.action.name == action)
        due = Due(at)
        task = self._firing_tasks.spawn(firing.fire_out_of_turn(due), name=due.of(action))
        await asyncio.wait([task])

    def rebase(self) -> None:
        """Forget what was due and start again from the present wall time: the clock was set, nothing was missed."""
        if self._loop is None:
            return
        self._loop.cancel()
        now = self.environment.clock.now()
        self._after = {firing.key: now for firing in self._firings}
        self._loop = self._loop_tasks.spawn(self._run(now), name="scheduler")

    async def stop(self, grace: float) -> bool:
        """Claim nothing more, let running actions end within `grace` seconds, cancel the rest.

        What is cancelled gives its lease back once it has ended; what does not end is abandoned ten seconds later, and
        its lease, which is renewed until then, expires. A second call while the first one waits cancels at once. True
        if nothing had to be cancelled.
        """
        self.ready = False
        self._loop = None
        if self._stopping is None:
            self._stopping = self._stops.spawn(self._stop(grace), name="stop of the scheduler")
        else:
            self._ending.at_once()
        return await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> bool:
        await self._loop_tasks.cancel()
        clean = await self._ending.within(grace)
        await self._leases.close()
        await self._store.close()
        return clean

    async def _run(self, since: datetime) -> None:
        for firing in self._firings:
            if firing.key not in self._after:
                self._after[firing.key] = await self._watermark(firing) or since
        self._heap = [(self._next(firing), index) for index, firing in enumerate(self._firings)]
        heapq.heapify(self._heap)
        self.ready = True
        self._has_asked.set()
        await self._fire_for_ever()

    async def _watermark(self, firing: Firing | Dispatching) -> datetime | None:
        pause = FIRST_RETRY
        while True:
            try:
                return await self._store.last(firing.key)
            except ScheduleStoreUnavailable as error:
                logger.warning("the schedule store is not available", extra={"reason": str(error)})
                self._has_asked.set()
                if not firing.action.fact.exclusive:
                    return None  # it fires without the store, and starts as if there were no history
            await self.environment.clock.sleep(pause)
            pause = min(2 * pause, LONGEST_RETRY)

    def _next(self, firing: Firing | Dispatching) -> datetime:
        return firing.action.fact.cron.next_after(self._after[firing.key])

    async def _fire_for_ever(self) -> None:
        clock = self.environment.clock
        at_once = 0
        while self._heap:
            tick, index = self._heap[0]
            now = clock.now()
            if tick > now:
                at_once = 0
                await clock.sleep_until(tick)
                continue
            at_once += 1
            if at_once % MOST_AT_ONCE == 0:
                await clock.sleep(0)
            following = self._fire_due(self._firings[index], tick, now)
            heapq.heapreplace(self._heap, (following, index))

    def _fire_due(self, firing: Firing | Dispatching, tick: datetime, now: datetime) -> datetime:
        """Fire what is due at `now`, of which `tick` is the oldest, and return when the action is due next."""
        fact = firing.action.fact
        following = fact.cron.next_after(tick)
        if following > now and now - tick <= ON_TIME:
            self._after[firing.key] = tick
            due = Due(tick)
            self._firing_tasks.spawn(firing.fire(due), name=due.of(firing.action.name))
            return following
        decision = due_ticks(
            fact.cron,
            after=self._after[firing.key],
            now=now,
            misfire=fact.misfire,
            grace=fact.misfire_grace,
            max_catch_up=fact.max_catch_up,
        )
        self._after[firing.key] = now
        self._fire_late(firing, decision)
        return self._next(firing)

    def _fire_late(self, firing: Firing | Dispatching, decision: Decision) -> None:
        name = firing.action.name
        if decision.dropped:
            logger.warning("missed ticks were dropped", extra={"action": name, "dropped": decision.dropped})
        if decision.fire:
            self._firing_tasks.spawn(firing.catch_up(decision.fire), name=f"late ticks of {name}")
