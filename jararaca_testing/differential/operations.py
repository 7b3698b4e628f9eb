"""What a differential test does to a broker: one frozen value per step, printed as the Python that makes it again.

Queues are called `q0`, `q1`, ... and exchanges `x0`, `x1`, ...; `renamed` gives them other names for a server that
is shared. Channels and connections are numbers: a channel opens at its first use, and again after it was closed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal, TypeVar

from jararaca.ports.broker import Arguments, Envelope, ExchangeType

O = TypeVar("O", bound="Operation")  # noqa: E741 -- one letter, as type variables have here

CONNECTION_OF = {0: 0, 1: 0, 2: 1}
"""Which connection a channel belongs to."""

CONFIRMING = frozenset({0, 2})
"""The channels on which publishes are confirmed."""

NAME = re.compile(r"\b[qx]\d\b")


_EMPTY = Envelope(b"")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One step. `channel` is the channel on which it happens."""

    channel: int = 0

    def __repr__(self) -> str:
        given = [
            f"{each.name}={_written(getattr(self, each.name))}"
            for each in fields(self)
            if getattr(self, each.name) != _default_of(each)
        ]
        return f"{type(self).__name__}({', '.join(given)})"


@dataclass(frozen=True, kw_only=True, repr=False)
class DeclareExchange(Operation):
    """Declare an exchange, or with `passive` look whether it is there."""

    name: str
    type: ExchangeType = "direct"
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    passive: bool = False
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class DeleteExchange(Operation):
    """Remove an exchange; with `if_unused` only one that nothing leaves."""

    name: str
    if_unused: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class DeclareQueue(Operation):
    """Declare a queue, or with `passive` count what is in it."""

    name: str
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    passive: bool = False
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class DeleteQueue(Operation):
    """Remove a queue; with `if_unused` or `if_empty` only such a one."""

    name: str
    if_unused: bool = False
    if_empty: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Purge(Operation):
    """Drop what is ready in a queue."""

    queue: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Bind(Operation):
    """Bind a queue, or an exchange when `destination_type` says so."""

    source: str
    destination: str
    routing_key: str = ""
    arguments: Arguments = field(default_factory=dict)
    destination_type: Literal["queue", "exchange"] = "queue"


@dataclass(frozen=True, kw_only=True, repr=False)
class Unbind(Operation):
    """The opposite of `Bind`."""

    source: str
    destination: str
    routing_key: str = ""
    arguments: Arguments = field(default_factory=dict)
    destination_type: Literal["queue", "exchange"] = "queue"


@dataclass(frozen=True, kw_only=True, repr=False)
class Publish(Operation):
    """Publish one message."""

    exchange: str = ""
    routing_key: str = ""
    envelope: Envelope = _EMPTY
    mandatory: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Qos(Operation):
    """How many unsettled deliveries: per consumer that starts later, or with `shared` for the whole channel."""

    prefetch: int
    shared: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Consume(Operation):
    """Start a consumer."""

    queue: str
    consumer: str
    no_ack: bool = False
    exclusive: bool = False
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, repr=False)
class Cancel(Operation):
    """End a consumer."""

    consumer: str


@dataclass(frozen=True, kw_only=True, repr=False)
class Get(Operation):
    """Take one message, if there is one."""

    queue: str
    no_ack: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Ack(Operation):
    """Acknowledge the delivery with this tag, or with `multiple` all up to it (0: all)."""

    tag: int
    multiple: bool = False


@dataclass(frozen=True, kw_only=True, repr=False)
class Nack(Operation):
    """Refuse the delivery with this tag, or with `multiple` all up to it (0: all)."""

    tag: int
    multiple: bool = False
    requeue: bool = True


@dataclass(frozen=True, kw_only=True, repr=False)
class Reject(Operation):
    """Refuse the delivery with this tag."""

    tag: int
    requeue: bool = True


@dataclass(frozen=True, kw_only=True, repr=False)
class Recover(Operation):
    """Requeue everything that is unsettled on the channel."""

    requeue: bool = True


@dataclass(frozen=True, kw_only=True, repr=False)
class SelectTransaction(Operation):
    """From here on the channel publishes and settles at `Commit` only."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Commit(Operation):
    """Do what was published and settled since the last one."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Rollback(Operation):
    """Forget what was published and settled since the last `Commit`."""


@dataclass(frozen=True, kw_only=True, repr=False)
class CloseChannel(Operation):
    """Close the channel, if it is open."""


@dataclass(frozen=True, kw_only=True, repr=False)
class DropConnection(Operation):
    """Lose the connection of the channel, as by the network."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Wait(Operation):
    """Let time pass."""

    seconds: float


SETTLEMENTS = (Ack, Nack, Reject)


def renamed(operation: O, name: Callable[[str], str]) -> O:
    """The same step with every name of a queue or an exchange in it, however deep, given by `name`."""
    changed = {each.name: _renamed(getattr(operation, each.name), name) for each in fields(operation)}
    return replace(operation, **changed)


def _renamed(value: Any, name: Callable[[str], str]) -> Any:
    if isinstance(value, Envelope):
        return Envelope(*(_renamed(each, name) for each in value))
    if isinstance(value, str):
        return NAME.sub(lambda found: name(found.group()), value)
    if isinstance(value, Mapping):
        return {_renamed(key, name): _renamed(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, name) for each in value]
    return value


def as_source(operations: list[Operation]) -> str:
    """A list of steps as Python, one step a line."""
    return "\n".join(["[", *(f"    {operation!r}," for operation in operations), "]"])


def _written(value: Any) -> str:
    """What evaluates to `value` where `datetime`, `UTC`, `Decimal` and `Envelope` are known."""
    if isinstance(value, Envelope):
        rest = [
            f"{name}={_written(each)}"
            for name, each in zip(Envelope._fields[1:], value[1:], strict=True)
            if each != Envelope._field_defaults[name]
        ]
        return f"Envelope({', '.join([repr(value.body), *rest])})"
    if isinstance(value, datetime):
        return f"datetime.fromtimestamp({value.timestamp():.0f}, UTC)"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_written(each)}' for key, each in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return repr(value)


def _default_of(each: Any) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default
