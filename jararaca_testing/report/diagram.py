"""The rows of a sequence diagram: what goes from which lane to which, in the order in which it began or ended.

Each row is one thing: an arrow, a box on a lane, or a note across all of them. So nothing can overlap, whatever the
names are, and the browser has nothing to measure.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from jararaca.core.steps import Kind
from jararaca_testing.records import Record
from jararaca_testing.report.durations import duration
from jararaca_testing.report.events import Event, tree_of
from jararaca_testing.report.lanes import Lane, Lanes, cast_of
from jararaca_testing.report.rows import HOMES, Painter, Row, Span
from jararaca_testing.report.wording import Wording

MOST_ROWS = 2_000
LEAST_GAP = 0.5
"""Seconds without anything that are worth a line."""


class Room(NamedTuple):
    """Lanes from the first to the last, and the side to which words lean in them."""

    first: int
    last: int
    side: str


_ALIGNED = {(True, True): "middle", (False, True): "start", (True, False): "end", (False, False): "middle"}


@dataclass(frozen=True, slots=True)
class Diagram:
    """Lanes, rows, and the events behind them; of a long story the middle rows are left out, `omitted` of them."""

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    events: tuple[Event, ...]
    omitted: int = 0

    def room(self, row: Row) -> Room:
        """Where the words of a row may stand: over its lanes, and over their neighbours if those are few.

        Nothing else is in the row, so they are in nobody's way.
        """
        first, last = (row.source, row.source) if row.shape == "box" else (row.first, row.last)
        if last - first > 1:
            return Room(first, last, "middle")
        left, right = first > 0, last < len(self.lanes) - 1
        return Room(first - left, last + right, _ALIGNED[left, right])

    def spans(self) -> list[tuple[int, int]]:
        """Every pair of a first and a last lane over which something stretches."""
        rooms = [self.room(row) for row in self.rows]
        return sorted({(row.first, row.last) for row in self.rows} | {(room.first, room.last) for room in rooms})

    def places(self, row: Row) -> str:
        """The lanes of a row in words, for those who do not see it."""
        names = ", ".join(self.lanes[place].name for place in row.targets)
        if row.shape == "note" or not names:
            return "" if row.shape == "note" else f"at {self.lanes[row.source].name}"
        if row.shape == "box":
            return f"at {self.lanes[row.source].name}, from {names}"
        return f"from {self.lanes[row.source].name} to {names}"


def diagram_of(records: Sequence[Record], wording: Wording) -> Diagram:
    """The diagram of a story."""
    placed = list(_with_homes(tree_of(records)))
    lanes = Lanes(cast_of(((event, depth) for event, _home, depth in placed), wording))
    painter = Painter(lanes, wording)
    rows = sorted(
        (row for event, home, _depth in placed for row in painter.rows(event, home)), key=lambda row: row.order
    )
    spans = [span for event, _home, _depth in placed for span in painter.spans(event)]
    timed = list(_timed(_edged(list(_busy(rows, spans)))))
    omitted = max(0, len(timed) - MOST_ROWS)
    kept = timed if not omitted else [*timed[: MOST_ROWS // 2], *timed[-MOST_ROWS // 2 :]]
    shown = {row.seq for row in kept}
    events = tuple(sorted((event for event, _home, _depth in placed if event.seq in shown), key=lambda each: each.seq))
    return Diagram(lanes.lanes, tuple(kept), events, omitted)


def _with_homes(roots: Sequence[Event]) -> Iterator[tuple[Event, Event | None, int]]:
    """Every event with the one in whose course it happened, and its depth."""
    waiting: list[tuple[Event, Event | None, int]] = [(event, None, 0) for event in reversed(roots)]
    while waiting:
        event, home, depth = waiting.pop()
        yield event, home, depth
        inner = event if event.kind in HOMES else None if event.kind == Kind.PUBLISH else home
        waiting += [(child, inner, depth + 1) for child in reversed(event.children)]


def _busy(rows: Sequence[Row], spans: Sequence[Span]) -> Iterator[Row]:
    """Each row with the lanes that are busy at it."""
    begins = deque(sorted((begin, lane) for lane, begin, _end in spans))
    ends = deque(sorted((end, lane) for lane, _begin, end in spans))
    busy: Counter[int] = Counter()
    for row in rows:
        while begins and begins[0][0] <= row.order:
            busy[begins.popleft()[1]] += 1
        while ends and ends[0][0] < row.order:
            busy[ends.popleft()[1]] -= 1
        yield replace(row, active=tuple(sorted(lane for lane, count in busy.items() if count > 0)))


def _edged(rows: Sequence[Row]) -> Iterator[Row]:
    """Each row with the lanes that become busy at it, and those that cease to be."""
    nothing = frozenset[int]()
    active = [nothing, *(frozenset(row.active) for row in rows), nothing]
    for before, now, after, row in zip(active, active[1:], active[2:], rows, strict=False):
        yield replace(row, begins=now - before, ends=now - after)


def _timed(rows: Iterable[Row]) -> Iterator[Row]:
    """Each row with its time where that is another than before, and with what passed in between."""
    before, said, active = 0.0, "", frozenset[int]()
    for row in rows:
        time = f"{row.at:.3f}"
        passed = row.at - before
        gap = f"{duration(passed)} later" if passed >= LEAST_GAP else ""
        passing = tuple(place for place in row.active if place in active)
        yield replace(row, time="" if time == said else time, gap=gap, passing=passing)
        before, said, active = max(before, row.at), time, frozenset(row.active)
