"""Explanations of what did not happen, read off a ledger of steps that a test tells."""

from typing import Any

import pytest

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.explaining import Explainer
from jararaca_testing.ledger import Ledger


class Billing: ...


CHARGE = HandlerSpec(name="charge", topic="order.*", controller=Billing, method="charge", model=dict)
REFUND = HandlerSpec(name="refund", topic="order.*", controller=Billing, method="refund", model=dict)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(lambda: 0.0)


def tell(ledger: Ledger, kind: Kind, **facts: Any) -> None:
    ledger.observe(Step(kind, "after", None, None, None, {"topic": "order.paid", "message_id": "m"} | facts))


def why(ledger: Ledger, *names: str) -> list[str]:
    return Explainer(ledger, [CHARGE, REFUND]).why_not_called(names or ("charge",))


def test_a_message_that_matches_is_on_its_way(ledger: Ledger) -> None:
    tell(ledger, Kind.PUBLISH)
    tell(ledger, Kind.CONFIRM, outcome="confirmed")

    assert why(ledger) == ["'order.paid' was published and matches; let it arrive with `await jararaca_app.settle()`"]


def test_a_message_that_the_broker_did_not_take_never_arrives(ledger: Ledger) -> None:
    tell(ledger, Kind.PUBLISH)
    tell(ledger, Kind.CONFIRM, outcome="failed", message_id="another")
    tell(ledger, Kind.CONFIRM, outcome="failed")

    assert why(ledger) == ["'order.paid' was published and matches; but the broker did not take it: failed"]


def test_each_handler_is_explained_by_what_reached_it(ledger: Ledger) -> None:
    tell(ledger, Kind.PUBLISH)
    tell(ledger, Kind.SETTLE, handler="refund", verb="dead-letter", reason="invalid-payload")

    assert why(ledger, "charge", "refund") == [
        "'order.paid' was published and matches; let it arrive with `await jararaca_app.settle()`",
        "'order.paid' was published and matches; but it was settled before a handler saw it: dead-letter, "
        "invalid-payload",
    ]


def test_a_message_that_was_delivered_again_no_longer_waits(ledger: Ledger) -> None:
    explainer = Explainer(ledger, [CHARGE, REFUND])
    for handler in ("charge", "refund"):
        tell(ledger, Kind.SETTLE, handler=handler, verb="wait", reason="retry", attempt=1)
    tell(ledger, Kind.DELIVERY, handler="refund")

    (line,) = explainer.waiting({"charge", "refund"})
    assert line.startswith("'order.paid' waits for charge to try again after attempt 1")
    assert explainer.waiting({"refund"}) == explainer.waiting({"charge"}, topic="user.*") == []
