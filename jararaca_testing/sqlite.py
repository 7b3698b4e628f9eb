"""A SQLite database for tests, in the loop's own thread, that is as it was before each test.

A temporary file in WAL mode: one connection shared by several sessions loses committed rows (a reader's rollback takes
the writer's work along), and the ways to share a database in memory refuse readers beside a writer. The file, its
connections and the engine outlive tests and loops; between tests a template is copied over it, if anything was written.
"""

import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import MetaData, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from jararaca.persistence.config import POOL_TIMEOUT
from jararaca_testing.sqlite_driver import Connection, WriteLock

ConnectionT = TypeVar("ConnectionT", bound=Connection)

PRAGMAS = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF")
MOST_STATEMENTS = 256
PORTABLE = frozenset(
    {
        "echo",
        "echo_pool",
        "execution_options",
        "hide_parameters",
        "insertmanyvalues_page_size",
        "json_deserializer",
        "json_serializer",
        "logging_name",
        "max_overflow",
        "pool_size",
        "pool_timeout",
        "query_cache_size",
    }
)
"""Options of an engine that mean the same whatever the database; the others belong to a driver or a real pool."""


class SQLiteDatabase:
    """One database in a temporary file, open until `close`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="jararaca-")
        self.path = Path(self._folder.name) / "test.db"
        self._lock = WriteLock()
        self._open: dict[Connection, sqlite3.Connection] = {}
        self._idle: list[sqlite3.Connection] = []
        self._engines: list[AsyncEngine] = []
        self._live = self._connect()
        self._template = sqlite3.connect(":memory:", check_same_thread=False)

    @property
    def open_connections(self) -> int:
        """How many connections the pools of its engines hold."""
        return len(self._open)

    def _connect(self) -> sqlite3.Connection:
        raw = sqlite3.connect(
            self.path, isolation_level=None, timeout=0, check_same_thread=False, cached_statements=MOST_STATEMENTS
        )
        for pragma in PRAGMAS:
            raw.execute(pragma)
        return raw

    async def connect(self) -> Connection:
        """A connection of aiosqlite's shape."""
        return self.connection(Connection)

    def connection(self, make: Callable[..., ConnectionT]) -> ConnectionT:
        """A connection that `make` makes as `Connection` is made."""
        raw = self._idle.pop() if self._idle else self._connect()
        connection = make(raw, self._lock, on_close=self._closed)
        self._open[connection] = raw
        return connection

    def _closed(self, connection: Connection) -> None:
        raw = self._open.pop(connection, None)
        if raw is None or not _is_alive(raw):
            return
        if raw.execute("SELECT 1 FROM temp.sqlite_master LIMIT 1").fetchone() is not None:
            raw.close()  # temporary tables belong to the connection, and would be there in the next test
        else:
            raw.row_factory = None
            self._idle.append(raw)

    def engine(self, options: Mapping[str, Any] | None = None) -> AsyncEngine:
        """An engine over this database, with those of `options` that mean the same on any database."""
        engine = engine_over(self.connect, options)
        self._engines.append(engine)
        return engine

    def create_all(self, *metadata: MetaData) -> None:
        """Create the tables of each, outside of any loop, if they are not there."""
        engine = create_engine("sqlite://", creator=self._connect, poolclass=StaticPool)
        with engine.begin() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            for each in metadata:
                each.create_all(connection)
            connection.exec_driver_sql("COMMIT")
        engine.dispose()
        self._lock.taken += 1

    @property
    def writes(self) -> int:
        """How many transactions have written since the last reset."""
        return self._lock.taken

    def copy(self) -> sqlite3.Connection:
        """A copy in memory of what is committed."""
        copy = sqlite3.connect(":memory:", check_same_thread=False)
        self._live.backup(copy)
        return copy

    async def restore(self, copy: sqlite3.Connection) -> None:
        """Be as `copy` again. Whoever writes at the moment ends first, as before any other write."""
        await self._lock.acquire(copy, "the restoring of a copy")
        try:
            copy.backup(self._live)
        finally:
            self._lock.release(copy)

    def keep_as_template(self) -> None:
        """From now on `reset` brings back what is committed at this moment."""
        self._live.backup(self._template)
        self._lock.taken = 0

    def reset(self) -> None:
        """Be as the template again, for another test on another loop. Connections that are still used are closed.

        Costs nothing worth mentioning if nothing was written.
        """
        self._lock.forget_waiters()
        for connection in tuple(self._open):
            connection.retire()
        for engine in self._engines:
            engine.sync_engine.dispose(close=False)
        written, self._lock = self._lock.taken, WriteLock()
        if written:
            self._template.backup(self._live)

    def close(self) -> None:
        """Close every connection and delete the file."""
        self._lock.forget_waiters()
        for connection in tuple(self._open):
            connection.stop()
        for engine in self._engines:
            engine.sync_engine.dispose(close=False)
        for raw in (*self._idle, self._live, self._template):
            raw.close()
        self._folder.cleanup()


def engine_over(connect: Callable[[], Awaitable[Connection]], options: Mapping[str, Any] | None) -> AsyncEngine:
    """An engine whose connections `connect` makes; nobody closes them when the database is reset but who owns it."""
    kept = {
        name: value for name, value in {"pool_timeout": POOL_TIMEOUT, **(options or {})}.items() if name in PORTABLE
    }
    return create_async_engine("sqlite+aiosqlite://", async_creator=connect, poolclass=AsyncAdaptedQueuePool, **kept)


def _is_alive(raw: sqlite3.Connection) -> bool:
    try:
        raw.total_changes  # noqa: B018 # asking is enough
    except sqlite3.ProgrammingError:
        return False
    return True
