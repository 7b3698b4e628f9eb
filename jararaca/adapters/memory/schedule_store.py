"""The schedule store of one process: watermarks and leases in dictionaries."""

import math
from dataclasses import dataclass
from datetime import datetime

from jararaca.ports.clock import Clock
from jararaca.ports.schedule_store import Lease


@dataclass(frozen=True, slots=True)
class _Holding:
    """The latest lease of a name, and the moment on the monotonic clock at which it ends."""

    lease: Lease
    ends_at: float


class MemoryScheduleStore:
    """The `ScheduleStore` for as long as the object lives. Schedulers of one process can share it.

    Leases are measured on the clock's elapsed time, so a step of the wall time does not end one.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._watermarks: dict[str, datetime] = {}
        self._holdings: dict[str, _Holding] = {}

    async def check(self) -> None:
        """Nothing is missing."""

    async def claim(self, action: str, tick: datetime) -> bool:
        """Move the watermark of `action` forward to `tick` (UTC). False if it is there already, or later."""
        last = self._watermarks.get(action)
        if last is not None and tick <= last:
            return False
        self._watermarks[action] = tick
        return True

    async def last(self, action: str) -> datetime | None:
        """The watermark: the latest tick that anybody claimed, or None."""
        return self._watermarks.get(action)

    def rewind(self, moment: datetime) -> None:
        """Forget claims later than `moment`, for wall time that was set back on purpose: its ticks come again."""
        self._watermarks = {action: min(last, moment) for action, last in self._watermarks.items()}

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        """Take the lease for `ttl` seconds, or None while somebody holds it, be it the same holder."""
        previous = self._holdings.get(name)
        if previous is not None and self._clock.monotonic() < previous.ends_at:
            return None
        lease = Lease(name, holder, 1 if previous is None else previous.lease.token + 1)
        self._hold(lease, ttl)
        return lease

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        """Hold on for `ttl` seconds from now. False if somebody took the lease meanwhile, or it was released.

        One that merely ended is as good as new: a loop that was blocked for longer has harmed nobody.
        """
        if not self._is_latest(lease):
            return False
        self._hold(lease, ttl)
        return True

    async def release(self, lease: Lease) -> None:
        """Give the lease up; no effect if somebody else holds it by now."""
        if self._is_latest(lease):
            self._hold(lease, -math.inf)  # kept, because the next token counts on from this one

    async def close(self) -> None:
        """Nothing to close: what was claimed and held stays for others who share the store."""

    def _is_latest(self, lease: Lease) -> bool:
        """Whether nobody took it after this holder, who did not release it."""
        holding = self._holdings.get(lease.name)
        return holding is not None and holding.lease == lease and holding.ends_at > -math.inf

    def _hold(self, lease: Lease, ttl: float) -> None:
        self._holdings[lease.name] = _Holding(lease, self._clock.monotonic() + ttl)
