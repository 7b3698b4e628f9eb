"""What a test leaves on the broker that it did not look at: told of every record, above the ports.

So the same answer comes out in every profile. A record that the test looked at by the name of a topic or a handler is
accounted for, and what it expects with `bus.expect_leftover(...)`, before or after.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from jararaca.core.steps import Kind, Step
from jararaca.errors import InvalidOption
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.gates.findings import Finding, handled, origin
from jararaca_testing.gates.names import DEAD_LETTERS, LEFTOVERS, UNROUTABLE
from jararaca_testing.ledger import KEPT, Ledger
from jararaca_testing.origins import raised_at
from jararaca_testing.records import Record
from jararaca_testing.routing import binding_matches

Leg = tuple[str | None, str | None]
"""One handler's name and one message's id."""

QUESTIONS = {
    "dead-letter": "dead_lettered",
    "unroutable": "unroutable",
    "delayed": "published",
    "retry": "retried",
    "staged": "staged",
    "parked": "parked",
}
"""How a test looks at what is left of each kind."""

KINDS = (*QUESTIONS, "ready")


@dataclass(frozen=True, slots=True)
class Left:
    """One message that is left: of which kind, and the record that says so; `place` is where it was published."""

    kind: str
    record: Record
    place: object


@dataclass(frozen=True, slots=True)
class Expected:
    """What a test says that it leaves. What it does not name may be anything."""

    topic: str | None
    handlers: frozenset[str] | None
    kind: str | None

    def covers(self, kind: str, topic: str | None, handler: str | None, bindings: Sequence[HandlerSpec]) -> bool:
        """Whether this is what is left. A message without a handler is anybody's who listens to its topic."""
        if self.kind not in (None, kind):
            return False
        if self.topic is not None and not binding_matches(self.topic, topic or ""):
            return False
        if self.handlers is None:
            return True
        if handler is not None:
            return handler in self.handlers
        listening = (each for each in bindings if each.name in self.handlers)
        return any(binding_matches(each.topic, topic or "") for each in listening)


def expected(topic: str | None, handlers: Sequence[str] | None, kind: str | None) -> Expected:
    """An expectation out of what a test says.

    Raises:
        InvalidOption: it says nothing, or a kind that there is not.
    """
    if topic is None and handlers is None and kind is None:
        raise InvalidOption(
            "expect_leftover() needs to be told what: a topic, handler=, or kind=. To let everything through, mark the "
            'test with @pytest.mark.jararaca(allow=["leftovers", "dead-letters", "unroutable"]).'
        )
    if kind is not None and kind not in KINDS:
        (near,) = get_close_matches(kind, KINDS, n=1, cutoff=0.0)
        raise InvalidOption(
            f"expect_leftover(kind={kind!r}): nothing is left in this way. Did you mean {near!r}? There are: "
            f"{', '.join(KINDS)}."
        )
    return Expected(topic, None if handlers is None else frozenset(handlers), kind)


class Leftovers:
    """Follows the messages of one application until they are settled for good."""

    def __init__(self, ledger: Ledger, handlers: Sequence[HandlerSpec]) -> None:
        self._ledger = ledger
        self._handlers = {each.name: each for each in handlers}
        self._expected: list[Expected] = []
        self._published: OrderedDict[str | None, Step] = OrderedDict()
        self._publish_seqs: dict[str | None, int] = {}
        self._delayed: dict[str | None, Left] = {}
        self._waiting: dict[Leg, Left] = {}
        self._back: dict[Leg, Left] = {}
        self._ended: list[Left] = []
        self._outbox: OrderedDict[str | None, Left] = OrderedDict()
        self._take: dict[str, Callable[[Step, Record], None]] = {
            Kind.PUBLISH: self._was_published,
            Kind.CONFIRM: self._was_confirmed,
            Kind.DELIVERY: self._was_delivered,
            Kind.SETTLE: self._was_settled,
            Kind.OUTBOX: self._moved_in_outbox,
        }

    def expect(self, expectation: Expected) -> None:
        """The test means to leave this, whether it came already or is to come."""
        self._expected.append(expectation)

    def on_record(self, step: Step, record: Record) -> None:
        """Take one record into account, and the step that it is of."""
        take = self._take.get(record.kind)
        if take is not None:
            take(step, record)

    def _was_published(self, step: Step, record: Record) -> None:
        message = record.message_id
        self._published[message], self._publish_seqs[message] = step, record.seq
        if len(self._published) > KEPT:
            del self._publish_seqs[self._published.popitem(last=False)[0]]
        if record.outcome == "delayed":
            self._delayed[message] = self._left("delayed", record)

    def _left(self, kind: str, record: Record) -> Left:
        step = self._published.get(record.message_id)
        return Left(kind, record, None if step is None else getattr(step.subject, "place", None))

    def _was_confirmed(self, _step: Step, record: Record) -> None:
        if record.outcome != "confirmed":
            self._delayed.pop(record.message_id, None)
        if record.outcome == "unroutable" and record.error is None:  # else its publisher was told
            self._end("unroutable", record)
        staged = self._outbox.get(record.message_id)
        if staged is not None and staged.kind == "staged" and record.outcome != "failed" and record.error is None:
            del self._outbox[record.message_id]  # also if its relay died before it could say so

    def _moved_in_outbox(self, step: Step, record: Record) -> None:
        message = record.message_id
        if record.outcome == "sent":
            self._outbox.pop(message, None)
        elif record.outcome == "parked" or (message is not None and message not in self._outbox):
            kind = "parked" if record.outcome == "parked" else "staged"
            self._outbox[message] = Left(kind, record, getattr(step.subject, "place", None))
            if len(self._outbox) > KEPT:
                self._outbox.popitem(last=False)

    def _end(self, kind: str, record: Record) -> None:
        if len(self._ended) < KEPT:
            self._ended.append(self._left(kind, record))

    def _was_delivered(self, _step: Step, record: Record) -> None:
        leg = (record.handler, record.message_id)
        came = self._delayed.pop(record.message_id, None) or self._waiting.pop(leg, None)
        if came is not None:
            self._back[leg] = came

    def _was_settled(self, _step: Step, record: Record) -> None:
        leg = (record.handler, record.message_id)
        came = self._back.pop(leg, None)
        if record.outcome == "dead-letter":
            self._end("dead-letter", record)
        elif record.outcome == "wait" and record.reason == "early":  # sent on for the rest of its time
            self._waiting[leg] = came or self._left("delayed", record)
        elif record.outcome == "wait":
            self._waiting[leg] = self._left("retry", record)

    # -- at the end

    def findings(self, ready: Mapping[str, int]) -> list[Finding]:
        """What nobody looked at and nobody expects. `ready` counts, by queue, what the broker has of it."""
        return [*self._on_record(ready), *self._only_on_broker(ready)]

    def _on_record(self, ready: Mapping[str, int]) -> Iterator[Finding]:
        for left in (*self._ended, *self._waiting.values(), *self._delayed.values(), *self._outbox.values()):
            taken = left.kind == "dead-letter" and ready.get(dead_letters_of(left.record.handler)) == 0
            if not (taken or self._was_seen(left) or self._is_expected(left.kind, left.record)):
                yield self._finding(left)

    def _was_seen(self, left: Left) -> bool:
        seen = self._ledger.seen
        if left.record.seq in seen:
            return True
        return left.kind in ("unroutable", "delayed") and self._publish_seqs.get(left.record.message_id) in seen

    def _is_expected(self, kind: str, record: Record) -> bool:
        handlers = tuple(self._handlers.values())
        return any(each.covers(kind, record.topic, record.handler, handlers) for each in self._expected)

    def _finding(self, left: Left) -> Finding:
        record = left.record
        what, gate = _SAID[left.kind]
        handler = self._handlers.get(record.handler or "")
        lines = (*origin("published", left.place), *self._reason(record), *handled(handler))
        named = repr(record.handler if left.kind == "retry" else record.topic)
        advice = (
            f"Look at it with bus.{QUESTIONS[left.kind]}({named}), or announce it with "
            f"bus.expect_leftover({record.topic!r}, kind={left.kind!r})."
        )
        by = f" by {record.handler}" if record.handler else ""
        return Finding(gate, f"{record.topic!r} {what.format(by=by)}{_because(record)}", lines, advice)

    def _reason(self, record: Record) -> tuple[str, ...]:
        attempts = (each for each in reversed(self._ledger.failures) if each.message_id == record.message_id)
        last = next((each for each in attempts if each.handler == record.handler), None)
        if last is None or record.kind != Kind.SETTLE:
            return ()
        return origin(f"raised {type(last.error).__name__}", raised_at(last.error))

    def _only_on_broker(self, ready: Mapping[str, int]) -> Iterator[Finding]:
        for name, handler in self._handlers.items():
            known = sum(left.kind == "dead-letter" and left.record.handler == name for left in self._ended)
            for kind, queue, few in (("ready", name, 0), ("dead-letter", dead_letters_of(name), known)):
                count = ready.get(queue, 0) - few
                expects = any(each.covers(kind, handler.topic, name, [handler]) for each in self._expected)
                if count > 0 and not expects:
                    yield _counted(kind, count, handler)


def dead_letters_of(handler: str | None) -> str:
    """Under which key `ready` counts the dead letters of a handler; its own queue is under its name."""
    return f"{handler}.dlq"


_SAID = {
    "dead-letter": ("was given up{by}", DEAD_LETTERS),
    "unroutable": ("was published, and no queue took it", UNROUTABLE),
    "delayed": ("was published with a delay, and its time has not come", LEFTOVERS),
    "retry": ("waits to be tried again{by}", LEFTOVERS),
    "staged": ("is committed to the outbox, and the broker does not have it", LEFTOVERS),
    "parked": ("is parked in the outbox: the broker does not take it", LEFTOVERS),
}


def _because(record: Record) -> str:
    reason = f": {record.reason}" if record.reason else ""
    return f"{reason}, attempt {record.attempt}" if record.attempt is not None else reason


def _counted(kind: str, count: int, handler: HandlerSpec) -> Finding:
    number = "1 message" if count == 1 else f"{count} messages"
    gate = LEFTOVERS if kind == "ready" else DEAD_LETTERS
    what = f"{number} ready in the queue of" if kind == "ready" else f"{number} that the broker itself gave up on for"
    advice = f"Announce it with bus.expect_leftover(handler={handler.name!r}, kind={kind!r})."
    return Finding(gate, f"{what} {handler.name}", handled(handler), advice)
