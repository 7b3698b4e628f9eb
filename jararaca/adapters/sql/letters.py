"""Letters as rows: what operators look for in columns of its own, everything else in one text of JSON."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from jararaca.ports.broker import Envelope
from jararaca.ports.outbox import Letter

_PLAIN = (
    "content_type",
    "content_encoding",
    "persistent",
    "priority",
    "correlation_id",
    "reply_to",
    "expiration",
    "message_id",
    "type",
    "user_id",
    "app_id",
)


def columns_of(letter: Letter) -> dict[str, Any]:
    """The columns of a row that a letter fills."""
    envelope = letter.envelope
    properties = {name: value for name in _PLAIN if (value := getattr(envelope, name)) is not None}
    properties["headers"] = _packed(dict(envelope.headers))
    properties["timestamp"] = _packed(envelope.timestamp)
    rest = {"topic": letter.topic, "key": letter.key, "execution": letter.execution, "cause": letter.cause}
    return {
        "message_id": storable(envelope.message_id or ""),
        "topic": storable(letter.topic),
        "ordering_key": None if letter.key is None else storable(letter.key),
        "mandatory": letter.mandatory,
        "body": envelope.body,
        "properties": json.dumps({"properties": properties, **rest}),
        "due": letter.due,
    }


def letter_of(row: Mapping[str, Any]) -> Letter:
    """The letter that a row was made of."""
    rest = json.loads(row["properties"])
    properties = rest.pop("properties")
    headers, timestamp = _unpacked(properties.pop("headers")), _unpacked(properties.pop("timestamp"))
    envelope = Envelope(row["body"], headers=headers, timestamp=timestamp, **properties)
    return Letter(envelope, mandatory=row["mandatory"], due=moment(row["due"]), **rest)


def storable(text: str) -> str:
    """A text as every database takes it: none has NUL, and no text of theirs is cut Unicode."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()


def moment(value: datetime | None) -> datetime | None:
    """A moment out of a database, in UTC; SQLite forgets the zone."""
    return value if value is None or value.tzinfo is not None else value.replace(tzinfo=UTC)


def _packed(value: Any) -> Any:
    """What AMQP carries, as JSON; what JSON has no word for is a table with one name, which tells the kind."""
    match value:
        case Mapping():
            return {"table": {name: _packed(each) for name, each in value.items()}}
        case list() | tuple():
            return [_packed(each) for each in value]
        case bytes() | bytearray():
            return {"bytes": base64.b64encode(value).decode()}
        case datetime():
            return {"moment": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
    return value


_UNPACK: dict[str, Callable[[Any], Any]] = {
    "table": lambda table: {name: _unpacked(each) for name, each in table.items()},
    "bytes": base64.b64decode,
    "moment": datetime.fromisoformat,
    "decimal": Decimal,
}


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(each) for each in value]
    if isinstance(value, dict):
        ((kind, packed),) = value.items()
        return _UNPACK[kind](packed)
    return value
