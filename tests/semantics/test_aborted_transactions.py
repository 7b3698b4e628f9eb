"""A database that refused a statement has given up the whole transaction: nobody may take its end for a commit."""

from contextlib import suppress

import pytest
from order_handlers import Audit, Order, OrderRow, book
from shopping import Shop, serving
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from jararaca import IncomingHandler, Message, MessageBusController, use_session
from jararaca.persistence.session import new_session

pytestmark = [
    pytest.mark.needs_servers,  # SQLite goes on after a statement that failed
    pytest.mark.usefixtures("postgresql"),
]


@MessageBusController()
class Swallows:
    """Takes an error of the database for something that can be gone on from."""

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await use_session().flush()
        with suppress(DBAPIError):
            await use_session().execute(text("SELECT 1 / 0"))


@serving(Swallows, Audit)
async def test_a_handler_that_swallows_the_error_has_failed(shop: Shop) -> None:
    shop.app.bus.expect_errors(DBAPIError)

    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])
    error = shop.app.bus.failed("handle").one().error
    assert "current transaction is aborted" in str(error)
    assert "division by zero" in str(error.__cause__ if error is not None else None)


@MessageBusController()
class Saves:
    """The same, within a savepoint."""

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await use_session().flush()
        try:
            async with use_session().begin_nested():
                await use_session().execute(text("SELECT 1 / 0"))
        except DBAPIError:
            use_session().add(OrderRow(number=8))


@serving(Saves, Audit)
async def test_one_that_goes_back_to_a_savepoint_goes_on(shop: Shop) -> None:
    await shop.place()

    assert (await shop.rows(), shop.ends) == ([7, 8], [("ack", None)])


@MessageBusController()
class SwallowsAlone:
    """In a session of its own."""

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        async with new_session() as session:
            session.add(OrderRow(number=9))
            await session.flush()
            with suppress(DBAPIError):
                await session.execute(text("SELECT 1 / 0"))


@serving(SwallowsAlone)
async def test_nor_is_it_a_commit_of_a_session_of_its_own(shop: Shop) -> None:
    shop.app.bus.expect_errors(DBAPIError)

    await shop.place()

    assert (await shop.rows(), shop.ends) == ([], [("dead-letter", "error")])
