"""Whether a database has the tables of outbox and inbox."""

from collections.abc import Iterator

from sqlalchemy import Connection, inspect
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca.adapters.sql.tables import OUTBOX
from jararaca.errors import InvalidOption, MissingTable

DIALECTS = ("postgresql", "sqlite")


async def check(engine: AsyncEngine, database: str) -> None:
    """Return if everything is there; `database` is the connection name.

    Raises:
        MissingTable: a table is not there, or lacks columns; the text names them and what to do.
        InvalidOption: no outbox can be kept in a database of this kind.
    """
    if engine.dialect.name not in DIALECTS:
        raise InvalidOption(
            f"the database {database!r} is of the kind {engine.dialect.name}, which has no outbox. Keep it in one of: "
            f"{', '.join(DIALECTS)}."
        )
    async with engine.connect() as connection:
        missing = await connection.run_sync(lambda sync: list(_missing(sync)))
    if missing:
        raise MissingTable(
            f"the database {database!r} has no {' and no '.join(missing)}. Migrate it: with Alembic, add "
            "jararaca.adapters.sql.tables.metadata to target_metadata in env.py, and run `alembic revision "
            "--autogenerate` and `alembic upgrade head`; or call metadata.create_all.",
            names=tuple(missing),
        )


def _missing(connection: Connection) -> Iterator[str]:
    inspector = inspect(connection)
    for table in OUTBOX:
        if not inspector.has_table(table.name):
            yield f"table {table.name}"
            continue
        known = {column["name"] for column in inspector.get_columns(table.name)}
        yield from (f"column {table.name}.{column.name}" for column in table.columns if column.name not in known)
