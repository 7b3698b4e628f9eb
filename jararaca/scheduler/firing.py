"""One firing of one action: claim the tick, hold the lease, run the method, record how it ended."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from jararaca.core.cancellation import is_asked_to_end, without_strays
from jararaca.core.context import Execution, Trigger, current_execution
from jararaca.core.disclosure import Given, note_given
from jararaca.core.environment import Environment
from jararaca.core.invocation import Outcome, invoke, new_execution
from jararaca.core.leftovers import Leftovers
from jararaca.core.lifecycle import name_task
from jararaca.core.steps import Kind
from jararaca.errors import CommittedNotAnnounced, HandlerTimeout, ScheduleStoreUnavailable
from jararaca.ports.schedule_store import ScheduleStore
from jararaca.scheduler.actions import ActionSpec
from jararaca.scheduler.decorators import Tick
from jararaca.scheduler.lease import HeldLease, LeaseLost, Leases
from jararaca.scheduler.misfire import Due
from jararaca.scheduler.records import Records
from jararaca.scheduler.runs import Runs

logger = logging.getLogger("jararaca.scheduler")

STILL_RUNS = "the one before still runs"


class Firing:
    """What fires one action; made once per action. `key` is its name in the store.

    Exclusive actions need the store: without it they do not fire. Others tell it what they did, and go on without it;
    whether one of them still runs is known here.
    """

    __slots__ = (
        *("_claiming", "_environment", "_leases", "_records", "_runs", "_store", "_token", "_trigger"),
        *("action", "key"),
    )

    def __init__(self, environment: Environment, store: ScheduleStore, leases: Leases, action: ActionSpec) -> None:
        self.action = action
        name = environment.owned(action.name)
        self.key = name if action.fact.exclusive else f"{name}@{environment.instance}"
        self._environment = environment
        self._store = store
        self._leases = leases
        self._records = Records(environment, action)
        self._trigger = Trigger("tick", action.name)
        self._claiming = asyncio.Lock()
        self._token = 0
        self._runs = False

    async def fire(self, due: Due) -> None:
        """Fire a tick unless another replica did, or the one before still runs. Whatever happens is recorded."""
        try:
            if await self._claim(due):
                await self._run_in_turn(due)
        except ScheduleStoreUnavailable as error:
            self._records.store_is_away(due, error)

    async def fire_out_of_turn(self, due: Due) -> None:
        """Fire what no schedule asked for: the watermark stays, everything else is as for a tick."""
        try:
            await self._run_in_turn(due)
        except ScheduleStoreUnavailable as error:
            self._records.store_is_away(due, error)

    async def catch_up(self, ticks: Sequence[Due]) -> None:
        """Fire several ticks one after the other.

        All are claimed before the first runs: a tick that comes meanwhile moves the watermark beyond them. Where
        another scheduler was quicker the rest is left to it: shared out, they would meet each other's runs, and be
        skipped.
        """
        claimed = []
        for due in ticks:
            try:
                if not await self._claim(due):
                    break
                claimed.append(due)
            except ScheduleStoreUnavailable as error:
                self._records.store_is_away(due, error)
        for due in claimed:
            name_task(due.of(self.action.name))
            try:
                await self._run_in_turn(due)
            except ScheduleStoreUnavailable as error:
                self._records.store_is_away(due, error)

    async def _claim(self, due: Due) -> bool:
        """Claim one tick after the other: where a later one overtook, nobody could claim the one before any more."""
        try:
            async with self._claiming:
                claimed = await self._store.claim(self.key, due.scheduled_at)
        except ScheduleStoreUnavailable:
            if self.action.fact.exclusive:
                raise
            claimed = True  # nobody else may fire it
        self._records.claim(due, claimed=claimed)
        return claimed

    async def _run_in_turn(self, due: Due) -> None:
        fact = self.action.fact
        if fact.allow_overlap:
            await self._run(self._records.tick(due, 0))
        elif fact.exclusive:
            lease = await self._leases.acquire(self.key, ttl=fact.lease_ttl)
            if lease is None:
                self._records.skip(due, STILL_RUNS)
            else:
                await self._run_under(lease, due)
        elif self._runs:
            self._records.skip(due, STILL_RUNS)
        else:
            self._runs = True
            self._token += 1
            try:
                await self._run(self._records.tick(due, self._token))
            finally:
                self._runs = False

    async def _run_under(self, lease: HeldLease, due: Due) -> None:
        try:
            async with lease:
                await self._run(self._records.tick(due, lease.lease.token), lease)
        except LeaseLost:
            pass  # logged and recorded; whoever has the lease now fires the next tick

    async def _run(self, tick: Tick, lease: HeldLease | None = None) -> None:
        execution = new_execution(self._environment, self._trigger)
        runs = self._new_runs()
        try:
            outcome = await _invoke(execution, lambda: self._call(tick, execution, runs), runs)
        except asyncio.CancelledError:
            self._records.end(tick, "lease lost" if lease is not None and lease.is_lost else "cancelled", execution)
            raise
        except BaseException as error:  # not for us to handle, but those who look on want to know
            self._records.end(tick, "error", execution, error)
            raise
        self._records.end(tick, _verdict(outcome), execution, outcome.error)
        if outcome.error is not None:
            await self._failed(outcome, self._shown(outcome.error), tick, execution)

    def _new_runs(self) -> Runs:
        return Runs(self._environment.clock, self.action.fact.timeout, self._leftovers)

    def _leftovers(self) -> Leftovers:
        return Leftovers(self._environment.clock, logger, {"action": self.action.name}, self._shown)

    def _shown(self, error: BaseException) -> BaseException:
        note_given(error, Given(secrets=self._environment.secrets))
        return error

    async def _call(self, tick: Tick, execution: Execution, runs: Runs) -> None:
        steps = self._environment.steps
        if await runs.begin() and steps.observers:
            await steps.before(Kind.TICK, tick, execution, action=self.action.name)
        scope = current_execution().scope
        assert scope is not None
        method = getattr(await scope.resolve(self.action.controller), self.action.method)
        try:
            async with self._environment.clock.timeout(runs.left()) as deadline:
                await without_strays(lambda: method(tick) if self.action.takes_tick else method(), deadline)
        except TimeoutError as error:
            if deadline.expired():
                raise self._timed_out() from error
            raise
        if deadline.expired():  # it swallowed its cancellation: what it did afterwards does not count
            raise self._timed_out()
        if is_asked_to_end():  # nor does it if that was the shutdown's, or because the lease was lost
            raise asyncio.CancelledError

    def _timed_out(self) -> HandlerTimeout:
        return HandlerTimeout(
            f"{self.action.name} ran longer than {self.action.fact.timeout:g} s and was cancelled. Raise "
            "@ScheduledAction(timeout=...), or do less in one run."
        )

    async def _failed(self, outcome: Outcome[None], error: BaseException, tick: Tick, execution: Execution) -> None:
        extra: dict[str, Any] = {"action": self.action.name}
        if isinstance(error, CommittedNotAnnounced):
            extra["message_ids"] = error.message_ids
        logger.error("a scheduled action failed", exc_info=error, extra=extra)
        handler = self.action.fact.exception_handler
        if handler is None or outcome.committed:
            return

        async def call() -> None:
            result = handler(error, tick)
            if inspect.isawaitable(result):
                await result

        after = new_execution(
            self._environment, self._trigger, correlation_id=execution.correlation_id, cause=execution.id
        )
        announced = await _invoke(after, call, self._new_runs())
        if announced.error is not None:
            logger.error("an exception handler failed", exc_info=announced.error, extra={"action": self.action.name})


async def _invoke(execution: Execution, call: Callable[[], Awaitable[None]], runs: Runs) -> Outcome[None]:
    """How a call ended, once what it started and did not await has ended too."""
    committed = False
    try:
        outcome = await invoke(execution, call, runs)
        committed = outcome.committed
    finally:
        await runs.end(committed=committed)
    return outcome


def _verdict(outcome: Outcome[None]) -> str:
    if outcome.error is None:
        return "ok" if outcome.committed else "rolled back"
    if outcome.committed:
        return "published_failed"
    return "timeout" if isinstance(outcome.error, HandlerTimeout) else "error"
