"""Connections to the database that are lost: what only reads is asked again once, and everything else fails."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from order_handlers import Order, OrderRow, book
from shopping import Shop, serving
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from jararaca import IncomingHandler, Message, MessageBusController, use_session
from jararaca.core.context import current_execution
from jararaca.errors import DatabaseUnavailable
from jararaca.messagebus.circuit import CircuitBreaker
from jararaca.messagebus.retry import RetryPolicy
from jararaca.persistence.session import database_of, new_session
from jararaca_testing import Faults
from jararaca_testing.contracts import proves

NUMBERS = select(OrderRow.number)
Ask = Callable[[AsyncSession], Awaitable[Any]]


async def end_backend(session: AsyncSession) -> None:
    """On PostgreSQL, by another connection."""
    raw: Any = (await (await session.connection()).get_raw_connection()).driver_connection
    engine = database_of(current_execution().environment, "default").engine
    async with engine.connect() as another:
        await another.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": raw.get_server_pid()})


def cutting(faults: Faults) -> Ask:
    """In memory: the process is cut off, and reaches the database again at once."""

    async def cut(session: AsyncSession) -> None:
        await session.connection()
        engine = database_of(current_execution().environment, "default").engine
        with faults.partition("database"), pytest.raises(DBAPIError):
            await engine.connect()

    return cut


@MessageBusController()
class Reads:
    """Loses its connection, which no ping finds any more, because it was taken from the pool before; and asks."""

    ask: Ask
    lose: Ask
    before: Ask
    found: Any

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        session = use_session()
        await type(self).before(session)
        await type(self).lose(session)
        type(self).found = await type(self).ask(session)
        await book(message)


async def nothing(_session: AsyncSession) -> None: ...


async def read_all(session: AsyncSession) -> list[int]:
    return list(await session.scalars(NUMBERS))


async def read_one(session: AsyncSession) -> object:
    return await session.get(OrderRow, (await _key()))


async def _key() -> object:
    async with new_session() as session:
        return (await session.scalars(select(OrderRow.id))).one()


READS: list[Ask] = [
    read_all,
    read_one,
    lambda session: session.scalar(NUMBERS),
    lambda session: session.execute(NUMBERS),
]


NAMES = ["scalars", "get", "scalar", "execute"]


async def is_asked_again(shop: Shop, lose: Ask, ask: Ask) -> None:
    async with shop.app.db.session() as session:
        session.add(OrderRow(number=1))
    Reads.before, Reads.lose, Reads.ask = nothing, lose, ask

    await shop.place()

    assert Reads.found not in (None, [])
    assert (await shop.rows(), shop.ends) == ([1, 7], [("ack", None)])


@proves("F-52")
@pytest.mark.virtual_only
@serving(Reads)
@pytest.mark.parametrize("ask", READS, ids=NAMES)
async def test_a_read_that_is_the_first_statement_is_asked_again(faults: Faults, shop: Shop, ask: Ask) -> None:
    await is_asked_again(shop, cutting(faults), ask)


@proves("F-52")
@pytest.mark.usefixtures("postgresql")
@pytest.mark.needs_servers
@serving(Reads)
@pytest.mark.parametrize("ask", READS, ids=NAMES)
async def test_a_read_whose_backend_was_ended_is_asked_again(shop: Shop, ask: Ask) -> None:
    await is_asked_again(shop, end_backend, ask)


async def add(session: AsyncSession) -> None:
    session.add(OrderRow(number=2))


async def choose_an_isolation(session: AsyncSession) -> None:
    await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})


async def write(session: AsyncSession) -> None:
    await session.execute(OrderRow.__table__.insert().values(id=None, number=3))  # type: ignore[attr-defined]


UNSAFE = [
    pytest.param(read_all, read_all, id="not-the-first"),
    pytest.param(add, read_all, id="something-to-write"),
    pytest.param(choose_an_isolation, read_all, id="a-transaction-of-its-kind"),
    pytest.param(nothing, write, id="no-read"),
]


async def fails(shop: Shop, lose: Ask, before: Ask, ask: Ask) -> None:
    Reads.before, Reads.lose, Reads.ask = before, lose, ask
    shop.app.bus.expect_errors(DBAPIError)

    await shop.place()

    assert (await shop.rows(), shop.ends) == ([], [("dead-letter", "error")])


@pytest.mark.virtual_only
@serving(Reads)
@pytest.mark.parametrize(("before", "ask"), UNSAFE)
async def test_what_may_have_done_something_fails(faults: Faults, shop: Shop, before: Ask, ask: Ask) -> None:
    """Nobody can tell what was lost with the connection; the attempt as a whole may be repeated."""
    await fails(shop, cutting(faults), before, ask)


@pytest.mark.usefixtures("postgresql")
@pytest.mark.needs_servers
@serving(Reads)
@pytest.mark.parametrize(("before", "ask"), UNSAFE)
async def test_what_a_backend_may_have_done_fails(shop: Shop, before: Ask, ask: Ask) -> None:
    await fails(shop, end_backend, before, ask)


@pytest.mark.virtual_only
@serving(Reads)
async def test_a_database_that_was_lost_is_asked_until_it_is_back(
    faults: Faults, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    environment = shop.app.environment
    shop.app.bus.expect_errors(DBAPIError)
    with faults.partition("database"):
        Reads.before, Reads.lose, Reads.ask = nothing, nothing, read_all
        await shop.place()

        assert shop.ends == [("dead-letter", "error")]
        await shop.app.clock.advance(minutes=1)
        assert (await shop.app.http.get("/health/ready")).status_code == 503
        assert environment.readiness()["database default"] is False
    await shop.app.clock.advance(seconds=10)

    assert (await shop.app.http.get("/health/ready")).status_code == 200
    assert caplog.messages.count("a database is away; it is waited for") == 1


@MessageBusController()
class Guarded:
    """Attempts of one message are few, and its database may be away for longer than all of them last."""

    @IncomingHandler("order.placed", retry=RetryPolicy(max_attempts=3), circuit_breaker=CircuitBreaker())
    async def handle(self, message: Message[Order]) -> None:
        await read_all(use_session())
        await book(message)


@proves("F-38")
@pytest.mark.virtual_only
@serving(Guarded)
async def test_a_handler_with_a_circuit_breaker_is_paused_while_its_database_is_away(
    faults: Faults, shop: Shop
) -> None:
    """No message is given up, however long that is: the trial begins once the database answers again."""
    shop.app.bus.expect_errors(DBAPIError, DatabaseUnavailable)
    with faults.partition("database"):
        for number in range(100):
            await shop.app.bus.publish(Order(number=number), "order.placed")
        await shop.app.clock.advance(hours=2)
        tried = len(shop.app.bus.failed(Guarded.handle))

    await shop.app.clock.advance(minutes=2)

    assert tried <= 10 + 9  # the threshold, and what ran beside it
    assert await shop.rows() == list(range(100))
    assert {verb for verb, _reason in shop.ends} == {"wait", "requeue", "ack"}
