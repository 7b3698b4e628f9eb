"""How each kind of event is drawn: which row, or two of them, from which lane to which."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from jararaca.core.steps import Kind
from jararaca_testing import traffic
from jararaca_testing.report.durations import duration
from jararaca_testing.report.events import Event
from jararaca_testing.report.lanes import Lanes
from jararaca_testing.report.wording import (
    Tone,
    Wording,
    asked,
    ending,
    is_one_of_many,
    outcome,
    own_tone,
    settled,
    tone,
)
from jararaca_testing.showing import shown

OF_A_FRAME = 40

Shape = Literal["arrow", "answer", "box", "note"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row; `seq` is the event that it is about, `order` its place, `active` the lanes that are busy meanwhile.

    An arrow goes from `source` to every one of `targets`; a box is on `source`, and comes from `targets[0]` if there
    is one. `begins` and `ends` are those of `active` that were not so before, or are not afterwards. `gap` is the time
    that passed before, in words, and `passing` the lanes that were busy all through it.
    """

    seq: int
    order: int
    at: float
    shape: Shape
    source: int
    label: str
    tone: Tone
    targets: tuple[int, ...] = ()
    time: str = ""
    gap: str = ""
    active: tuple[int, ...] = ()
    passing: tuple[int, ...] = ()
    begins: frozenset[int] = frozenset()
    ends: frozenset[int] = frozenset()

    @property
    def first(self) -> int:
        """The leftmost lane that it touches."""
        return min(self.source, *self.targets) if self.targets else self.source

    @property
    def last(self) -> int:
        """The rightmost lane that it touches."""
        return max(self.source, *self.targets) if self.targets else self.source


HOMES = frozenset({traffic.EXCHANGE, traffic.WEBSOCKET, Kind.REQUEST, Kind.ATTEMPT, Kind.TICK})
"""What other things happen in the course of."""

Span = tuple[int, int, int]
"""A lane that is busy from one number to another."""

FOR_EVER = 1 << 60


class Painter:
    """Knows how each kind of event is drawn."""

    def __init__(self, lanes: Lanes, wording: Wording) -> None:
        self._lanes = lanes
        self._wording = wording

    def lane(self, event: Event | None) -> int:
        """Where an event happens."""
        if event is None:
            return self._lanes.named("test")
        if event.kind == Kind.ATTEMPT:
            return self._lanes.handler(str(event.record.handler))
        return self._lanes.named("scheduler" if event.kind == Kind.TICK else "http")

    def spans(self, event: Event) -> Iterator[Span]:
        """What is busy while an event lasts."""
        if event.kind in HOMES and event.kind != traffic.WEBSOCKET:
            yield self.lane(event), event.seq, event.record.ended or FOR_EVER

    def rows(self, event: Event, home: Event | None) -> Iterator[Row]:
        """Everything that is to be seen of an event that happened in the course of `home`."""
        match event.kind:
            case traffic.EXCHANGE | Kind.REQUEST:
                yield from self._exchange(event)
            case traffic.WEBSOCKET:
                yield from self._websocket(event)
            case traffic.SENT | traffic.RECEIVED:
                yield self._frame(event, home)
            case Kind.PUBLISH:
                yield self._publish(event, home)
            case Kind.ATTEMPT | Kind.SETTLE | Kind.DELIVERY:
                yield from self._message(event)
            case Kind.CONNECTION if not event.record.handler:
                yield self._row(event, "note", 0, label=f"{self._wording.label(event)} {outcome(event)}")
            case Kind.TICK | Kind.CLAIM | Kind.LEASE:
                yield self._row(event, "box", self._lanes.named("scheduler"), label=self._said(event))
            case _:
                yield self._row(event, "box", self.lane(home), label=self._said(event))

    def _said(self, event: Event) -> str:
        how = outcome(event)
        what = self._wording.label(event).removeprefix(f"{event.kind} ")
        return f"{what} {'' if how == 'ok' else how}".rstrip()

    def _row(self, event: Event, shape: Shape, source: int, *targets: int, label: str) -> Row:
        return Row(event.seq, event.seq, event.record.at, shape, source, label, own_tone(event), targets)

    def _exchange(self, event: Event) -> Iterator[Row]:
        test, http = self._lanes.named("test"), self._lanes.named("http")
        record = event.record
        request = replace(self._row(event, "arrow", test, http, label=asked(record)), tone=Tone.PLAIN)
        yield request
        if record.ended is not None and record.until is not None:
            answer = " ".join(filter(None, (record.outcome, outcome(event))))
            row = replace(request, shape="answer", source=http, targets=(test,), label=answer, tone=own_tone(event))
            yield replace(row, order=record.ended, at=record.until)

    def _websocket(self, event: Event) -> Iterator[Row]:
        client, http = self._lanes.socket(event.seq), self._lanes.named("http")
        record = event.record
        opened = replace(self._row(event, "arrow", client, http, label="connect"), tone=Tone.PLAIN)
        yield opened
        if record.ended is not None and record.until is not None:
            left = (record.outcome or "").startswith("left")
            source, target = (client, http) if left else (http, client)
            row = replace(opened, shape="answer", source=source, targets=(target,), label=outcome(event))
            yield replace(row, order=record.ended, at=record.until, tone=own_tone(event))

    def _frame(self, event: Event, home: Event | None) -> Row:
        client = self._lanes.named("test") if home is None else self._lanes.socket(home.seq)
        http, label = self._lanes.named("http"), shown(event.record.payload, OF_A_FRAME)
        ways = (client, http) if event.kind == traffic.SENT else (http, client)
        return self._row(event, "arrow", *ways, label=label)

    def _publish(self, event: Event, home: Event | None) -> Row:
        targets = dict.fromkeys(self._lanes.queue(each) for each in self._wording.targets(event.record))
        source, label = self.lane(home), f"{event.record.topic} {outcome(event).partition(':')[0]}".rstrip()
        return self._row(event, "arrow" if targets else "box", source, *targets, label=label)

    def _message(self, event: Event) -> Iterator[Row]:
        record, name = event.record, str(event.record.handler)
        handler, queue = self._lanes.handler(name), self._lanes.queue(name)
        prefix = "" if self._lanes.handler_is_alone(name) else f"{name.rpartition('.')[2]}: "
        if event.kind == Kind.DELIVERY:
            yield self._row(event, "arrow", queue, handler, label=f"{prefix}{outcome(event)}")
            return
        if event.kind == Kind.ATTEMPT:
            number = f"{record.attempt} \u00b7 " if is_one_of_many(event) else ""
            how = ending(record).removeprefix("raised ")
            yield self._row(event, "box", handler, queue, label=f"{prefix}{number}{how}")
        settlement = record if event.kind == Kind.SETTLE else event.parts.get(Kind.SETTLE)
        words = settled(settlement)
        if settlement is not None and words:
            is_dead = tone(event) is Tone.DEAD
            to = self._lanes.named("dead letters") if is_dead else queue
            delay = event.parts[Kind.COPY].facts.get("delay") if Kind.COPY in event.parts else None
            words = f"retry in {duration(delay)}" if delay and words == "retry" else words.removeprefix("dead letter: ")
            row = self._row(event, "answer", handler, to, label=words)
            yield replace(row, order=settlement.seq, at=settlement.at, tone=tone(event))
