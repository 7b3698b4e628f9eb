"""What a page shows of one event when it is asked: facts, causes, payloads and the traceback, without secrets."""

import json
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jararaca.core.steps import Kind
from jararaca_testing import traffic
from jararaca_testing.report.durations import duration
from jararaca_testing.report.events import Event
from jararaca_testing.report.wording import Tone, Wording, outcome, tone
from jararaca_testing.showing import plain, without_secrets
from jararaca_testing.traffic import readable

LONGEST = 20_000
"""Characters of one payload or traceback."""

_FACTS = (
    "path",
    "rooms",
    "reached",
    "queue",
    "exchange",
    "connection",
    "url",
    "lease",
    "parts",
    "scheduled_at",
    "missed",
)


@dataclass(frozen=True, slots=True)
class Detail:
    """One event. `effects` are those that it led to, `cause` the one that led to it, each as a number and a name."""

    seq: int
    title: str
    outcome: str
    tone: Tone
    facts: tuple[tuple[str, str], ...]
    sections: tuple[tuple[str, str], ...]
    cause: tuple[int, str] | None
    effects: tuple[tuple[int, str], ...]


def details_of(events: Mapping[int, Event], wording: Wording) -> Iterator[Detail]:
    """What is to be told of each of these events; causes and effects are named if they are among them."""
    causes = {child.seq: event for event in events.values() for child in event.children}
    for event in events.values():
        cause = causes.get(event.seq)
        yield Detail(
            event.seq,
            _title(event, wording),
            outcome(event),
            tone(event),
            tuple(_facts(event)),
            tuple(_sections(event)),
            None if cause is None else (cause.seq, _title(cause, wording)),
            tuple((child.seq, _title(child, wording)) for child in event.children if child.seq in events),
        )


def _title(event: Event, wording: Wording) -> str:
    return wording.label(event).replace(" -> ", " \u2192 ")


def _facts(event: Event) -> Iterator[tuple[str, str]]:
    record = event.record
    yield "time", f"{record.at:.3f} s"
    if record.until is not None and record.until > record.at:
        yield "took", duration(record.until - record.at)
    for name in ("topic", "handler", "attempt", "message_id"):
        if getattr(record, name) is not None:
            yield name.replace("_", " "), str(getattr(record, name))
    settlement = event.parts.get(Kind.SETTLE)
    if settlement is not None:
        yield "settled", " ".join(filter(None, (settlement.outcome, settlement.reason)))
    copy = event.parts.get(Kind.COPY)
    if copy is not None and copy.facts.get("delay"):
        yield "comes back after", duration(copy.facts["delay"])
    if Kind.ROLLBACK in event.parts or Kind.COMMIT in event.parts:
        yield "transaction", "rolled back" if Kind.ROLLBACK in event.parts else "committed"
    known = {**event.parts[Kind.DELIVERY].facts, **record.facts} if Kind.DELIVERY in event.parts else record.facts
    for name in _FACTS:
        if known.get(name) not in (None, ()):
            yield name.replace("_", " "), _fact(known[name])


def _fact(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else without_secrets(str(value))


def _sections(event: Event) -> Iterator[tuple[str, str]]:
    record, confirm = event.record, event.parts.get(Kind.CONFIRM)
    error = record.error or (confirm.error if confirm is not None else None)
    if error is not None:
        yield "traceback", _cut(without_secrets("".join(traceback.format_exception(error))))
    if record.payload is not None:
        yield "request" if record.kind == traffic.EXCHANGE else "payload", pretty(record.payload)
    if record.facts.get("response") is not None:
        yield "response", pretty(record.facts["response"])
    if record.headers:
        yield "headers", pretty(dict(record.headers))


def pretty(value: Any) -> str:
    """A payload as indented JSON, or text as it is."""
    try:
        told = plain(readable(value) if isinstance(value, str | bytes) else value)
        return _cut(told if isinstance(told, str) else json.dumps(told, indent=2, ensure_ascii=False))
    except Exception as error:  # noqa: BLE001 -- a payload of the test's own making must not cost the page
        return f"it cannot be shown: {type(error).__name__}"


def _cut(text: str) -> str:
    text = text.strip("\n")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}\n... {len(text) - LONGEST} characters more"
