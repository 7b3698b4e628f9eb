"""What a soak counts: effects in the database, frames at a client, recoveries, and the verdict of all that."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca_testing.queue_checker import TotalQueue

TOPIC = "order.placed"
HANDLER = "Orders.handle"

LONGEST_RECOVERY = 10.0
"""Seconds that a server may be up before the application goes on where it needs that server."""


class Recovery:
    """How long the application takes to go on after a server was killed.

    A recovery lasts from when the server is up to the next sign of life. If the server is killed again before that,
    the same recovery goes on: the time that the server is away does not count, and what was waited before does.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._longest = 0.0
        self._before = 0.0
        self._up_at: float | None = None

    def down(self) -> None:
        """The server is killed."""
        if self._up_at is not None:
            self._before += self._now() - self._up_at
            self._up_at = None

    def up(self) -> None:
        """The server answers."""
        self._up_at = self._now()

    def gone_on(self) -> None:
        """The application has done what it needs the server for."""
        if self._up_at is not None:
            self._longest = self.longest
            self._before, self._up_at = 0.0, None

    @property
    def longest(self) -> float:
        """Seconds of the longest recovery, be it the one that is under way."""
        lasts = 0.0 if self._up_at is None else self._now() - self._up_at
        return max(self._longest, self._before + lasts)


class Effects:
    """What the application has done, as its database says, and how long it took to go on after a server was back."""

    def __init__(self, engine: AsyncEngine, *, broker: Recovery, redis: Recovery) -> None:
        self._engine = engine
        self.broker = broker
        self.redis = redis

    async def watch(self) -> None:
        """Look at how much there is, ten times a second, until cancelled."""
        handled = ticked = 0
        while True:
            await asyncio.sleep(0.1)
            handled, before = await self.count("soak_handled"), handled
            if handled > before:
                self.broker.gone_on()
            ticked, before = await self.count("soak_ticked"), ticked
            if ticked > before:
                self.redis.gone_on()

    async def count(self, table: str) -> int:
        return int((await self._rows(f"SELECT count(*) FROM {table}"))[0][0])

    async def handled(self) -> Counter[int]:
        """How often each order had its effect, by number."""
        return Counter(number for (number,) in await self._rows("SELECT number FROM soak_handled"))

    async def doubled_ticks(self) -> tuple[int, int]:
        """How many ticks fired, and how many of them more than once."""
        ticks = Counter(await self._rows("SELECT scheduled_at FROM soak_ticked"))
        return len(ticks), sum(1 for times in ticks.values() if times > 1)

    async def overlapping_runs(self) -> tuple[int, int]:
        """How many runs of the action that must not overlap came to their end, and how many met the one before."""
        runs = await self._rows("SELECT began_at, ended_at FROM soak_ran ORDER BY began_at")
        return len(runs), sum(later[0] < earlier[1] for earlier, later in pairwise(runs))

    async def _rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self._engine.connect() as connection:
            return [tuple(row) for row in await connection.execute(text(query))]


def account(accepted: Set[int], handled: Mapping[int, int], dead: Set[str]) -> TotalQueue:
    """What became of each order, by the total-queue checker. `dead` has the ids of dead letters.

    An order that was handled although its client was not told was confirmed as well.
    """
    owed = [(message_id(number), HANDLER) for number in sorted({*accepted, *handled})]
    return TotalQueue.of(
        {message: TOPIC for message, _handler in owed},
        owed,
        handled={(message_id(number), HANDLER): times for number, times in handled.items()},
        dead={(message, HANDLER) for message in dead},
    )


def message_id(number: int) -> str:
    """Under which id the application publishes an order."""
    return f"order-{number}"


@dataclass(frozen=True, slots=True)
class Counts:
    """All that was counted."""

    kills: int
    accepted: int
    found: TotalQueue
    ticks: tuple[int, int]
    runs: tuple[int, int]
    frames: Counter[int]
    ghosts: int
    is_heard_again: bool
    broker: float
    redis: float

    def __str__(self) -> str:
        found = self.found
        doubled_frames = sum(times > 1 for times in self.frames.values())
        return "\n".join(
            [
                f"kills: {self.kills}",
                f"messages: {self.accepted} accepted, {found.handled} handled, {len(found.dead)} dead letters",
                f"lost: {len(found.lost)}",
                f"doubled: {len(found.doubled)}",
                f"ticks: {self.ticks[0]}, doubled: {self.ticks[1]}",
                f"runs: {self.runs[0]}, overlapping: {self.runs[1]}",
                f"frames: {len(self.frames)}, doubled: {doubled_frames}, of nothing that was done: {self.ghosts}, "
                f"heard after the last kill: {'yes' if self.is_heard_again else 'no'}",
                f"longest recovery: {self.broker:.1f} s of RabbitMQ, {self.redis:.1f} s of Redis",
            ]
        )

    @property
    def is_as_promised(self) -> bool:
        """Whether nothing was lost or doubled, everything took part, and nothing took too long."""
        bad = (self.found.lost, self.found.doubled, self.ticks[1], self.runs[1], self.ghosts)
        needed = (self.accepted, self.ticks[0], self.runs[0], self.is_heard_again)
        once = all(times == 1 for times in self.frames.values())
        return not any(bad) and all(needed) and once and max(self.broker, self.redis) <= LONGEST_RECOVERY
