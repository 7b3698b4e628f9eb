"""Holds leases for as long as something runs under them, and notices when one is lost."""

import asyncio
import logging
import math
from types import TracebackType

from jararaca.core.cancellation import ask_to_end
from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.ports.schedule_store import Lease, ScheduleStore

logger = logging.getLogger("jararaca.scheduler")


class LeaseLost(Exception):
    """Somebody else may hold the lease by now, so what ran under it was cancelled."""


class Leases:
    """The leases that one scheduler holds. One task renews all of them, and sleeps until the next one is due."""

    def __init__(self, store: ScheduleStore, environment: Environment) -> None:
        self._store = store
        self._environment = environment
        self._tasks = TaskScope("leases")
        self._held: dict[HeldLease, None] = {}
        self._renewer: asyncio.Task[None] | None = None
        self._wakes_at = math.inf
        self._is_closed = False

    async def acquire(self, name: str, *, ttl: float) -> "HeldLease | None":
        """Take a lease that is renewed every third of `ttl` seconds inside its block, or None while it is taken.

        One that this scheduler holds is not asked for: after a time in which nothing ran here it may have ended, and
        the run under it has not.

        Raises:
            ScheduleStoreUnavailable: the store cannot be reached.
        """
        if any(held.lease.name == name and not held.is_lost for held in self._held):
            return None
        asked_at = self._environment.clock.monotonic()
        lease = await self._store.acquire(name, holder=self._environment.instance, ttl=ttl)
        return None if lease is None else HeldLease(self, lease, ttl=ttl, since=asked_at)

    async def close(self) -> None:
        """Renew nothing more, and give nothing up: what runs under a lease still was abandoned, and may go on.

        Such a lease expires, and with it the wait of others, at the end of its `ttl`.
        """
        self._is_closed = True
        await self._tasks.cancel()

    def hold(self, held: "HeldLease") -> None:
        """Begin to renew, unless nothing is renewed any more."""
        self._held[held] = None
        if self._is_closed:
            return
        if self._renewer is not None and held.renew_at < self._wakes_at:
            self._renewer.cancel()
            self._renewer = None
        if self._renewer is None:
            self._renewer = self._tasks.spawn(self._renew_held(), name="renew leases")

    async def release(self, held: "HeldLease") -> None:
        """Renew no more, and give the lease up unless it is lost, or the store is closed."""
        del self._held[held]
        if held.is_lost or self._is_closed:
            return
        try:
            await self._store.release(held.lease)
        except ScheduleStoreUnavailable:
            logger.warning("a lease could not be released and will expire", extra={"lease": held.lease.name})

    async def _renew_held(self) -> None:
        clock = self._environment.clock
        while self._held:
            self._wakes_at = min(held.renew_at for held in self._held)
            wait = self._wakes_at - clock.monotonic()
            if wait > 0:
                await clock.sleep(wait)
            for held in self._held:
                if held.renew_at <= self._wakes_at:  # not the time: a sleep may end a rounding early
                    held.renew_at = clock.monotonic() + held.ttl / 3
                    self._tasks.spawn(self._renew(held), name=f"renew lease {held.lease.name}")
        self._renewer = None

    async def _renew(self, held: "HeldLease") -> None:
        clock = self._environment.clock
        asked_at = clock.monotonic()
        is_ours = await self._is_renewed(held)
        if held not in self._held:
            return
        if is_ours:
            held.expires_at = asked_at + held.ttl
        elif is_ours is False or clock.monotonic() + held.ttl / 3 >= held.expires_at:
            logger.error("a lease was lost: its holder is cancelled", extra={"lease": held.lease.name})
            held.lose()
        steps = self._environment.steps
        if steps.observers:
            outcome = "lost" if held.is_lost else "renewed" if is_ours else "store unavailable"
            steps.after(Kind.LEASE, held.lease, lease=held.lease.name, token=held.lease.token, outcome=outcome)

    async def _is_renewed(self, held: "HeldLease") -> bool | None:
        """Whether the lease is still ours; None if the store does not say so in time."""
        try:
            async with self._environment.clock.timeout(held.ttl / 3):
                return await self._store.renew(held.lease, ttl=held.ttl)
        except (ScheduleStoreUnavailable, TimeoutError) as error:
            extra = {"lease": held.lease.name, "reason": type(error).__name__}
            logger.warning("a lease could not be renewed", extra=extra)
            return None


class HeldLease:
    """A lease, kept while its block runs.

    When a renewal finds it gone, or the store cannot be asked until it is about to expire, somebody else may run: the
    task in the block is cancelled, and the block raises `LeaseLost`.
    """

    __slots__ = ("_cancelling", "_leases", "_runner", "expires_at", "is_lost", "lease", "renew_at", "ttl")

    def __init__(self, leases: Leases, lease: Lease, *, ttl: float, since: float) -> None:
        self._leases = leases
        self.lease = lease
        self.ttl = ttl
        self.renew_at = since + ttl / 3
        self.expires_at = since + ttl
        self.is_lost = False
        self._runner: asyncio.Task[object] | None = None
        self._cancelling = 0

    def begin(self) -> None:
        """Renew it from now on, and cancel the task at hand when it is lost; for those who cannot use a block."""
        self._runner = runner = asyncio.current_task()
        self._cancelling = runner.cancelling() if runner is not None else 0
        self._leases.hold(self)

    async def end(self) -> None:
        """Renew it no more, and give it up unless it is lost."""
        self._runner = None
        await self._leases.release(self)

    async def __aenter__(self) -> "HeldLease":
        self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        runner = self._runner
        await self.end()
        if not self.is_lost or runner is None:
            return
        if runner.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise LeaseLost(self.lease.name) from error

    def lose(self) -> None:
        """Cancel what runs in the block: it may not go on."""
        self.is_lost = True
        if self._runner is not None:
            ask_to_end(self._runner)
