"""The arguments of queues and exchanges: which are modelled, which RabbitMQ refuses, and what they mean.

Whatever the reference documents beyond them raises `NotEmulated`, and so does an `x-` argument that nobody documents:
the server ignores that one, which is seldom what its writer had in mind.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from jararaca.adapters.memory.broker import version
from jararaca.adapters.memory.broker.refusals import precondition, unknown_exchange_type
from jararaca.adapters.memory.broker.tables import printed, type_name
from jararaca.errors import NotEmulated
from jararaca.ports.broker import Exchange, Queue

QUEUE_ARGUMENTS = (
    "x-expires",
    "x-message-ttl",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-priority",
    "x-overflow",
    "x-single-active-consumer",
    "x-queue-type",
    "x-delivery-limit",
)
"""The modelled arguments, in the order in which a redeclaration of a classic queue compares them."""

EXCHANGE_ARGUMENTS = ("alternate-exchange",)
EXCHANGE_TYPES = ("direct", "fanout", "topic", "headers")

_REFUSED_BY = {
    "classic": ("x-delivery-limit", "x-dead-letter-strategy"),
    "quorum": version.REFUSED_BY_QUORUM,
}

_COMPARED_BY = {
    "classic": tuple(name for name in QUEUE_ARGUMENTS if name not in _REFUSED_BY["classic"]),
    "quorum": (
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-dead-letter-strategy",
        "x-expires",
        "x-max-length",
        "x-max-length-bytes",
        "x-overflow",
        "x-single-active-consumer",
        "x-queue-type",
        "x-delivery-limit",
        "x-message-ttl",
    ),
}

Overflow = Literal["drop-head", "reject-publish", "reject-publish-dlx"]


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """What the arguments of one queue mean. Times are milliseconds, as in the arguments; None is "not given"."""

    quorum: bool = False
    message_ttl: int | None = None
    expires: int | None = None
    max_length: int | None = None
    max_bytes: int | None = None
    overflow: Overflow = "drop-head"
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None
    at_least_once: bool = False
    delivery_limit: int | None = None
    max_priority: int | None = None
    single_active_consumer: bool = False

    @property
    def rejects(self) -> bool:
        """Whether a full queue refuses a publish. A quorum queue takes reject-publish-dlx for drop-head."""
        return self.overflow == "reject-publish" or (self.overflow == "reject-publish-dlx" and not self.quorum)


def queue_options(queue: Queue) -> QueueOptions:
    """Check a declaration, and read its arguments.

    Raises:
        ChannelClosed: 406, RabbitMQ refuses an argument, or a property of a quorum queue.
        NotEmulated: RabbitMQ may accept it, this model does not have it.
    """
    given = queue.arguments
    quorum = _kind(queue) == "quorum"
    _check_names(queue, "quorum" if quorum else "classic")
    if quorum:
        _check_quorum_properties(queue)
    return QueueOptions(
        quorum=quorum,
        message_ttl=_number(queue, "x-message-ttl"),
        expires=_number(queue, "x-expires", least=1),
        max_length=_number(queue, "x-max-length"),
        max_bytes=_number(queue, "x-max-length-bytes"),
        overflow=_word(queue, "x-overflow", ("drop-head", "reject-publish", "reject-publish-dlx"), "invalid_overflow"),
        dead_letter_exchange=_name(queue, "x-dead-letter-exchange"),
        dead_letter_routing_key=_dead_letter_routing_key(queue),
        at_least_once=_at_least_once(queue),
        delivery_limit=_delivery_limit(queue) if quorum else None,
        max_priority=_number(queue, "x-max-priority", most=255),
        single_active_consumer=_truth(queue, "x-single-active-consumer") if given else False,
    )


def check_exchange(exchange: Exchange) -> None:
    """Check a declaration.

    Raises:
        ChannelClosed: 406, an argument has the wrong type.
        ConnectionClosed: 503, nobody knows the exchange type.
        NotEmulated: the exchange type, or an argument, is that of a plugin.
    """
    if exchange.type.startswith("x-"):
        raise NotEmulated(f"the exchange type {exchange.type!r} of exchange {exchange.name!r}")
    if exchange.type not in EXCHANGE_TYPES:
        raise unknown_exchange_type(exchange.type)
    for name, value in exchange.arguments.items():
        if name in EXCHANGE_ARGUMENTS:
            if not isinstance(value, str):
                where = f"arg '{name}' in exchange '{exchange.name}' in vhost '/'"
                raise precondition(f"invalid type '{type_name(value)}' for {where}")
        elif name.startswith("x-"):
            raise NotEmulated(f"the argument {name!r} of exchange {exchange.name!r}")


def _kind(queue: Queue) -> Literal["classic", "quorum"]:
    kind = queue.arguments.get("x-queue-type", "classic")
    if not isinstance(kind, str):
        raise _invalid(queue, "x-queue-type", f"{{unacceptable_type,{type_name(kind)}}}")
    if kind == "stream":
        raise NotEmulated(f"the queue type 'stream' of queue {queue.name!r}")
    if kind not in ("classic", "quorum"):
        raise _invalid(queue, "x-queue-type", f"\"unsupported queue type '{kind}'\"")
    return "quorum" if kind == "quorum" else "classic"


def _check_names(queue: Queue, kind: Literal["classic", "quorum"]) -> None:
    for name in queue.arguments:
        if name in _REFUSED_BY[kind]:
            where = f"for queue '{queue.name}' in vhost '/' of queue type rabbit_{kind}_queue"
            raise precondition(f"invalid arg '{name}' {where}")
    _check_modelled(queue)


def _check_modelled(queue: Queue) -> None:
    for name in queue.arguments:
        if name.startswith("x-") and name not in QUEUE_ARGUMENTS:
            raise NotEmulated(f"the argument {name!r} of queue {queue.name!r}")


def _check_quorum_properties(queue: Queue) -> None:
    wrong = (
        (queue.auto_delete, "auto-delete"),
        (queue.exclusive, "exclusive-owner"),
        (not queue.durable, "non-durable"),
    )
    for is_wrong, name in wrong:
        if is_wrong:
            raise precondition(f"invalid property '{name}' for queue '{queue.name}' in vhost '/'")


def _invalid(queue: Queue, name: str, reason: str) -> Exception:
    return precondition(f"invalid arg '{name}' for queue '{queue.name}' in vhost '/': {reason}")


def _integer(queue: Queue, name: str) -> int | None:
    value = queue.arguments.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool):
        raise _invalid(queue, name, f'"expected integer, got {type_name(value)}"')
    return value


def _number(queue: Queue, name: str, *, least: int = 0, most: int | None = None) -> int | None:
    value = _integer(queue, name)
    if value is None or (value >= least and (most is None or value <= most)):
        return value
    reason = "max_value_exceeded" if value > 0 else "value_zero" if value == 0 else "value_negative"
    raise _invalid(queue, name, f"{{{reason},{value}}}")


def _text(queue: Queue, name: str, refusal: Callable[[Any], Exception]) -> str | None:
    value = queue.arguments.get(name)
    if value is not None and not isinstance(value, str):
        raise refusal(value)
    return value


def _delivery_limit(queue: Queue) -> int | None:
    limit = _integer(queue, "x-delivery-limit")
    return version.DELIVERY_LIMIT if limit is None else limit


def _name(queue: Queue, name: str) -> str | None:
    where = f"arg '{name}' in queue '{queue.name}' in vhost '/'"
    return _text(queue, name, lambda value: precondition(f"invalid type '{type_name(value)}' for {where}"))


def _word(queue: Queue, name: str, words: tuple[str, ...], reason: str) -> Any:
    value = _text(queue, name, lambda bad: _invalid(queue, name, f"{{unacceptable_type,{type_name(bad)}}}"))
    if value is not None and value not in words:
        raise _invalid(queue, name, reason)
    return words[0] if value is None else value


def _truth(queue: Queue, name: str) -> bool:
    value = queue.arguments.get(name, False)
    if not isinstance(value, bool):
        raise _invalid(queue, name, f"{{unacceptable_type,{type_name(value)}}}")
    return value


def _dead_letter_routing_key(queue: Queue) -> str | None:
    key = _name(queue, "x-dead-letter-routing-key")
    if key is not None and "x-dead-letter-exchange" not in queue.arguments:
        raise _invalid(queue, "x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")
    return key


def _at_least_once(queue: Queue) -> bool:
    """At-least-once needs reject-publish as well; without it RabbitMQ silently falls back to at-most-once."""
    strategy = _word(queue, "x-dead-letter-strategy", ("at-most-once", "at-least-once"), "invalid_dlx_strategy")
    return bool(strategy == "at-least-once" and queue.arguments.get("x-overflow") == "reject-publish")


def queue_difference(current: Queue, received: Queue) -> str | None:
    """How a redeclaration differs in its first argument that counts, in the server's words; None if it does not.

    RabbitMQ compares what the type of the existing queue knows, and checks nothing else of what it received.

    Raises:
        NotEmulated: an argument that this model does not have.
    """
    _check_modelled(received)
    compared = _COMPARED_BY[_kind(current)]
    return _difference(f"queue '{current.name}'", current.arguments, received.arguments, compared)


def exchange_difference(current: Exchange, received: Exchange) -> str | None:
    """As `queue_difference`."""
    return _difference(f"exchange '{current.name}'", current.arguments, received.arguments, EXCHANGE_ARGUMENTS)


def _difference(
    what: str, current: Mapping[str, Any], received: Mapping[str, Any], compared: Iterable[str]
) -> str | None:
    for argument in compared:
        if (now := current.get(argument)) != (then := received.get(argument)):
            return f"inequivalent arg '{argument}' for {what} in vhost '/': {_versus(then, now)}"
    return None


def _versus(received: Any, current: Any) -> str:
    if current is None:
        return f"received the value '{printed(received)}' of type '{type_name(received)}' but current is none"
    if received is None:
        return f"received none but current is the value '{printed(current)}' of type '{type_name(current)}'"
    return f"received '{printed(received)}' but current is '{printed(current)}'"
