"""What the events of a timeline are called, how they ended, and whether that was good: the words of text and page."""

import enum
from collections.abc import Sequence
from typing import Protocol

from jararaca.core.steps import Kind
from jararaca_testing import traffic
from jararaca_testing.records import Record
from jararaca_testing.report.events import Event
from jararaca_testing.routing import binding_matches
from jararaca_testing.showing import shown, without_secrets

MOST_TARGETS = 4
OF_A_PAYLOAD = 60
_ENDS = {"error": "raised", "timeout": "timed out"}


class Listener(Protocol):
    """A handler, as far as routing is concerned."""

    @property
    def name(self) -> str: ...
    @property
    def topic(self) -> str: ...


class Tone(enum.StrEnum):
    """What an ending means; colours on a page stand for nothing else."""

    OK = "ok"
    ERROR = "error"
    RETRY = "retry"
    DEAD = "dead"
    OPEN = "open"
    PLAIN = "plain"


_GIVEN_BACK = {"dead-letter": Tone.DEAD, "wait": Tone.RETRY, "requeue": Tone.RETRY}


class Wording:
    """Names events; `handlers` are those that a publish may go to."""

    def __init__(self, handlers: Sequence[Listener]) -> None:
        self._handlers = tuple(handlers)

    def targets(self, record: Record) -> list[str]:
        """The handlers that a published message goes to."""
        return [each.name for each in self._handlers if binding_matches(each.topic, record.topic or "")]

    def label(self, event: Event) -> str:
        """What happened, in a few words."""
        record, facts = event.record, event.record.facts
        match record.kind:
            case traffic.EXCHANGE | Kind.REQUEST:
                return " ".join(filter(None, (asked(record), record.outcome)))
            case traffic.WEBSOCKET:
                return f"websocket {path_of(record)}"
            case traffic.SENT | traffic.RECEIVED:
                return f"{record.kind} {shown(record.payload, OF_A_PAYLOAD)}"
            case Kind.PUBLISH | Kind.CONFIRM:
                return f"publish {record.topic}{self._arrow(record)}"
            case Kind.ATTEMPT:
                number = f" attempt {record.attempt}" if is_one_of_many(event) else ""
                return f"{record.handler}{number}"
            case Kind.SETTLE | Kind.DELIVERY:
                return str(record.handler)
            case Kind.FRAME:
                rooms = ", ".join(facts.get("rooms", ()))
                return f"frame {'to ' + rooms if rooms else record.outcome}"
            case Kind.LEASE:
                return f"lease {facts.get('lease')}"
            case Kind.OUTBOX:
                return f"outbox {record.topic}"
            case Kind.CONNECTION:
                return f"websocket {path_of(record)}" if record.handler else f"broker {facts.get('connection')}"
        return " ".join(filter(None, (record.kind, record.handler)))

    def _arrow(self, record: Record) -> str:
        names = self.targets(record)
        more = f" and {len(names) - MOST_TARGETS} more" if len(names) > MOST_TARGETS else ""
        return f" -> {', '.join(names[:MOST_TARGETS])}{more}" if names else ""


def is_one_of_many(event: Event) -> bool:
    """Whether the number of an attempt tells something."""
    return event.siblings > 1 or event.record.outcome != "ok" or event.record.attempt != 1


def outcome(event: Event) -> str:
    """How it ended, as far as its label does not say; empty if there is nothing to say."""
    record = event.record
    match record.kind:
        case traffic.EXCHANGE | traffic.WEBSOCKET | Kind.REQUEST:
            return _of_conversation(record)
        case Kind.PUBLISH | Kind.CONFIRM:
            return _of_publish(event)
        case Kind.ATTEMPT:
            return ", ".join(filter(None, (ending(record), settled(event.parts.get(Kind.SETTLE)))))
        case Kind.SETTLE:
            return settled(record) or f"settled: {record.outcome}"
        case Kind.DELIVERY:
            return "delivered, not handled"
        case Kind.FRAME:
            return f"to {_sockets(record.facts.get('reached', 0))}"
        case Kind.COMMIT | traffic.SENT | traffic.RECEIVED:
            return ""
        case Kind.ROLLBACK:
            return record.reason or ""
        case Kind.OUTBOX:
            return ": ".join(filter(None, (record.outcome, record.reason)))
    return ending(record)


def _of_conversation(record: Record) -> str:
    if "cut" in record.facts:
        return f"{'unanswered' if record.outcome is None else 'not finished'}: {record.facts['cut']}"
    if record.error is not None:
        return f"raised {type(record.error).__name__}"
    if record.ended is None:
        return "open" if record.kind == traffic.WEBSOCKET else "unanswered"
    return record.outcome or "" if record.kind == traffic.WEBSOCKET else ""


def _of_publish(event: Event) -> str:
    confirm = event.parts.get(Kind.CONFIRM, event.record)
    if confirm.outcome == "unroutable":
        return f"unroutable: no queue bound to {confirm.topic!r}"
    if confirm.outcome == "failed":
        return f"failed: {type(confirm.error).__name__}"
    if event.record.outcome == "delayed":
        return "delayed"
    return "not handed over" if event.record.ended is None else ""


def ending(record: Record) -> str:
    """How an attempt or a firing ended."""
    if record.outcome == "error" and record.error is not None:
        return f"raised {type(record.error).__name__}"
    if record.outcome is None and record.ended is None:
        return "unfinished"
    return _ENDS.get(record.outcome or "", record.outcome or "")


def settled(record: Record | None) -> str:
    """What became of a message, if it was more than an acknowledgement."""
    if record is None or record.outcome == "ack":
        return ""
    if record.outcome == "wait":
        return "retry"
    if record.outcome == "dead-letter":
        return f"dead letter: {record.reason}"
    return f"requeued: {record.reason}"


def _sockets(reached: int) -> str:
    return "1 socket" if reached == 1 else f"{reached} sockets"


def asked(record: Record) -> str:
    """Method and path of a request."""
    return f"{record.facts.get('method')} {path_of(record)}"


def path_of(record: Record) -> str:
    """The path of a request or websocket, with its query."""
    return without_secrets(str(record.facts.get("path")))


def tone(event: Event) -> Tone:
    """Whether an event is good, bad, to be tried again, given up, or still going on."""
    record = event.record
    settlement = record if record.kind == Kind.SETTLE else event.parts.get(Kind.SETTLE)
    if settlement is not None and settlement.outcome in _GIVEN_BACK:
        return _GIVEN_BACK[settlement.outcome]
    return own_tone(event)


def own_tone(event: Event) -> Tone:
    """The same, whatever became of its message."""
    record = event.record
    if record.ended is None:
        return Tone.OPEN
    if record.error is not None or _went_wrong(event):
        return Tone.ERROR
    return Tone.OK if record.kind in (traffic.EXCHANGE, Kind.REQUEST, Kind.ATTEMPT, Kind.TICK) else Tone.PLAIN


def _went_wrong(event: Event) -> bool:
    record = event.record
    match record.kind:
        case traffic.EXCHANGE | Kind.REQUEST:
            return int(record.outcome or 500) >= 400
        case Kind.PUBLISH | Kind.CONFIRM:
            return event.parts.get(Kind.CONFIRM, record).outcome in ("unroutable", "failed")
        case Kind.ATTEMPT | Kind.TICK:
            return record.outcome not in ("ok", "skipped", "duplicate")
        case Kind.ROLLBACK | Kind.OUTBOX:
            return True
        case Kind.LEASE | Kind.CLAIM | Kind.CONNECTION:
            return record.outcome not in ("connected", None)
    return False
