"""The `db` fixture: tables, sessions, several databases, and nothing that one test leaves to the next."""

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    Microservice,
    Post,
    RestController,
    use_session,
)
from jararaca.errors import NotConfigured, UsageError
from jararaca_testing import RunningApplication, TestDatabases
from jararaca_testing.databases import SQLiteDatabases


class Row(BaseEntity):
    __tablename__ = "rows_of_the_harness"

    id: Mapped[int] = mapped_column(primary_key=True)


OTHER = MetaData()
AUDIT = Table("audit_of_the_harness", OTHER, Column("id", Integer, primary_key=True))


@RestController("/rows")
class Rows:
    @Post("/{number}")
    async def add(self, number: int) -> None:
        use_session().add(Row(id=number))
        await use_session("audit").execute(insert(AUDIT).values(id=number))


def database(name: str, **options: object) -> AIOSqlAlchemySessionInterceptor:
    config = AIOSQAConfig(
        name, "postgresql+asyncpg://nobody@nowhere/x", inject_default=name == "default", engine_options=options
    )
    return AIOSqlAlchemySessionInterceptor(config)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Rows], interceptors=[database("default", pool_pre_ping=True), database("audit")])


async def count(db: TestDatabases, table: object = Row, connection_name: str = "default") -> int | None:
    async with db.session(connection_name) as session:
        counted: int | None = await session.scalar(select(func.count()).select_from(table))  # type: ignore[arg-type] # tables and entities alike
        return counted


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_row_of_one_test_is_not_there_in_the_next(
    db: TestDatabases, jararaca_app: RunningApplication, number: int
) -> None:
    await db.create_all()
    await db.create_all(OTHER, connection_name="audit")

    assert (await count(db), await count(db, AUDIT, "audit")) == (0, 0)
    assert (await jararaca_app.http.post("/rows/1")).status_code == 200
    assert (await count(db), await count(db, AUDIT, "audit")) == (1, 1)


async def test_tables_asked_for_before_the_start_are_there_after_it(
    db: TestDatabases, jararaca_harness: RunningApplication
) -> None:
    await db.create_all()
    await db.create_all(OTHER, connection_name="audit")

    await jararaca_harness.start()

    assert (await count(db), await count(db, AUDIT, "audit")) == (0, 0)
    await jararaca_harness.stop()


async def test_creating_twice_does_no_harm(db: TestDatabases, jararaca_app: RunningApplication) -> None:
    await db.create_all(BaseEntity.metadata, OTHER)
    await db.create_all(BaseEntity.metadata)

    assert (await count(db), await count(db, AUDIT)) == (0, 0)


async def fail_in_a_session(db: TestDatabases) -> None:
    async with db.session() as session:
        session.add(Row(id=2))
        await session.flush()
        raise ZeroDivisionError


async def test_a_session_commits_at_its_end_and_rolls_back_if_its_block_raises(
    db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    await db.create_all()

    async with db.session() as session:
        session.add(Row(id=1))
    with pytest.raises(ZeroDivisionError):
        await fail_in_a_session(db)

    assert await count(db) == 1


async def test_a_database_that_is_not_declared_is_an_error_that_lists_those_there_are(
    db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    with pytest.raises(NotConfigured, match=r"'archive'.*audit, default"):
        await db.create_all(connection_name="archive")


async def test_a_session_before_the_start_says_what_to_ask_for(db: TestDatabases) -> None:
    with pytest.raises(UsageError, match="ask for the fixture jararaca_app"):
        async with db.session():
            pass


def test_an_engine_is_kept_for_a_name_until_its_options_change() -> None:
    databases = SQLiteDatabases()
    first = databases.engine(AIOSQAConfig("default", "sqlite+aiosqlite://"))

    assert databases.engine(AIOSQAConfig("default", "postgresql+asyncpg://elsewhere")) is first
    assert databases.engine(AIOSQAConfig("audit", "sqlite+aiosqlite://")) is not first
    assert databases.engine(AIOSQAConfig("default", "sqlite+aiosqlite://", engine_options={"echo": True})) is not first
    databases.close()
