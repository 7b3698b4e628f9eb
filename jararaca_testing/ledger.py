"""Everything that happened in one test, in order: an observer of the application's stream of facts.

It stands above the ports, so the same records come out whether the broker is in memory or a real server. Counts cover
the whole test; details are kept for the last 10,000 records. What can lead to something else is numbered when it
begins, so that a cause always has a smaller number than its effect; the rest when it has happened.
"""

import itertools
import json
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import attrgetter
from typing import Any

from jararaca.core.steps import Kind, Step
from jararaca.messagebus.messages import Message
from jararaca.presentation.websocket.frames import Frame
from jararaca_testing.lineage import RUNS, Lineage
from jararaca_testing.records import NOTHING, Essence, Record

KEPT = 10_000
SPANS = RUNS | {Kind.PUBLISH}
"""What can lead to something else: one record from its beginning to its end."""

_seq = attrgetter("seq")


class Ledger:
    """The records of one test. `on_step` is called with every step before it is recorded, `on_record` with what has
    happened and its record.

    `failures` are the attempts and firings that raised, the first 10,000 of them; `forgotten` counts the records whose
    details were given up, by what is still known of them. `seen` has the numbers of those that the test looked at by
    the name of a topic or a handler.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._start = now()
        self._seq = itertools.count(1)
        self._lineage = Lineage()
        self._records: deque[Record] = deque()
        self._begun: deque[Record] = deque(maxlen=KEPT)
        self._open: OrderedDict[Any, tuple[Record, Any]] = OrderedDict()
        self._payloads: OrderedDict[str, Any] = OrderedDict()
        self.counts: Counter[str] = Counter()
        self.forgotten: Counter[Essence] = Counter()
        self.failures: list[Record] = []
        self.seen: set[int] = set()
        self.on_step: list[Callable[[Step], None]] = []
        self.on_record: list[Callable[[Step, Record], None]] = []

    def __iter__(self) -> Iterator[Record]:
        return iter(sorted(self._records, key=_seq))

    def __len__(self) -> int:
        return self.counts.total()

    def observe(self, step: Step) -> None:
        """Record one step; told by the application."""
        for listener in self.on_step:
            listener(step)
        if step.phase == "before":
            if step.kind in SPANS:
                self._begin(step)
            return
        if step.kind is Kind.CONFIRM:  # a publish that failed has no end of its own
            self._open.pop((Kind.PUBLISH, step.execution, id(step.subject)), None)
        record = self._ended(step)
        self._add(record)
        for tell in self.on_record:
            tell(step, record)

    def begin(self, kind: str, **fields: Any) -> Record:
        """Record that a client of the test begins something that is no step of the application."""
        record = Record(next(self._seq), kind, self._now() - self._start, **fields)
        self._begun.append(record)
        self._keep_open(record.seq, record, None)
        return record

    def end(self, begun: Record, **fields: Any) -> None:
        """Record how that ended."""
        self._open.pop(begun.seq, None)
        self._add(begun._replace(ended=next(self._seq), until=self._now() - self._start, **fields))

    def note(self, kind: str, **fields: Any) -> None:
        """Record what a client of the test saw or did in one moment."""
        seq, now = next(self._seq), self._now() - self._start
        self._add(Record(seq, kind, now, ended=seq, until=now, **fields))

    def story(self) -> list[Record]:
        """The kept records and those that have not ended, by number: what a timeline shows."""
        return sorted((*self._records, *(record for record, _subject in self._open.values())), key=_seq)

    def _keep_open(self, key: Any, record: Record, subject: Any) -> None:
        self._open[key] = (record, subject)  # the subject stays alive, so that no other has its id
        if len(self._open) > KEPT:
            self._open.popitem(last=False)

    def _begin(self, step: Step) -> None:
        seq, cause = next(self._seq), self._lineage.cause_of(step)
        record = self._record(step, seq, self._now() - self._start, cause)
        self._begun.append(record)
        self._lineage.remember(step, seq)
        self._keep_open(_key(step), record, step.subject)

    def _ended(self, step: Step) -> Record:
        begun = self._open.pop(_key(step), None) if step.kind in SPANS else None
        seq, now = next(self._seq), self._now() - self._start
        if begun is not None:
            record = begun[0]
            return self._record(step, record.seq, record.at, record.cause, ended=seq, until=now)
        cause = self._lineage.cause_of(step)
        self._lineage.remember(step, seq)
        return self._record(step, seq, now, cause, ended=seq, until=now)

    def _add(self, record: Record) -> None:
        self.counts[record.kind] += 1
        self._records.append(record)
        if len(self._records) > KEPT:
            self.forgotten[self._records.popleft().essence] += 1
        failed = record.error is not None and record.kind in (Kind.ATTEMPT, Kind.TICK)
        if failed and len(self.failures) < KEPT:
            self.failures.append(record)

    def _record(self, step: Step, seq: int, at: float, cause: int | None, **end: Any) -> Record:
        facts = step.facts
        message_id = facts.get("message_id")
        return Record(
            seq=seq,
            kind=str(step.kind),
            at=at,
            cause=cause,
            execution=step.execution,
            topic=facts.get("topic"),
            payload=self._payload(step, message_id),
            headers=getattr(_envelope(step.subject), "headers", NOTHING),
            message_id=message_id,
            handler=facts.get("handler") or facts.get("action") or facts.get("route"),
            attempt=facts.get("attempt"),
            outcome=_outcome(facts),
            reason=facts.get("reason"),
            error=facts.get("exception"),
            facts=facts,
            **end,
        )

    def _payload(self, step: Step, message_id: str | None) -> Any:
        subject = step.subject
        if isinstance(subject, Frame):
            return subject.payload
        model = subject.payload() if isinstance(subject, Message) else getattr(subject, "model", None)
        if step.kind is Kind.PUBLISH and model is not None:
            return self._remember(message_id, model)  # its own, though another message had the same id
        if message_id is not None and message_id in self._payloads:
            return self._payloads[message_id]
        if model is not None:
            return self._remember(message_id, model)
        envelope = _envelope(subject)
        return None if envelope is None else _parsed(envelope.body)

    def _remember(self, message_id: str | None, model: Any) -> Any:
        if message_id is not None:
            self._payloads[message_id] = model
            if len(self._payloads) > KEPT:
                self._payloads.popitem(last=False)
        return model

    def look(self, records: Iterable[Record]) -> None:
        """The test has looked at these."""
        self.seen.update(record.seq for record in records)

    def begun(self, *kinds: Kind) -> list[Record]:
        """What began, of these kinds out of `SPANS`: the records as they were at that moment, oldest first."""
        return [record for record in self._begun if record.kind in kinds]

    def of_kind(self, *kinds: Kind) -> list[Record]:
        """The kept records of these kinds, oldest first."""
        return [record for record in self if record.kind in kinds]


def _key(step: Step) -> Any:
    return step.kind, step.execution, id(step.subject)


def _envelope(subject: Any) -> Any | None:
    envelope = getattr(subject, "envelope", subject)
    return envelope if hasattr(envelope, "body") and hasattr(envelope, "headers") else None


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def _outcome(facts: Mapping[str, Any]) -> str | None:
    for name in ("outcome", "verb", "status"):
        if facts.get(name) is not None:
            return str(facts[name])
    return "delayed" if facts.get("delayed") else None
