"""The timeline of a failed test as text: a causal tree, as long and as wide as one likes to read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from jararaca_testing.records import Record
from jararaca_testing.report.events import Event, tree_of
from jararaca_testing.report.wording import Wording, outcome

LINES = 80
WIDTH = 120
DEEPEST = 16
"""Levels that are drawn as such; what lies deeper names its cause instead."""

BRANCH, LAST_BRANCH = "\u251c\u2500", "\u2514\u2500"
LAST = LINES // 2
WIDEST_HEAD = 64
WIDEST = 104


@dataclass(frozen=True, slots=True)
class Line:
    """One event: the branches that lead to it and what it is, how it ended, and when it was."""

    seq: int
    head: str
    outcome: str
    time: str

    def said(self, head: int) -> str:
        """All but the time, with the outcome `head` characters from the left if there is room."""
        return f"{self.head:{head}}  {self.outcome}" if self.outcome else self.head

    def text(self, head: int, room: int) -> str:
        """The line, with the time behind `room` characters and within `WIDTH`."""
        return f"{_cut(self.said(head), WIDTH - len(self.time) - 2):{room}}  {self.time}"


def timeline(records: Sequence[Record], wording: Wording) -> str:
    """The tree of these records; the middle is left out of what is longer than `LINES`."""
    lines = list(_lines(tree_of(records), wording))
    left_out: list[Line] = []
    if len(lines) > LINES:
        left_out, lines = lines[LINES - LAST - 1 : -LAST], [*lines[: LINES - LAST - 1], *lines[-LAST:]]
    head = min(WIDEST_HEAD, max((len(line.head) for line in lines if line.outcome), default=0))
    room = min(WIDEST, max((len(line.said(head)) for line in lines), default=0))
    text = [line.text(head, room) for line in lines]
    if left_out:
        numbers = [line.seq for line in left_out]
        text.insert(LINES - LAST - 1, f"... {len(left_out)} more, from #{min(numbers)} to #{max(numbers)} ...")
    return "\n".join(text)


def _lines(roots: Sequence[Event], wording: Wording) -> Iterator[Line]:
    """Every event, each before what it led to; without recursion, because a chain of messages may be very long."""
    waiting = [_Place(event, None, "", "", 0) for event in reversed(roots)]
    while waiting:
        place = waiting.pop()
        children = place.event.children
        waiting += [place.of_child(child, is_last=child is children[-1]) for child in reversed(children)]
        is_followed = bool(waiting) and waiting[-1].depth > DEEPEST
        yield _line(place.before_another() if is_followed and place.depth >= DEEPEST else place, wording)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an event stands: below which, and behind which branches; `below` stands before what it led to."""

    event: Event
    cause: Event | None
    branches: str
    below: str
    depth: int

    def of_child(self, child: Event, *, is_last: bool) -> "_Place":
        if self.depth >= DEEPEST:
            return _Place(child, self.event, self.branches, self.below, self.depth + 1)
        branch, below = (LAST_BRANCH, "  ") if is_last else (BRANCH, "\u2502 ")
        return _Place(child, self.event, self.below + branch, self.below + below, self.depth + 1)

    def before_another(self) -> "_Place":
        """The same place, with another line below it at its level, as for what is too deep to be drawn as such."""
        branches = self.branches.removesuffix(LAST_BRANCH)
        return self if branches == self.branches else replace(self, branches=branches + BRANCH)


def _line(place: _Place, wording: Wording) -> Line:
    event, cause = place.event, place.cause
    label = wording.label(event)
    if cause is not None and place.depth > DEEPEST:
        label += f" (by #{cause.seq})"
    later = event.record.at - cause.record.at if cause is not None else 0.0
    time = f"t=+{later:.3f}" if later >= 0.0005 else f"t={event.record.at:.3f}"
    return Line(event.seq, f"{place.branches}#{event.seq} {label}", outcome(event), time)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
