"""What a scheduler remembers between ticks and shares with its replicas."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run `name` until it expires. `token` only grows: a later holder has a larger one."""

    name: str
    holder: str
    token: int


class ScheduleStore(Protocol):
    """A watermark per action, so that a tick is claimed once for ever, and leases with fencing tokens.

    Every method raises `ScheduleStoreUnavailable` when the store cannot be reached.
    """

    async def check(self) -> None:
        """Find out whether everything is there that the store needs, such as tables.

        Raises:
            MissingTable: something is missing; the text says what to run.
        """
        ...

    async def claim(self, action: str, tick: datetime) -> bool:
        """Move the watermark of `action` forward to `tick` (UTC). False if it is there already, or later."""
        ...

    async def last(self, action: str) -> datetime | None:
        """The watermark: the latest tick that anybody claimed, or None."""
        ...

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        """Take the lease for `ttl` seconds, or None while somebody holds it."""
        ...

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        """Hold on for `ttl` seconds from now. False if the lease was lost meanwhile.

        One that ended may be renewed where the store knows that nobody took it.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lease up; no effect if somebody else holds it by now."""
        ...

    async def close(self) -> None: ...
