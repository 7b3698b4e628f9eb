"""The test database, through SQLAlchemy and through its own connections."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from jararaca_testing.errors import Deadlock
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run
from jararaca_testing.sqlite import SQLiteDatabase
from jararaca_testing.sqlite_statements import is_write, statement_of

METADATA = MetaData()
TASKS = Table("tasks", METADATA, Column("id", Integer, primary_key=True), Column("name", String, unique=True))


@pytest.fixture
def database() -> Iterator[SQLiteDatabase]:
    database = SQLiteDatabase()
    database.create_all(METADATA)
    database.keep_as_template()
    yield database
    database.close()


@pytest.fixture
def engine(database: SQLiteDatabase) -> AsyncEngine:
    return database.engine()


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(VirtualLoop)
    yield run
    run.close()


async def add(connection: AsyncConnection | AsyncSession, name: str) -> None:
    await connection.execute(insert(TASKS).values(name=name))


async def count(connection: AsyncConnection | AsyncSession) -> int:
    return int((await connection.execute(select(func.count()).select_from(TASKS))).scalar_one())


async def rows(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return await count(connection)


def test_a_reader_beside_an_open_writer_sees_what_was_committed(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> list[int]:
        async with engine.connect() as writer, engine.connect() as reader:
            await add(writer, "one")
            before = await count(reader)
            await writer.commit()
            return [before, await count(reader)]

    assert run(scenario()) == [0, 1]


def test_a_reader_that_closes_takes_nothing_of_the_writer_along(run: Run, engine: AsyncEngine) -> None:
    """With one connection for everybody the pool rolls the writer back when the reader gives it back."""

    async def scenario() -> int:
        async with engine.begin() as writer:
            await add(writer, "one")
            await rows(engine)
        return await rows(engine)

    assert run(scenario()) == 1


def test_a_transaction_reads_what_others_committed_until_it_writes(run: Run, engine: AsyncEngine) -> None:
    """A snapshot that was read is never upgraded, so nobody is refused for having read too early."""

    async def scenario() -> int:
        async with engine.begin() as late:
            assert await count(late) == 0
            async with engine.begin() as early:
                await add(early, "early")
            await add(late, "late")
            return await count(late)

    assert run(scenario()) == 2


def test_a_second_writer_waits_its_turn_without_costing_time(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> tuple[list[str], float]:
        order: list[str] = []

        async def write(name: str) -> None:
            async with engine.begin() as connection:
                await add(connection, name)
                await asyncio.sleep(0)
                order.append(name)

        await asyncio.gather(*(write(name) for name in "abcd"))
        return order, asyncio.get_running_loop().time()

    assert run(scenario()) == (["a", "b", "c", "d"], 0.0)


def test_more_writers_than_the_pool_has_connections_all_get_their_turn_in_every_test(database: SQLiteDatabase) -> None:
    """Waiting for a pool binds it to a loop, so each test has to begin with a fresh one."""
    engine = database.engine({"pool_size": 1, "max_overflow": 1})

    async def scenario() -> int:
        async def write(number: int) -> None:
            async with engine.begin() as connection:
                await add(connection, str(number))
                await asyncio.sleep(0.5)

        await asyncio.gather(*(write(number) for number in range(10)))
        return await rows(engine)

    for _test in range(3):
        run = Run(VirtualLoop)
        assert run(scenario()) == 10
        run.close()
        database.reset()


def test_a_deadlock_on_the_write_lock_is_found_at_once_and_names_the_holder(run: Run, engine: AsyncEngine) -> None:
    """The test holds an uncommitted write and awaits a handler that writes."""

    async def handler() -> None:
        async with engine.begin() as connection:
            await add(connection, "handler")

    async def scenario() -> None:
        async with engine.begin() as connection:
            await add(connection, "test")
            await asyncio.create_task(handler(), name="billing.charge attempt 1")

    with pytest.raises(Deadlock) as failure:
        run(scenario())
    assert "waits for the SQLite write lock for 'INSERT INTO tasks" in str(failure.value)
    assert "held by the test since 'INSERT INTO tasks" in str(failure.value)
    assert "(through sqlalchemy" in str(failure.value)
    assert run(rows(engine)) == 0


def test_a_writer_that_gives_up_waiting_lets_the_next_one_in(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> int:
        async def write(name: str) -> None:
            async with engine.begin() as connection:
                await add(connection, name)

        async with engine.begin() as holder:
            await add(holder, "holder")
            impatient, patient = (asyncio.create_task(write(name)) for name in ("impatient", "patient"))
            await asyncio.sleep(0)
            impatient.cancel()
            await asyncio.sleep(0)
        await patient
        return await rows(engine)

    assert run(scenario()) == 2


def test_a_writer_that_is_cancelled_when_its_turn_has_come_hands_it_on(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> int:
        async def write(name: str) -> None:
            async with engine.begin() as connection:
                await add(connection, name)

        async with engine.connect() as holder:
            await add(holder, "holder")
            unlucky, lucky = (asyncio.create_task(write(name)) for name in ("unlucky", "lucky"))
            await asyncio.sleep(0)
            await holder.commit()
            unlucky.cancel()
        await lucky
        return await rows(engine)

    assert run(scenario()) == 2


def test_a_rollback_undoes_and_a_savepoint_undoes_its_part(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> list[int]:
        async with engine.connect() as connection:
            await add(connection, "gone")
            await connection.rollback()
            counts = [await count(connection)]
            await connection.rollback()
            async with connection.begin():
                async with connection.begin_nested() as savepoint:
                    await add(connection, "undone")
                    await savepoint.rollback()
                await add(connection, "kept")
            return [*counts, await rows(engine)]

    assert run(scenario()) == [0, 1]


def test_errors_are_those_of_the_dialect(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> None:
        async with engine.begin() as connection:
            await add(connection, "one")
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await add(connection, "one")
        with pytest.raises(OperationalError, match="no such table"):
            async with engine.begin() as connection:
                await connection.execute(text("SELECT * FROM nowhere"))
        async with engine.begin() as connection:
            await add(connection, "two")

    run(scenario())


def test_a_session_flushes_streams_and_commits(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> list[str]:
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(insert(TASKS), [{"name": name} for name in "abc"])
        async with engine.connect() as connection:
            streamed = await connection.stream(select(TASKS.c.name).order_by(TASKS.c.name))
            first = await streamed.fetchmany(1)
            return [row.name for row in first] + [row.name async for row in streamed]

    assert run(scenario()) == ["a", "b", "c"]


def test_autocommit_holds_the_lock_for_one_statement_only(run: Run, engine: AsyncEngine) -> None:
    async def scenario() -> int:
        async with engine.connect() as plain:
            autocommit = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await add(autocommit, "at once")
            async with engine.begin() as other:
                await add(other, "other")
            return await rows(engine)

    assert run(scenario()) == 2


def test_an_explicit_begin_is_as_lazy_as_an_implicit_one(run: Run, engine: AsyncEngine) -> None:
    """Users of savepoints send BEGIN for every transaction; readers must not wait for writers by that."""

    async def scenario() -> int:
        async with engine.connect() as reader, engine.begin() as writer:
            await add(writer, "one")
            await reader.exec_driver_sql("BEGIN")
            before = await count(reader)
            await writer.commit()
            await reader.exec_driver_sql("BEGIN IMMEDIATE")
            await add(reader, "two")
            await reader.exec_driver_sql("COMMIT")
        return before + await rows(engine)

    assert run(scenario()) == 2


def test_a_reset_brings_the_template_back(database: SQLiteDatabase, engine: AsyncEngine) -> None:
    async def scenario() -> int:
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE IF NOT EXISTS mine (id INTEGER)"))
            await add(connection, "one")
        return await rows(engine)

    for _test in range(3):
        run = Run(VirtualLoop)
        assert run(scenario()) == 1
        run.close()
        database.reset()
    with closing(sqlite3.connect(database.path)) as raw:
        tables = raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert tables == [("tasks",)]


def test_rows_of_the_template_are_there_in_every_test(database: SQLiteDatabase, engine: AsyncEngine) -> None:
    async def seed() -> None:
        async with engine.begin() as connection:
            await add(connection, "seeded")

    async def scenario() -> int:
        async with engine.begin() as connection:
            await add(connection, "of the test")
        return await rows(engine)

    run = Run(VirtualLoop)
    run(seed())
    run.close()
    database.keep_as_template()
    for _test in range(2):
        run = Run(VirtualLoop)
        assert run(scenario()) == 2
        run.close()
        database.reset()


def test_what_a_test_left_open_disturbs_nobody(database: SQLiteDatabase, engine: AsyncEngine) -> None:
    """A connection that was never given back is closed by the reset, its transaction rolled back, its lock free."""

    async def leave_open() -> None:
        connection = await database.connect()
        await connection.execute("INSERT INTO tasks (name) VALUES ('left open')")
        reader = await connection.execute("SELECT * FROM tasks")
        assert await reader.fetchone() is not None

    async def scenario() -> int:
        async with engine.begin() as connection:
            await add(connection, "one")
        return await rows(engine)

    first, second = Run(VirtualLoop), Run(VirtualLoop)
    first(leave_open())
    first.close()
    assert database.open_connections == 1
    database.reset()
    assert database.open_connections == 0
    assert second(scenario()) == 1
    second.close()


def test_a_temporary_table_does_not_outlive_its_connection(database: SQLiteDatabase, engine: AsyncEngine) -> None:
    async def scenario() -> int | None:
        async with engine.begin() as connection:
            there: int | None = await connection.scalar(text("SELECT count(*) FROM sqlite_temp_master"))
            await connection.execute(text("CREATE TEMPORARY TABLE scratch (id INTEGER)"))
            return there

    for _test in range(2):
        run = Run(VirtualLoop)
        assert run(scenario()) == 0
        run.close()
        database.reset()


def test_options_that_belong_to_another_database_are_left_out(database: SQLiteDatabase) -> None:
    engine = database.engine({"pool_pre_ping": True, "pool_size": 3, "connect_args": {"ssl": True}, "echo": False})
    assert engine.pool.size() == 3  # type: ignore[attr-defined] # a queue pool has a size


def test_a_connection_serves_by_itself_as_aiosqlite_does(run: Run, database: SQLiteDatabase) -> None:
    async def scenario() -> None:
        connection = await database.connect()
        await connection.executescript("CREATE TABLE pairs (a, b); INSERT INTO pairs VALUES (1, 2);")
        await connection.executemany("INSERT INTO pairs VALUES (?, ?)", [(3, 4), (5, 6)])
        assert connection.in_transaction
        assert connection.total_changes == 3
        await connection.commit()
        connection.row_factory = sqlite3.Row
        async with await connection.execute("-- all of them\nSELECT a, b FROM pairs ORDER BY a") as cursor:
            assert cursor.arraysize == 1
            cursor.arraysize = 2
            assert [row["a"] for row in await cursor.fetchmany()] == [1, 3]
            assert [row["b"] async for row in cursor] == [6]
            assert [column[0] for column in cursor.description] == ["a", "b"]
        inserted = await connection.execute("INSERT INTO pairs VALUES (7, 8)")
        assert (inserted.rowcount, inserted.lastrowid) == (1, 4)
        await inserted.close()
        assert connection.row_factory is sqlite3.Row
        await connection.close()
        await connection.close()
        connection.stop()
        with pytest.raises(ValueError, match="no active connection"):
            await connection.execute("SELECT 1")

    run(scenario())


def test_a_connection_that_is_cut_rolls_back_and_frees_the_lock(run: Run, database: SQLiteDatabase) -> None:
    async def scenario() -> object:
        victim = await database.connect()
        await victim.execute("INSERT INTO tasks (name) VALUES ('lost')")
        victim.stop()
        survivor = await database.connect()
        await survivor.execute("INSERT INTO tasks (name) VALUES ('kept')")
        await survivor.commit()
        found = await (await survivor.execute("SELECT name FROM tasks")).fetchall()
        await survivor.close()
        return found

    assert run(scenario()) == [("kept",)]


def test_a_connection_that_is_cut_while_it_waits_for_the_lock_never_gets_it(run: Run, database: SQLiteDatabase) -> None:
    """Its process may be dead, and would keep the lock from all others."""

    async def scenario() -> object:
        holder, victim, survivor = [await database.connect() for _ in range(3)]
        await holder.execute("INSERT INTO tasks (name) VALUES ('first')")
        waiting = asyncio.create_task(victim.execute("INSERT INTO tasks (name) VALUES ('lost')"))
        await asyncio.sleep(0)
        victim.stop()
        await holder.commit()
        await survivor.execute("INSERT INTO tasks (name) VALUES ('kept')")
        await survivor.commit()
        with pytest.raises(ValueError, match="no active connection"):
            await waiting
        found = await (await survivor.execute("SELECT name FROM tasks")).fetchall()
        await holder.close()
        await survivor.close()
        return found

    assert run(scenario()) == [("first",), ("kept",)]


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ("select 1", False),
        ("  -- a comment\n /* another */ SELECT 1", False),
        ("EXPLAIN QUERY PLAN DELETE FROM t", False),
        ("PRAGMA foreign_keys = ON", False),
        ("VALUES (1)", False),
        ("COMMIT", False),
        ("ROLLBACK;", False),
        ("WITH x AS (SELECT 1) SELECT * FROM x", False),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", True),
        ("INSERT INTO t VALUES (1)", True),
        ("SAVEPOINT sa_savepoint_1", True),
        ("ROLLBACK TO SAVEPOINT sa_savepoint_1", True),
        ("CREATE TABLE t (id)", True),
        ("VACUUM", True),
    ],
)
def test_statements_that_write_are_told_from_those_that_read(sql: str, writes: bool) -> None:
    assert is_write(statement_of(sql)) is writes


def test_what_cannot_run_in_a_transaction_runs_outside_of_one(run: Run, database: SQLiteDatabase) -> None:
    async def scenario() -> bool:
        connection = await database.connect()
        await connection.execute("VACUUM")
        open_still = connection.in_transaction
        await connection.close()
        return open_still

    assert run(scenario()) is False
