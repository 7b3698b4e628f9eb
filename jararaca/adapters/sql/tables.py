"""The tables of outbox and inbox. Add `metadata` to Alembic's `target_metadata`, next to that of your entities."""

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
