"""The schedule stores that processes share under contract: on Redis, on SQLite and on PostgreSQL.

On a server each test has keys or tables of its own, which it removes.
"""

import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import pytest_asyncio
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca.adapters.redis.schedule_store import RedisScheduleStore
from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.adapters.sql.tables import metadata
from jararaca.adapters.system.clock import SystemClock
from jararaca.ports.schedule_store import ScheduleStore
from jararaca_testing.contracts import ScheduleStoreContract, runs_on

NewStore = Callable[[], ScheduleStore]


class TestScheduleStoreOnFakeRedis(ScheduleStoreContract):
    @pytest.fixture
    def new_store(self, request: pytest.FixtureRequest) -> NewStore:
        runs_on(request, "fakeredis", fakeredis.__version__)
        server = FakeServer()
        return lambda: RedisScheduleStore(FakeAsyncRedis(server=server))


class TestScheduleStoreOnRedis(ScheduleStoreContract):
    @pytest_asyncio.fixture(
        params=[
            pytest.param("services", marks=pytest.mark.needs_servers),
            pytest.param("containers", marks=pytest.mark.needs_docker),
        ]
    )
    async def server(
        self, request: pytest.FixtureRequest, redis_server: Callable[[str], tuple[str, str]]
    ) -> AsyncIterator[tuple[Redis, str]]:
        """A client, and a prefix for keys that nobody else has."""
        url, version = redis_server(request.param)
        runs_on(request, "Redis", version)
        prefix = f"contract-{os.urandom(8).hex()}:"
        async with Redis.from_url(url) as client:
            yield client, prefix
            async for key in client.scan_iter(f"{prefix}*"):
                await client.delete(key)

    @pytest.fixture
    def new_store(self, server: tuple[Redis, str]) -> NewStore:
        client, prefix = server
        return lambda: RedisScheduleStore(client, prefix=prefix)


async def create_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


class TestScheduleStoreOnSQLite(ScheduleStoreContract):
    @pytest_asyncio.fixture
    async def url(self, request: pytest.FixtureRequest, tmp_path: Path) -> str:
        """Of a file with the tables."""
        runs_on(request, "SQLite", sqlite3.sqlite_version)
        url = f"sqlite+aiosqlite:///{tmp_path / 'schedule.sqlite3'}"
        engine = create_async_engine(url)
        await create_tables(engine)
        await engine.dispose()
        return url

    @pytest.fixture
    def new_store(self, url: str) -> NewStore:
        def new_store() -> ScheduleStore:
            engine = create_async_engine(url)
            event.listen(engine.sync_engine, "connect", wait_for_no_disk)
            return SQLScheduleStore(engine, SystemClock())

        return new_store


def wait_for_no_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class TestScheduleStoreOnPostgreSQL(ScheduleStoreContract):
    @pytest_asyncio.fixture(params=[pytest.param("services", marks=pytest.mark.needs_servers)])
    async def engine(self, request: pytest.FixtureRequest, postgresql: tuple[str, str]) -> AsyncIterator[AsyncEngine]:
        """Of a schema with the tables."""
        url, version = postgresql
        runs_on(request, "PostgreSQL", version)
        schema = f"contract_{os.urandom(8).hex()}"
        engine = create_async_engine(url, connect_args={"server_settings": {"search_path": schema}}, pool_size=10)
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA {schema}"))
        await create_tables(engine)
        yield engine
        async with engine.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        await engine.dispose()

    @pytest.fixture
    def new_store(self, engine: AsyncEngine) -> NewStore:
        return lambda: SQLScheduleStore(engine, SystemClock())
