"""A database without the tables is found out before anything is published."""

import textwrap
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.adapters.sql.schema import check
from jararaca.adapters.sql.tables import metadata
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import InvalidOption, MissingTable
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio


async def test_what_is_there_is_enough_until_it_is_gone(boxes: Any) -> None:
    await check(boxes.engine, "default")

    async with boxes.engine.begin() as connection:
        await connection.run_sync(metadata.drop_all)
    with pytest.raises(MissingTable):
        await check(boxes.engine, "default")


@proves("F-56")
async def test_missing_tables_are_named_with_what_to_do(engine: AsyncEngine) -> None:
    with pytest.raises(MissingTable) as raised:
        await check(engine, "default")

    assert raised.value.names == ("table jararaca_inbox", "table jararaca_outbox")
    assert str(raised.value) == (
        "the database 'default' has no table jararaca_inbox and no table jararaca_outbox. Migrate it: with Alembic, "
        "add jararaca.adapters.sql.tables.metadata to target_metadata in env.py, and run `alembic revision "
        "--autogenerate` and `alembic upgrade head`; or call metadata.create_all."
    )


async def test_a_column_that_an_older_table_lacks_is_named(boxes: Any) -> None:
    async with boxes.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE jararaca_outbox DROP COLUMN error"))

    with pytest.raises(MissingTable, match=r"has no column jararaca_outbox.error. Migrate it"):
        await check(boxes.engine, "default")


async def test_a_database_of_another_kind_is_refused() -> None:
    engine = cast(AsyncEngine, SimpleNamespace(dialect=SimpleNamespace(name="mysql")))

    with pytest.raises(InvalidOption, match=r"of the kind mysql, which has no outbox. Keep it in one of: postgresql"):
        await check(engine, "default")


def migrated(connection: Connection) -> None:
    """What `alembic revision --autogenerate` and `alembic upgrade head` do."""
    context = MigrationContext.configure(connection)
    script = produce_migrations(context, metadata)
    assert script.upgrade_ops is not None
    code = render_python_code(script.upgrade_ops)
    names: dict[str, Any] = {"op": Operations(context), "sa": sqlalchemy}
    exec(f"def upgrade():\n{textwrap.indent(code, '    ')}\nupgrade()", names)


async def test_a_migration_that_alembic_writes_is_enough(engine: AsyncEngine) -> None:
    """For outbox, inbox and schedules; and it finds nothing more to migrate afterwards."""
    async with engine.begin() as connection:
        await connection.run_sync(migrated)

    await check(engine, "default")
    await SQLScheduleStore(engine, SystemClock()).check()
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), metadata)
        )
    assert differences == []
