"""Whether handlers may be given a message twice: they are, and what came of it is compared."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import MetaData, Table, select

from jararaca.core.steps import Kind
from jararaca.persistence.entities import BaseEntity
from jararaca.persistence.session import DatabaseKey
from jararaca_testing.errors import NotIdempotent
from jararaca_testing.harness import RunningApplication
from jararaca_testing.records import Record
from jararaca_testing.routing import binding_matches
from jararaca_testing.showing import shown

LONGEST = 200
"""Characters of one row or payload in a failure."""

Rows = Mapping[str, Counter[str]]
"""The rows of each table, as text."""


async def assert_idempotent(
    app: RunningApplication,
    message: Any,
    topic: str,
    *,
    headers: Mapping[str, Any] | None = None,
    metadata: Sequence[MetaData] = (),
    may_repeat: Collection[str] = (),
) -> None:
    """Deliver a message, deliver it again under the same message id, and demand that the second time changed nothing.

    The database is as after the first time. What is published the second time has to be what was published the first
    time, under the same message ids, so that receivers can know it; and no frame is sent again.

    Args:
        app: the running application.
        message: what to publish, and where: `topic`, with `headers`.
        metadata: of the tables to look at; those of every `BaseEntity` unless given.
        may_repeat: topics, or patterns with `*` and `#`, whose receivers take a message twice under different ids.

    Raises:
        NotIdempotent: the text says which rows changed, and what was published or sent again.
    """
    collections = tuple(metadata) or (BaseEntity.metadata,)
    identity = await app.bus.publish(message, topic, headers=headers)
    await app.settle()
    once, first = await _rows(app, collections), _outputs(app, after=0)
    so_far = max(record.ended or record.seq for record in app.ledger)
    await app.bus.publish(message, topic, headers=headers, message_id=identity)
    await app.settle()
    differences = [
        *_changed(once, await _rows(app, collections)),
        *_repeated(first, _outputs(app, after=so_far), identity, may_repeat),
    ]
    if differences:
        lines = "\n".join(f"  {each}" for each in differences)
        raise NotIdempotent(f"{shown(message, LONGEST)}, delivered twice on {topic!r}, does more than once:\n{lines}")


@dataclass(frozen=True, slots=True)
class _Outputs:
    """What left the application: messages and frames."""

    messages: Sequence[Record]
    frames: Sequence[Record]


def _outputs(app: RunningApplication, *, after: int) -> _Outputs:
    records = [record for record in app.ledger if record.seq > after]
    return _Outputs(
        [record for record in records if record.kind == Kind.PUBLISH],
        [record for record in records if record.kind == Kind.FRAME],
    )


async def _rows(app: RunningApplication, collections: Sequence[MetaData]) -> Rows:
    rows: dict[str, Counter[str]] = {}
    for key in app.environment.resource_keys():
        if isinstance(key, DatabaseKey):
            for table in _tables(collections):
                found = await _rows_of(app, key.connection_name, table)
                if found is not None:
                    rows[f"{key.connection_name}.{table.name}"] = found
    return rows


def _tables(collections: Sequence[MetaData]) -> list[Table]:
    return [table for metadata in collections for table in metadata.sorted_tables]


async def _rows_of(app: RunningApplication, connection_name: str, table: Table) -> Counter[str] | None:
    """Every row as text; None where the database has no such table."""
    async with app.db.session(connection_name) as session:
        connection = await session.connection()
        if not await connection.run_sync(lambda sync: sync.dialect.has_table(sync, table.name, schema=table.schema)):
            return None
        result = await session.execute(select(table))
        return Counter(str(dict(row._mapping)) for row in result)


def _changed(before: Rows, after: Rows) -> list[str]:
    changed: list[str] = []
    for table, rows in after.items():
        known = before.get(table, Counter())
        changed += [f"{table} has another row: {row[:LONGEST]}" for row in (rows - known).elements()]
        changed += [f"{table} has no longer: {row[:LONGEST]}" for row in (known - rows).elements()]
    return changed


def _repeated(first: _Outputs, second: _Outputs, identity: str, may_repeat: Collection[str]) -> list[str]:
    known = {(record.topic, record.message_id) for record in first.messages}
    again = [record for record in second.messages if record.message_id != identity]
    again = [each for each in again if not any(binding_matches(topic, each.topic or "") for topic in may_repeat)]
    unknown = [record for record in again if (record.topic, record.message_id) not in known]
    published = [f"{each.topic!r} again, under another message id: {shown(each.payload, LONGEST)}" for each in unknown]
    frames = [shown(each.payload, LONGEST) for each in second.frames]
    return [*(f"published {each}" for each in published), *(f"sent a frame again: {each}" for each in frames)]
