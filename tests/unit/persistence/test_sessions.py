"""Sessions: lazy, one per unit of work and database, committed and rolled back with it."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from sqlalchemy import event, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IdentifiableEntity,
    Microservice,
    use_session,
)
from jararaca.core.context import current_execution, use_unit_of_work
from jararaca.core.invocation import unit_of_work
from jararaca.core.unit_of_work import UnitOfWork
from jararaca.errors import (
    NotConfigured,
    NoUnitOfWork,
    OutsideExecution,
)
from jararaca.persistence.session import database_of, new_session
from jararaca_testing import RunningApplication, TestDatabases

Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


class RowEntity(IdentifiableEntity):
    __tablename__ = "session_rows"

    text: Mapped[str]


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all(RowEntity.metadata)
    await db.create_all(RowEntity.metadata, connection_name="audit")


async def rows(db: TestDatabases, connection_name: str = "default") -> int:
    async with db.session(connection_name) as session:
        return await session.scalar(select(func.count()).select_from(RowEntity)) or 0


def checked_out(app: RunningApplication, connection_name: str = "default") -> int:
    pool: Any = database_of(app.environment, connection_name).engine.pool
    return int(pool.checkedout())


async def test_declared_options_reach_every_session(work: Work) -> None:
    async with work(), new_session("audit") as own:
        assert use_session("audit").info == own.info == {"for": "auditors"}
        assert use_session().info == {}


async def test_what_was_loaded_can_be_read_after_the_commit(work: Work) -> None:
    async with work():
        use_session().add(row := RowEntity(text="still there"))

    assert row.text == "still there"


async def test_a_unit_of_work_has_one_session_per_database(work: Work) -> None:
    async with work():
        assert use_session() is use_session()
        assert use_session("audit") is use_session("audit")
        assert use_session() is not use_session("audit")
        first = use_session()

    async with work():
        assert use_session() is not first


async def test_no_connection_is_checked_out_without_a_query(work: Work, jararaca_app: RunningApplication) -> None:
    async with work():
        session = use_session()
        unused = checked_out(jararaca_app)
        await session.execute(text("SELECT 1"))

        assert (unused, checked_out(jararaca_app)) == (0, 1)

    assert checked_out(jararaca_app) == 0


async def test_what_was_only_added_is_written_by_the_commit(work: Work, db: TestDatabases) -> None:
    async with work():
        use_session().add(RowEntity(text="a"))

    assert await rows(db) == 1


async def test_an_exception_leaves_no_rows_and_no_connection(
    work: Work, db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    async def failing() -> None:
        async with work():
            use_session().add(RowEntity(text="a"))
            await use_session().flush()
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await failing()

    assert checked_out(jararaca_app) == 0
    assert await rows(db) == 0


async def test_asking_for_the_rollback_leaves_no_rows(work: Work, db: TestDatabases) -> None:
    async with work() as unit:
        use_session().add(RowEntity(text="a"))
        unit.set_rollback_only("on second thought")

    assert await rows(db) == 0


async def test_a_flush_that_fails_rolls_every_database_back(work: Work, db: TestDatabases) -> None:
    async def failing() -> None:
        async with work():
            use_session("audit").add(RowEntity(text="a"))
            await use_session("audit").flush()
            use_session().add(RowEntity())

    with pytest.raises(IntegrityError, match="text"):
        await failing()

    assert (await rows(db), await rows(db, "audit")) == (0, 0)


async def test_databases_commit_in_the_order_of_their_first_use(work: Work) -> None:
    commits: list[str] = []
    async with work():
        for name in ("audit", "default"):
            session = use_session(name)
            await session.execute(text("SELECT 1"))
            event.listen(session.sync_session, "after_commit", lambda _session, name=name: commits.append(name))

    assert commits == ["audit", "default"]


async def test_entities_can_be_read_after_the_commit(work: Work) -> None:
    async with work():
        row = RowEntity(text="a")
        use_session().add(row)

    assert row.text == "a"


async def test_a_hook_before_the_commit_still_has_the_session(work: Work, db: TestDatabases) -> None:
    async with work() as unit:
        unit.before_commit(lambda: use_session().add(RowEntity(text="late")))

    assert await rows(db) == 1


async def test_a_hook_after_the_commit_has_none(work: Work) -> None:
    refused: list[type[Exception]] = []

    def look() -> None:
        with pytest.raises(NoUnitOfWork) as raised:
            use_session()
        refused.append(raised.type)

    async with work():
        use_unit_of_work().after_commit(look)

    assert refused == [NoUnitOfWork]


async def test_a_nested_unit_of_work_is_independent(work: Work, db: TestDatabases) -> None:
    async with work() as outer:
        async with unit_of_work():
            use_session().add(RowEntity(text="inner"))
        outer.set_rollback_only("the outer one only")
        assert use_unit_of_work() is outer

    assert await rows(db) == 1


# outside of a unit of work


def test_outside_of_everything_use_session_says_where_to_call_it() -> None:
    with pytest.raises(OutsideExecution, match=r"use_session\('default'\) works only while something is being handled"):
        use_session()


async def test_outside_of_a_transaction_use_session_says_how_to_open_one(execution: Any) -> None:
    async with execution():
        with pytest.raises(NoUnitOfWork, match=r"use_session\('audit'\).*async with unit_of_work\(\)"):
            use_session("audit")


async def test_an_unknown_database_is_an_error_that_lists_the_known(work: Work) -> None:
    async with work():
        with pytest.raises(NotConfigured, match=r"no database is called 'archive'. Declared are: audit, default."):
            use_session("archive")


class TestWithoutDatabases:
    @pytest.fixture(autouse=True)
    def tables(self) -> None:
        """None to create."""

    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice()

    async def test_an_application_without_a_database_says_so(self, work: Work) -> None:
        async with work():
            with pytest.raises(NotConfigured, match=r"None is declared\. Add AIOSqlAlchemySessionInterceptor"):
                use_session()


async def test_a_new_session_commits_whatever_becomes_of_the_unit_of_work(work: Work, db: TestDatabases) -> None:
    async def failing() -> None:
        async with work():
            async with new_session() as session:
                session.add(RowEntity(text="audit"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await failing()

    assert await rows(db) == 1


async def test_a_new_session_rolls_back_what_its_block_raises(execution: Any, db: TestDatabases) -> None:
    async def failing() -> None:
        async with execution(), new_session("audit") as session:
            session.add(RowEntity(text="audit"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await failing()

    assert await rows(db, "audit") == 0


# injection


class NeedsSession:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session


def declared(*names: str, **options: Any) -> Microservice:
    interceptors = [
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig(name, "sqlite+aiosqlite:///x.db", **options)) for name in names
    ]
    return Microservice(interceptors=interceptors)


class TestInjection:
    @pytest.fixture(autouse=True)
    def tables(self) -> None:
        """None to create."""

    @pytest.fixture
    def jararaca_microservice(self, names: tuple[str, ...]) -> Microservice:
        return declared(*names)

    @pytest.mark.parametrize(
        ("names", "injected"),
        [(("default", "audit"), "default"), (("audit", "default"), "default"), (("audit", "logs"), "audit")],
    )
    async def test_the_injected_session_is_the_one_called_default_or_the_first(
        self, work: Work, names: tuple[str, ...], injected: str, jararaca_app: RunningApplication
    ) -> None:
        async with work():
            scope = current_execution().scope
            assert scope is not None
            assert (await scope.resolve(NeedsSession)).session is use_session(injected)
