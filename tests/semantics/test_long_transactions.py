"""A transaction that waits for something else holds a connection meanwhile: somebody should know."""

from typing import Any

import pytest
from order_handlers import Order, book
from shopping import Shop, serving

from jararaca import IncomingHandler, Message, MessageBusController, use_session
from jararaca.core.context import use_clock
from jararaca.persistence.session import new_session
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.virtual_only

SAID = "a transaction is open for long, and holds a connection meanwhile"


def warnings(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage() == SAID]


async def ask_another_service(seconds: float) -> None:
    await use_clock().sleep(seconds)


@MessageBusController()
class AsksWithin:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await use_session().flush()
        await ask_another_service(message.payload().number)


@proves("F-57")
@serving(AsksWithin)
async def test_a_transaction_that_is_open_for_more_than_five_seconds_is_told_of(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await shop.place(60)

    (record,) = warnings(caplog)
    assert record["levelname"] == "WARNING"
    assert (record["trigger"], record["connection"], record["seconds"]) == ("AsksWithin.handle", "default", 5.0)
    assert any("ask_another_service" in line and __file__ in line for line in record["stack"])
    assert shop.ends == [("ack", None)]


@serving(AsksWithin)
async def test_one_that_ends_in_time_is_not(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    await shop.place(4)
    await shop.app.clock.advance(minutes=1)

    assert warnings(caplog) == []


@MessageBusController()
class AsksBefore:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        use_session()
        await ask_another_service(message.payload().number)
        await book(message)


@serving(AsksBefore)
async def test_waiting_before_the_first_statement_holds_nothing(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    await shop.place(60)

    assert warnings(caplog) == []
    assert await shop.rows() == [60]


@MessageBusController()
class AsksInASessionOfItsOwn:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        async with new_session() as session:
            await session.connection()
            await ask_another_service(message.payload().number)


@serving(AsksInASessionOfItsOwn)
async def test_a_session_of_its_own_is_told_of_too(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    await shop.place(60)

    assert [record["trigger"] for record in warnings(caplog)] == ["AsksInASessionOfItsOwn.handle"]
