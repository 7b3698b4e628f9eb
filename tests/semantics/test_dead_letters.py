"""What a dead letter is and says, and what copying a message keeps and drops."""

import json
from datetime import UTC, datetime

import order_handlers as orders
from order_handlers import CardDeclined, GatewayDown
from shopping import Shop, publish_raw, serving, until

from jararaca.ports.broker import Envelope
from jararaca_testing import Bus
from jararaca_testing.contracts import proves

FOREIGN = Envelope(
    b'{"number": 1, "more": "than we know"}',
    content_type="application/json; charset=utf-8",
    headers={"tenant": "a", "weights": [1, 2.5], "CC": ["order.copied"]},
    message_id="m-1",
    correlation_id="c-1",
    timestamp=datetime(2025, 12, 24, 18, 0, tzinfo=UTC),
    type="com.example.order",
    expiration="600000",
    user_id="guest",
    app_id="elsewhere",
)


@serving(orders.Fails)
async def test_the_headers_of_a_dead_letter_are_exactly_these(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)

    await shop.place(headers={"tenant": "a"})

    headers = dict((await shop.dead_letter()).headers)
    correlation_id, first, last = (
        headers.pop(name) for name in ("correlation_id", "x-jararaca-first-failed-at", "x-jararaca-last-failed-at")
    )
    assert headers == {
        "tenant": "a",
        "x-jararaca-hops": 1,
        "x-jararaca-reason": "error",
        "x-jararaca-error-type": "order_handlers.GatewayDown",
        "x-jararaca-error": "the gateway does not answer",
        "x-jararaca-attempts": 1,
        "x-jararaca-original-topic": "order.placed",
        "x-jararaca-handler": "Fails.handle",
    }
    assert correlation_id == bus.published("order.placed").one().headers["correlation_id"]
    assert datetime.fromisoformat(first) == datetime.fromisoformat(last)


@serving(orders.FailsUnderPolicy)
async def test_a_dead_letter_tells_how_often_and_since_when_it_failed(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)
    await shop.place(1)

    await until(shop.app, lambda: len(shop.ends) == 3)

    headers = (await shop.dead_letter()).headers
    first, last = (
        datetime.fromisoformat(headers[name]) for name in ("x-jararaca-first-failed-at", "x-jararaca-last-failed-at")
    )
    assert (headers["x-jararaca-reason"], headers["x-jararaca-attempts"]) == ("retries-exhausted", 3)
    assert (last - first).total_seconds() >= 3.0
    assert first.tzinfo == UTC


@serving(orders.FailsUnderPolicy)
async def test_a_dead_letter_keeps_the_message_as_its_producer_made_it(shop: Shop, bus: Bus) -> None:
    """Through two waits and into the dead letters: three copies, and the message is still the same."""
    bus.expect_errors(GatewayDown)
    await publish_raw(shop.app, FOREIGN, "order.placed")

    await until(shop.app, lambda: len(shop.ends) == 3)

    letter = await shop.dead_letter()
    for kept in ("body", "content_type", "message_id", "correlation_id", "timestamp", "type", "app_id", "persistent"):
        assert getattr(letter, kept) == getattr(FOREIGN, kept)
    assert (letter.headers["tenant"], letter.headers["weights"]) == ("a", [1, 2.5])


@serving(orders.FailsUnderPolicy)
async def test_a_copy_drops_what_would_act_again_and_keeps_it_to_be_read(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)
    await publish_raw(shop.app, FOREIGN, "order.placed")

    await until(shop.app, lambda: len(shop.ends) == 3)

    letter = await shop.dead_letter()
    assert (letter.expiration, letter.user_id, "CC" in letter.headers) == (None, None, False)
    assert [name for name in letter.headers if name.startswith(("x-death", "x-first-death", "x-last-death"))] == []
    original = json.loads(letter.headers["x-jararaca-original"])
    assert original.keys() == {"CC", "expiration", "user_id"}
    assert (original["CC"], original["user_id"]) == (["order.copied"], "guest")


@serving(orders.Fails)
async def test_a_message_with_an_expiration_does_not_expire_among_the_dead_letters(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(GatewayDown)
    await publish_raw(shop.app, FOREIGN._replace(expiration="4000"), "order.placed")
    await until(shop.app, lambda: shop.ends)

    await shop.app.clock.sleep(10.0)

    assert (await shop.dead_letter()).expiration is None


@proves("F-27")
@serving(orders.Fails)
async def test_headers_too_long_to_be_copied_are_left_behind_and_named(shop: Shop, bus: Bus) -> None:
    """A quorum queue hangs on headers longer than a frame: whoever sent them, the message must get away."""
    bus.expect_errors(GatewayDown)
    envelope = Envelope(b'{"number": 7}', message_id="m-1", headers={"tenant": "a", "trail": "x" * 20_000})
    await publish_raw(shop.app, envelope, "order.placed")

    await until(shop.app, lambda: shop.ends)

    headers = (await shop.dead_letter()).headers
    assert (headers["tenant"], "trail" in headers) == ("a", False)
    assert json.loads(headers["x-jararaca-original"]) == {"trail": "20000 bytes"}


@serving(orders.FailsUnderPolicy)
async def test_an_exception_of_many_words_is_cut_to_one_line(shop: Shop, bus: Bus) -> None:
    bus.expect_errors(CardDeclined)

    await shop.place(2)

    headers = (await shop.dead_letter()).headers
    assert headers["x-jararaca-error-type"] == "order_handlers.CardDeclined"
    assert headers["x-jararaca-error"] == "as it was told"
