"""What is drawn: topologies and operations in a world so small that they meet.

Four queues, three exchanges and a handful of words: most draws are about something that exists, and some are not.
Durations keep away from each other, so that what falls due first is certain on both sides.

Each function takes a `Random`. Hypothesis draws the seed of it: its own draws favour what is small and what came
before, which here makes the same empty queue forty times.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

from jararaca.ports.broker import Envelope
from jararaca_testing.differential.ledger import Ledger
from jararaca_testing.differential.operations import (
    CONNECTION_OF,
    Ack,
    Bind,
    Cancel,
    CloseChannel,
    Commit,
    Consume,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DropConnection,
    Get,
    Nack,
    Operation,
    Publish,
    Purge,
    Qos,
    Recover,
    Reject,
    Rollback,
    SelectTransaction,
    Unbind,
    Wait,
)

QUEUES = ("q0", "q1", "q2", "q3")
EXCHANGES = ("x0", "x1", "x2")
CHANNELS = sorted(CONNECTION_OF)
TYPES = ("direct", "fanout", "topic", "topic", "headers")
KEYS = ("", "a", "b", "a.b", "b.a", "a.b.c", "a..b", ".", *QUEUES[:2])
PATTERNS = (
    *("#", "*", "a", "a.b", "a.*", "*.b", "a.#", "#.b", "*.*", "#.a.#", "a.#.c", "*.#", "#.#", "", "a.*.#", "*..b"),
    *KEYS,
)
VALUES: tuple[Any, ...] = (
    *(None, True, 1, 2, 2**40, -5, 1.5, "1", "a", "", b"\xff", [1, ["x"]], {"k": None}, Decimal("1.25")),
    datetime(2020, 1, 1, tzinfo=UTC),
)
HEADERS = ("h", "i", "x-h")
MATCHES = ("all", "any", "all-with-x", "any-with-x")
LIMITS: dict[str, Sequence[Any]] = {
    "x-message-ttl": (0, 80, 250, 60_000),
    "x-max-length": (0, 1, 2, 3),
    "x-max-length-bytes": (5, 20),
    "x-overflow": ("drop-head", "reject-publish", "reject-publish-dlx"),
    "x-single-active-consumer": (True,),
}
CLASSIC: dict[str, Sequence[Any]] = {"x-max-priority": (1, 5), "x-expires": (200, 60_000)}
QUORUM: dict[str, Sequence[Any]] = {
    "x-delivery-limit": (0, 1, 2),
    "x-dead-letter-strategy": ("at-most-once", "at-least-once"),
}
PROPERTIES: dict[str, Sequence[Any]] = {
    "expiration": ("0", "0", "80", "250", "250", "60000", "60000", "", "abc", "-1"),
    "priority": (0, 1, 3, 9, 255),
    "persistent": (False,),
    "user_id": ("guest", "guest", "guest", "somebody"),
    "content_type": ("text/plain",),
    "content_encoding": ("utf-8",),
    "correlation_id": ("c-1",),
    "reply_to": ("answers",),
    "message_id": ("m-1",),
    "timestamp": (datetime(2021, 2, 3, 4, 5, 6, tzinfo=UTC),),
    "type": ("t",),
    "app_id": ("app",),
}


def topology(random: Random) -> list[Operation]:
    """Nearly every exchange and queue, and some bindings."""
    declared: list[Operation] = []
    for name in EXCHANGES:
        if not rarely(random):
            declared.append(replace(_exchange(random), name=name, passive=False, channel=0))
    for name in QUEUES:
        if not rarely(random):
            declared.append(replace(_queue(random), name=name, passive=False, channel=0))
    bindings = [replace(_binding(random), channel=0) for _ in range(random.randint(0, 6))]
    return [*declared, *bindings]


def operation(random: Random, ledger: Ledger) -> Operation:
    """One step. What can be settled comes from the books."""
    draw = random.choices([weighted[0] for weighted in _STEPS], [weighted[1] for weighted in _STEPS])[0]
    return draw(random, ledger)


def rarely(random: Random, probability: float = 0.1) -> bool:
    return random.random() < probability


def _some(random: Random, options: dict[str, Sequence[Any]], probability: float) -> dict[str, Any]:
    return {name: random.choice(values) for name, values in options.items() if rarely(random, probability)}


def _dead_letters(random: Random) -> dict[str, Any]:
    match random.randint(0, 4):
        case 0:
            return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": random.choice(QUEUES)}
        case 1:
            return {"x-dead-letter-exchange": random.choice(EXCHANGES)}
        case 2:
            return {
                "x-dead-letter-exchange": random.choice(EXCHANGES),
                "x-dead-letter-routing-key": random.choice(KEYS),
            }
    return {}


def _queue(random: Random) -> DeclareQueue:
    limits = _some(random, LIMITS, 0.3) if rarely(random, 0.6) else {}
    channel, name = random.choice(CHANNELS), random.choice(QUEUES)
    if rarely(random, 0.25):
        arguments = {"x-queue-type": "quorum", **limits, **_dead_letters(random), **_some(random, QUORUM, 0.4)}
        return DeclareQueue(channel=channel, name=name, arguments=arguments)
    return DeclareQueue(
        channel=channel,
        name=name,
        durable=not rarely(random),
        exclusive=rarely(random, 0.05),
        auto_delete=rarely(random),
        passive=rarely(random),
        arguments={**limits, **_dead_letters(random), **_some(random, CLASSIC, 0.15)},
    )


def _exchange(random: Random) -> DeclareExchange:
    alternate = {"alternate-exchange": random.choice(EXCHANGES)} if rarely(random, 0.2) else {}
    return DeclareExchange(
        channel=random.choice(CHANNELS),
        name=random.choice(EXCHANGES),
        type=random.choice(TYPES),  # type: ignore[arg-type] # the tuple forgets that these are literals
        durable=not rarely(random),
        auto_delete=rarely(random),
        internal=rarely(random, 0.05),
        passive=rarely(random),
        arguments=alternate,
    )


def _headers(random: Random) -> dict[str, Any]:
    return {name: random.choice(VALUES) for name in HEADERS if rarely(random, 0.5)}


def _binding(random: Random, make: type[Bind] | type[Unbind] = Bind) -> Bind | Unbind:
    to_exchange = rarely(random, 0.25)
    arguments = {**_headers(random), **_some(random, {"x-match": MATCHES}, 0.6)} if rarely(random, 0.4) else {}
    return make(
        channel=random.choice(CHANNELS),
        source=random.choice(EXCHANGES),
        destination=random.choice(EXCHANGES if to_exchange else QUEUES),
        routing_key=random.choice(PATTERNS),
        arguments=arguments,
        destination_type="exchange" if to_exchange else "queue",
    )


def _envelope(random: Random) -> Envelope:
    """The body is padding; whoever publishes puts a number in front."""
    more: dict[str, Any] = {}
    if rarely(random, 0.2):
        more = {"expiration": random.choice(("80", "250"))}
    elif rarely(random, 0.3):
        more = _some(random, PROPERTIES, 0.2)
        copies = {name: [random.choice(KEYS) for _ in range(random.randint(0, 2))] for name in ("CC", "BCC")}
        more["headers"] = {**_headers(random), **{name: copies[name] for name in copies if rarely(random, 0.2)}}
    return Envelope(b"." * random.choice((0, 0, 0, 6)), **more)


def _publish(random: Random, ledger: Ledger) -> Operation:
    exchange, key = random.choice((("", random.choice(QUEUES)), (random.choice(EXCHANGES), random.choice(KEYS))))
    return Publish(
        channel=random.choice(CHANNELS),
        exchange=exchange,
        routing_key=key,
        envelope=_envelope(random),
        mandatory=rarely(random, 0.3),
    )


def _consume(random: Random, ledger: Ledger) -> Operation:
    channel = random.choice(CHANNELS)
    known = ledger.consumers(channel)
    free = [tag for tag in ("c0", "c1", "c2") if tag not in known]
    return Consume(
        channel=channel,
        queue=random.choice(QUEUES),
        consumer=random.choice(free if free and not rarely(random, 0.05) else ["c0", "c1", "c2"]),
        no_ack=rarely(random),
        exclusive=rarely(random, 0.05),
        arguments={"x-priority": random.choice((-1, 1, 2))} if rarely(random, 0.2) else {},
    )


def _settle(random: Random, ledger: Ledger) -> Operation:
    channels = [channel for channel in CHANNELS if ledger.unsettled(channel)]
    if not channels:
        return _get(random, ledger)
    channel = random.choice(channels)
    tag = random.choice(ledger.unsettled(channel))
    match random.randint(0, 2):
        case 0:
            return Ack(channel=channel, tag=tag, multiple=rarely(random))
        case 1:
            return Nack(channel=channel, tag=tag, multiple=rarely(random), requeue=rarely(random, 0.5))
    return Reject(channel=channel, tag=tag, requeue=rarely(random, 0.5))


def _settle_all(random: Random, ledger: Ledger) -> Operation:
    return random.choice((Ack, Nack))(channel=random.choice(CHANNELS), tag=0, multiple=True)


def _settle_amiss(random: Random, ledger: Ledger) -> Operation:
    return random.choice((Ack, Nack, Reject))(channel=random.choice(CHANNELS), tag=random.choice((0, 1, 1_000)))


def _get(random: Random, ledger: Ledger) -> Operation:
    return Get(channel=random.choice(CHANNELS), queue=random.choice(QUEUES), no_ack=rarely(random))


def _transaction(random: Random, ledger: Ledger) -> Operation:
    return random.choice((SelectTransaction, Commit, Commit, Rollback))(channel=1)


def _delete(random: Random, ledger: Ledger) -> Operation:
    channel = random.choice(CHANNELS)
    if rarely(random, 0.5):
        return DeleteExchange(channel=channel, name=random.choice(EXCHANGES), if_unused=rarely(random, 0.5))
    return DeleteQueue(channel=channel, name=random.choice(QUEUES), if_unused=rarely(random), if_empty=rarely(random))


def _qos(random: Random, ledger: Ledger) -> Operation:
    return Qos(channel=random.choice(CHANNELS), prefetch=random.choice((0, 1, 2, 3)), shared=rarely(random, 0.05))


_STEPS: tuple[tuple[Callable[[Random, Ledger], Operation], int], ...] = (
    (_publish, 32),
    (_consume, 14),
    (_get, 4),
    (_settle, 22),
    (_settle_all, 2),
    (_settle_amiss, 1),
    (_qos, 3),
    (lambda random, ledger: Cancel(channel=random.choice(CHANNELS), consumer=random.choice(("c0", "c1", "c2"))), 2),
    (lambda random, ledger: Purge(channel=random.choice(CHANNELS), queue=random.choice(QUEUES)), 1),
    (lambda random, ledger: Recover(channel=random.choice(CHANNELS)), 1),
    (_transaction, 2),
    (lambda random, ledger: _queue(random), 2),
    (lambda random, ledger: _exchange(random), 1),
    (lambda random, ledger: _binding(random), 4),
    (lambda random, ledger: _binding(random, Unbind), 2),
    (_delete, 2),
    (lambda random, ledger: CloseChannel(channel=random.choice(CHANNELS)), 2),
    (lambda random, ledger: DropConnection(channel=random.choice(CHANNELS)), 1),
    (lambda random, ledger: Wait(seconds=random.choice((0.02, 0.1, 0.3))), 4),
)
"""What a step may be, and how often."""
