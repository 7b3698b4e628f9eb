"""SQLite in the loop's own thread, in the shape of aiosqlite, as SQLAlchemy's dialect uses it.

Two rules make several sessions on one file exact. Reads run without a transaction; the first write begins one, with
the write lock taken first, so that a snapshot that was read is never upgraded and cannot be refused as stale. And the
lock is awaited, not retried: a second writer waits without costing time, is shown in dumps, and a true deadlock is
found at once.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jararaca_testing.dump import expecting
from jararaca_testing.sqlite_statements import ALONE, EAGER_BEGIN, LAZY_BEGIN, is_write, statement_of

Parameters = Sequence[Any] | Mapping[str, Any]

SHOWN = 60


@dataclass(slots=True, eq=False)
class Waiter:
    """A connection that waits for the write lock; as text, who holds it at the moment."""

    lock: "WriteLock"
    connection: object
    statement: str
    future: "asyncio.Future[None]"

    def __str__(self) -> str:
        return f"the SQLite write lock for {self.statement[:SHOWN]!r}; held by {self.lock.holder or 'nobody'}"


class WriteLock:
    """One writer at a time, in the order of asking; `taken` counts how often it was given to one."""

    def __init__(self) -> None:
        self._owner: object | None = None
        self._waiters: deque[Waiter] = deque()
        self.holder: str | None = None
        self.taken = 0

    async def acquire(self, connection: object, statement: str) -> None:
        if self._owner is connection:
            return
        if self._owner is None:
            return self._give(connection, statement, asyncio.current_task())
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = Waiter(self, connection, statement, future)
        self._waiters.append(waiter)
        try:
            await expecting(future, waiter)
        except BaseException:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            self.release(connection)
            raise
        if self._owner is connection:
            self._name_holder(statement, asyncio.current_task())

    def _give(self, connection: object, statement: str, task: "asyncio.Task[Any] | None") -> None:
        self._owner = connection
        self.taken += 1
        self._name_holder(statement, task)

    def _name_holder(self, statement: str, task: "asyncio.Task[Any] | None") -> None:
        self.holder = f"{task.get_name() if task else 'no task'} since {statement[:SHOWN]!r}"

    def forget_waiters(self) -> None:
        """Nobody will be woken: they belong to a loop that is closed."""
        self._waiters.clear()

    def lose(self, connection: object) -> None:
        """A connection is gone, and whoever waits with it is told: the lock, given to it, would never come back."""
        for waiter in [each for each in self._waiters if each.connection is connection]:
            self._waiters.remove(waiter)
            if not waiter.future.done():
                waiter.future.set_result(None)
        self.release(connection)

    def release(self, connection: object) -> None:
        """Hand the lock on, if `connection` has it."""
        if self._owner is not connection:
            return
        self._owner = self.holder = None
        while self._waiters and self._owner is None:
            waiter = self._waiters.popleft()
            if not waiter.future.done():
                self._give(waiter.connection, waiter.statement, None)
                waiter.future.set_result(None)


class Connection:
    """One connection, with what SQLAlchemy needs of aiosqlite's, private names included.

    `isolation_level` is None for autocommit, anything else for transactions.
    """

    def __init__(self, raw: sqlite3.Connection, lock: WriteLock, *, on_close: "Callable[[Connection], None]") -> None:
        self._connection: sqlite3.Connection | None = raw
        self._lock = lock
        self._on_close = on_close
        self._cursors: set[Cursor] = set()
        self._tx = self
        self.isolation_level: str | None = ""

    @property
    def _conn(self) -> "Connection":
        return self

    def put_nowait(self, order: "tuple[asyncio.Future[Any], Callable[[], Any]]") -> None:
        """The queue of orders to aiosqlite's thread, which here are carried out at once."""
        future, function = order
        try:
            future.set_result(function())
        except Exception as error:  # noqa: BLE001 # it belongs to whoever awaits the future
            future.set_exception(error)

    @property
    def raw(self) -> sqlite3.Connection:
        """The connection itself.

        Raises:
            ValueError: it was closed; the text is the one that SQLAlchemy knows.
        """
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    @property
    def in_transaction(self) -> bool:
        return self.raw.in_transaction

    @property
    def total_changes(self) -> int:
        return self.raw.total_changes

    @property
    def row_factory(self) -> Any:
        return self.raw.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self.raw.row_factory = factory

    def cursor(self) -> "Cursor":
        cursor = Cursor(self, self.raw.cursor())
        self._cursors.add(cursor)
        return cursor

    def forget(self, cursor: "Cursor") -> None:
        self._cursors.discard(cursor)

    async def run(self, sql: str, call: Callable[[], object]) -> None:
        """Carry a statement out, under the write lock and in a transaction if it needs them."""
        statement = statement_of(sql)
        if LAZY_BEGIN.match(statement):
            return
        if is_write(statement):
            await self._lock.acquire(self, statement)
        try:
            if is_write(statement) and not self._runs_alone(statement) and not self.raw.in_transaction:
                self.raw.execute("BEGIN IMMEDIATE")
            call()
        finally:
            if self._connection is None or not self._connection.in_transaction:
                self._lock.release(self)

    def _runs_alone(self, statement: str) -> bool:
        return self.isolation_level is None or bool(EAGER_BEGIN.match(statement) or ALONE.match(statement))

    async def execute(self, sql: str, parameters: Parameters = ()) -> "Cursor":
        return await self.cursor().execute(sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> "Cursor":
        return await self.cursor().executemany(sql, parameters)

    async def executescript(self, sql: str) -> "Cursor":
        """Several statements under the write lock. What is open is committed first, as sqlite3 does."""
        await self._lock.acquire(self, sql)
        cursor = self.cursor()
        await self.run("SELECT", lambda: self.raw.executescript(sql))
        return cursor

    async def create_function(self, name: str, narg: int, func: Any, *, deterministic: bool = False) -> None:
        self.raw.create_function(name, narg, func, deterministic=deterministic)

    async def commit(self) -> None:
        self._end("COMMIT")

    async def rollback(self) -> None:
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        try:
            if self.raw.in_transaction:
                self.raw.execute(statement)
        finally:
            if not self.raw.in_transaction:
                self._lock.release(self)

    async def close(self) -> None:
        """Roll back what is open and give the connection back."""
        self.retire()

    def retire(self) -> None:
        """Close without awaiting; a second time has no effect."""
        if self._connection is not None:
            for cursor in tuple(self._cursors):
                cursor.end()
            self._end("ROLLBACK")
            self._on_close(self)
            self._connection = None

    def stop(self) -> None:
        """Cut the connection, as the death of a process does: the database rolls back, and nobody is asked."""
        if self._connection is not None:
            self._connection.close()
            self._on_close(self)
            self._connection = None
            self._lock.lose(self)


class Cursor:
    """A cursor of aiosqlite's shape."""

    def __init__(self, connection: Connection, raw: sqlite3.Cursor) -> None:
        self._connection = connection
        self._raw = raw

    async def __aenter__(self) -> "Cursor":
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.end()

    def __aiter__(self) -> "Cursor":
        return self

    async def __anext__(self) -> Any:
        row = self._raw.fetchone()
        if row is None:
            raise StopAsyncIteration
        return row

    async def execute(self, sql: str, parameters: Parameters = ()) -> "Cursor":
        await self._connection.run(sql, lambda: self._raw.execute(sql, parameters))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Parameters]) -> "Cursor":
        await self._connection.run(sql, lambda: self._raw.executemany(sql, parameters))
        return self

    async def fetchone(self) -> Any:
        return self._raw.fetchone()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._raw.fetchmany(self._raw.arraysize if size is None else size)

    async def fetchall(self) -> list[Any]:
        return self._raw.fetchall()

    async def close(self) -> None:
        self.end()

    def end(self) -> None:
        self._raw.close()
        self._connection.forget(self)

    @property
    def description(self) -> Any:
        return self._raw.description

    @property
    def rowcount(self) -> int:
        return self._raw.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._raw.lastrowid

    @property
    def arraysize(self) -> int:
        return self._raw.arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        self._raw.arraysize = size
