"""Messages that no handler may see, and headers that nobody can read: every one of them is settled."""

from typing import Any

import pytest
from order_handlers import Audit, Order, Rejects, Returns
from pydantic import BaseModel, ValidationError
from shopping import Shop, publish_raw, serving, settlements, until

from jararaca import IncomingHandler, Message, MessageBusController
from jararaca.core.steps import Kind
from jararaca.ports.broker import DEEPEST, Envelope
from jararaca_testing import Bus
from jararaca_testing.contracts import proves


class Tally(BaseModel):
    votes: dict[str, int]


@MessageBusController()
class Tallies:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Tally]) -> None:
        Order.model_validate({"number": next(iter(message.payload().votes))})


ORDER = b'{"number": 7}'


async def receive(shop: Shop, envelope: Envelope) -> None:
    """Let a foreign producer publish it, and wait for its settlement."""
    await publish_raw(shop.app, envelope, "order.placed")
    await until(shop.app, lambda: shop.ends)


@proves("F-21", "F-22")
@serving(Returns)
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"{", "payload: json_invalid"),
        (b'{"number": "\xff"}', "payload: json_invalid"),
        (b"{}", "number: missing"),
        (b'{"number": "secret"}', "number: int_parsing"),
        (b"", "payload: json_invalid"),
    ],
)
async def test_a_payload_that_is_invalid_is_dead_lettered_without_a_unit_of_work(
    shop: Shop, body: bytes, error: str
) -> None:
    await receive(shop, Envelope(body, message_id="m-1"))

    assert shop.ends == [("dead-letter", "invalid-payload")]
    assert shop.app.ledger.of_kind(Kind.ATTEMPT, Kind.COMMIT, Kind.ROLLBACK) == []
    letter = await shop.dead_letter()
    assert (letter.body, letter.headers["x-jararaca-error"]) == (body, error)
    assert letter.headers["x-jararaca-attempts"] == 0


@proves("F-22")
@serving(Tallies)
async def test_keys_of_a_payload_that_is_invalid_are_not_told(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """They are data, as values are."""
    await receive(shop, Envelope(b'{"votes": {"alice@example.com": "many"}}', message_id="m-1"))

    assert (await shop.dead_letter()).headers["x-jararaca-error"] == "votes.*: int_parsing"
    (refusal,) = [record for record in caplog.records if record.getMessage() == "a message was refused"]
    assert "alice" not in str(vars(refusal))


@serving(Tallies)
async def test_an_input_that_is_invalid_within_a_handler_is_not_told(
    shop: Shop, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """Pydantic quotes it, and a log with a traceback would quote pydantic."""
    bus.expect_errors(ValidationError)

    await receive(shop, Envelope(b'{"votes": {"alice@example.com": 41}}', message_id="m-1"))

    assert (await shop.dead_letter()).headers["x-jararaca-error"] == "number: int_parsing"
    assert "number: int_parsing" in caplog.text
    assert "alice" not in caplog.text


@proves("F-25")
@serving(Returns)
async def test_a_message_of_ours_of_another_type_is_dead_lettered(shop: Shop) -> None:
    await receive(shop, Envelope(ORDER, message_id="m-1", type="urn:jararaca:Invoice"))

    assert shop.ends == [("dead-letter", "unknown-type")]
    assert shop.app.ledger.of_kind(Kind.ATTEMPT) == []


@serving(Returns)
@pytest.mark.parametrize("type_", [None, "urn:jararaca:Order", "com.example.order.v1"])
async def test_a_message_needs_no_type_and_foreign_ones_are_not_judged(shop: Shop, type_: str | None) -> None:
    await receive(shop, Envelope(ORDER, message_id="m-1", type=type_))

    assert shop.ends == [("ack", None)]


@proves("F-26")
@serving(Returns)
async def test_a_message_that_is_too_large_is_dead_lettered_unread(shop: Shop) -> None:
    body = ORDER + b" " * (1_048_577 - len(ORDER))

    await receive(shop, Envelope(body, message_id="m-1"))

    assert shop.ends == [("dead-letter", "too-large")]
    letter = await shop.dead_letter()
    assert letter.body == body
    assert letter.headers["x-jararaca-error"] == "1048577 bytes; max_message_bytes is 1048576"


@proves("F-26")
@serving(Returns)
async def test_a_message_of_exactly_the_limit_is_handled(shop: Shop) -> None:
    await receive(shop, Envelope(ORDER + b" " * (1_048_576 - len(ORDER)), message_id="m-1"))

    assert shop.ends == [("ack", None)]


@proves("F-24")
@serving(Returns, Audit)
@pytest.mark.parametrize(
    "headers",
    [
        {"x-jararaca-attempt": "abc", "x-jararaca-hops": -1},
        {"x-jararaca-attempt": 0, "x-jararaca-not-before": 2**60},
        {"x-jararaca-attempt": {"nested": [1]}, "x-jararaca-not-before": "tomorrow"},
        {"x-jararaca-key": 7, "correlation_id": ["a"], "causation_id": b"\xff", "traceparent": {}},
        {"x-jararaca-original-topic": "x" * 300, "x-jararaca-first-failed-at": None},
    ],
)
async def test_a_header_that_cannot_be_read_counts_as_missing(shop: Shop, headers: dict[str, Any]) -> None:
    await receive(shop, Envelope(ORDER, message_id="m-1", headers=headers))

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", None)])
    assert settlements(shop.app)[0].attempt == 1


@serving(Returns, Audit)
async def test_identities_that_are_no_text_do_not_keep_a_handler_from_publishing(shop: Shop) -> None:
    """A foreign producer may put any bytes there; they are handed on as text."""
    await receive(shop, Envelope(ORDER, message_id="m-\udcff", correlation_id="c-\udcff"))

    assert (shop.announced, shop.ends) == ([7], [("ack", None)])
    assert shop.app.bus.handled("hear").one().headers["correlation_id"] == "c-\ufffd"


@proves("F-24")
@serving(Rejects)
async def test_a_header_as_deep_as_any_broker_carries_does_not_keep_a_message_from_the_dead_letters(
    shop: Shop,
) -> None:
    deep: list[Any] = []
    for _ in range(DEEPEST - 1):
        deep = [deep]

    await receive(shop, Envelope(ORDER, message_id="m-1", headers={"deep": deep}))

    assert shop.ends == [("dead-letter", "rejected")]
    assert (await shop.dead_letter()).headers["deep"] == deep


@serving(Returns)
async def test_a_message_without_id_is_handled(shop: Shop) -> None:
    await receive(shop, Envelope(ORDER))

    assert shop.ends == [("ack", None)]
    assert shop.app.bus.handled("handle").one().payload == Order(number=7)
