"""Which outbox an application has: rows in a database that it declares, written by the session of a unit of work.

SQLAlchemy is imported when an application asks for an outbox, so that a process without one does not load it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from jararaca.core.application import Application
from jararaca.core.environment import Environment
from jararaca.core.microservice import Microservice
from jararaca.errors import InvalidHandler, InvalidOption, MissingExtra
from jararaca.messagebus.handlers import collect_handlers
from jararaca.messagebus.interceptor import DEFAULT, MessageBusPublisherInterceptor
from jararaca.ports.outbox import Inbox, Outbox, OutboxFactory

Prepare = Callable[[str], Awaitable[None]]


def outbox_factory(environment: Environment, prepare: Prepare | None = None) -> OutboxFactory:
    """Makes the outboxes of an application; `prepare` is awaited with a database's name before its tables are used."""
    return partial(_sql_outbox, environment, prepare)


def _sql_outbox(
    environment: Environment, prepare: Prepare | None, database: str, *, sender: str, receiver: str
) -> tuple[Outbox, Inbox]:
    try:
        from jararaca.adapters.sql.inbox import SqlInbox
        from jararaca.adapters.sql.outbox import SqlOutbox
        from jararaca.persistence.session import database_of, use_session
    except ModuleNotFoundError as error:
        raise MissingExtra("sqlalchemy", feature="an outbox") from error
    session = partial(use_session, database)

    def engine() -> Any:
        return database_of(environment, database).engine

    prepared = None if prepare is None else partial(prepare, database)
    outbox = SqlOutbox(database, sender, session=session, engine=engine, prepare=prepared)
    return outbox, SqlInbox(receiver, session=session, engine=engine)


def outboxes_of(declaration: Microservice) -> Iterator[MessageBusPublisherInterceptor]:
    """The connections of an application whose messages wait in an outbox."""
    for each in declaration.interceptors:
        if isinstance(each, MessageBusPublisherInterceptor) and each.delivery == "outbox":
            yield each


@asynccontextmanager
async def opened_outboxes(application: Application) -> AsyncIterator[dict[str, Outbox]]:
    """The outboxes of an application that does not run, by the names of their connections, for operators.

    Raises:
        MissingTable: a database lacks what an outbox needs.
        InvalidOption: see `check_outboxes`.
    """
    check_outboxes(application)
    declaration, environment = application.declaration, application.environment
    found: dict[str, Outbox] = {}
    async with AsyncExitStack() as stack:
        for database in _databases(declaration):
            await stack.enter_async_context(database.lifecycle(declaration, environment.container))
        for each in outboxes_of(declaration):
            outbox, _inbox = each.boxes(environment)
            await outbox.check()
            found[each.connection_name] = outbox
        yield found


def check_outboxes(application: Application) -> None:
    """See to it that every outbox has a database, and every idempotent handler an outbox.

    Raises:
        InvalidOption: a database that is named is not declared.
        InvalidHandler: a handler is idempotent, and the connection it is served over has no outbox.
    """
    declaration = application.declaration
    outboxes = {each.connection_name: each for each in outboxes_of(declaration)}
    databases = [each.config.connection_name for each in _databases(declaration)] if outboxes else []
    for each in outboxes.values():
        if each.outbox not in databases:
            known = f"Declared are: {', '.join(databases)}." if databases else "None is declared."
            raise InvalidOption(
                f"the messages of the connection {each.connection_name!r} are to wait in the database {each.outbox!r}, "
                f"and no database is called so. {known} Name one with MessageBusPublisherInterceptor(outbox=...), or "
                f"add AIOSqlAlchemySessionInterceptor(AIOSQAConfig({each.outbox!r}, url=...)) to "
                "Microservice(interceptors=[...])."
            )
    for handler in collect_handlers(declaration):
        if handler.idempotent and DEFAULT not in outboxes:
            raise InvalidHandler(
                f"{handler.where} is idempotent, and this requires an outbox for what its unit of work publishes: "
                "otherwise a message is lost when the publish fails after the commit, because the next attempt is "
                "taken for a duplicate. Give the connection one: "
                'MessageBusPublisherInterceptor(..., delivery="outbox").'
            )


def _databases(declaration: Microservice) -> tuple[Any, ...]:
    """The interceptors of the databases that an application declares."""
    try:
        from jararaca.persistence.interceptor import AIOSqlAlchemySessionInterceptor
    except ModuleNotFoundError as error:
        raise MissingExtra("sqlalchemy", feature="an outbox") from error
    return tuple(each for each in declaration.interceptors if isinstance(each, AIOSqlAlchemySessionInterceptor))
