"""The `db` fixture: tables and sessions of the application under test."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncSession

from jararaca.core.environment import Environment
from jararaca.errors import UsageError
from jararaca.persistence.entities import BaseEntity
from jararaca.persistence.session import Database, DatabaseKey, database_of


class Snapshot(Protocol):
    """The databases of an application, as they were at one moment."""

    async def restore(self) -> None:
        """Let them be so again. Sessions keep what they have loaded, and whoever is writing ends first."""
        ...


class Databases(Protocol):
    """What a profile does with the databases of a test."""

    async def create_all(self, database: Database, metadata: Sequence[MetaData]) -> None: ...

    async def snapshot(self, databases: Sequence[Database]) -> Snapshot: ...


class TestDatabases:
    """The databases of the application, by connection name."""

    __test__ = False

    def __init__(self, environment: Environment, databases: Databases) -> None:
        self._environment = environment
        self._databases = databases
        self._waiting: list[tuple[str, tuple[MetaData, ...]]] = []
        self._started = False

    async def create_all(self, *metadata: MetaData, connection_name: str = "default") -> None:
        """Create the tables of `metadata`, by default of every `BaseEntity`, now or when the application starts."""
        self._waiting.append((connection_name, metadata or (BaseEntity.metadata,)))
        if self._started:
            await self._create_waiting()

    async def start(self) -> None:
        """The application runs: create what was asked for before."""
        self._started = True
        await self._create_waiting()

    async def _create_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection_name, collections in waiting:
            await self._databases.create_all(database_of(self._environment, connection_name), collections)

    async def snapshot(self) -> Snapshot:
        """Keep what is committed in every database of the application, to come back to it with `restore()`.

        Raises:
            UsageError: the application has not been started, or its databases are not those of the memory profile.
        """
        self._demand_start("db.snapshot()")
        keys = [key for key in self._environment.resource_keys() if isinstance(key, DatabaseKey)]
        databases = [database_of(self._environment, key.connection_name) for key in keys]
        return await self._databases.snapshot(databases)

    @asynccontextmanager
    async def session(self, connection_name: str = "default") -> AsyncIterator[AsyncSession]:
        """A session that commits at the end of the block, and rolls back if the block raises.

        Raises:
            NotConfigured: the application declares no database of that name.
            UsageError: it has not been started.
        """
        self._demand_start("db.session()")
        async with database_of(self._environment, connection_name).session() as session, session.begin():
            yield session

    def _demand_start(self, call: str) -> None:
        if not self._started:
            raise UsageError(
                f"{call} needs the running application, and this test has not started it: ask for the fixture "
                "jararaca_app, or for one that needs it, such as http or bus."
            )
