"""The schedule store on a Redis server: watermarks, and leases that the server's own time ends.

A name has three keys. The watermark and the token never expire; the lease does, and that is how it ends. Each change is
a transaction over what it looked at: if somebody else changed that meanwhile, it looks again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, RedisError, WatchError

from jararaca.adapters.redis.connection import address_of, own_pool
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.ports.schedule_store import Lease

AT_A_TIME = 8
"""Connections that one store opens at most: thousands of actions may be due at one second."""


class RedisScheduleStore:
    """The `ScheduleStore` of schedulers that share one Redis server.

    The server must keep what it is told: where it evicts keys or loses them, a tick may fire again.

    Args:
        client: names the server and the login. The store opens connections of its own; the client stays the caller's
            to close.
        prefix: put before every key.
    """

    def __init__(self, client: Redis, *, prefix: str = "jararaca.schedule:") -> None:
        self._address = address_of(client)
        self._prefix = prefix
        self._pool = own_pool(client)
        self._redis = Redis(connection_pool=self._pool)
        self._places = asyncio.Semaphore(AT_A_TIME)

    async def check(self) -> None:
        """See whether the server answers."""
        async with self._asking():
            await self._redis.ping()

    async def claim(self, action: str, tick: datetime) -> bool:
        """Move the watermark of `action` forward to `tick` (UTC). False if it is there already, or later."""
        key = self._key(action, "watermark")
        async with self._watching(key) as pipe:
            while True:
                last = _moment(await pipe.get(key))
                if last is not None and tick <= last:
                    return False
                pipe.multi()
                pipe.set(key, tick.isoformat())
                if await _is_done(pipe, key):
                    return True

    async def last(self, action: str) -> datetime | None:
        """The watermark: the latest tick that anybody claimed, or None."""
        async with self._asking():
            return _moment(await self._redis.get(self._key(action, "watermark")))

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        """Take the lease for `ttl` seconds, or None while somebody holds it, be it the same holder."""
        held, token = self._key(name, "lease"), self._key(name, "token")
        async with self._watching(held, token) as pipe:
            while await pipe.get(held) is None:
                lease = Lease(name, holder, int(await pipe.get(token) or 0) + 1)
                pipe.multi()
                pipe.set(token, lease.token)
                pipe.set(held, _value(lease), px=_milliseconds(ttl))
                if await _is_done(pipe, held, token):
                    return lease
        return None

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        """Hold on for `ttl` seconds from now. False if somebody took the lease meanwhile, or it was released.

        One that merely ended is as good as new: a loop that was blocked for longer has harmed nobody.
        """
        held, token = self._key(lease.name, "lease"), self._key(lease.name, "token")
        async with self._watching(held, token) as pipe:
            while int(await pipe.get(token) or 0) == lease.token and await pipe.get(held) in (None, _value(lease)):
                pipe.multi()
                pipe.set(held, _value(lease), px=_milliseconds(ttl))
                if await _is_done(pipe, held, token):
                    return True
        return False

    async def release(self, lease: Lease) -> None:
        """Give the lease up; no effect if somebody else holds it by now."""
        held, token = self._key(lease.name, "lease"), self._key(lease.name, "token")
        async with self._watching(held, token) as pipe:
            while int(await pipe.get(token) or 0) == lease.token:
                pipe.multi()
                pipe.delete(held)
                pipe.incr(token)  # so that it cannot be renewed
                if await _is_done(pipe, held, token):
                    return

    async def close(self) -> None:
        """Close the connections of this store; what was claimed and held stays."""
        await self._redis.aclose()
        await self._pool.aclose()

    def _key(self, name: str, what: str) -> str:
        return f"{self._prefix}{{{name}}}:{what}"  # in braces: on a cluster the keys of a name are on one node

    @asynccontextmanager
    async def _watching(self, *keys: str) -> AsyncIterator[Any]:  # the driver has no types for half of a pipeline
        async with self._asking(), self._redis.pipeline(transaction=True) as pipe:
            await pipe.watch(*keys)
            yield pipe

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        async with self._places:
            try:
                yield
            except AuthenticationError as error:
                raise ScheduleStoreUnavailable(f"{self._address} refused the login: {error}") from error
            except (RedisError, OSError) as error:
                reason = str(error) or type(error).__name__
                raise ScheduleStoreUnavailable(
                    f"the schedule store at {self._address} is not available: {reason}"
                ) from error


async def _is_done(pipe: Any, *keys: str) -> bool:
    """Whether the transaction went through; if not, the keys are watched anew."""
    try:
        await pipe.execute()
    except WatchError:
        await pipe.watch(*keys)
        return False
    return True


def _moment(value: Any) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value.decode())


def _value(lease: Lease) -> bytes:
    return f"{lease.token} {lease.holder}".encode()


def _milliseconds(ttl: float) -> int:
    return max(1, round(ttl * 1000))
