"""The schedule store in a database: PostgreSQL, or SQLite for schedulers of one machine.

Every call is one statement in a transaction of its own, so that the database decides who was first. A lease ends by the
time of whoever all schedulers share: PostgreSQL's own clock, or, since SQLite has none, the machine's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Executable,
    Interval,
    bindparam,
    func,
    inspect,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from jararaca.adapters.sql.instants import Instant
from jararaca.adapters.sql.tables import SCHEDULES, leases, watermarks
from jararaca.core.disclosure import reason_of
from jararaca.errors import InvalidOption, MissingTable, ScheduleStoreUnavailable
from jararaca.ports.clock import Clock
from jararaca.ports.schedule_store import Lease

AT_A_TIME = 4
"""Connections that one store uses at most: thousands of actions may be due at one second."""

ANSWER_WITHIN = 5.0
"""Seconds for a connection and the answer to one statement."""

NOBODY = ""
_DIALECTS = {"postgresql": postgresql, "sqlite": sqlite}


class SQLScheduleStore:
    """The `ScheduleStore` of schedulers that share one database.

    Args:
        engine: over asyncpg or aiosqlite, with the tables of `tables.metadata`; its connections are closed by `close`.
        clock: tells the time of the machine, and how long the database may take.

    Raises:
        InvalidOption: the database is neither PostgreSQL nor SQLite.
    """

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        if engine.dialect.name not in _DIALECTS:
            raise InvalidOption(
                f"a schedule store in a database of {engine.dialect.name} is not supported. Use PostgreSQL or Redis, "
                "or SQLite where every scheduler runs on one machine."
            )
        self._engine = engine
        self._clock = clock
        self._insert: Any = _DIALECTS[engine.dialect.name].insert  # the same in both, and typed apart
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._address = _without_login(engine.url)

    async def check(self) -> None:
        """See whether the tables are there.

        Raises:
            MissingTable: one is missing; the text says what to run.
        """
        async with self._asking() as connection:
            missing = await connection.run_sync(_missing_tables)
        if missing:
            raise MissingTable(
                f"the schedule store at {self._address} lacks {' and '.join(missing)}. Create what is in "
                "jararaca.adapters.sql.tables.metadata: add it to the target_metadata of your "
                "migrations and migrate, or run its create_all.",
                names=missing,
            )

    async def claim(self, action: str, tick: datetime) -> bool:
        """Move the watermark of `action` forward to `tick` (UTC). False if it is there already, or later."""
        moment = literal(tick, Instant)
        insert = self._insert(watermarks).values(action=action, tick=moment)
        later = insert.on_conflict_do_update(
            index_elements=[watermarks.c.action], set_={"tick": moment}, where=watermarks.c.tick < moment
        )
        return await self._scalar(later.returning(watermarks.c.action)) is not None

    async def last(self, action: str) -> datetime | None:
        """The watermark: the latest tick that anybody claimed, or None."""
        tick = type_coerce(watermarks.c.tick, Instant)
        found: datetime | None = await self._scalar(select(tick).where(watermarks.c.action == action))
        return found

    async def acquire(self, name: str, *, holder: str, ttl: float) -> Lease | None:
        """Take the lease for `ttl` seconds, or None while somebody holds it, be it the same holder."""
        ends_at = self._from_now(ttl)
        insert = self._insert(leases).values(name=name, holder=holder, token=1, ends_at=ends_at)
        taken = insert.on_conflict_do_update(
            index_elements=[leases.c.name],
            set_={"holder": holder, "token": leases.c.token + 1, "ends_at": ends_at},
            where=or_(leases.c.holder == NOBODY, leases.c.ends_at <= self._from_now(0.0)),
        )
        token = await self._scalar(taken.returning(leases.c.token))
        return None if token is None else Lease(name, holder, token)

    async def renew(self, lease: Lease, *, ttl: float) -> bool:
        """Hold on for `ttl` seconds from now. False if somebody took the lease meanwhile, or it was released.

        One that merely ended is as good as new: a loop that was blocked for longer has harmed nobody.
        """
        return await self._change(lease, ends_at=self._from_now(ttl))

    async def release(self, lease: Lease) -> None:
        """Give the lease up; no effect if somebody else holds it by now."""
        await self._change(lease, holder=NOBODY)

    async def close(self) -> None:
        """Close the connections; what was claimed and held stays."""
        await self._engine.dispose()

    async def _change(self, lease: Lease, **values: Any) -> bool:
        ours = (leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.token == lease.token)
        return await self._scalar(update(leases).where(*ours).values(**values).returning(leases.c.token)) is not None

    def _from_now(self, seconds: float) -> Any:
        """That moment, as an expression of the time that all schedulers share."""
        if self._engine.dialect.name == "sqlite":
            return literal(self._clock.now() + timedelta(seconds=seconds), Instant)
        return func.clock_timestamp(type_=Instant) + bindparam(None, timedelta(seconds=seconds), Interval)

    async def _scalar(self, statement: Executable) -> Any:
        async with self._asking() as connection:
            return (await connection.execute(statement)).scalar_one_or_none()

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[AsyncConnection]:
        async with self._places:
            try:
                async with self._clock.timeout(ANSWER_WITHIN), self._engine.begin() as connection:
                    yield connection
            except Exception as error:  # drivers raise their own classes while they connect; the cause tells
                raise ScheduleStoreUnavailable(
                    f"the schedule store at {self._address} is not available: {_reason(error)}"
                ) from error


def _without_login(url: URL) -> str:
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def _missing_tables(connection: Connection) -> tuple[str, ...]:
    there = inspect(connection)
    return tuple(name for name in (table.name for table in SCHEDULES) if not there.has_table(name))


def _reason(error: Exception) -> str:
    """What happened in a few words, without the statement and its values."""
    if isinstance(error, TimeoutError):
        return f"no answer within {ANSWER_WITHIN:g} s"
    return reason_of(error)
