"""The SQLite databases of a test run, one for each connection name, empty again before every test."""

import sqlite3
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca.persistence.config import AIOSQAConfig
from jararaca.persistence.session import Database
from jararaca_testing.gates.connections import Checkouts
from jararaca_testing.sqlite import SQLiteDatabase
from jararaca_testing.sqlite_templates import Templates


class SQLiteSnapshot:
    """Copies of several databases. It may be restored in another test of the same run."""

    def __init__(self, copies: Sequence[tuple[SQLiteDatabase, sqlite3.Connection]]) -> None:
        self._copies = copies
        for _database, copy in copies:
            weakref.finalize(self, copy.close)

    async def restore(self) -> None:
        """Let every database be as it was; sessions keep what they have loaded."""
        for database, copy in self._copies:
            await database.restore(copy)


class SQLiteDatabases:
    """Stands in for every database that applications under test declare, whatever its URL.

    Files, connections and engines are kept from test to test: making them anew would cost more than most tests.
    """

    def __init__(self) -> None:
        self._databases: dict[str, SQLiteDatabase] = {}
        self._templates: dict[str, Templates] = {}
        self._engines: dict[str, tuple[Mapping[str, Any], AsyncEngine]] = {}
        self.checkouts = Checkouts()

    def engine(self, config: AIOSQAConfig) -> AsyncEngine:
        """The engine that serves this connection name."""
        name = config.connection_name
        if name not in self._databases:
            self._databases[name] = SQLiteDatabase()
            self._databases[name].keep_as_template()
            self._templates[name] = Templates(self._databases[name])
        options, engine = self._engines.get(name, (None, None))
        if engine is None or options != config.engine_options:
            engine = self._databases[name].engine(config.engine_options)
            self.checkouts.watch(engine, name)
            self._engines[name] = (config.engine_options, engine)
        return engine

    def database(self, config: AIOSQAConfig) -> SQLiteDatabase:
        """The database behind this connection name."""
        self.engine(config)
        return self._databases[config.connection_name]

    async def create_all(self, database: Database, metadata: Sequence[MetaData]) -> None:
        """Have the tables in a database; where they were created in an earlier test, they are copied."""
        for each in metadata:
            await self._templates[database.config.connection_name].create_all(database.engine, each)

    async def snapshot(self, databases: Sequence[Database]) -> SQLiteSnapshot:
        """Copies of what is committed in these databases."""
        found = [self._databases[each.config.connection_name] for each in databases]
        return SQLiteSnapshot([(each, each.copy()) for each in found])

    def reset(self) -> None:
        """Empty every database that was written to."""
        for name, database in self._databases.items():
            database.reset()
            self._templates[name].start_over()
        self.checkouts.forget()

    def close(self) -> None:
        """Delete the files."""
        for name, database in self._databases.items():
            self._templates[name].close()
            database.close()
        self._databases.clear()
        self._templates.clear()
        self._engines.clear()
