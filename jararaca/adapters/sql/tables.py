"""Every table that the framework keeps in a database, in one `metadata`: those of outbox, inbox and schedules.

For Alembic: `target_metadata = [BaseEntity.metadata, metadata]`. Its columns have types of SQLAlchemy's own, so that a
migration needs no import of ours.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

LONGEST = 255
"""Characters of identities and topics, as AMQP has them."""

LONGEST_NAME = 400
"""Characters: a namespace, an application's name, and that of an action."""

metadata = MetaData()

outbox = Table(
    "jararaca_outbox",
    metadata,
    Column("id", BigInteger().with_variant(Integer(), "sqlite"), primary_key=True, autoincrement=True),
    Column("sender", String(LONGEST), nullable=False),
    Column("message_id", String(LONGEST), nullable=False),
    Column("topic", String(LONGEST), nullable=False),
    Column("ordering_key", String(LONGEST)),
    Column("mandatory", Boolean(), nullable=False),
    Column("body", LargeBinary(), nullable=False),
    Column("properties", Text(), nullable=False),
    Column("due", DateTime(timezone=True)),
    Column("staged_at", DateTime(timezone=True), nullable=False),
    Column("next_at", DateTime(timezone=True), nullable=False),
    Column("attempts", Integer(), nullable=False),
    Column("claimed_by", String(LONGEST)),
    Column("claimed_until", DateTime(timezone=True)),
    Column("parked_at", DateTime(timezone=True)),
    Column("error", Text()),
    Index("ix_jararaca_outbox_waiting", "sender", "parked_at", "id"),
    Index("ix_jararaca_outbox_key", "sender", "ordering_key", "id"),
)

inbox = Table(
    "jararaca_inbox",
    metadata,
    Column("receiver", String(LONGEST), primary_key=True),
    Column("handler", String(LONGEST), primary_key=True),
    Column("message_id", String(LONGEST), primary_key=True),
    Column("handled_at", DateTime(timezone=True), nullable=False),
    Index("ix_jararaca_inbox_handled", "receiver", "handled_at"),
)

watermarks = Table(
    "jararaca_schedule_watermarks",
    metadata,
    Column("action", String(LONGEST_NAME), primary_key=True),
    Column("tick", DateTime(timezone=True), nullable=False),
)
"""The latest tick of each action that anybody claimed."""

leases = Table(
    "jararaca_schedule_leases",
    metadata,
    Column("name", String(LONGEST_NAME), primary_key=True),
    Column("holder", String(LONGEST_NAME), nullable=False),
    Column("token", BigInteger(), nullable=False),
    Column("ends_at", DateTime(timezone=True), nullable=False),
)
"""The latest lease of each name. Without a holder it was released; the row stays, because tokens only grow."""

OUTBOX = (inbox, outbox)
"""What an outbox needs, with the inbox next to it."""
SCHEDULES = (leases, watermarks)
"""What a schedule store needs."""
