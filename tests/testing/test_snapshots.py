"""Snapshots of an application's databases, and tables that are created once in a test run and copied ever after."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, event, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import AIOSQAConfig, AIOSqlAlchemySessionInterceptor, BaseEntity, Microservice
from jararaca.errors import UsageError
from jararaca.persistence.session import Database
from jararaca_testing import RunningApplication, Snapshot, TestDatabases
from jararaca_testing.databases import SQLiteDatabases
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run


class Cup(BaseEntity):
    __tablename__ = "cups_of_the_harness"

    id: Mapped[int] = mapped_column(primary_key=True)


KEPT: dict[str, Snapshot] = {}
"""What one test leaves for others."""

OTHER = MetaData()
SAUCER = Table("saucers_of_the_harness", OTHER, Column("id", Integer, primary_key=True))


@pytest.fixture
def jararaca_microservice() -> Microservice:
    configs = [AIOSQAConfig("default", "postgresql+asyncpg://db/x"), AIOSQAConfig("audit", "postgresql+asyncpg://db/y")]
    configs[1] = AIOSQAConfig("audit", "postgresql+asyncpg://db/y", inject_default=False)
    return Microservice(interceptors=[AIOSqlAlchemySessionInterceptor(each) for each in configs])


async def count(db: TestDatabases) -> tuple[int, int]:
    async with db.session() as first, db.session("audit") as second:
        cups = await first.scalar(select(func.count()).select_from(Cup))
        saucers = await second.scalar(select(func.count()).select_from(SAUCER))
        return cups or 0, saucers or 0


async def add(db: TestDatabases, number: int) -> None:
    async with db.session() as first, db.session("audit") as second:
        first.add(Cup(id=number))
        await second.execute(insert(SAUCER).values(id=number))


@pytest.mark.virtual_only
class TestASnapshot:
    @pytest.fixture(autouse=True)
    async def tables(self, db: TestDatabases, jararaca_app: RunningApplication) -> None:
        await db.create_all(Cup.metadata)
        await db.create_all(OTHER, connection_name="audit")

    async def test_it_brings_every_database_back_as_often_as_one_likes(self, db: TestDatabases) -> None:
        await add(db, 1)
        snapshot = await db.snapshot()
        counts = []
        for number in (2, 3):
            await add(db, number)
            counts.append(await count(db))
            await snapshot.restore()
            counts.append(await count(db))

        assert counts == [(2, 2), (1, 1), (2, 2), (1, 1)]

    async def test_what_is_not_committed_is_not_in_it(self, db: TestDatabases) -> None:
        async with db.session() as session:
            session.add(Cup(id=1))
            await session.flush()
            snapshot = await db.snapshot()
        await snapshot.restore()

        assert await count(db) == (0, 0)

    async def test_a_reader_beside_it_goes_on_with_what_it_sees(self, db: TestDatabases) -> None:
        snapshot = await db.snapshot()
        await add(db, 1)
        async with db.session() as session:
            stream = await session.stream_scalars(select(Cup.id))
            await snapshot.restore()
            assert [each async for each in stream] == [1]

        assert await count(db) == (0, 0)

    @pytest.mark.parametrize("turn", [1, 2])
    async def test_it_may_be_kept_for_later_tests(self, db: TestDatabases, turn: int) -> None:
        """What is dear to set up is set up by the first test that needs it."""
        if "snapshot" not in KEPT:
            await add(db, 1)
            KEPT["snapshot"] = await db.snapshot()
        await KEPT["snapshot"].restore()

        assert await count(db) == (1, 1)


async def test_before_the_start_there_is_nothing_to_keep(db: TestDatabases) -> None:
    with pytest.raises(UsageError, match=r"db.snapshot\(\) needs the running application"):
        await db.snapshot()


class Suite:
    """Tests of one run in turn, each on a loop of its own, on one database."""

    def __init__(self) -> None:
        self._databases = SQLiteDatabases()
        config = AIOSQAConfig("default", "sqlite+aiosqlite://")
        self._database = Database(config, self._databases.engine(config))
        self.created = 0

    def run(self, *metadata: MetaData, before: int = 0, between: int = 0) -> list[str]:
        """One test: it writes, creates tables, writes, and creates them again. Returns the tables there are."""
        run = Run(VirtualLoop)
        try:
            return run(self._test(metadata, before, between))
        finally:
            run.close()
            self._databases.reset()

    async def _test(self, metadata: tuple[MetaData, ...], before: int, between: int) -> list[str]:
        await self._write("early", before)
        for each in metadata:
            await self._databases.create_all(self._database, [each])
            await self._write("late", between)
        async with self._database.engine.connect() as connection:
            found = await connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
            return [str(name) for name in found.scalars()]

    async def _write(self, table: str, times: int) -> None:
        for _ in range(times):
            async with self._database.engine.begin() as connection:
                await connection.exec_driver_sql(f"CREATE TABLE IF NOT EXISTS {table} (id INTEGER)")

    def counting(self, metadata: MetaData) -> MetaData:
        """Count how often tables are really created."""

        def created(_target: MetaData, _connection: Connection, **_options: object) -> None:
            self.created += 1

        event.listen(metadata, "after_create", created)
        return metadata

    def close(self) -> None:
        self._databases.close()


@pytest.fixture
def suite() -> Iterator[Suite]:
    suite = Suite()
    yield suite
    suite.close()


def tables(*names: str) -> MetaData:
    metadata = MetaData()
    for name in names:
        Table(name, metadata, Column("id", Integer, primary_key=True))
    return metadata


class TestTablesAreCreatedOnceInARun:
    def test_later_tests_get_a_copy(self, suite: Suite) -> None:
        metadata = suite.counting(tables("a", "b"))

        assert [suite.run(metadata) for _ in range(5)] == [["a", "b"]] * 5
        assert suite.created == 1

    def test_also_of_several_collections_in_turn(self, suite: Suite) -> None:
        first, second = suite.counting(tables("a")), suite.counting(tables("b"))

        assert [suite.run(first, second) for _ in range(3)] == [["a", "b"]] * 3
        assert suite.created == 2
        assert suite.run(second, first, second) == ["a", "b"]
        assert suite.run(second) == ["b"]

    def test_what_a_test_wrote_before_is_not_copied_over(self, suite: Suite) -> None:
        metadata = tables("a")
        suite.run(metadata)

        assert suite.run(metadata, before=1) == ["a", "early"]
        assert suite.run(metadata) == ["a"]

    def test_what_a_test_wrote_in_between_is_in_no_template(self, suite: Suite) -> None:
        first, second = tables("a"), tables("b")

        assert suite.run(first, second, first, between=1) == ["a", "b", "late"]
        assert suite.run(first, second) == ["a", "b"]

    def test_tables_that_came_later_are_created(self, suite: Suite) -> None:
        metadata = tables("a")
        suite.run(metadata)
        Table("b", metadata, Column("id", Integer, primary_key=True))

        assert suite.run(metadata) == ["a", "b"]

    def test_only_so_many_are_kept(self, suite: Suite) -> None:
        collections = [suite.counting(tables(f"t{number}")) for number in range(17)]
        for metadata in (*collections, collections[16], collections[0]):
            suite.run(metadata)

        assert suite.created == 18
