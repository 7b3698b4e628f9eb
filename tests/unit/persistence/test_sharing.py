"""Sessions that end while a task still uses them, and sessions without a way to their database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.util import await_only

from jararaca import AIOSQAConfig
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import DatabaseUnavailable
from jararaca.persistence.config import create_engine, create_session
from jararaca.persistence.session import database_of
from jararaca.persistence.sharing import OneTaskSession
from jararaca_testing import RunningApplication


def waiting(event: asyncio.Event) -> Callable[[Any], None]:
    """What keeps a call of a session from its end."""

    def wait(session: Any) -> None:
        session.execute(text("SELECT 1"))
        await_only(event.wait())

    return wait


@asynccontextmanager
async def used(app: RunningApplication, event: asyncio.Event) -> AsyncIterator[OneTaskSession]:
    """A session within a call of another task."""
    session = database_of(app.environment, "default").session()
    tasks = TaskScope("test")
    call = tasks.spawn(session.run_sync(waiting(event)), name="call")
    pool: Any = database_of(app.environment, "default").engine.pool
    while not pool.checkedout():
        await app.clock.sleep(0)
    yield session
    event.set()
    await asyncio.wait([call])


@pytest.mark.virtual_only
async def test_the_end_of_a_session_waits_for_the_call_of_another_task(jararaca_app: RunningApplication) -> None:
    event = asyncio.Event()
    async with used(jararaca_app, event) as session:
        asyncio.get_running_loop().call_later(2.0, event.set)
        await session.end()

        assert jararaca_app.clock.monotonic() == pytest.approx(2.0)
        with pytest.raises(InvalidRequestError):
            await session.execute(text("SELECT 1"))


@pytest.mark.virtual_only
async def test_it_waits_for_five_seconds_at_most(jararaca_app: RunningApplication) -> None:
    async with used(jararaca_app, asyncio.Event()) as session:
        await session.end()

        assert jararaca_app.clock.monotonic() == pytest.approx(5.0)
        pool: Any = database_of(jararaca_app.environment, "default").engine.pool
        assert pool.checkedout() == 0


@pytest.mark.virtual_only
async def test_a_transaction_that_goes_on_after_an_error_is_asked_whether_it_can(
    jararaca_app: RunningApplication,
) -> None:
    """SQLite's can."""
    session = database_of(jararaca_app.environment, "default").session()
    await session.demand_alive()
    with pytest.raises(DBAPIError):
        await session.execute(text("SELECT * FROM nowhere"))

    await session.demand_alive()

    await session.close()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "ask",
    [lambda session: session.execute(text("SELECT 1")), lambda session: session.connection()],
    ids=["execute", "connection"],
)
async def test_a_database_that_is_away_is_told_by_its_name(ask: Callable[[OneTaskSession], Awaitable[Any]]) -> None:
    config = AIOSQAConfig("books", "postgresql+asyncpg://me:hunter2@127.0.0.1:1/x", statement_timeout=1.0)
    engine = create_engine(config)
    session, lost = create_session(config, engine), list[Exception]()
    session.on_lost = lost.append

    with pytest.raises(DatabaseUnavailable, match="the database 'books' cannot be reached: ") as raised:
        await ask(session)

    assert "hunter2" not in str(raised.value)
    assert [type(error) for error in lost] == [type(raised.value.__cause__)]
    await session.close()
    await engine.dispose()


@pytest.mark.asyncio
async def test_what_code_of_the_users_raises_is_its_own_affair() -> None:
    config = AIOSQAConfig("books", "sqlite+aiosqlite://")
    engine = create_engine(config)
    session = create_session(config, engine)

    def refuse(_session: Any) -> None:
        raise PermissionError("of a file")

    with pytest.raises(PermissionError):
        await session.run_sync(refuse)
    await session.close()
    await engine.dispose()
