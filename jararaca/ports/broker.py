"""What the framework needs from a message broker, in the words of AMQP 0-9-1.

A `Broker` is one connection. Publishing and settling are plain calls that queue, so that a hundred of them leave in
one write; awaiting a `Confirm` or `flush()` is what waits. Nothing here names a vendor, and nothing retries: an
adapter reports that a connection or channel was lost, and the message bus decides what to do about it.
"""

import asyncio
import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, Protocol

ExchangeType = Literal["direct", "fanout", "topic", "headers"]
Arguments = Mapping[str, Any]
"""A table of AMQP values: None, bool, int of 64 bits, finite float, str, bytes, datetime (whole seconds from 1970 on),
Decimal (see `decimal_parts`), or lists and tables of them."""

DEEPEST = 64
"""How deep lists and tables may lie in each other: AMQP sets no limit, and Python's stack does."""


def decimal_parts(value: Decimal) -> tuple[int, int] | None:
    """Scale and mantissa of a decimal as AMQP carries it: 8 and 32 bits. None if it does not fit, or is no number."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or value.adjusted() > 9:
        return None
    scale = max(0, -exponent)
    mantissa = int(value.scaleb(scale))
    return (scale, mantissa) if scale <= 255 and -(2**31) <= mantissa < 2**31 else None


_NO_ARGUMENTS: Arguments = {}


class Envelope(NamedTuple):
    """One message as it travels: the body and the basic properties of AMQP.

    `expiration` is what the wire carries: whole milliseconds as a string. `timestamp` arrives in whole seconds. One is
    made for every message: a named tuple is frozen too, and takes a third of a frozen dataclass's time to make.
    """

    body: bytes
    content_type: str | None = None
    content_encoding: str | None = None
    headers: Arguments = _NO_ARGUMENTS
    persistent: bool = True
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration: str | None = None
    message_id: str | None = None
    timestamp: datetime | None = None
    type: str | None = None
    user_id: str | None = None
    app_id: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange to declare. The empty name is the default exchange, which is always there."""

    name: str
    type: ExchangeType = "direct"
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue to declare. An empty name asks the broker for one."""

    name: str
    durable: bool = True
    exclusive: bool = False
    auto_delete: bool = False
    arguments: Arguments = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """A route from the exchange `source` to a queue or to another exchange."""

    source: str
    destination: str
    routing_key: str = ""
    arguments: Arguments = field(default_factory=dict)
    destination_type: Literal["queue", "exchange"] = "queue"


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """What the broker says of a queue: messages that are ready (not unacked) and consumers."""

    name: str
    ready: int
    consumers: int


@dataclass(frozen=True, slots=True)
class Returned:
    """Why a mandatory message came back: 312 NO_ROUTE when no queue took it."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """The broker has taken responsibility. `returned` is set if the message was mandatory and no queue took it."""

    returned: Returned | None = None


class BrokerState(enum.Enum):
    """`READY` can publish; `BLOCKED` is connected, but must not publish for now; `LOST` is not connected."""

    READY = "ready"
    BLOCKED = "blocked"
    LOST = "lost"


class Delivery(Protocol):
    """One message handed to a consumer, to be settled exactly once.

    The three verbs queue the settlement and return; `Broker.flush` waits until everything queued has been written.
    Settling a delivery whose channel was lost does nothing, and answers False: the broker requeued it already.
    """

    @property
    def envelope(self) -> Envelope:
        """The message. What cannot be read of its properties, whoever wrote them, is left out and never raises."""
        ...

    @property
    def exchange(self) -> str: ...
    @property
    def routing_key(self) -> str: ...
    @property
    def redelivered(self) -> bool: ...
    @property
    def delivery_tag(self) -> int: ...
    @property
    def is_stale(self) -> bool:
        """Whether the channel is known to be gone: somebody else may have the message, and settling does nothing."""
        ...

    def ack(self) -> bool:
        """Done: the broker may forget the message. False if the channel is gone."""
        ...

    def nack(self, *, requeue: bool) -> bool:
        """Refuse: back to the queue, or to its dead-letter exchange. False if the channel is gone."""
        ...

    def reject(self, *, requeue: bool) -> bool:
        """Refuse as `nack` does; RabbitMQ 4.3 counts only this one towards a delivery limit."""
        ...


class Subscription(Protocol):
    """A running consumer."""

    @property
    def cancelled(self) -> asyncio.Event:
        """Set when the consumer ended while its channel lives: by `cancel`, or because its queue was deleted."""
        ...

    @property
    def lost(self) -> asyncio.Event:
        """Set when the channel or the connection died under the consumer. Its unacked messages are requeued."""
        ...

    async def cancel(self) -> None:
        """Stop new deliveries. What is unacked stays so, and may still be settled."""
        ...

    async def close(self) -> None:
        """Cancel and close the consumer's channel: what is still unacked goes back to the queue."""
        ...


class Broker(Protocol):
    """One connection to a message broker.

    Every method raises `BrokerUnavailable` when the connection is lost, and `ChannelClosed` (with the server's code
    and text) when the broker refuses the operation; the connection outlives a refusal.
    """

    @property
    def state(self) -> BrokerState: ...

    @property
    def lost(self) -> asyncio.Event:
        """Set while not connected; `connect` clears it."""
        ...

    async def connect(self) -> None:
        """Open the connection, or open it again after it was lost; no effect when connected.

        Raises:
            BrokerUnavailable: nobody answers at the address.
            LoginRefused: the user, password or virtual host is wrong.
        """
        ...

    def publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool = False
    ) -> asyncio.Future[Confirm]:
        """Queue one message; the future is done once the broker has taken responsibility for it, in order.

        The future fails with `PublishRefused` (the broker nacked), `BrokerUnavailable` (lost before the confirm: the
        message may or may not have arrived) or `ChannelClosed` (the exchange does not exist).
        """
        ...

    async def flush(self) -> None:
        """Return once every queued settlement and publish has been written to the connection."""
        ...

    async def consume(
        self, queue: str, *, prefetch: int, on_delivery: Callable[[Delivery], None], priority: int = 0
    ) -> Subscription:
        """Start a consumer on a channel of its own, with at most `prefetch` deliveries unacked at a time."""
        ...

    async def get(self, queue: str) -> Delivery | None:
        """Take one ready message, or None if there is none."""
        ...

    async def declare_exchange(self, exchange: Exchange) -> None: ...

    async def declare_queue(self, queue: Queue) -> QueueInfo: ...

    async def inspect_exchange(self, name: str) -> None:
        """Raise `ChannelClosed` 404 if the exchange does not exist (a passive declare)."""
        ...

    async def inspect_queue(self, name: str) -> QueueInfo:
        """Count without changing anything (a passive declare); `ChannelClosed` 404 if it does not exist."""
        ...

    async def bind(self, binding: Binding) -> None: ...

    async def unbind(self, binding: Binding) -> None: ...

    async def purge(self, queue: str) -> int:
        """Drop all ready messages; they are not dead-lettered. Returns how many."""
        ...

    async def delete_queue(self, name: str) -> int:
        """Delete a queue with its messages, which are not dead-lettered. Returns how many; a missing queue is 0."""
        ...

    async def delete_exchange(self, name: str) -> None: ...

    async def close(self) -> None:
        """Close the connection: unacked messages are requeued. No effect when it is closed."""
        ...
