"""From a model and the options of a publish to the envelope that travels."""

import logging
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

from jararaca.core.context import Execution
from jararaca.errors import InvalidOption, MessageTooLarge
from jararaca.messagebus import headers as names
from jararaca.messagebus.codec import CONTENT_TYPE, encode, type_urn
from jararaca.messagebus.flushing import Outgoing
from jararaca.messagebus.outgoing_headers import check_size, checked
from jararaca.messagebus.quantities import ADVICE, is_number
from jararaca.messagebus.retry import LONGEST_DELAY
from jararaca.messagebus.topics import check_topic
from jararaca.ports.broker import Envelope

logger = logging.getLogger("jararaca.messagebus")

FIRST_HOPS_WARNING = 1000
LONGEST_EXPIRATION = 4_294_967
"""Seconds; brokers count expiration in 32 bits of milliseconds."""


class Options(NamedTuple):
    """What a publish says about its message, as `Publisher.publish` documents it."""

    headers: Mapping[str, Any]
    message_id: str | UUID | None
    delay: float | None
    at: datetime | None
    key: str | None
    dedupe_key: str | None
    expires_in: float | None
    mandatory: bool
    timeout: float | None


def outgoing(message: Any, topic: str, options: Options, execution: Execution, *, max_bytes: int) -> Outgoing:
    """A message that is ready to leave; raises what `Publisher.publish` says about its arguments."""
    check_topic(topic)
    model: type = type(message)
    now = execution.environment.clock.now()
    due = _due(options, now)
    _check_timeout(options.timeout)
    body = encode(message)
    if len(body) > max_bytes:
        raise MessageTooLarge(
            f"the {model.__name__} for topic {topic!r} has {len(body)} bytes, and max_message_bytes is "
            f"{max_bytes}. Store what is large, and publish where to find it (a claim check)."
        )
    message_id = _message_id(options.message_id, execution)
    headers = _headers(options, execution, due)
    if options.headers or _is_long(execution):  # measuring costs a quarter of a publish
        check_size(headers)
    _warn_of_hops(headers[names.HOPS], topic, message_id, execution)
    envelope = Envelope(
        body,
        content_type=CONTENT_TYPE,
        headers=headers,
        message_id=message_id,
        timestamp=now,
        type=type_urn(model),
        expiration=_expiration(options.expires_in),
    )
    steps = execution.environment.steps
    place = steps.locate() if steps.observers else None
    return Outgoing(envelope, topic, options.mandatory, due, options.timeout, message, place)


def _headers(options: Options, execution: Execution, due: datetime | None) -> dict[str, Any]:
    """Correlation, cause, trace and hops of what is being handled; of an incoming message nothing else goes on."""
    headers: dict[str, Any] = {names.CORRELATION_ID: execution.correlation_id}
    if execution.causation_id is not None:
        headers[names.CAUSATION_ID] = execution.causation_id
    if execution.traceparent is not None:
        headers[names.TRACEPARENT] = execution.traceparent
    if options.headers:
        headers |= checked(options.headers)
    headers[names.HOPS] = execution.hops + 1
    if options.key is not None:
        headers[names.KEY] = _identity("key", options.key)
    if options.dedupe_key is not None:
        headers[names.DEDUPE_KEY] = _identity("dedupe_key", options.dedupe_key)
    if due is not None:
        headers[names.NOT_BEFORE] = names.milliseconds(due)
    return headers


def _is_long(execution: Execution) -> bool:
    """Whether identities that came from outside need measuring."""
    return len(execution.correlation_id) + len(execution.causation_id or "") + len(execution.traceparent or "") > 1000


def _due(options: Options, now: datetime) -> datetime | None:
    """When the message is to be handled; None is at once."""
    delay, at = options.delay, options.at
    if delay is None and at is None:
        return None
    if delay is not None and at is not None:
        _refuse("delay", delay, "With at= it would say twice when. Use one of them.")
    if at is not None:
        if not isinstance(at, datetime):
            _refuse("at", at, "Use a datetime with a time zone.")
        if at.tzinfo is None:
            _refuse("at", at, "It has no time zone. Use datetime(..., tzinfo=UTC).")
        delay = max((at - now).total_seconds(), 0.0)
    if not is_number(delay):
        _refuse("delay", delay, ADVICE)
    if not 0 <= delay <= LONGEST_DELAY:
        _refuse("delay", delay, f"Use 0 to {LONGEST_DELAY} seconds.")
    if options.mandatory:
        _refuse("mandatory", True, "Whether a queue takes a delayed message is known only when it is due. Use either.")
    if options.expires_in is not None:
        _refuse("expires_in", options.expires_in, "A message that waits would expire in the wait. Use either.")
    return now + timedelta(seconds=delay) if delay > 0 else None


def _expiration(expires_in: float | None) -> str | None:
    if expires_in is None:
        return None
    if not is_number(expires_in):
        _refuse("expires_in", expires_in, ADVICE)
    if not 0 < expires_in <= LONGEST_EXPIRATION:
        _refuse("expires_in", expires_in, f"Use seconds above 0, at most {LONGEST_EXPIRATION}.")
    return str(math.ceil(expires_in * 1000))


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not is_number(timeout):
        _refuse("timeout", timeout, ADVICE)
    if timeout is not None and not timeout > 0:
        _refuse("timeout", timeout, "Use seconds above 0.")


def _message_id(given: str | UUID | None, execution: Execution) -> str:
    if given is None:
        return execution.environment.chance.identity()
    return _identity("message_id", str(given) if isinstance(given, UUID) else given)


def _identity(option: str, text: object) -> str:
    if not isinstance(text, str):
        _refuse(option, text, "Use text.")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        _refuse(option, text[:40], "It is not valid Unicode. Use other characters.")
    if not 0 < size <= 255:
        _refuse(option, text[:40], "Use text of 1 to 255 bytes.")
    return text


def _warn_of_hops(hops: int, topic: str, message_id: str, execution: Execution) -> None:
    """A chain of messages without end is legal, but nobody should have one without knowing."""
    if hops >= FIRST_HOPS_WARNING and is_power_of_ten(hops):
        logger.warning(
            "a chain of messages goes on and on: does a handler publish what leads back to it?",
            extra={
                "hops": hops,
                "topic": topic,
                "message_id": message_id,
                "correlation_id": execution.correlation_id,
                "trigger": execution.trigger.name,
            },
        )


def is_power_of_ten(number: int) -> bool:
    """1, 10, 100 and so on."""
    return str(number).rstrip("0") == "1"


def _refuse(option: str, value: object, advice: str) -> NoReturn:
    raise InvalidOption(f"publish({option}={value!r}) cannot work. {advice}")
