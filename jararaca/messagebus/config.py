"""How one application uses its message broker."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from jararaca.errors import InvalidOption
from jararaca.messagebus.quantities import ADVICE, is_number, is_whole

DEFAULT_EXCHANGE = "jararaca.events"
CONSUMER_TIMEOUT = 1800.0
"""Seconds after which RabbitMQ closes the channel of a consumer that has not settled a delivery."""

SHORTEST_RETENTION = 1800.0
"""Seconds: a message may come again as late as the broker's patience with a consumer lasts."""

QueueType = Literal["quorum", "classic"]
TopologyMode = Literal["declare", "passive", "verify"]


@dataclass(frozen=True, slots=True)
class MessageBusConfig:
    """What an operator may decide about the message bus; every field has a `JARARACA_*` twin in the environment.

    Args:
        url: of the broker. None leaves it to the application's connection factory.
        exchange: the topic exchange on which applications meet; `jararaca.events` unless named.
        concurrency: how many messages one process handles at a time, per handler.
        prefetch: how many deliveries the broker hands out ahead, per handler; None is as many as `concurrency`.
        handler_timeout: seconds that one attempt may take, unless its handler says otherwise.
        delivery_limit: how often the broker may hand out one message before it dead-letters it (quorum queues).
        max_message_bytes: bodies longer than this are neither published nor handled.
        queue_type: `classic` for brokers without quorum queues; those have no delivery limit.
        topology: `passive` only looks whether queues and exchanges exist, for users who may not declare them; `verify`
            sees that they exist with the arguments that this application declares, and makes none.
        max_hops: how many publishes may lie between a first trigger and a message; None is no limit.
        outbox_attempts: how often the broker may refuse a message of the outbox before it is parked.
        inbox_retention: seconds for which it is remembered that an idempotent handler has handled a message; half an
            hour or more, and longer than any message may be on its way or in a dead-letter queue.

    Raises:
        InvalidOption: a value that cannot work.
    """

    url: str | None = field(default=None, repr=False)
    exchange: str | None = None
    concurrency: int = 10
    prefetch: int | None = None
    handler_timeout: float = 1500.0
    delivery_limit: int = 20
    max_message_bytes: int = 1_048_576
    queue_type: QueueType = "quorum"
    topology: TopologyMode = "declare"
    max_hops: int | None = None
    outbox_attempts: int = 20
    inbox_retention: float = 604_800.0

    def __post_init__(self) -> None:
        _demand(self.exchange is None or 0 < len(self.exchange.encode()) <= 200, "exchange", self.exchange, _NAME)
        for name in _WHOLE:
            value = getattr(self, name)
            _demand(is_whole(value) or (value is None and name in _OPTIONAL), name, value, "Use a whole number.")
        for name in ("handler_timeout", "inbox_retention"):
            _demand(is_number(getattr(self, name)), name, getattr(self, name), ADVICE)
        _demand(self.concurrency >= 1, "concurrency", self.concurrency, "Use 1 or more.")
        if self.prefetch is not None:
            _demand(1 <= self.prefetch <= 65_535, "prefetch", self.prefetch, _PREFETCH)
        _demand(0 < self.handler_timeout < CONSUMER_TIMEOUT, "handler_timeout", self.handler_timeout, _TIMEOUT)
        _demand(self.delivery_limit >= 1, "delivery_limit", self.delivery_limit, "Use 1 or more.")
        _demand(self.max_message_bytes >= 1, "max_message_bytes", self.max_message_bytes, "Use bytes, at least 1.")
        _demand(self.queue_type in get_args(QueueType), "queue_type", self.queue_type, 'Use "quorum" or "classic".')
        _demand(self.topology in get_args(TopologyMode), "topology", self.topology, _TOPOLOGY)
        _demand(self.max_hops is None or self.max_hops >= 1, "max_hops", self.max_hops, "Use 1 or more, or None.")
        _demand(self.outbox_attempts >= 1, "outbox_attempts", self.outbox_attempts, "Use 1 or more.")
        _demand(self.inbox_retention >= SHORTEST_RETENTION, "inbox_retention", self.inbox_retention, _RETENTION)


_WHOLE = ("concurrency", "prefetch", "delivery_limit", "max_message_bytes", "max_hops", "outbox_attempts")
_OPTIONAL = ("prefetch", "max_hops")
_TOPOLOGY = 'Use "declare", "passive" or "verify".'
_NAME = "Use a name of 1 to 200 bytes, or None."
_PREFETCH = "Use 1 to 65535; 0 would mean no limit, and one process would take the whole queue into its memory."
_TIMEOUT = (
    f"Use seconds above 0 and below {CONSUMER_TIMEOUT:g}: after that RabbitMQ gives the message to somebody else while "
    "its handler still runs. Split longer work into several messages."
)
_RETENTION = f"Use seconds, {SHORTEST_RETENTION:g} or more: a message that comes later than that is handled again."


def _demand(holds: bool, name: str, value: object, advice: str) -> None:
    if not holds:
        raise InvalidOption(f"MessageBusConfig({name}={value!r}) cannot work. {advice}")
