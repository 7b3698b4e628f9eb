"""The outbox in a table of PostgreSQL or SQLite.

A row is claimed while it has a holder whose time is not over. Rows of one ordering key leave in the order of their ids:
only the first of a key can be claimed on its own, and who has it may take those behind it along, if none of them is
somebody else's or has to wait. On PostgreSQL a claim passes over rows that another relay is about to claim, on
SQLite there is one writer at a time.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from jararaca.adapters.sql.letters import columns_of, letter_of, moment
from jararaca.adapters.sql.schema import check
from jararaca.adapters.sql.tables import outbox
from jararaca.ports.outbox import Claim, Failure, Kept, Letter, Row, Stock

_STORED = outbox.c
_CLAIMED = (
    _STORED.id,
    _STORED.ordering_key,
    _STORED.body,
    _STORED.properties,
    _STORED.mandatory,
    _STORED.due,
    _STORED.attempts,
)


class SqlOutbox:
    """The rows of one sender.

    Args:
        database: the connection name, for messages.
        sender: what the rows of this publisher are marked with.
        session: gives the session of the unit of work at hand.
        engine: gives the engine; asked for at each use, because it is there only while the application runs.
        prepare: awaited before the tables are looked for, by those who create them without a migration.
    """

    def __init__(
        self,
        database: str,
        sender: str,
        *,
        session: Callable[[], AsyncSession],
        engine: Callable[[], AsyncEngine],
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._database = database
        self._prepare = prepare
        self._sender = sender
        self._session = session
        self._engine = engine

    async def check(self) -> None:
        """See `Outbox.check`; also what the inbox needs is looked at."""
        if self._prepare is not None:
            await self._prepare()
        await check(self._engine(), self._database)

    async def stage(self, letters: Sequence[Letter], now: datetime, claim: Claim | None) -> list[int]:
        """See `Outbox.stage`. SQLite takes one statement for each letter if any of them has a key.

        It gives ascending ids to the rows of one statement, in their order, but does not promise to return them in it.
        """
        common = {
            "sender": self._sender,
            "staged_at": now,
            "next_at": now,
            "attempts": 0,
            "claimed_by": claim and claim.holder,
            "claimed_until": claim and claim.until,
        }
        rows = [{**common, **columns_of(letter)} for letter in letters]
        if claim is None:
            await self._session().execute(insert(outbox), rows)
            return [0] * len(rows)
        statement = _STAGE
        if any(letter.key is not None for letter in letters):
            statement = _STAGE_KEYED
            mine = {"_sender": self._sender, "_by": claim.holder}
            rows = [{**row, **mine, "_key": row["ordering_key"]} for row in rows]
        elif self._session().get_bind().dialect.name == "sqlite":
            found = await self._session().execute(_STAGE_SQLITE, rows)
            return sorted(row.id for row in found)
        found = await self._session().execute(statement, rows)
        return [row.id if row.claimed_by is not None else 0 for row in found]

    async def claim(self, claim: Claim, now: datetime, limit: int) -> list[Row]:
        """See `Outbox.claim`. What waits behind others of its key takes a second statement."""
        values: dict[str, Any] = {"_sender": self._sender, "_now": now, "_limit": limit}
        values |= {"_by": claim.holder, "_until": claim.until}
        async with self._connection() as connection:
            found = list(await connection.execute(_CLAIM_HEADS, values))
            keys = [row.ordering_key for row in found if row.ordering_key is not None]
            if keys:
                found += await connection.execute(_CLAIM_FOLLOWERS, {**values, "_keys": keys})
        return [Row(row.id, letter_of(row._asdict()), row.attempts) for row in sorted(found, key=lambda row: row.id)]

    async def sent(self, ids: Sequence[int]) -> None:
        """See `Outbox.sent`."""
        async with self._connection() as connection:
            await connection.execute(delete(outbox).where(_STORED.id.in_(ids)))

    async def failed(self, holder: str, failures: Sequence[Failure], now: datetime) -> None:
        """See `Outbox.failed`."""
        mine = update(outbox).where(_STORED.id == bindparam("_id"), _STORED.claimed_by == holder)
        rows = [
            {
                "_id": each.id,
                "error": each.error.replace("\0", "�"),
                "attempts": each.attempts,
                "next_at": each.next_at or now,
                "parked_at": now if each.next_at is None else None,
            }
            for each in failures
        ]
        async with self._connection() as connection:
            await connection.execute(mine.values(claimed_by=None, claimed_until=None), rows)

    async def release(self, holder: str, ids: Sequence[int] | None = None) -> None:
        """See `Outbox.release`."""
        which = and_(_STORED.sender == self._sender, _STORED.claimed_by == holder)
        if ids is not None:
            which = and_(which, _STORED.id.in_(ids))
        async with self._connection() as connection:
            await connection.execute(update(outbox).where(which).values(claimed_by=None, claimed_until=None))

    async def next_due(self) -> datetime | None:
        """See `Outbox.next_due`."""
        async with self._connection() as connection:
            return moment(await connection.scalar(_NEXT_DUE, {"_sender": self._sender}))

    async def stock(self) -> Stock:
        """See `Outbox.stock`."""
        waits = _STORED.parked_at.is_(None)
        counts = select(
            func.count(case((waits, 1))), func.count(_STORED.parked_at), func.min(case((waits, _STORED.staged_at)))
        ).where(_STORED.sender == self._sender)
        async with self._connection() as connection:
            waiting, parked, oldest = (await connection.execute(counts)).one()
        return Stock(waiting, parked, moment(oldest))

    async def kept(self, limit: int) -> list[Kept]:
        """See `Outbox.kept`."""
        columns = [_STORED[name] if name != "key" else _STORED.ordering_key for name in Kept._fields]
        chosen = select(*columns).where(_STORED.sender == self._sender).order_by(_STORED.id).limit(limit)
        async with self._connection() as connection:
            found = (await connection.execute(chosen)).all()
        return [Kept._make(moment(value) if isinstance(value, datetime) else value for value in row) for row in found]

    async def retry(self, ids: Sequence[int] | None, now: datetime) -> list[int]:
        """See `Outbox.retry`."""
        again = update(outbox).values(parked_at=None, next_at=now, attempts=0, error=None)
        return await self._of_parked(again, ids)

    async def drop(self, ids: Sequence[int] | None) -> list[int]:
        """See `Outbox.drop`."""
        return await self._of_parked(delete(outbox), ids)

    async def _of_parked(self, statement: Any, ids: Sequence[int] | None) -> list[int]:
        statement = statement.where(_STORED.sender == self._sender, _STORED.parked_at.is_not(None))
        if ids is not None:
            statement = statement.where(_STORED.id.in_(ids))
        async with self._connection() as connection:
            return list(await connection.scalars(statement.returning(_STORED.id)))

    def _connection(self) -> AsyncConnection:
        """Each statement is a transaction of its own."""
        return self._engine().execution_options(isolation_level="AUTOCOMMIT").connect()


def _waits(rows: FromClause) -> ColumnElement[bool]:
    return and_(rows.c.sender == bindparam("_sender"), rows.c.parked_at.is_(None))


def _is_due(rows: FromClause) -> ColumnElement[bool]:
    now = bindparam("_now", type_=_STORED.next_at.type)
    return and_(rows.c.next_at <= now, or_(rows.c.claimed_by.is_(None), rows.c.claimed_until <= now))


def _staging() -> tuple[Any, Any]:
    """How letters are staged with a claim: without keys, and with."""
    plain = insert(outbox).returning(_STORED.id, _STORED.claimed_by, sort_by_parameter_order=True)
    earlier = outbox.alias()
    behind = exists().where(_waits(earlier), earlier.c.ordering_key == bindparam("_key"))
    return plain, plain.values(claimed_by=case((behind, null()), else_=bindparam("_by")))


def _is_head(row: FromClause) -> ColumnElement[bool]:
    """Whether no row of its key waits before it; of those without a key nothing is asked, as most have none."""
    earlier = outbox.alias()
    behind = exists().where(_waits(earlier), earlier.c.ordering_key == row.c.ordering_key, earlier.c.id < row.c.id)
    return or_(row.c.ordering_key.is_(None), ~behind)


def _next_due() -> Any:
    row = outbox.alias()
    is_claimed = and_(row.c.claimed_by.is_not(None), row.c.claimed_until > row.c.next_at)
    can_be_claimed = case((is_claimed, row.c.claimed_until), else_=row.c.next_at)
    return select(func.min(can_be_claimed)).where(_waits(row), _is_head(row))


def _claimed(ids: Any) -> Any:
    mine: Any = {"claimed_by": bindparam("_by"), "claimed_until": bindparam("_until")}
    return update(outbox).where(_STORED.id.in_(select(ids.c.id))).values(mine).returning(*_CLAIMED)


def _claim_heads() -> Any:
    """Claim what is due, nobody's, and the first of its key; a row that somebody else is about to claim is passed over.

    The rows are chosen once, in a CTE: a plan that chose them again for each row would claim more.
    """
    row = outbox.alias()
    heads = select(row.c.id).where(_waits(row), _is_due(row), _is_head(row)).order_by(row.c.id)
    limit: Any = bindparam("_limit")
    return _claimed(heads.limit(limit).with_for_update(skip_locked=True, of=row).cte("heads"))


def _claim_followers() -> Any:
    """Claim what is due behind heads that one has, of keys of which nothing has to wait. Nobody else can, without them.

    The subquery is asked once: one for each row would make this slow where the database does not know its table yet.
    """
    row, stuck = outbox.alias(), outbox.alias()
    keys: Any = bindparam("_keys", expanding=True)
    is_mine = and_(stuck.c.claimed_by.is_not(None), stuck.c.claimed_by == bindparam("_by"))
    waiting = select(stuck.c.ordering_key).where(
        _waits(stuck), stuck.c.ordering_key.in_(keys), ~_is_due(stuck), ~is_mine
    )
    free = select(row.c.id).where(_waits(row), row.c.ordering_key.in_(keys), _is_due(row))
    free = free.where(row.c.ordering_key.not_in(waiting)).order_by(row.c.id)
    limit: Any = bindparam("_limit")
    return _claimed(free.limit(limit).cte("followers"))


_STAGE, _STAGE_KEYED = _staging()
_STAGE_SQLITE = insert(outbox).returning(_STORED.id)
_CLAIM_HEADS, _CLAIM_FOLLOWERS = _claim_heads(), _claim_followers()
_NEXT_DUE = _next_due()
