"""Which ticks fire now: pure arithmetic on watermark, time and policy."""

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from jararaca.scheduler.cron import CronExpression
from jararaca.scheduler.decorators import Misfire

ON_TIME = timedelta(seconds=1)
"""A tick that is at most this late is not missed: the process was up, and merely busy."""


@dataclass(frozen=True, slots=True)
class Due:
    """A tick to fire now, and how many earlier ones it stands for."""

    scheduled_at: datetime
    missed: int = 0

    def of(self, action: str) -> str:
        """What a task that fires it is called."""
        return f"tick of {action} at {self.scheduled_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to fire, oldest first, and how many ticks are dropped for good."""

    fire: tuple[Due, ...]
    dropped: int = 0


def due_ticks(
    cron: CronExpression,
    *,
    after: datetime,
    now: datetime,
    misfire: Misfire,
    grace: float | None = None,
    max_catch_up: int = 100,
) -> Decision:
    """Decide about every tick in the half-open interval from `after` (excluded) to `now` (included).

    A tick older than `grace` seconds is dropped whatever the policy, unless it is the only one and on time. Every tick
    is counted, but only those that can still fire are kept in memory.
    """
    oldest = now - timedelta(seconds=grace) if grace is not None else after
    kept: deque[datetime] = deque(maxlen=max_catch_up if misfire == "all" else 1)
    total = young = 0
    latest = after
    for tick in cron.missed(after, now):
        total += 1
        latest = tick
        if tick >= oldest:
            young += 1
            kept.append(tick)
    if total == 1 and now - latest <= ON_TIME:
        return Decision((Due(latest),))
    if misfire == "once":
        return Decision(tuple(Due(tick, young - 1) for tick in kept), total - young)
    if misfire == "skip":
        kept = deque(tick for tick in kept if now - tick <= ON_TIME)
    return Decision(tuple(Due(tick) for tick in kept), total - len(kept))
