"""The relay of one connection: takes what waits in its outbox to the broker, and removes what the broker has confirmed.

What a unit of work of this process stages is claimed as it is written and handed over by the commit, so that it is
sent at once and without another query. Everything else is looked for: what was staged behind others of its key, while
the broker was away, or by a process that has ended since.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import BrokerError, InvalidOption, MissingTable, ServerUnavailable
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.delivering import Batch
from jararaca.messagebus.gauge import Gauge
from jararaca.messagebus.mails import Mail
from jararaca.ports.outbox import Claim, Outbox

logger = logging.getLogger("jararaca.messagebus")

LEASE = timedelta(seconds=30)
"""How long a claim holds: after that, others take the rows of a relay that has died."""
BATCH = 100
"""Rows that are sent together."""
MOST_HANDED = 1000
"""Rows that this process keeps claimed while they wait for their turn."""
POLL = 1.0
"""Seconds between two looks at what other processes have left."""
PAUSE = 1.0
"""Seconds before another attempt, after the database or the broker has failed."""
STOP_WITHIN = 10.0
"""Seconds that the last batches may take when the application stops."""


@dataclass(frozen=True, slots=True)
class RelayKey:
    """The key under which an application offers the relay of a connection while it runs."""

    connection_name: str


class Relay:
    """Sends what waits in `outbox` over `connection`, one batch after another, until it is stopped.

    A row that fails is tried again after a pause that doubles, and parked after `max_attempts`. What fails because the
    broker is away is not counted against the row.
    """

    def __init__(
        self, environment: Environment, connection: BusConnection, outbox: Outbox, *, max_attempts: int
    ) -> None:
        self._environment = environment
        self._clock = environment.clock
        self._connection = connection
        self._outbox = outbox
        self._max_attempts = max_attempts
        self._holder = environment.instance
        self._tasks = TaskScope(f"outbox relay {connection.name}")
        self._task: asyncio.Task[None] | None = None
        self._handed: deque[Mail] = deque()
        self._looks = True
        self._poll_at: float | None = None
        self._woken = asyncio.Event()
        self._closing = False
        self.gauge = Gauge(environment, outbox, connection.name)
        self.ready = False
        """Whether the database answered when it was asked last."""

    # -- what the application asks for

    def claim(self) -> Claim | None:
        """The claim under which rows may be staged that are then handed over; None if they would have to wait."""
        if self._task is None or self._closing or not self._connection.can_publish or len(self._handed) >= MOST_HANDED:
            return None
        return self._new_claim()

    def hand(self, mails: Sequence[Mail], *, more: bool) -> None:
        """Send rows that were staged under a claim and are committed; `more` says that others were, without one."""
        self._handed.extend(mails)
        self._looks = self._looks or more
        self._woken.set()

    async def start(self) -> None:
        """Begin. A database that is away is waited for in the background.

        Raises:
            MissingTable, InvalidOption: no outbox can be kept in the database as it is.
        """
        try:
            await self._check()
        except (MissingTable, InvalidOption):
            raise
        except Exception as error:  # noqa: BLE001 -- of the database, which is away like any other server
            self._tell("the database of the outbox is away; it is waited for", error)
        self._woken = asyncio.Event()  # an event belongs to one loop
        self._closing = False
        self._task = self._tasks.spawn(self._run(), name=f"outbox relay {self._connection.name}")

    async def stop(self) -> None:
        """Send what was handed over, if the broker is there, and leave the rest to others."""
        self._closing = True
        self._woken.set()
        task, self._task = self._task, None
        if task is not None and self._connection.ready:
            with suppress(TimeoutError):
                async with self._clock.timeout(STOP_WITHIN):
                    await asyncio.wait([task])
        was_cut = await self._tasks.cancel() > 0
        if self.ready and (was_cut or self._handed):
            self._handed.clear()
            with suppress(Exception):  # claims expire by themselves
                async with self._clock.timeout(STOP_WITHIN):
                    await self._outbox.release(self._holder)

    # -- the loop

    async def _run(self) -> None:
        while not (self._closing and not self._handed):
            try:
                await self._connection.until_ready(None)
                await self._step()
            except (ServerUnavailable, BrokerError) as error:
                self._tell("the outbox cannot be sent for now", error)
                await self._clock.sleep(PAUSE)
            except Exception as error:  # noqa: BLE001 -- of the database; a relay that gave up would keep messages back
                self.ready = False
                self._looks = True
                self._tell("the outbox cannot be reached for now", error)
                await self._clock.sleep(PAUSE)

    async def _check(self) -> None:
        await self._outbox.check()
        self.ready = True

    def _tell(self, what: str, error: Exception) -> None:
        logger.warning(what, extra={"connection": self._connection.name, "error": type(error).__name__})

    async def _step(self) -> None:
        if not self.ready:
            await self._check()
        looks, self._looks = self._looks, False
        mails = self._take(BATCH // 2 if looks else BATCH)
        if looks:
            mails += await self._claimed(BATCH - len(mails))
        if mails:
            await self._send(mails)
        if looks and not self._looks:
            await self._learn(await self._outbox.next_due())
        elif not mails:
            await self._rest()

    def _take(self, limit: int) -> list[Mail]:
        """Rows that were handed over and are ours for long enough; the others will be found when they are free."""
        taken: list[Mail] = []
        while self._handed and len(taken) < limit:
            mail = self._handed.popleft()
            if self._is_ours(mail):
                taken.append(mail)
            else:
                self._look_in((mail.until - self._clock.now()).total_seconds())
        return taken

    def _is_ours(self, mail: Mail) -> bool:
        return mail.until - self._clock.now() > timedelta(seconds=self._connection.publish_timeout)

    def _new_claim(self) -> Claim:
        return Claim(self._holder, self._clock.now() + LEASE)

    async def _claimed(self, limit: int) -> list[Mail]:
        claim = self._new_claim()
        rows = await self._outbox.claim(claim, self._clock.now(), limit)
        self._looks = len(rows) >= limit
        return [Mail.of(row, claim.until) for row in rows]

    async def _send(self, mails: Sequence[Mail]) -> None:
        batch = Batch(self._environment, self._connection, mails, self._max_attempts)
        await batch.send(self._is_ours)
        await self._note(batch)
        batch.tell()
        now = self._clock.now()
        for failure in batch.failures:
            if failure.next_at is not None:
                self._look_in((failure.next_at - now).total_seconds())
        self._looks = self._looks or bool(batch.held_back)

    async def _note(self, batch: Batch) -> None:
        """Write down what became of a batch, however long the database is away: else all of it would be sent again."""
        while True:
            try:
                await batch.note(self._outbox, self._holder)
            except Exception as error:  # noqa: BLE001 -- of the database
                self.ready = False
                self._tell("what was sent cannot be removed from the outbox for now", error)
                await self._clock.sleep(PAUSE)
            else:
                self.ready = True
                return

    async def _learn(self, due: datetime | None) -> None:
        """Nothing could be claimed, and `due` is when something can be: look then, and see how long it has waited."""
        self._poll_at = None
        if due is not None:
            wait = (due - self._clock.now()).total_seconds()
            self._look_in(wait if wait > 0 else POLL)
        await self.gauge.read(something_waits=due is not None)
        if self._environment.ports.polls:
            self._look_in(POLL)

    def _look_in(self, seconds: float) -> None:
        """Look no later than after so many seconds."""
        at = self._clock.monotonic() + max(seconds, 0.0)
        self._poll_at = at if self._poll_at is None else min(self._poll_at, at)

    async def _rest(self) -> None:
        """Wait until something is handed over, or it is time to look."""
        wait = None if self._poll_at is None else self._poll_at - self._clock.monotonic()
        try:
            async with self._clock.timeout(wait):
                await self._woken.wait()
        except TimeoutError:
            due = await self._outbox.next_due()
            if due is not None and due <= self._clock.now():
                self._looks, self._poll_at = True, None
            else:
                await self._learn(due)
        self._woken.clear()
