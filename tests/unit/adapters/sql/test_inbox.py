"""A handler has handled a message once its transaction is committed, and never before."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from jararaca.adapters.sql.inbox import SqlInbox
from jararaca.adapters.sql.tables import metadata
from jararaca.adapters.system.clock import SystemClock
from jararaca.core.lifecycle import TaskScope
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


async def is_first(boxes: Any, handler: str = "h", message_id: str = "m", at: datetime = NOW) -> bool:
    async with boxes.unit_of_work():
        found: bool = await boxes.inbox.is_first(handler, message_id, at)
    return found


async def test_a_message_is_handled_once_by_each_handler(boxes: Any) -> None:
    assert [await is_first(boxes), await is_first(boxes), await is_first(boxes, "other")] == [True, False, True]


async def test_what_was_rolled_back_was_not_handled(boxes: Any) -> None:
    async def failing() -> None:
        async with boxes.unit_of_work():
            await boxes.inbox.is_first("h", "m", NOW)
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await failing()

    assert await is_first(boxes)


@pytest.mark.parametrize("strange", ["a\0b", "\udcff", "a\ufffdb"])
async def test_no_strange_identity_is_taken_for_another(boxes: Any, strange: str) -> None:
    """A NUL and half a character cannot be stored; what stands in for them could be somebody's own."""
    assert await is_first(boxes, message_id=strange)
    assert not await is_first(boxes, message_id=strange)
    assert await is_first(boxes, message_id=strange.replace("\0", "\ufffd").replace("\udcff", "?") + "x")


async def test_what_was_handled_long_ago_is_forgotten(boxes: Any) -> None:
    await is_first(boxes, message_id="old")
    await is_first(boxes, message_id="new", at=NOW + timedelta(hours=1))

    assert await boxes.inbox.forget(NOW + timedelta(minutes=30)) == 1
    assert await is_first(boxes, message_id="old")
    assert not await is_first(boxes, message_id="new")


@proves("F-14")
@pytest.mark.needs_servers
@pytest.mark.parametrize("commits", [True, False])
async def test_a_second_copy_waits_for_what_becomes_of_the_first(on_postgresql: AsyncEngine, commits: bool) -> None:
    """On SQLite there is one writer at a time anyway."""
    async with on_postgresql.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with AsyncSession(on_postgresql) as first, AsyncSession(on_postgresql) as second:
        assert await SqlInbox("shop", session=lambda: first, engine=lambda: on_postgresql).is_first("h", "m", NOW)
        other = SqlInbox("shop", session=lambda: second, engine=lambda: on_postgresql)
        waiting = TaskScope("copies").spawn(other.is_first("h", "m", NOW), name="second copy")
        await _until_somebody_waits(on_postgresql)

        await (first.commit() if commits else first.rollback())

        assert await asyncio.wait_for(waiting, 10) is not commits


async def _until_somebody_waits(engine: AsyncEngine) -> None:
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity)")
    async with asyncio.timeout(10), engine.connect() as connection:
        while not await connection.scalar(waits):
            await SystemClock().sleep(0.01)
