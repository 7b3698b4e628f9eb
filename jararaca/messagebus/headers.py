"""The headers of a message: read without ever failing, whoever wrote them.

A header that is missing reads as its default; one of the wrong type or out of range too, with a warning: a message must
always reach a handler or a dead letter, never an endless loop of failing to be read.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from jararaca.ports.broker import Delivery

logger = logging.getLogger("jararaca.messagebus")

ATTEMPT = "x-jararaca-attempt"
"""Which attempt the next delivery is; an integer from 1."""
NOT_BEFORE = "x-jararaca-not-before"
"""When the message is due; whole milliseconds since 1970 UTC."""
KEY = "x-jararaca-key"
"""The ordering key."""
DEDUPE_KEY = "x-jararaca-dedupe-key"
"""By which idempotent handlers know the message, instead of its id."""
HOPS = "x-jararaca-hops"
"""Publishes from the first trigger to this message; an integer."""
CORRELATION_ID = "correlation_id"
CAUSATION_ID = "causation_id"
TRACEPARENT = "traceparent"
REASON = "x-jararaca-reason"
ERROR_TYPE = "x-jararaca-error-type"
ERROR = "x-jararaca-error"
ATTEMPTS = "x-jararaca-attempts"
"""Attempts that a dead letter had; an integer."""
FIRST_FAILED_AT = "x-jararaca-first-failed-at"
LAST_FAILED_AT = "x-jararaca-last-failed-at"
"""Moments as ISO 8601 text, UTC."""
ORIGINAL_TOPIC = "x-jararaca-original-topic"
HANDLER = "x-jararaca-handler"
ORIGINAL = "x-jararaca-original"
"""What copying dropped because it would act again: JSON of at most 2 kB."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST = 2**53
_LONGEST = 255  # characters of identities, topics and keys
_READ = frozenset(
    (
        ATTEMPT,
        NOT_BEFORE,
        KEY,
        DEDUPE_KEY,
        HOPS,
        CORRELATION_ID,
        CAUSATION_ID,
        TRACEPARENT,
        FIRST_FAILED_AT,
        ORIGINAL_TOPIC,
    )
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Marks:
    """What the framework reads from the headers of a message."""

    attempt: int = 1
    not_before: datetime | None = None
    key: str | None = None
    dedupe_key: str | None = None
    hops: int = 0
    correlation_id: str | None = None
    causation_id: str | None = None
    traceparent: str | None = None
    first_failed_at: str | None = None
    original_topic: str | None = None

    def topic_of(self, delivery: Delivery) -> str:
        """The topic of first publication: a copy comes through the default exchange under its queue's name."""
        if self.original_topic is not None and delivery.exchange == "":
            return self.original_topic
        return delivery.routing_key


_NONE = Marks()


def read_marks(headers: Mapping[str, Any]) -> Marks:
    """Read what is ours from any headers; never raises."""
    if not headers or _READ.isdisjoint(headers):
        return _NONE
    return Marks(
        attempt=_read(headers, ATTEMPT, _count_from_one, 1),
        not_before=_read(headers, NOT_BEFORE, _moment, None),
        key=_read(headers, KEY, _text, None),
        dedupe_key=_read(headers, DEDUPE_KEY, _text, None),
        hops=_read(headers, HOPS, _count, 0),
        correlation_id=_read(headers, CORRELATION_ID, _text, None),
        causation_id=_read(headers, CAUSATION_ID, _text, None),
        traceparent=_read(headers, TRACEPARENT, _text, None),
        first_failed_at=_read(headers, FIRST_FAILED_AT, _text, None),
        original_topic=_read(headers, ORIGINAL_TOPIC, _text, None),
    )


def milliseconds(moment: datetime) -> int:
    """A moment as `x-jararaca-not-before` carries it, rounded up: a message must not come early."""
    return -((_EPOCH - moment) // timedelta(milliseconds=1))  # exact, where a float of seconds is not


def readable(text: str | None) -> str | None:
    """An identity of a stranger that may be handed on: bytes that were no UTF-8 are replaced."""
    if text is None or text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _read(headers: Mapping[str, Any], name: str, parse: Callable[[Any], T], default: Any) -> Any:
    value = headers.get(name)
    if value is None:
        return default
    try:
        return parse(value)
    except (ValueError, TypeError, OverflowError, OSError):
        logger.warning("a header is malformed and was ignored", extra={"header": name, "found": type(value).__name__})
        return default


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST:
        raise ValueError
    return value


def _count_from_one(value: Any) -> int:
    if value == 0:
        raise ValueError
    return _count(value)


def _moment(value: Any) -> datetime:
    return datetime.fromtimestamp(_count(value) / 1000, UTC)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise ValueError
    return value
