"""The layout of a diagram: lanes and rows, pure functions of records."""

from typing import Any

import pytest

from jararaca_testing.records import Record
from jararaca_testing.report.diagram import MOST_ROWS, Diagram, diagram_of
from jararaca_testing.report.durations import duration
from jararaca_testing.report.lanes import MOST_LANES
from jararaca_testing.report.wording import Tone, Wording


class Listener:
    def __init__(self, name: str, topic: str = "order.#") -> None:
        self.name = name
        self.topic = topic


def record(seq: int, kind: str, cause: int | None = None, *, at: float = 0.0, **fields: Any) -> Record:
    facts = {name: fields.pop(name) for name in tuple(fields) if name not in Record._fields}
    return Record(seq, kind, at, cause, facts=facts, **{"ended": seq, "until": at, **fields})


def attempt(seq: int, cause: int, handler: str = "charge", **fields: Any) -> Record:
    given = {"attempt": 1, "outcome": "ok", "message_id": "m", **fields}
    return record(seq, "attempt", cause, handler=handler, **given)


def exchange(seq: int, **fields: Any) -> Record:
    return record(seq, "exchange", **{"method": "GET", "path": "/a", "outcome": "200", **fields})


def drawn(*records: Record, handlers: tuple[str, ...] = ("charge",)) -> Diagram:
    return diagram_of(records, Wording([Listener(name) for name in handlers]))


def names(diagram: Diagram) -> list[str]:
    return [lane.name for lane in diagram.lanes]


def told(diagram: Diagram) -> list[tuple[str, str, str]]:
    """Each row as its shape, its lanes and its words."""
    lanes = names(diagram)
    rows = [(row, [lanes[place] for place in (row.source, *row.targets)]) for row in diagram.rows]
    return [(row.shape, " > ".join(places), row.label) for row, places in rows]


ORDER = (
    exchange(1, ended=8, until=2.0),
    record(2, "publish", 1, topic="order.placed"),
    record(3, "delivery", 2, handler="charge", message_id="m"),
    attempt(4, 2, outcome="error", error=OSError(), ended=5),
    record(6, "copy", 4, delay=90.0),
    record(7, "settle", 4, handler="charge", message_id="m", outcome="wait", reason="retry"),
    attempt(9, 2, at=90.0, attempt=2, outcome="error", error=OSError(), ended=10, until=90.0),
    record(
        11, "settle", 9, at=90.0, handler="charge", message_id="m", outcome="dead-letter", reason="retries-exhausted"
    ),
)


def test_a_story_goes_from_clients_over_services_to_queues_and_back() -> None:
    diagram = drawn(*ORDER)

    assert names(diagram) == ["test", "http", "queue of charge", "charge", "dead letters"]
    assert told(diagram) == [
        ("arrow", "test > http", "GET /a"),
        ("arrow", "http > queue of charge", "order.placed"),
        ("box", "charge > queue of charge", "1 \u00b7 OSError"),
        ("answer", "charge > queue of charge", "retry in 1 min 30 s"),
        ("answer", "http > test", "200"),
        ("box", "charge > queue of charge", "2 \u00b7 OSError"),
        ("answer", "charge > dead letters", "retries-exhausted"),
    ]
    assert [row.tone for row in diagram.rows] == [
        Tone.PLAIN, Tone.PLAIN, Tone.ERROR, Tone.RETRY, Tone.OK, Tone.ERROR, Tone.DEAD,
    ]  # fmt: skip
    assert diagram.places(diagram.rows[0]) == "from test to http"
    assert diagram.places(diagram.rows[2]) == "at charge, from queue of charge"


def test_times_are_told_once_and_what_passed_in_between_in_words() -> None:
    assert [(row.time, row.gap) for row in drawn(*ORDER).rows] == [
        ("0.000", ""), ("", ""), ("", ""), ("", ""), ("2.000", "2 s later"), ("90.000", "1 min 28 s later"), ("", ""),
    ]  # fmt: skip


def test_a_lane_is_busy_from_the_beginning_to_the_end_of_what_it_does() -> None:
    rows = drawn(*ORDER).rows

    assert [row.active for row in rows] == [(1,), (1,), (1, 3), (1,), (1,), (3,), ()]
    assert [(sorted(row.begins), sorted(row.ends)) for row in rows[:3]] == [([1], []), ([], []), ([3], [3])]
    assert [row.passing for row in rows if row.gap] == [(1,), ()]


def test_what_has_not_ended_is_busy_to_the_last_row() -> None:
    diagram = drawn(record(1, "tick", handler="remind", ended=None, until=None), record(2, "publish", 1, topic="x"))

    assert told(diagram) == [("box", "scheduler", "remind unfinished"), ("box", "scheduler", "x")]
    assert [row.active for row in diagram.rows] == [(0,), (0,)]
    assert diagram.rows[0].tone is Tone.OPEN


def test_websockets_are_clients_with_their_frames() -> None:
    diagram = drawn(
        record(1, "websocket", path="/feed?a=b", outcome="left with 1000", ended=9),
        record(2, "websocket", path="/feed", outcome="closed with 1001", ended=8),
        record(3, "sent", 1, payload="hello"),
        record(4, "received", 2, payload={"id": 1}),
        record(5, "frame", 1, outcome="broadcast", reached=2),
    )

    assert names(diagram) == ["/feed", "/feed 2", "http"]
    assert told(diagram) == [
        ("arrow", "/feed > http", "connect"),
        ("arrow", "/feed 2 > http", "connect"),
        ("arrow", "/feed > http", "'hello'"),
        ("arrow", "http > /feed 2", "{'id': 1}"),
        ("box", "http", "broadcast to 2 sockets"),
        ("answer", "http > /feed 2", "closed with 1001"),
        ("answer", "/feed > http", "left with 1000"),
    ]


def test_one_message_goes_to_every_queue_that_takes_it() -> None:
    diagram = drawn(record(1, "publish", topic="order.placed"), handlers=("charge", "send"))

    assert told(diagram) == [("arrow", "test > queue of charge > queue of send", "order.placed")]
    assert (diagram.rows[0].first, diagram.rows[0].last) == (0, 3)


def test_what_no_queue_takes_stays_where_it_was_published() -> None:
    confirm = record(2, "confirm", 1, topic="lost", outcome="unroutable")

    assert told(drawn(record(1, "publish", topic="lost"), confirm)) == [("box", "test", "lost unroutable")]


def test_what_concerns_everybody_is_a_note() -> None:
    diagram = drawn(record(1, "connection", outcome="lost", connection="default"))

    assert told(diagram) == [("note", "test", "broker default lost")]
    assert diagram.places(diagram.rows[0]) == ""


def test_a_delivery_that_nobody_handled_is_an_arrow_and_a_refused_one_has_no_box() -> None:
    diagram = drawn(
        record(1, "publish", topic="order.placed"),
        record(2, "delivery", 1, handler="charge", message_id="m"),
        record(3, "settle", 1, handler="charge", message_id="m", outcome="dead-letter", reason="invalid-payload"),
        record(4, "delivery", 1, handler="charge", message_id="m"),
    )

    assert told(diagram)[1:] == [
        ("answer", "charge > dead letters", "invalid-payload"),
        ("arrow", "queue of charge > charge", "delivered, not handled"),
    ]


@pytest.mark.parametrize(
    ("handlers", "sockets", "expected"),
    [
        (3, 1, ["test", "/0", "http", "queue of a.h0", "a.h0", "queue of a.h1", "a.h1", "queue of a.h2", "a.h2"]),
        (6, 1, ["test", "/0", "http", "queues", "a.h0", "a.h1", "a.h2", "a.h3", "a.h4", "a.h5"]),
        (6, 9, ["test", "websockets", "http", "queues", "a.h0", "a.h1", "a.h2", "a.h3", "a.h4", "a.h5"]),
        (20, 1, ["test", "websockets", "http", "queues", "a"]),
    ],
)
def test_lanes_are_shared_where_there_are_too_many(handlers: int, sockets: int, expected: list[str]) -> None:
    listeners = tuple(f"a.h{number}" for number in range(handlers))
    records = [exchange(1), record(2, "publish", 1, topic="order.placed")]
    records += [record(10 + number, "websocket", path=f"/{number}") for number in range(sockets)]

    assert names(drawn(*records, handlers=listeners)) == expected


def test_however_many_take_part_the_page_has_room_for_them() -> None:
    handlers = tuple(f"c{number}.handle" for number in range(50))
    diagram = drawn(record(1, "publish", topic="order.placed"), attempt(2, 1, "c7.handle"), handlers=handlers)

    assert names(diagram) == ["test", "queues", "handlers"]
    assert len(diagram.lanes) <= MOST_LANES
    assert told(diagram)[1] == ("box", "handlers > queues", "handle: ok")


def test_words_may_stand_over_the_neighbours_of_short_arrows_and_boxes() -> None:
    diagram = drawn(*ORDER)

    rooms = [diagram.room(row) for row in diagram.rows]
    assert rooms[0] == (0, 2, "start")
    assert rooms[1] == (0, 3, "middle")
    assert rooms[2] == (2, 4, "middle")
    assert rooms[6] == (2, 4, "end")
    assert diagram.room(drawn(record(1, "publish", topic="order.a"), handlers=("a", "b")).rows[0]) == (0, 3, "middle")


def test_of_a_very_long_story_the_middle_is_left_out() -> None:
    diagram = drawn(*(record(seq, "publish", topic="order.placed") for seq in range(1, MOST_ROWS + 11)))

    assert (len(diagram.rows), diagram.omitted) == (MOST_ROWS, 10)
    assert [diagram.rows[place].seq for place in (MOST_ROWS // 2 - 1, MOST_ROWS // 2)] == [1000, 1011]
    assert len(diagram.events) == MOST_ROWS


def test_nothing_is_a_diagram_too() -> None:
    assert (names(drawn()), drawn().rows) == (["test"], ())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.25, "250 ms"), (1.5, "1.5 s"), (60, "1 min"), (90.5, "1 min 30.5 s"), (7200, "2 h"), (5400, "1 h 30 min"),
     (86_400 * 3 + 7200, "3 d 2 h")],
)  # fmt: skip
def test_durations_are_told_as_people_do(seconds: float, words: str) -> None:
    assert duration(seconds) == words
