"""The tree behind a timeline, and its lines: pure functions of records."""

from typing import Any

import pytest

from jararaca_testing.records import Record
from jararaca_testing.report.events import Event, tree_of, walk
from jararaca_testing.report.text import DEEPEST, LINES, WIDTH, timeline
from jararaca_testing.report.wording import Tone, Wording, outcome, tone


class Listener:
    def __init__(self, name: str, topic: str) -> None:
        self.name = name
        self.topic = topic


DOWN = OSError()
WORDING = Wording([Listener("charge", "order.*"), Listener("mail", "order.placed")])


def record(seq: int, kind: str, cause: int | None = None, *, at: float = 0.0, **fields: Any) -> Record:
    facts = {name: fields.pop(name) for name in tuple(fields) if name not in Record._fields}
    return Record(seq, kind, at, cause, facts=facts, **{"ended": seq, **fields})


def attempt(seq: int, cause: int | None = None, **fields: Any) -> Record:
    return record(
        seq, "attempt", cause, **{"handler": "charge", "message_id": "m", "attempt": 1, "outcome": "ok", **fields}
    )


def event(*records: Record) -> Event:
    """The first of them, with everything that is folded into it."""
    return tree_of(records)[0]


def seqs(*records: Record) -> list[tuple[int, int]]:
    return [(event.seq, depth) for event, depth in walk(tree_of(records))]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"outcome": None, "cut": "cancelled"}, "#1 GET /  unanswered: cancelled"),
        ({"outcome": "200", "cut": "cancelled"}, "#1 GET / 200  not finished: cancelled"),
        ({"outcome": "500"}, "#1 GET / 500  raised OSError"),
    ],
)
def test_what_was_cut_off_has_no_answer_that_nobody_sent(fields: dict[str, Any], said: str) -> None:
    cut = record(1, "exchange", method="GET", path="/", error=DOWN, **fields)
    assert timeline([cut], WORDING) == f"{said}  t=0.000"


def test_what_was_caused_stands_below_its_cause() -> None:
    assert seqs(
        record(1, "tick"), record(2, "publish", 1), attempt(3, 2), record(4, "frame", 3), record(5, "tick")
    ) == [
        (1, 0),
        (2, 1),
        (3, 2),
        (4, 3),
        (5, 0),
    ]


def test_all_attempts_of_one_handler_at_one_message_stand_together() -> None:
    records = [
        record(1, "publish"),
        attempt(2, 1, outcome="error"),
        attempt(3, 1, handler="mail"),
        attempt(4, 1, attempt=2),
        attempt(5, 1, message_id="another"),
    ]

    assert [seq for seq, _depth in seqs(*records)] == [1, 2, 4, 3, 5]


def test_what_only_completes_another_record_is_no_line_of_its_own() -> None:
    records = [
        record(1, "exchange", method="GET", path="/"),
        record(2, "request", 1),
        record(3, "publish", 2, message_id="m"),
        record(4, "delivery", 3, handler="charge", message_id="m"),
        attempt(5, 3),
        record(6, "commit", 5, parts=()),
        record(7, "copy", 5),
        record(8, "settle", 5, handler="charge", message_id="m", outcome="ack"),
        record(9, "confirm", 3, outcome="confirmed"),
        record(10, "claim", outcome="claimed"),
        record(11, "lease", outcome="renewed"),
        record(12, "connection", outcome="connected"),
        record(13, "delivery", 3, handler="mail", message_id="m"),
        record(14, "settle", 3, handler="mail", message_id="m", outcome="wait", reason="early"),
    ]

    assert seqs(*records) == [(1, 0), (3, 1), (5, 2)]
    assert set(event(*records).children[0].children[0].parts) == {"delivery", "commit", "copy", "settle"}


def test_what_is_unusual_is_a_line() -> None:
    records = [
        record(1, "connection", outcome="lost", connection="default"),
        record(2, "connection", outcome="connected", connection="default"),
        record(3, "claim", outcome="lost", handler="remind"),
        record(4, "lease", outcome="lost", lease="remind"),
        record(5, "rollback", parts=("messages",)),
        record(6, "commit", parts=("database",)),
        record(7, "delivery", handler="charge"),
    ]

    assert [seq for seq, _depth in seqs(*records)] == [1, 2, 3, 4, 5, 6, 7]
    assert [line.split("  ")[0] for line in timeline(records, WORDING).splitlines()] == [
        "#1 broker default",
        "#2 broker default",
        "#3 claim remind",
        "#4 lease remind",
        "#5 rollback",
        "#6 commit",
        "#7 charge",
    ]


def test_what_is_caused_by_something_forgotten_is_a_root() -> None:
    assert seqs(attempt(9, 2), record(10, "confirm", 3, topic="a", outcome="failed", error=DOWN)) == [
        (9, 0),
        (10, 0),
    ]


@pytest.mark.parametrize(
    ("records", "label", "ending", "meaning"),
    [
        ([record(1, "publish", topic="order.placed")], "publish order.placed -> charge, mail", "", Tone.PLAIN),
        ([record(1, "publish", topic="x", outcome="delayed")], "publish x", "delayed", Tone.PLAIN),
        ([record(1, "publish", topic="x", ended=None)], "publish x", "not handed over", Tone.OPEN),
        (
            [record(1, "publish", topic="x"), record(2, "confirm", 1, topic="x", outcome="unroutable")],
            "publish x", "unroutable: no queue bound to 'x'", Tone.ERROR,
        ),
        ([record(1, "confirm", topic="x", outcome="failed", error=DOWN)], "publish x", "failed: OSError", Tone.ERROR),
        ([attempt(1)], "charge", "ok", Tone.OK),
        ([attempt(1, attempt=2)], "charge attempt 2", "ok", Tone.OK),
        ([attempt(1, outcome=None, ended=None)], "charge attempt 1", "unfinished", Tone.OPEN),
        ([attempt(1, outcome="rolled back")], "charge attempt 1", "rolled back", Tone.ERROR),
        (
            [attempt(1, outcome="timeout", error=DOWN), record(2, "settle", 1, outcome="wait", reason="retry")],
            "charge attempt 1", "timed out, retry", Tone.RETRY,
        ),
        (
            [attempt(1, outcome="error", error=DOWN), record(2, "settle", 1, outcome="dead-letter", reason="error")],
            "charge attempt 1", "raised OSError, dead letter: error", Tone.DEAD,
        ),
        (
            [attempt(1), record(2, "settle", 1, outcome="requeue", reason="copy-failed")],
            "charge", "ok, requeued: copy-failed", Tone.RETRY,
        ),
        (
            [record(1, "settle", handler="charge", outcome="dead-letter", reason="invalid-payload")],
            "charge", "dead letter: invalid-payload", Tone.DEAD,
        ),
        (
            [record(1, "settle", handler="charge", outcome="ack", reason="early-ack")],
            "charge", "settled: ack", Tone.PLAIN,
        ),
        ([record(1, "delivery", handler="charge")], "charge", "delivered, not handled", Tone.PLAIN),
        ([record(1, "tick", handler="remind", outcome="skipped")], "tick remind", "skipped", Tone.OK),
        (
            [record(1, "tick", handler="remind", outcome="error", error=DOWN)],
            "tick remind", "raised OSError", Tone.ERROR,
        ),
        ([record(1, "frame", outcome="broadcast", reached=1)], "frame broadcast", "to 1 socket", Tone.PLAIN),
        (
            [record(1, "frame", outcome="send", rooms=("a", "b"), reached=2)],
            "frame to a, b", "to 2 sockets", Tone.PLAIN,
        ),
        ([record(1, "exchange", method="GET", path="/a", outcome="404")], "GET /a 404", "", Tone.ERROR),
        ([record(1, "exchange", method="GET", path="/a", ended=None)], "GET /a", "unanswered", Tone.OPEN),
        (
            [record(1, "exchange", method="GET", path="/a", outcome="500", error=DOWN)],
            "GET /a 500", "raised OSError", Tone.ERROR,
        ),
        ([record(1, "request", method="GET", path="/a", outcome="200")], "GET /a 200", "", Tone.OK),
        ([record(1, "websocket", path="/a", ended=None)], "websocket /a", "open", Tone.OPEN),
        ([record(1, "websocket", path="/a", outcome="left with 1000")], "websocket /a", "left with 1000", Tone.PLAIN),
        ([record(1, "connection", path="/a", handler="GET /a")], "websocket /a", "", Tone.PLAIN),
        ([record(1, "sent", payload={"password": "x"})], "sent {'password': ***}", "", Tone.PLAIN),
        ([record(1, "received", payload="x" * 99)], f"received '{'x' * 56}...", "", Tone.PLAIN),
        ([record(1, "rollback", reason="because", parts=("database",))], "rollback", "because", Tone.ERROR),
    ],
)  # fmt: skip
def test_each_kind_has_its_words(records: list[Record], label: str, ending: str, meaning: Tone) -> None:
    told = event(*records)

    assert (WORDING.label(told), outcome(told), tone(told)) == (label, ending, meaning)


def test_a_publish_to_many_names_a_few() -> None:
    wording = Wording([Listener(f"h{number}", "#") for number in range(6)])

    assert wording.label(event(record(1, "publish", topic="a"))) == "publish a -> h0, h1, h2, h3 and 2 more"


def test_time_is_told_from_the_cause_on_where_it_passed() -> None:
    lines = timeline([record(1, "tick", at=60.0, handler="a"), record(2, "publish", 1, at=60.0, topic="b"),
                      record(3, "publish", 1, at=62.5, topic="c")], WORDING).splitlines()  # fmt: skip

    assert [line.split()[-1] for line in lines] == ["t=60.000", "t=60.000", "t=+2.500"]


def test_a_chain_however_long_stays_on_the_page_and_names_its_causes() -> None:
    chain = [record(seq, "publish", seq - 1 or None, topic="again") for seq in range(1, 2_001)]

    lines = timeline(chain, WORDING).splitlines()

    assert len(lines) == LINES
    assert f"#{DEEPEST + 2} publish again (by #{DEEPEST + 1})" in lines[DEEPEST + 1]
    assert lines[LINES // 2 - 1] == "... 1921 more, from #40 to #1960 ..."
    assert lines[-1].split()[:5] == ["└─#2000", "publish", "again", "(by", "#1999)"]


def test_what_is_too_deep_to_be_drawn_so_has_the_branch_of_a_last_one_only_at_its_end() -> None:
    chain = [record(seq, "publish", seq - 1 or None, topic="again") for seq in range(1, DEEPEST + 5)]

    lines = [line.split("#")[0].strip() for line in timeline(chain, WORDING).splitlines()]

    assert lines[:DEEPEST] == ["", *["└─"] * (DEEPEST - 1)]
    assert lines[DEEPEST:] == ["├─", "├─", "├─", "└─"]


def test_what_follows_a_deep_chain_has_its_own_branch() -> None:
    chain = [record(seq, "publish", seq - 1 or None, topic="again") for seq in range(1, DEEPEST + 4)]

    lines = timeline([*chain, record(50, "tick", DEEPEST, handler="a")], WORDING).splitlines()

    assert [line.split("#")[0].strip() for line in lines[DEEPEST:]] == ["├─", "├─", "├─", "└─"]


def test_no_line_is_wider_than_a_page() -> None:
    records = [
        record(1, "publish", topic="x" * 300),
        attempt(2, 1, handler="y" * 300, outcome="error", error=DOWN),
    ]

    lines = timeline(records, WORDING).splitlines()

    assert [len(line) <= WIDTH for line in lines] == [True, True]
    assert lines[0].endswith("...  t=0.000")


def test_nothing_happened_is_nothing_said() -> None:
    assert timeline([], WORDING) == ""
