"""A Redis server shared by tests that run at the same time: each has a logical database of its own.

Keys that an application chooses cannot be told apart by a prefix, and a prefix put in by force would have to know
every command. A database that is lent is empty: nobody's data is ever deleted but that of tests.
"""

import os
from functools import cached_property
from typing import Any

from redis import Redis as BlockingRedis
from redis import ResponseError
from redis.asyncio import Redis

from jararaca.errors import ServerUnavailable

LENT = "jararaca:test:lent:{}"
USED = "jararaca:test:used:{}"
"""Keys in the database of the URL, by the number of another one: lent at the moment, and used by tests only."""

LONGEST = 3600
"""Seconds after which a database may be lent again although nobody gave it back: its process died."""

USUAL_DATABASES = 16


class TestRedis:
    """The Redis of one test. A database is borrowed at the first use, and given back empty by `close`.

    Publishing knows no databases: channels are kept apart by the namespace that the framework puts in front of them.
    """

    __test__ = False

    def __init__(self, url: str, *, owner: str) -> None:
        self._url = url
        self._owner = owner
        self._clients: list[Redis] = []
        self._number: int | None = None

    @cached_property
    def client(self) -> Redis:
        """The test's own client, which does not decode."""
        return self._made(False)

    def instead_of(self, client: Any) -> Redis:
        """A client for the application, which decodes as `client` does."""
        return self._made(client.connection_pool.connection_kwargs.get("decode_responses", False))

    def _made(self, decodes: bool) -> Redis:
        if self._number is None:
            with self._home() as home:
                self._number = self._borrow(home)
        client: Redis = Redis.from_url(self._url, decode_responses=decodes)
        client.connection_pool.connection_kwargs["db"] = self._number  # an argument would not win over the URL
        self._clients.append(client)
        return client

    def _home(self) -> BlockingRedis:
        return BlockingRedis.from_url(self._url)

    def _database(self, number: int) -> BlockingRedis:
        database: BlockingRedis = BlockingRedis.from_url(self._url)
        database.connection_pool.connection_kwargs["db"] = number
        return database

    def _borrow(self, home: BlockingRedis) -> int:
        own = home.connection_pool.connection_kwargs.get("db", 0)
        others = [number for number in range(_databases_of(home)) if number != own]
        first = os.getpid() % max(len(others), 1)  # processes that start together do not all ask for the same one
        for number in (*others[first:], *others[:first]):
            if home.set(LENT.format(number), self._owner, nx=True, ex=LONGEST):
                if self._is_free(home, number):
                    return number
                home.delete(LENT.format(number))
        raise ServerUnavailable(
            f"all {len(others)} databases of the Redis server beside number {own} hold data or are lent to other "
            "tests. Empty one, let fewer tests run at the same time, or start the server with more databases."
        )

    def _is_free(self, home: BlockingRedis, number: int) -> bool:
        with self._database(number) as database:
            if home.exists(USED.format(number)):
                database.flushdb()
            elif database.dbsize():
                return False
        home.set(USED.format(number), self._owner)
        return True

    async def close(self) -> None:
        """Close every client, empty the database and give it back."""
        for client in self._clients:
            await client.aclose()
        if self._number is not None:
            with self._home() as home, self._database(self._number) as database:
                database.flushdb()
                home.delete(USED.format(self._number), LENT.format(self._number))
            self._number = None


def _databases_of(home: BlockingRedis) -> int:
    try:
        said: Any = home.config_get("databases")
    except ResponseError:  # some servers let nobody ask
        return USUAL_DATABASES
    return int(said.get("databases", USUAL_DATABASES))
