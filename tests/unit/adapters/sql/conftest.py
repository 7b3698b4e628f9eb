"""Outbox and inbox on databases of both kinds; each test has empty tables of its own."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from jararaca.adapters.sql.inbox import SqlInbox
from jararaca.adapters.sql.outbox import SqlOutbox
from jararaca.adapters.sql.tables import metadata


class Boxes:
    """The boxes of one application; `unit_of_work` opens the transaction in which things are staged."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        self.current: list[AsyncSession] = []
        self.outbox = self.outbox_of("shop.default")
        self.inbox = SqlInbox("shop", session=lambda: self.current[-1], engine=lambda: engine)

    def outbox_of(self, sender: str) -> SqlOutbox:
        return SqlOutbox("default", sender, session=lambda: self.current[-1], engine=lambda: self.engine)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(self.engine) as session, session.begin():
            self.current.append(session)
            try:
                yield session
            finally:
                self.current.remove(session)


@pytest_asyncio.fixture
async def on_sqlite(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'boxes.sqlite3'}")
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def on_postgresql() -> AsyncIterator[AsyncEngine]:
    url = os.environ.get("JARARACA_TEST_DATABASE_URL")
    if url is None:
        pytest.skip("JARARACA_TEST_DATABASE_URL names no PostgreSQL")
    schema = f"boxes_{os.urandom(5).hex()}"
    engine = create_async_engine(url, connect_args={"server_settings": {"search_path": schema}})
    async with engine.begin() as connection:
        await connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield engine
    async with engine.begin() as connection:
        await connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    await engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs_servers)])
def engine(request: pytest.FixtureRequest) -> AsyncEngine:
    found: AsyncEngine = request.getfixturevalue(f"on_{request.param}")
    return found


@pytest_asyncio.fixture
async def boxes(engine: AsyncEngine) -> Boxes:
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    return Boxes(engine)


@pytest.fixture
def statements(engine: AsyncEngine) -> Callable[[], list[str]]:
    """What was asked of the database since this was last asked for."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        asked.append(statement.split(maxsplit=1)[0])

    event.listen(engine.sync_engine, "before_cursor_execute", note)

    def since() -> list[str]:
        found = list(asked)
        asked.clear()
        return found

    return since
