"""Copies keep what the application said, drop what would act again, and say why they were made."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.messagebus.copies import MAX_ERROR, MAX_HEADERS, Failure, dead_copy, one_line, wait_copy
from jararaca.messagebus.headers import Marks, read_marks
from jararaca.ports.broker import Envelope
from jararaca_testing.contracts import proves

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DUE = NOW + timedelta(seconds=2)


@dataclass
class Arrived:
    """A delivery that was handed out; nobody settles it here."""

    envelope: Envelope = field(default_factory=lambda: Envelope(b"{}"))
    exchange: str = "jararaca.events"
    routing_key: str = "order.placed"
    redelivered: bool = False
    delivery_tag: int = 1
    is_stale: bool = False

    def ack(self) -> bool:
        raise NotImplementedError

    def nack(self, *, requeue: bool) -> bool:
        raise NotImplementedError

    def reject(self, *, requeue: bool) -> bool:
        raise NotImplementedError


FULL = Envelope(
    b'{"id": 1}',
    content_type="application/json",
    headers={
        "x-tenant": "blue",
        "x-jararaca-key": "k",
        "x-jararaca-attempt": 4,
        "CC": ["elsewhere"],
        "BCC": ["nowhere"],
        "x-death": [{"queue": "w", "count": 1}],
        "x-first-death-reason": "expired",
        "x-last-death-queue": "w",
    },
    persistent=False,
    priority=3,
    correlation_id="c",
    expiration="1000",
    message_id="m-1",
    timestamp=NOW,
    type="urn:jararaca:Order",
    user_id="guest",
    app_id="shop",
)


def dead(envelope: Envelope, marks: Marks = Marks(), failure: Failure = Failure("E", "why")) -> Envelope:  # noqa: B008
    return dead_copy(
        Arrived(envelope), marks, handler="Billing.charge", reason="error", failure=failure, attempts=5, now=NOW
    )


def waiting(delivery: Arrived, *, attempt: int = 2, failed: bool = True) -> Envelope:
    marks = read_marks(delivery.envelope.headers)
    return wait_copy(delivery, marks, attempt=attempt, now=NOW, due=DUE, failed=failed)


def test_a_dead_letter_says_why_it_is_one() -> None:
    assert dead(Envelope(b"{}")).headers == {
        "x-jararaca-reason": "error",
        "x-jararaca-error-type": "E",
        "x-jararaca-error": "why",
        "x-jararaca-attempts": 5,
        "x-jararaca-first-failed-at": "2026-01-01T00:00:00+00:00",
        "x-jararaca-last-failed-at": "2026-01-01T00:00:00+00:00",
        "x-jararaca-original-topic": "order.placed",
        "x-jararaca-handler": "Billing.charge",
    }


def test_a_copy_keeps_what_the_application_said_and_is_persistent() -> None:
    copy = dead(FULL)
    assert copy._replace(headers={}) == FULL._replace(headers={}, persistent=True, expiration=None, user_id=None)
    assert {name: copy.headers[name] for name in ("x-tenant", "x-jararaca-key")} == {
        "x-tenant": "blue",
        "x-jararaca-key": "k",
    }


@pytest.mark.parametrize("copy", [dead(FULL), waiting(Arrived(FULL))], ids=["dead", "waiting"])
def test_what_would_act_again_is_dropped_and_kept_in_one_header(copy: Envelope) -> None:
    acting = {"CC", "BCC", "x-death", "x-first-death-reason", "x-last-death-queue"}
    assert acting.isdisjoint(copy.headers)
    assert json.loads(copy.headers["x-jararaca-original"]) == {
        **{name: FULL.headers[name] for name in acting},
        "expiration": "1000",
        "user_id": "guest",
    }


def test_what_waits_knows_its_attempt_its_topic_and_when_it_is_due() -> None:
    assert waiting(Arrived()).headers == {
        "x-jararaca-attempt": 2,
        "x-jararaca-not-before": 1767225602000,
        "x-jararaca-original-topic": "order.placed",
        "x-jararaca-first-failed-at": "2026-01-01T00:00:00+00:00",
    }


def test_putting_a_message_back_is_no_failure() -> None:
    assert "x-jararaca-first-failed-at" not in waiting(Arrived(), failed=False).headers


def test_later_copies_remember_the_first_failure_the_first_topic_and_the_first_drop() -> None:
    """A copy comes back through the default exchange, with the death record of our own wait."""
    first = waiting(Arrived(FULL))
    back = Arrived(
        first._replace(headers={**first.headers, "x-death": ["ours"]}), exchange="", routing_key="app.Billing.charge"
    )
    later = wait_copy(
        back, read_marks(back.envelope.headers), attempt=3, now=DUE, due=DUE + timedelta(seconds=4), failed=True
    )
    assert later.headers["x-jararaca-original"] == first.headers["x-jararaca-original"]
    assert later.headers["x-jararaca-original-topic"] == "order.placed"
    assert later.headers["x-jararaca-first-failed-at"] == "2026-01-01T00:00:00+00:00"
    assert later.headers["x-jararaca-attempt"] == 3


def test_a_stranger_cannot_claim_another_topic() -> None:
    """Only what came through the default exchange has lost its topic."""
    claimed = Arrived(Envelope(b"{}", headers={"x-jararaca-original-topic": "forged"}))
    assert waiting(claimed).headers["x-jararaca-original-topic"] == "order.placed"


@pytest.mark.parametrize("forged", ["x" * 3000, 7, "\u00e9"])
def test_a_malformed_original_of_a_stranger_is_replaced(forged: Any) -> None:
    copy = dead(Envelope(b"{}", headers={"x-jararaca-original": forged}, expiration="5"))
    assert copy.headers["x-jararaca-original"] == '{"expiration": "5"}'


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=5000) | st.binary(max_size=5000), max_size=20))
def test_headers_of_a_copy_stay_below_the_size_at_which_brokers_hang(headers: dict[str, Any]) -> None:
    copy = dead(Envelope(b"{}", headers=headers))
    assert sum(len(str(name)) + len(value) for name, value in headers.items() if name in copy.headers) <= MAX_HEADERS
    assert len(copy.headers.get("x-jararaca-original", "")) <= 2048


def test_a_header_that_is_too_large_is_named_with_its_size() -> None:
    copy = dead(Envelope(b"{}", headers={"x-huge": "a" * 200_000, "x-small": "kept"}))
    assert copy.headers["x-small"] == "kept"
    assert json.loads(copy.headers["x-jararaca-original"]) == {"x-huge": "200000 bytes"}


def test_a_table_that_is_too_deep_is_dropped() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    copy = dead(Envelope(b"{}", headers={"x-death": deep}))
    assert copy.headers["x-jararaca-reason"] == "error"


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ValueError("two\n lines"), Failure("ValueError", "two lines")),
        (json.JSONDecodeError("bad", "x", 0), Failure("json.decoder.JSONDecodeError", "bad: line 1 column 1 (char 0)")),
    ],
)
def test_a_failure_is_the_class_and_one_line(error: Exception, failure: Failure) -> None:
    assert Failure.of(error) == failure


def test_an_exception_without_text_is_a_failure_too() -> None:
    assert Failure.of(Unprintable()).text == "its text cannot be shown (RuntimeError)"


@proves("F-27")
@given(st.text(alphabet=st.characters(), max_size=2000))
def test_one_line_fits_into_any_header(text: str) -> None:
    line = one_line(text)
    assert len(line) <= MAX_ERROR
    assert "\n" not in line
    line.encode()
