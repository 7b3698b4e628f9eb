"""One message inside the broker, and how a published envelope becomes one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from jararaca.adapters.memory.broker.dead_letter import Death, with_death
from jararaca.adapters.memory.broker.refusals import precondition
from jararaca.adapters.memory.broker.tables import CERTAINLY_SHORT, checked_name, copied, type_name, whole_seconds
from jararaca.errors import NotEmulated, UnencodableValue
from jararaca.ports.broker import Envelope

MAX_BODY = 134_217_728
"""Bytes; the server's default `max_message_size`."""

REPLY_TO_QUEUE = "amq.rabbitmq.reply-to"
PLUGIN_HEADERS = frozenset({"x-delay", "x-deduplication-header", "x-stream-filter-value"})
"""Headers that act on a server with the right plugin or version, and would be ignored here."""

_NO_HEADERS: Mapping[str, Any] = {}
_EXPIRATION = re.compile(r"[+-]?\d+")


@dataclass(slots=True, eq=False)
class Message:
    """A message as it lies in one queue. The headers of `properties` are still the publisher's: `headers` count.

    `keys` are the routing keys, the publisher's own first; `deadline` is in the loop's time.
    """

    properties: Envelope
    headers: Mapping[str, Any]
    exchange: str
    keys: tuple[str, ...]
    ttl: int | None = None  # milliseconds, from the message's own expiration
    position: int = 0
    deadline: float | None = None
    returns: int = 0
    redelivered: bool = False

    @property
    def visible_keys(self) -> tuple[str, ...]:
        """The routing keys that may be shown: all but those of BCC."""
        carbon = self.headers.get("CC", ()) if len(self.keys) > 1 else ()
        return (self.keys[0], *(key for key in carbon if isinstance(key, str)))

    def copy(self) -> "Message":
        """The same content for another queue, with a life of its own."""
        return Message(self.properties, self.headers, self.exchange, self.keys, self.ttl)

    def envelope(self, returns: int | None) -> Envelope:
        """What a consumer receives. `returns` is the count that a quorum queue adds, where it adds one."""
        if returns is None and not self.headers:
            return self.properties
        if type(self.properties) is not Envelope:
            return self._own_envelope(returns)
        headers = copied(self.headers, "headers")
        if returns is not None:
            headers["x-delivery-count"] = returns
        return _with_headers(self.properties, headers)

    def _own_envelope(self, returns: int | None) -> Envelope:
        """As `envelope`, for a subclass, whose owner keeps to it that nobody changes the headers of any: no copies."""
        headers = self.headers if returns is None else {**self.headers, "x-delivery-count": returns}
        return self.properties if headers == self.properties.headers else self.properties._replace(headers=headers)

    def dead(self, death: Death, exchange: str, routing_key: str | None) -> "Message":
        """The dead letter: without its expiration, with its record, addressed to `exchange`."""
        headers = with_death(self.headers, death)
        keys = self.keys
        if routing_key is not None:
            headers.pop("CC", None)
            keys = (routing_key,)
        return Message(self.properties._replace(expiration=None), headers, exchange, keys)


def admit(envelope: Envelope, exchange: str, routing_key: str, *, user: str, answers_to: str | None) -> Message:
    """What the server checks of a message that `user` publishes, before it routes it.

    `answers_to` stands for the direct reply-to of the publisher's channel; None: it takes no answers.

    Raises:
        ChannelClosed: 406, a property or header that RabbitMQ refuses.
        NotEmulated: it asks for a plugin.
        UnencodableValue: it could not be sent at all.
    """
    body = envelope.body
    if type(body) is not bytes:
        raise UnencodableValue(f"the body is a {type(body).__name__}. Encode it to bytes.")
    for text in envelope:  # every property that is text is a short string
        if isinstance(text, str) and (len(text) > CERTAINLY_SHORT or not text.isascii()):
            checked_name(text, "property")
    if len(body) > MAX_BODY:
        raise precondition(f"message size {len(body)} is larger than configured max size {MAX_BODY}")
    if envelope.user_id is not None and envelope.user_id != user:
        raise precondition(f"user_id property set to '{envelope.user_id}' but authenticated user was '{user}'")
    if envelope.reply_to == REPLY_TO_QUEUE:
        if answers_to is None:
            raise precondition("fast reply consumer does not exist")
        envelope = envelope._replace(reply_to=answers_to)
    moment = envelope.timestamp
    if moment is not None and (moment.microsecond or moment.tzinfo is not UTC):
        envelope = envelope._replace(timestamp=whole_seconds(moment))
    ttl = None if envelope.expiration is None else _milliseconds(envelope.expiration)
    if len(routing_key) > CERTAINLY_SHORT or not routing_key.isascii():
        checked_name(routing_key, "routing key")
    if not envelope.headers:
        return Message(envelope, _NO_HEADERS, exchange, (routing_key,), ttl)
    return _with_keys(envelope, exchange, routing_key, ttl)


def _with_keys(envelope: Envelope, exchange: str, routing_key: str, ttl: int | None) -> Message:
    """A message that has headers, with the keys that stand in them. A BCC that was all of them leaves none."""
    headers = copied(envelope.headers, "headers")
    keys = (routing_key, *_sender_keys(headers))
    return Message(envelope if headers else envelope._replace(headers=_NO_HEADERS), headers, exchange, keys, ttl)


def _sender_keys(headers: dict[str, Any]) -> list[str]:
    """Check what the server reads among the headers, and take out what nobody may see. Returns the extra keys."""
    for name in PLUGIN_HEADERS & headers.keys():
        raise NotEmulated(f"the message header {name!r}")
    found: list[str] = []
    for name in ("CC", "BCC"):
        keys = headers.get(name, [])
        if not isinstance(keys, list):
            raise precondition(f'invalid message: {{unacceptable_type_in_header,"{name}",{type_name(keys)}}}')
        found += [key for key in keys if isinstance(key, str)]
    headers.pop("BCC", None)
    return found


def _milliseconds(expiration: str) -> int:
    """Read the expiration as the server does: leading digits, and nothing after them."""
    found = _EXPIRATION.match(expiration)
    if found is None:
        raise precondition(f"invalid expiration '{expiration}': no_integer")
    if found.end() < len(expiration):
        rest = expiration[found.end() :]
        raise precondition(f"invalid expiration '{expiration}': {{leftover_string,\"{rest}\"}}")
    milliseconds = int(found.group())
    if milliseconds < 0:
        raise precondition(f"invalid expiration '{expiration}': {{value_negative,{milliseconds}}}")
    return milliseconds


def _with_headers(properties: Envelope, headers: Mapping[str, Any]) -> Envelope:
    """`dataclasses.replace`, at half its price: every delivery with headers pays it."""
    return Envelope(
        properties.body,
        properties.content_type,
        properties.content_encoding,
        headers,
        properties.persistent,
        properties.priority,
        properties.correlation_id,
        properties.reply_to,
        properties.expiration,
        properties.message_id,
        properties.timestamp,
        properties.type,
        properties.user_id,
        properties.app_id,
    )
