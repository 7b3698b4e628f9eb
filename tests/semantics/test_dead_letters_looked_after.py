"""Dead letters looked at, sent back and dropped, by the same code on both brokers."""

from dataclasses import dataclass

import order_handlers as orders
import pytest
from order_handlers import CardDeclined, GatewayDown
from shopping import Shop, connection_of, serving

from jararaca.errors import InvalidOption, UnroutableMessage
from jararaca.messagebus.dead_letters import DeadLetters
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.ports.broker import Envelope, Queue
from jararaca_testing import Bus
from jararaca_testing.contracts import proves


def of(shop: Shop) -> tuple[DeadLetters, HandlerSpec]:
    """The dead letters of the handler under test, and that handler."""
    handler = next(each for each in shop.app.assembly.handlers if each.method == "handle")
    return DeadLetters(connection_of(shop.app), handler), handler


async def given_up(shop: Shop, bus: Bus, *numbers: int) -> DeadLetters:
    """Let the handler give up orders of these numbers, in this order."""
    bus.expect_errors(GatewayDown, CardDeclined)
    bus.expect_leftover(kind="dead-letter")
    for number in numbers:
        await shop.place(number, message_id=f"m-{number}")
    return of(shop)[0]


@proves("F-37")
@serving(orders.Fails)
async def test_a_preview_tells_why_and_leaves_everything_where_it_is(shop: Shop, bus: Bus) -> None:
    letters = await given_up(shop, bus, 1, 2, 3)

    first = await letters.preview(limit=2)
    again = await letters.preview()

    assert [letter.message_id for letter in first] == ["m-1", "m-2"]
    assert [letter.message_id for letter in again] == ["m-1", "m-2", "m-3"]
    letter = first[0]
    assert (letter.topic, letter.reason, letter.attempts) == ("order.placed", "error", 1)
    assert (letter.error_type, letter.error) == ("order_handlers.GatewayDown", "the gateway does not answer")
    assert letter.envelope.body == b'{"number":1}'


@proves("F-37")
@serving(orders.Fails)
async def test_what_is_sent_back_keeps_its_id_and_begins_again_at_its_own_handler(shop: Shop, bus: Bus) -> None:
    letters = await given_up(shop, bus, 1, 2)

    result = await letters.requeue(["m-2"])
    await shop.app.settle()

    assert (result.done, result.left) == (1, 1)
    again = bus.handled(of(shop)[1].name, lambda record: record.message_id == "m-2")
    assert [(record.attempt, record.topic) for record in again] == [(1, "order.placed"), (1, "order.placed")]
    assert sorted(str(letter.message_id) for letter in await letters.preview()) == ["m-1", "m-2"]


@serving(orders.Fails)
async def test_sending_all_back_ends_although_the_handler_gives_each_up_again(shop: Shop, bus: Bus) -> None:
    letters = await given_up(shop, bus, 1, 2, 3)

    assert (await letters.requeue()).done == 3
    await shop.app.settle()

    assert len(await letters.preview()) == 3
    assert len(bus.failed(of(shop)[1].name)) == 6


@proves("F-37")
@serving(orders.Fails)
async def test_what_is_dropped_is_gone_and_the_rest_stays_in_order(shop: Shop, bus: Bus) -> None:
    letters = await given_up(shop, bus, 1, 2, 3)

    assert (await letters.drop(["m-2"])).left == 2

    assert [letter.message_id for letter in await letters.preview()] == ["m-1", "m-3"]
    assert (await letters.drop()).done == 2
    assert await letters.preview() == []


@serving(orders.Fails)
async def test_an_id_that_is_not_there_is_named_and_the_others_are_done(shop: Shop, bus: Bus) -> None:
    letters = await given_up(shop, bus, 1, 2)

    with pytest.raises(InvalidOption, match=r"\.dlq has no dead letter with the message id 'm-9'\. Look at those"):
        await letters.drop(["m-1", "m-9"])

    assert [letter.message_id for letter in await letters.preview()] == ["m-2"]


@serving(orders.Fails)
async def test_what_the_broker_itself_gave_up_tells_its_reason_and_topic(shop: Shop, bus: Bus) -> None:
    """Its copy has none of our headers: it was never handled, or its worker died each time."""
    connection = connection_of(shop.app)
    letters, handler = of(shop)
    deaths = [{"reason": "delivery_limit", "queue": "q", "exchange": "e", "count": 1, "routing-keys": ["order.placed"]}]
    bus.expect_leftover(kind="dead-letter")

    await connection.copy(Envelope(b"{}", headers={"x-death": deaths}), connection.dlq_of(handler))
    (letter,) = await letters.preview()

    assert (letter.reason, letter.topic, letter.attempts) == ("delivery-limit", "order.placed", None)
    assert (letter.error_type, letter.first_failed_at, letter.message_id) == (None, None, None)


@serving(orders.Fails)
async def test_a_dead_letter_that_tells_nothing_is_one_all_the_same(shop: Shop, bus: Bus) -> None:
    letters, handler = of(shop)
    connection = connection_of(shop.app)
    bus.expect_leftover(kind="dead-letter")

    for deaths in ("nonsense", [], ["x"], [{"reason": 1, "routing-keys": [2]}]):
        await connection.copy(Envelope(b"{}", headers={"x-death": deaths}), connection.dlq_of(handler))

    told = await letters.preview()
    assert {(letter.reason, letter.topic) for letter in told} == {("unknown", connection.dlq_of(handler))}
    assert len(told) == 4


@dataclass(frozen=True)
class Gone:
    """A handler whose queue does not exist any more."""

    name: str = "Gone.handle"
    topic: str = "order.placed"
    longest_wait: float = 0.0


@serving(orders.Fails)
async def test_a_copy_that_is_not_taken_leaves_the_dead_letter_where_it_is(shop: Shop) -> None:
    connection, gone = connection_of(shop.app), Gone()
    letters = DeadLetters(connection, gone)
    await connection.broker.declare_queue(Queue(connection.dlq_of(gone)))
    try:
        await connection.copy(Envelope(b"{}", message_id="m-1"), connection.dlq_of(gone))

        with pytest.raises(UnroutableMessage, match=r"m-1 for the queue '.*Gone\.handle' was not taken"):
            await letters.requeue()

        assert [letter.message_id for letter in await letters.preview()] == ["m-1"]
    finally:
        await connection.broker.delete_queue(connection.dlq_of(gone))
