"""The copy of a message that goes to a wait, to the dead letters, or back from there: pure.

A copy keeps body, content type, message id, type, timestamp and the application's headers. What would act again is
dropped: an expiration would expire the copy where it waits, CC and BCC would route it twice, a foreign user id would
be refused, and the broker's death records would be taken for this copy's own. It is kept, readable, in one header.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jararaca.messagebus import headers as names
from jararaca.messagebus.headers import Marks, milliseconds
from jararaca.messagebus.redaction import text_of
from jararaca.ports.broker import Delivery, Envelope

MAX_ORIGINAL = 2048  # characters of JSON, all ASCII
MAX_HEADERS = 8192  # estimated bytes: a quorum queue hangs on headers that are longer than a frame
MAX_ERROR = 500  # characters

_ACT_AGAIN = ("CC", "BCC", "x-delivery-count")
_DEATHS = ("x-death", "x-first-death-", "x-last-death-")
_TRANSIENT = frozenset(
    (
        names.ATTEMPT,
        names.NOT_BEFORE,
        names.REASON,
        names.ERROR_TYPE,
        names.ERROR,
        names.ATTEMPTS,
        names.FIRST_FAILED_AT,
        names.LAST_FAILED_AT,
        names.ORIGINAL_TOPIC,
        names.HANDLER,
        names.ORIGINAL,
    )
)


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong, in one line that may be stored: no payload, at most `MAX_ERROR` characters."""

    error_type: str
    text: str

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """The class and the first words of an exception."""
        kind = type(error)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        return cls(name[:200], one_line(text_of(error)))


def one_line(text: str) -> str:
    """`text` on one line of at most `MAX_ERROR` characters that any header can carry."""
    line = " ".join(text.split()).encode("utf-8", "replace").decode()
    return line if len(line) <= MAX_ERROR else f"{line[: MAX_ERROR - 3]}..."


def wait_copy(
    delivery: Delivery, marks: Marks, *, attempt: int, now: datetime, due: datetime, failed: bool
) -> Envelope:
    """The message as it comes back to the handler's queue at `due`."""
    ours: dict[str, Any] = {
        names.ATTEMPT: attempt,
        names.NOT_BEFORE: milliseconds(due),
        names.ORIGINAL_TOPIC: marks.topic_of(delivery),
    }
    first = marks.first_failed_at or (now.isoformat() if failed else None)
    if first is not None:
        ours[names.FIRST_FAILED_AT] = first
    return _copy(delivery.envelope, ours)


def dead_copy(
    delivery: Delivery, marks: Marks, *, handler: str, reason: str, failure: Failure, attempts: int, now: datetime
) -> Envelope:
    """The message as a dead letter that says why it is one."""
    return _copy(
        delivery.envelope,
        {
            names.REASON: reason,
            names.ERROR_TYPE: failure.error_type,
            names.ERROR: failure.text,
            names.ATTEMPTS: attempts,
            names.FIRST_FAILED_AT: marks.first_failed_at or now.isoformat(),
            names.LAST_FAILED_AT: now.isoformat(),
            names.ORIGINAL_TOPIC: marks.topic_of(delivery),
            names.HANDLER: handler,
        },
    )


def revived_copy(envelope: Envelope, topic: str) -> Envelope:
    """A dead letter as it goes back to its handler's queue: what made it one is forgotten, and the attempts with it."""
    return _copy(envelope, {names.ORIGINAL_TOPIC: topic})


def _copy(envelope: Envelope, ours: Mapping[str, Any]) -> Envelope:
    kept = {name: value for name, value in envelope.headers.items() if name not in _TRANSIENT and not _acts(name)}
    dropped: dict[str, Any] = {name: value for name, value in envelope.headers.items() if _acts(name)}
    if envelope.expiration is not None:
        dropped["expiration"] = envelope.expiration
    if envelope.user_id is not None:
        dropped["user_id"] = envelope.user_id
    for name in _excess(kept):
        dropped[name] = f"{_size(kept.pop(name))} bytes"
    kept.update(ours)
    original = _original(envelope.headers.get(names.ORIGINAL), dropped)
    if original is not None:
        kept[names.ORIGINAL] = original
    return envelope._replace(headers=kept, persistent=True, expiration=None, user_id=None)


def _acts(name: str) -> bool:
    return name in _ACT_AGAIN or name.startswith(_DEATHS)


def _excess(headers: Mapping[str, Any]) -> list[str]:
    """The names of the largest headers, as many as must go for the rest to fit."""
    sizes = sorted(((len(name) + _size(value), name) for name, value in headers.items()), reverse=True)
    total = sum(size for size, _name in sizes)
    excess = []
    for size, name in sizes:
        if total <= MAX_HEADERS:
            break
        excess.append(name)
        total -= size
    return excess


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, bytes)) else len(_json(value))


def _original(before: Any, dropped: Mapping[str, Any]) -> str | None:
    """What the first copy dropped, or what this one drops: the later deaths are those of our own waits."""
    if isinstance(before, str) and len(before) <= MAX_ORIGINAL and before.isascii():
        return before
    kept: dict[str, Any] = {}
    for name, value in dropped.items():
        if len(_json(kept | {name: value})) <= MAX_ORIGINAL:
            kept[name] = value
    return _json(kept) if kept else None


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=str, skipkeys=True)
    except (ValueError, RecursionError):  # tables nested deeper than Python can walk: what they say is lost
        return '"unreadable"'


def copy_facts(envelope: Envelope, queue: str, delay: float) -> dict[str, object]:
    """What is told of a copy that is sent to a queue, after so many seconds."""
    marks = envelope.headers
    return {
        "queue": queue,
        "delay": delay,
        "message_id": envelope.message_id,
        "reason": marks.get(names.REASON),
        "attempt": marks.get(names.ATTEMPT, marks.get(names.ATTEMPTS)),
        "topic": marks.get(names.ORIGINAL_TOPIC),
        "handler": marks.get(names.HANDLER),
    }
