"""The tables of the schedule store, for `create_all` and for Alembic's `target_metadata`."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Column, DateTime, Dialect, MetaData, String, Table
from sqlalchemy.types import TypeDecorator

LONGEST_NAME = 400
"""Characters: a namespace, an application's name, and that of an action."""


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, aware; SQLite keeps it as a text that sorts by time."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value and dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and dialect.name == "sqlite" else value


metadata = MetaData()
"""Both tables. For Alembic: `target_metadata = [BaseEntity.metadata, metadata]`."""

WATERMARKS = Table(
    "jararaca_schedule_watermarks",
    metadata,
    Column("action", String(LONGEST_NAME), primary_key=True),
    Column("tick", Instant, nullable=False),
)
"""The latest tick of each action that anybody claimed."""

LEASES = Table(
    "jararaca_schedule_leases",
    metadata,
    Column("name", String(LONGEST_NAME), primary_key=True),
    Column("holder", String(LONGEST_NAME), nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("ends_at", Instant, nullable=False),
)
"""The latest lease of each name. Without a holder it was released; the row stays, because tokens only grow."""
