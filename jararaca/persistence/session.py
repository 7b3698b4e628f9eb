"""Sessions: one per database and unit of work, opened by its first use, committed with everything else.

A session checks no connection out before its first query, so asking for one costs nothing in a handler that makes no
query. Outside a transaction there is none: a websocket connection or a streaming body must not hold one for its life.
Several databases are committed one after another, in the order in which they were first used, those that hold an
outbox last; that is not atomic.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from jararaca.core.context import Execution, current_execution, open_unit_of_work
from jararaca.core.environment import Environment
from jararaca.core.unit_of_work import Rank
from jararaca.errors import NotConfigured
from jararaca.persistence.config import AIOSQAConfig, create_session
from jararaca.persistence.probing import Probe
from jararaca.persistence.sharing import OneTaskSession
from jararaca.persistence.slowness import warn_later
from jararaca.ports.outbox import OutboxKey


@dataclass(frozen=True, slots=True)
class DatabaseKey:
    """Under which the database of a connection name is offered, and its session takes part in a unit of work."""

    connection_name: str


@dataclass(frozen=True, slots=True, eq=False)
class Database:
    """A running application's database: its configuration and engine, and who knows whether it is there."""

    config: AIOSQAConfig
    engine: AsyncEngine
    probe: Probe | None = None

    def session(self, owner: "asyncio.Task[Any] | None" = None) -> OneTaskSession:
        """A new session that nobody commits for you, used by the task at hand unless another one is its `owner`."""
        session = create_session(self.config, self.engine, owner or asyncio.current_task())
        if self.probe is not None:
            session.on_lost = self.probe.lost
        return session


class SessionParticipant:
    """A session's part in a unit of work: flushed to prepare, committed, or rolled back and closed."""

    def __init__(self, session: OneTaskSession, rank: Rank = Rank.DATABASE) -> None:
        self.session = session
        self.rank = rank

    async def prepare(self) -> None:
        if self.session.in_transaction():
            await self.session.flush()
        await self.session.demand_alive()

    async def commit(self) -> None:
        if self.session.in_transaction():
            await self.session.commit()
        await self.session.end()

    async def rollback(self) -> None:
        await self.session.end()  # which rolls back

    async def after_commit(self) -> None:
        """Nothing: what a commit releases is messages and frames."""


def use_session(connection_name: str = "default") -> AsyncSession:
    """The session of this unit of work on the named database; the same object each time.

    It is committed when the unit of work is, and rolled back with it: call neither yourself. It is for one task at a
    time; a second one that calls it meanwhile gets `SharedSession`.

    Raises:
        OutsideExecution: nothing is being handled here.
        NoUnitOfWork: something is, but outside of a transaction; open one with `async with unit_of_work()`.
        NotConfigured: the application declares no database of that name.
    """
    work = open_unit_of_work(f"use_session({connection_name!r})")
    key = DatabaseKey(connection_name)
    participant = work.participant(key)
    if not isinstance(participant, SessionParticipant):
        environment = current_execution().environment
        database = database_of(environment, connection_name)
        holds_outbox = environment.resource(OutboxKey(connection_name)) is not None
        rank = Rank.OUTBOX_DATABASE if holds_outbox else Rank.DATABASE
        participant = SessionParticipant(database.session(work.task), rank)
        participant.session.on_first_call = partial(warn_later, database.config, current_execution(), work.task)
        participant.session.asks_again = True
        work.enlist(key, participant)
    return participant.session


@asynccontextmanager
async def new_session(connection_name: str = "default") -> AsyncIterator[AsyncSession]:
    """A session of its own that commits at the end of the block, whatever becomes of the unit of work around it.

    It is rolled back if the block raises. Useful for what must survive a rollback, such as an audit row.

    Raises:
        OutsideExecution: nothing is being handled here.
        NotConfigured: the application declares no database of that name.
    """
    execution: Execution = current_execution(f"new_session({connection_name!r})")
    database = database_of(execution.environment, connection_name)
    async with database.session() as session, session.begin():
        session.on_first_call = partial(warn_later, database.config, execution, asyncio.current_task())
        yield session
        await session.demand_alive()


def database_of(environment: Environment, connection_name: str) -> Database:
    """The database of that name.

    Raises:
        NotConfigured: there is none; the text lists those there are.
    """
    database = environment.resource(DatabaseKey(connection_name))
    if isinstance(database, Database):
        return database
    names = sorted(key.connection_name for key in environment.resource_keys() if isinstance(key, DatabaseKey))
    there_are = f"Declared are: {', '.join(names)}." if names else "None is declared."
    raise NotConfigured(
        f"no database is called {connection_name!r}. {there_are} Add AIOSqlAlchemySessionInterceptor(AIOSQAConfig("
        f"connection_name={connection_name!r}, url=...)) to Microservice(interceptors=[...])."
    )
