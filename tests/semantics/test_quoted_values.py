"""Exceptions that quote what they were given: neither a log nor a dead letter has it from there."""

import pytest
from order_handlers import Order
from pydantic import BaseModel
from shopping import Shop, serving

from jararaca import IncomingHandler, Message, MessageBusController
from jararaca_testing.contracts import proves

CANARY = 'c4n4ry "hunter" 2'


class Card(BaseModel):
    owner: str
    limits: list[dict[str, int]] = []


class Refused(Exception):
    pass


async def say_more(error: BaseException, message: Message[Card]) -> None:
    raise Refused(f"again: {message.payload().owner}") from error


@MessageBusController()
class Cards:
    @IncomingHandler("order.placed", exception_handler=say_more)
    async def handle(self, message: Message[Card]) -> None:
        card = message.payload()
        known: dict[str, int] = {}
        try:
            known[card.owner]
        except KeyError as error:
            raise Refused(f"{card.owner!r} of {message.headers['session']} may spend {card.limits}") from error


@proves("F-91")
@serving(Cards)
async def test_values_of_a_message_are_left_out_of_what_is_told(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Those long enough not to be there by chance; the rest of the sentence stays."""
    shop.app.bus.expect_errors(Refused)
    card = Card(owner=CANARY, limits=[{"EUR": 1234567890}])

    await shop.app.bus.publish(card, "order.placed", headers={"session": f"id={CANARY}"})
    await shop.app.settle()

    letter = await shop.dead_letter()
    assert letter.headers["x-jararaca-error"] == "'***' of *** may spend [{'EUR': ***}]"
    assert CANARY not in caplog.text
    assert "hunter" not in caplog.text
    assert "KeyError: '***'" in caplog.text
    assert "again: ***" in caplog.text


@MessageBusController()
class Numbers:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        raise Refused(f"there is no order {message.payload().number}")


@serving(Numbers)
async def test_short_values_stay(shop: Shop) -> None:
    """Otherwise nobody could read a log: most numbers are no secret."""
    shop.app.bus.expect_errors(Refused)

    await shop.place(12345)

    assert (await shop.dead_letter()).headers["x-jararaca-error"] == "there is no order 12345"
