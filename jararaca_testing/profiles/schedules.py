"""Schedule stores that an application declares, in a test's time."""

from datetime import datetime

from jararaca.ports.schedule_store import Lease, ScheduleStore


class SetTimes:
    """The moments to which a test has set its clock so far; schedulers of one world share them."""

    def __init__(self) -> None:
        self.moments: list[datetime] = []


class SettableStore:
    """A store on which ticks come again after the clock was set back, as in one that a test could rewind.

    What is claimed after the clock was set is claimed under another name; what was claimed before counts up to the
    moment to which it was set.
    """

    def __init__(self, store: ScheduleStore, times: SetTimes) -> None:
        self._store = store
        self._moments = times.moments

    async def check(self) -> None:
        await self._store.check()

    async def claim(self, action: str, tick: datetime) -> bool:
        last = await self.last(action)
        return (last is None or last < tick) and await self._store.claim(_name(action, len(self._moments)), tick)

    async def last(self, action: str) -> datetime | None:
        for times in range(len(self._moments), -1, -1):
            last = await self._store.last(_name(action, times))
            if last is not None:
                return min([last, *self._moments[times:]])
        return None

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        return await self._store.acquire(name, holder=holder, ttl=ttl)

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        return await self._store.renew(lease, ttl=ttl)

    async def release(self, lease: Lease) -> None:
        await self._store.release(lease)

    async def close(self) -> None:
        await self._store.close()


def _name(action: str, times: int) -> str:
    return action if times == 0 else f"{action} after the clock was set {times} times"


class ScaledStore:
    """A store on a real server, whose leases last for scaled time."""

    def __init__(self, store: ScheduleStore, scale: float) -> None:
        self._store = store
        self._scale = scale

    async def check(self) -> None:
        await self._store.check()

    async def claim(self, action: str, tick: datetime) -> bool:
        return await self._store.claim(action, tick)

    async def last(self, action: str) -> datetime | None:
        return await self._store.last(action)

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        return await self._store.acquire(name, holder=holder, ttl=ttl * self._scale)

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        return await self._store.renew(lease, ttl=ttl * self._scale)

    async def release(self, lease: Lease) -> None:
        await self._store.release(lease)

    async def close(self) -> None:
        await self._store.close()
