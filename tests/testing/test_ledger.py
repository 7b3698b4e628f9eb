"""The ledger: every step becomes a record, in order, with details for the last ten thousand."""

from dataclasses import dataclass
from typing import Any

import pytest

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.consumed import Consumed
from jararaca.messagebus.headers import read_marks
from jararaca.messagebus.messages import Message
from jararaca.ports.broker import Envelope
from jararaca.presentation.websocket.frames import Frame
from jararaca_testing.ledger import KEPT, Ledger


@dataclass
class Delivered:
    envelope: Envelope
    exchange: str = ""
    routing_key: str = "order"


@dataclass
class Published:
    envelope: Envelope
    model: Any


class Book:
    """A ledger, and a clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 10.0
        self.ledger = Ledger(lambda: self.seconds)

    def before(self, kind: Kind, subject: Any = None, execution: str | None = None, **facts: Any) -> None:
        self.ledger.observe(Step(kind, "before", execution, None, subject, facts))

    def after(self, kind: Kind, subject: Any = None, execution: str | None = None, **facts: Any) -> None:
        self.ledger.observe(Step(kind, "after", execution, None, subject, facts))


@pytest.fixture
def book() -> Book:
    return Book()


def message(payload: Any, body: bytes = b"{}", **headers: Any) -> Message[Any]:
    async def nobody(_consumed: Consumed) -> None: ...

    delivery: Any = Delivered(Envelope(body, headers=headers, message_id="m"))
    return Message(payload, Consumed(delivery, read_marks(headers)), will_retry=False, acknowledge=nobody)


def test_a_record_has_what_its_step_says(book: Book) -> None:
    error = TimeoutError("no answer")
    book.seconds = 12.5

    book.after(
        Kind.ATTEMPT, None, "e1", handler="charge", topic="order", message_id="m", attempt=2,
        outcome="error", reason="late", exception=error,
    )  # fmt: skip

    (record,) = book.ledger
    assert (record.kind, record.at, record.cause, record.execution) == ("attempt", 2.5, None, "e1")
    assert (record.handler, record.topic, record.message_id, record.attempt) == ("charge", "order", "m", 2)
    assert (record.outcome, record.reason, record.error) == ("error", "late", error)


@pytest.mark.parametrize(
    ("facts", "handler", "outcome"),
    [
        ({"action": "count", "outcome": "skipped"}, "count", "skipped"),
        ({"route": "GET /orders", "status": 201}, "GET /orders", "201"),
        ({"handler": "charge", "verb": "wait"}, "charge", "wait"),
        ({"topic": "order", "delayed": True}, None, "delayed"),
        ({"topic": "order", "delayed": False}, None, None),
    ],
)
def test_what_ran_and_how_it_ended_are_told_in_one_word_whatever_the_kind(
    book: Book, facts: dict[str, Any], handler: str | None, outcome: str | None
) -> None:
    book.after(Kind.TICK, None, **facts)

    (record,) = book.ledger
    assert (record.handler, record.outcome) == (handler, outcome)


def test_what_can_lead_to_something_is_numbered_and_timed_when_it_begins(book: Book) -> None:
    book.before(Kind.ATTEMPT)
    book.after(Kind.PUBLISH)
    book.seconds += 3
    book.after(Kind.ATTEMPT)

    assert [each.seq for each in book.ledger.begun(Kind.ATTEMPT)] == [1]
    assert [(each.seq, each.kind, each.ended) for each in book.ledger] == [(1, "attempt", 3), (2, "publish", 2)]
    (attempt,) = book.ledger.of_kind(Kind.ATTEMPT, Kind.TICK)
    assert (attempt.seq, attempt.at, attempt.until) == (1, 0.0, 3.0)
    assert len(book.ledger) == 2


def test_what_leads_to_nothing_is_numbered_when_it_has_happened(book: Book) -> None:
    book.before(Kind.SETTLE)
    book.after(Kind.COMMIT)
    book.after(Kind.SETTLE)

    assert [(each.seq, each.kind) for each in book.ledger] == [(1, "commit"), (2, "settle")]


def test_the_story_has_what_has_not_ended_too(book: Book) -> None:
    """What hangs is what a failure is about; a publish that failed has ended with its confirm."""
    book.before(Kind.ATTEMPT, "handler")
    book.before(Kind.PUBLISH, "outgoing")
    book.after(Kind.CONFIRM, "outgoing", outcome="failed")

    assert [(each.seq, each.kind, each.ended) for each in book.ledger.story()] == [
        (1, "attempt", None),
        (3, "confirm", 3),
    ]


def test_what_a_client_of_the_test_does_is_on_record(book: Book) -> None:
    exchange = book.ledger.begin("exchange", facts={"path": "/orders"})
    book.seconds += 1
    book.ledger.note("received", cause=exchange.seq, payload="hello")
    assert [each.seq for each in book.ledger.story()] == [1, 2]
    book.ledger.end(exchange, outcome="201")

    first, second = book.ledger
    assert (first.kind, first.outcome, first.facts, first.at, first.until) == (
        "exchange",
        "201",
        {"path": "/orders"},
        0,
        1,
    )
    assert (second.kind, second.cause, second.at, second.ended) == ("received", 1, 1.0, 2)


def test_the_payload_is_the_publishers_model_for_everything_that_is_about_the_message(book: Book) -> None:
    envelope = Envelope(b'{"id": 1}', message_id="m", headers={"x": "y"})

    book.after(Kind.PUBLISH, Published(envelope, "the model"), message_id="m")
    book.after(Kind.DELIVERY, Delivered(envelope), message_id="m")
    book.after(Kind.ATTEMPT, message("the handler's own"), message_id="m")

    assert [each.payload for each in book.ledger] == ["the model"] * 3
    assert book.ledger.of_kind(Kind.DELIVERY)[0].headers == {"x": "y"}


def test_two_publishes_under_one_id_keep_their_own_payloads(book: Book) -> None:
    for model in ("first", "second"):
        book.after(Kind.PUBLISH, Published(Envelope(b"{}", message_id="m"), model), message_id="m")

    assert [each.payload for each in book.ledger] == ["first", "second"]


def test_without_a_publisher_the_first_handlers_model_is_the_payload(book: Book) -> None:
    first = message("the first handler's", x_origin="elsewhere")

    book.after(Kind.ATTEMPT, first, message_id="m")
    book.after(Kind.SETTLE, Delivered(Envelope(b"{}", message_id="m")), message_id="m")
    book.after(Kind.ATTEMPT, message("of a message without an id"))

    assert [each.payload for each in book.ledger] == ["the first handler's"] * 2 + ["of a message without an id"]
    assert next(iter(book.ledger)).headers == {"x_origin": "elsewhere"}


@pytest.mark.parametrize(("body", "payload"), [(b'{"id": 1}', {"id": 1}), (b"\xff", b"\xff"), (b"{", b"{")])
def test_where_no_model_is_known_it_is_parsed_json_or_else_bytes(book: Book, body: bytes, payload: Any) -> None:
    book.after(Kind.DELIVERY, Delivered(Envelope(body)), message_id=None)

    assert next(iter(book.ledger)).payload == payload


def test_frames_have_their_payload_and_other_steps_none(book: Book) -> None:
    book.after(Kind.FRAME, Frame("send", "here", 1, b"hello"))
    book.after(Kind.COMMIT, object())

    assert [each.payload for each in book.ledger] == [b"hello", None]


def test_listeners_are_told_of_each_step_before_it_is_recorded(book: Book) -> None:
    told: list[tuple[Kind, int]] = []
    book.ledger.on_step.append(lambda step: told.append((step.kind, len(book.ledger))))

    book.after(Kind.PUBLISH)
    book.after(Kind.COMMIT)

    assert told == [(Kind.PUBLISH, 0), (Kind.COMMIT, 1)]


def test_counts_cover_everything_and_details_the_last_ten_thousand(book: Book) -> None:
    for number in range(KEPT + 5):
        envelope = Envelope(b"{}", message_id=f"m{number}")
        book.after(Kind.PUBLISH, Published(envelope, number), topic="order", message_id=f"m{number}")
    book.after(Kind.DELIVERY, Delivered(Envelope(b"[]", message_id="m0")), message_id="m0")

    records = list(book.ledger)
    assert (len(book.ledger), book.ledger.counts["publish"]) == (KEPT + 6, KEPT + 5)
    assert (len(records), records[0].payload) == (KEPT, 6)
    assert records[-1].payload == []  # the model of a message so old is forgotten too
    ((essence, forgotten),) = book.ledger.forgotten.items()
    assert (essence.kind, essence.topic, essence.failed, forgotten) == ("publish", "order", False, 6)


def test_failures_of_attempts_and_firings_stay_however_much_follows(book: Book) -> None:
    book.after(Kind.ATTEMPT, None, handler="charge", exception=TimeoutError("first"))
    book.after(Kind.TICK, None, action="count", exception=TimeoutError("second"))
    book.after(Kind.CONFIRM, None, topic="order", exception=TimeoutError("is no handler's"))
    for _number in range(KEPT):
        book.after(Kind.ATTEMPT, None, exception=ValueError())

    assert [str(each.error) for each in book.ledger.failures[:3]] == ["first", "second", ""]
    assert len(book.ledger.failures) == KEPT
