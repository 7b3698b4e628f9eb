"""The causal tree of a test: each record that says something of its own, below the one that led to it.

Records that only complete another one are folded into it: the confirm of a publish, the delivery and the settlement of
an attempt, the request behind an exchange. What always happens and tells nothing, as a claim that succeeds, is left
out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from jararaca.core.steps import Kind
from jararaca_testing.records import Record
from jararaca_testing.traffic import EXCHANGE, WEBSOCKET

DATABASES = frozenset({"database", "outbox_database"})
_FOLDED: dict[str, str] = {
    Kind.CONFIRM: Kind.PUBLISH,
    Kind.REQUEST: EXCHANGE,
    Kind.CONNECTION: WEBSOCKET,
    Kind.SETTLE: Kind.ATTEMPT,
    Kind.COPY: Kind.ATTEMPT,
}


@dataclass(slots=True, eq=False)
class Event:
    """A record, with those that complete it by their kind, and what it led to."""

    record: Record
    parts: dict[str, Record] = field(default_factory=dict)
    children: list["Event"] = field(default_factory=list)
    siblings: int = 1
    """How many attempts its handler made at that message."""

    @property
    def seq(self) -> int:
        return self.record.seq

    @property
    def kind(self) -> str:
        return self.record.kind


class Tree:
    """Takes the records of a test in the order of their numbers."""

    def __init__(self) -> None:
        self.roots: list[Event] = []
        self._events: dict[int, Event] = {}
        self._delivered: dict[tuple[str | None, str | None], list[Record]] = {}
        self._trouble = False

    def add(self, record: Record) -> None:
        """Fold a record into what it completes, leave it out, or let it be an event of its own."""
        cause = self._events.get(record.cause or 0)
        if cause is not None and _FOLDED.get(record.kind) == cause.kind:
            cause.parts[record.kind] = record
            self._events[record.seq] = cause
        elif record.kind == Kind.DELIVERY:
            self._delivered.setdefault((record.handler, record.message_id), []).append(record)
        elif self._says_something(record):
            self._put(Event(record, self._delivery_of(record)), cause)
        elif _is_early(record):
            self._delivery_of(record)
        elif cause is not None:
            cause.parts[record.kind] = record

    def _delivery_of(self, record: Record) -> dict[str, Record]:
        deliveries = self._delivered.get((record.handler, record.message_id))
        if not deliveries or record.kind not in (Kind.ATTEMPT, Kind.SETTLE):
            return {}
        return {Kind.DELIVERY: deliveries.pop(0)}

    def _put(self, event: Event, cause: Event | None) -> None:
        self._events[event.seq] = event
        (self.roots if cause is None else cause.children).append(event)

    def _says_something(self, record: Record) -> bool:
        parts = record.facts.get("parts", ())
        match record.kind:
            case Kind.CLAIM:
                return record.outcome == "lost"
            case Kind.LEASE:
                return record.outcome != "renewed"
            case Kind.OUTBOX:
                return record.outcome in ("postponed", "parked")
            case Kind.COMMIT:
                return not DATABASES.isdisjoint(parts)
            case Kind.ROLLBACK:
                return bool(parts)
            case Kind.COPY:
                return False
            case Kind.SETTLE:
                return not _is_early(record)
            case Kind.CONNECTION if record.handler is None:
                self._trouble = self._trouble or record.outcome != "connected"
                return self._trouble
        return True

    def finish(self) -> list[Event]:
        """The roots, each with everything below it in order: by number, with all attempts of one handler together."""
        for deliveries in self._delivered.values():
            for record in deliveries:
                self._put(Event(record), self._events.get(record.cause or 0))
        for event in set(self._events.values()):
            _order(event.children)
        _order(self.roots)
        return self.roots


def _is_early(record: Record) -> bool:
    """Whether a message that was not yet due was only sent on: long waits consist of several shorter ones."""
    return record.kind == Kind.SETTLE and record.reason == "early"


def _order(events: list[Event]) -> None:
    events.sort(key=lambda event: event.seq)
    first: dict[tuple[str | None, str | None], int] = {}
    count: dict[tuple[str | None, str | None], int] = {}
    for event in events:
        if event.kind in (Kind.ATTEMPT, Kind.SETTLE, Kind.DELIVERY):
            leg = (event.record.handler, event.record.message_id)
            first.setdefault(leg, event.seq)
            count[leg] = count.get(leg, 0) + (event.kind == Kind.ATTEMPT)
    for event in events:
        event.siblings = count.get((event.record.handler, event.record.message_id), 1)
    events.sort(key=lambda event: (first.get((event.record.handler, event.record.message_id), event.seq), event.seq))


def tree_of(records: Iterable[Record]) -> list[Event]:
    """What happened, from its first causes on."""
    tree = Tree()
    for record in records:
        tree.add(record)
    return tree.finish()


def walk(roots: Sequence[Event]) -> Iterator[tuple[Event, int]]:
    """Every event with its depth, each before what it led to; however deep they lie."""
    waiting = [(event, 0) for event in reversed(roots)]
    while waiting:
        event, depth = waiting.pop()
        yield event, depth
        waiting += [(child, depth + 1) for child in reversed(event.children)]
