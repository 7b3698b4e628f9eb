"""The schedule store in a database where that is away, slow or of another kind; the rest is in the contract."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.adapters.sql.tables import metadata
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import InvalidOption, ScheduleStoreUnavailable

pytestmark = pytest.mark.asyncio


class Impatient(SystemClock):
    """A second takes a hundredth of one."""

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return super().timeout(None if seconds is None else seconds / 100)


def file(tmp_path: Path) -> AsyncEngine:
    return create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'schedule.sqlite3'}", connect_args={"timeout": 0.2})


async def test_a_server_that_cannot_be_reached_is_named_without_its_login() -> None:
    store = SQLScheduleStore(create_async_engine("postgresql+asyncpg://me:hunter2@127.0.0.1:1/app"), SystemClock())

    with pytest.raises(ScheduleStoreUnavailable, match=r"at postgresql\+asyncpg://127.0.0.1:1/app is not") as away:
        await store.last("app.job")

    assert "hunter2" not in str(away.value)
    await store.close()


async def test_a_missing_table_is_named(tmp_path: Path) -> None:
    store = SQLScheduleStore(file(tmp_path), SystemClock())

    with pytest.raises(ScheduleStoreUnavailable, match="no such table: jararaca_schedule_watermarks"):
        await store.last("app.job")
    await store.close()


async def test_a_database_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    engine = file(tmp_path)
    store = SQLScheduleStore(file(tmp_path), Impatient())
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE jararaca_schedule_leases SET token = 1"))
        with pytest.raises(ScheduleStoreUnavailable, match="no answer within 5 s"):
            await store.acquire("app.job", holder="a", ttl=30.0)

    await store.close()
    await engine.dispose()


async def test_another_kind_of_database_is_refused() -> None:
    class Elsewhere:
        class dialect:  # noqa: N801 -- as SQLAlchemy spells it
            name = "mysql"

    with pytest.raises(InvalidOption, match=r"in a database of mysql is not supported\. Use PostgreSQL or Redis"):
        SQLScheduleStore(Elsewhere(), SystemClock())  # type: ignore[arg-type] # its driver need not be installed
