"""Ticks that travel: a scheduler publishes them, and whoever receives one runs the action.

A tick is published before it is marked as claimed. So one that a dying scheduler did not publish is published by
another one, and one that it did not mark is published again, under the same message id.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from jararaca.core.context import Trigger
from jararaca.core.environment import Environment
from jararaca.core.invocation import invoke, new_execution
from jararaca.core.lifecycle import name_task
from jararaca.core.steps import Kind
from jararaca.errors import NotConfigured, ScheduleStoreUnavailable
from jararaca.ports.schedule_store import ScheduleStore
from jararaca.scheduler.actions import ActionSpec
from jararaca.scheduler.decorators import Tick
from jararaca.scheduler.lease import HeldLease, LeaseLost, Leases
from jararaca.scheduler.misfire import Due
from jararaca.scheduler.records import Records

logger = logging.getLogger("jararaca.scheduler")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a tick is tried again that another scheduler is publishing, or the broker did not take."""


@dataclass(frozen=True, slots=True)
class ScheduledTick:
    """What is published: when the action was due, in UTC, and how many earlier ticks this one stands for."""

    scheduled_at: datetime
    missed: int = 0


PublishTick = Callable[[ActionSpec, ScheduledTick, str | None], Awaitable[object]]
"""Publishes a tick in the unit of work at hand, under a message id or, with None, under any."""


async def cannot_publish(action: ActionSpec, _scheduled: ScheduledTick, _message_id: str | None) -> None:
    """For schedulers that were given nothing to publish with.

    Raises:
        NotConfigured: always.
    """
    raise NotConfigured(
        f"{action.name} is dispatched over the broker, and this SchedulerRuntime cannot publish. Give it publish=..."
    )


class Dispatching:
    """What publishes the ticks of one action; made once per action. `key` is its name in the store."""

    __slots__ = ("_environment", "_leases", "_publish", "_records", "_store", "_trigger", "action", "key")

    def __init__(
        self,
        environment: Environment,
        store: ScheduleStore,
        leases: Leases,
        action: ActionSpec,
        publish: PublishTick,
    ) -> None:
        self.action = action
        self.key = environment.owned(action.name)
        self._environment = environment
        self._store = store
        self._leases = leases
        self._publish = publish
        self._records = Records(environment, action)
        self._trigger = Trigger("tick", action.name)

    async def fire(self, due: Due) -> None:
        """Publish a tick unless another scheduler does; try again until one of them has, or a later one is published.

        Without the store nothing is published.
        """
        pause = FIRST_PAUSE
        while True:
            try:
                if await self._is_dispatched(due):
                    return
            except ScheduleStoreUnavailable as error:
                self._records.store_is_away(due, error)
                return
            await self._environment.clock.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def fire_out_of_turn(self, due: Due) -> None:
        """Publish what no schedule asked for, once: the watermark stays."""
        await self._dispatch(due, None)

    async def catch_up(self, ticks: Sequence[Due]) -> None:
        """Publish several ticks, in order."""
        for due in ticks:
            name_task(due.of(self.action.name))
            await self.fire(due)

    async def _is_dispatched(self, due: Due) -> bool:
        """Whether this tick needs nobody any more, because of this scheduler or of another one."""
        if await self._is_marked(due):
            return True
        lease = await self._leases.acquire(f"{self.key}.dispatch", ttl=self.action.fact.lease_ttl)
        if lease is None:
            return False
        try:
            async with lease:
                return await self._is_marked(due) or await self._dispatch_and_mark(due)
        except LeaseLost:
            return False

    async def _is_marked(self, due: Due) -> bool:
        last = await self._store.last(self.key)
        return last is not None and last >= due.scheduled_at

    async def _dispatch_and_mark(self, due: Due) -> bool:
        if not await self._dispatch(due, f"cron:{self.key}:{due.scheduled_at.isoformat()}"):
            return False
        self._records.claim(due, claimed=await self._store.claim(self.key, due.scheduled_at))
        return True

    async def _dispatch(self, due: Due, message_id: str | None) -> bool:
        """Whether the broker, or an outbox, has it."""
        execution = new_execution(self._environment, self._trigger)
        tick = self._records.tick(due, 0)
        scheduled = ScheduledTick(due.scheduled_at, due.missed)
        steps = self._environment.steps

        async def publish() -> None:
            if steps.observers:
                await steps.before(Kind.TICK, tick, execution, action=self.action.name)
            await self._publish(self.action, scheduled, message_id)

        try:
            outcome = await invoke(execution, publish)
        except asyncio.CancelledError:
            self._records.end(tick, "cancelled", execution)
            raise
        if outcome.error is None and outcome.committed:
            self._records.end(tick, "dispatched", execution)
            return True
        extra = {"action": self.action.name, "scheduled_at": due.scheduled_at.isoformat()}
        logger.error("a tick could not be published", exc_info=outcome.error, extra=extra)
        self._records.end(tick, "not dispatched", execution, outcome.error)
        return False


class Turn:
    """One run of a tick that was received: holds the lease, if it needs one, until `end`."""

    def __init__(self, tick: Tick, lease: HeldLease | None = None) -> None:
        self.tick = tick
        self._lease = lease
        if lease is not None:
            lease.begin()

    async def end(self) -> None:
        """Give the lease up. Called in the task that made this, once its effects stand or were undone."""
        if self._lease is not None:
            await self._lease.end()


class Turns:
    """Who may run the ticks that a process receives. A run whose lease is lost is cancelled."""

    def __init__(self, environment: Environment, store: ScheduleStore) -> None:
        self._environment = environment
        self._store = store
        self._leases = Leases(store, environment)

    async def take(self, action: ActionSpec, due: Due) -> Turn | None:
        """The right to run the action now; None while another run holds its lease.

        Raises:
            ScheduleStoreUnavailable: the store cannot be asked who runs.
        """
        records = Records(self._environment, action)
        if action.fact.allow_overlap:
            return Turn(records.tick(due, 0))
        lease = await self._leases.acquire(self._environment.owned(action.name), ttl=action.fact.lease_ttl)
        return None if lease is None else Turn(records.tick(due, lease.lease.token), lease)

    async def close(self) -> None:
        """Renew nothing more, and close the store."""
        await self._leases.close()
        await self._store.close()
