"""The fake Redis of the memory profile: fakeredis, and what it takes to be believed where the real one differs."""

import contextlib
from typing import Any

from fakeredis import FakeAsyncRedis, FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import Redis
from redis.exceptions import RedisError


class FakeRedisConnection(FakeAsyncRedisConnection):
    """A connection whose subscriptions end with it, and not when the garbage collector comes by."""

    _leaving = False

    async def disconnect(self, *args: Any, **kwargs: Any) -> None:
        if self.is_connected and not self._leaving:
            self._leaving = True
            try:
                with contextlib.suppress(RedisError):  # a server that is gone has no subscribers
                    for command in ("UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"):
                        await self.send_command(command, check_health=False)
            finally:
                self._leaving = False
        await super().disconnect(*args, **kwargs)


def fake_client(server: FakeServer, **options: Any) -> Redis:
    """A client of a server in memory; `options` are those of `redis.asyncio.Redis`."""
    return FakeAsyncRedis(server=server, connection_class=FakeRedisConnection, **options)
