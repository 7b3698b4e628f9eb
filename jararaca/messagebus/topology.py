"""What an application has on its broker: a pure function of its handlers, its configuration and its names."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from jararaca.errors import InvalidHandler
from jararaca.messagebus.config import QueueType
from jararaca.messagebus.topics import check_pattern
from jararaca.messagebus.waits import LADDER, steps_within, ttl
from jararaca.ports.broker import Binding, Exchange, Queue
from jararaca.ports.inventory import APPLICATION


class Listener(Protocol):
    """What topology needs to know of a handler: its name, the pattern of the topics it listens to, and how many seconds
    the copies of its messages may wait.
    """

    @property
    def name(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def longest_wait(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Names:
    """The names of everything on the broker. `prefix` is the owner's, with its dot; `exchange` is the shared one."""

    prefix: str
    exchange: str

    @property
    def application(self) -> str:
        """What is written on queues, so that those of another owner of a longer name are not taken for its own."""
        return self.prefix.removesuffix(".")

    def queue(self, handler: str) -> str:
        """Where the messages of a handler wait for it."""
        return f"{self.prefix}{handler}"

    def dead_letters(self, handler: str) -> str:
        """Where messages go that a handler will never see again."""
        return f"{self.prefix}{handler}.dlq"

    def wait(self, step: float) -> str:
        """The exchange and queue in which copies for handler queues wait `step` seconds."""
        return f"{self.prefix}wait.{ttl(step)}"

    def delay(self, step: float) -> str:
        """The exchange and queue in which published messages wait `step` seconds before they are routed."""
        return f"{self.prefix}delay.{ttl(step)}"


@dataclass(frozen=True, slots=True)
class Topology:
    """What to declare, in this order: exchanges, queues, bindings."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()

    def __add__(self, other: "Topology") -> "Topology":
        """Both."""
        return Topology(self.exchanges + other.exchanges, self.queues + other.queues, self.bindings + other.bindings)


def topology_of(handlers: Iterable[Listener], names: Names, *, queue_type: QueueType, delivery_limit: int) -> Topology:
    """The topic exchange, and for each handler its queue, bound to its topic, and its dead letters.

    Raises:
        InvalidTopic: a handler listens to something that cannot be bound.
        InvalidHandler: a handler's name gives a queue that is something else already.
    """
    taken = set(_ladder(names))
    queues: list[Queue] = []
    bindings: list[Binding] = []
    for handler in handlers:
        check_pattern(handler.topic)
        queue = names.queue(handler.name)
        dead_letters = names.dead_letters(handler.name)
        _take((queue, dead_letters), taken, handler)
        of_handler = _handler_arguments(dead_letters, queue_type, delivery_limit)
        queues.append(Queue(dead_letters, arguments={"x-queue-type": queue_type, APPLICATION: names.application}))
        queues.append(Queue(queue, arguments={**of_handler, APPLICATION: names.application}))
        bindings.append(Binding(names.exchange, queue, handler.topic))
    return Topology((Exchange(names.exchange, "topic"),), tuple(queues), tuple(bindings))


@lru_cache(maxsize=64)
def _ladder(names: Names) -> frozenset[str]:
    """The names of everything in which messages may wait."""
    return frozenset(name(step) for step in LADDER for name in (names.wait, names.delay))


def _take(queues: tuple[str, ...], taken: set[str], handler: Listener) -> None:
    for queue in queues:
        if queue in taken:
            raise InvalidHandler(
                f"the handler named {handler.name!r} needs the queue {queue!r}, which serves another purpose already. "
                'Give the handler another name: @IncomingHandler(..., name="...")'
            )
        taken.add(queue)


def _handler_arguments(dead_letters: str, queue_type: QueueType, delivery_limit: int) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "x-queue-type": queue_type,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead_letters,
    }
    if queue_type == "quorum":  # classic queues refuse these
        arguments["x-delivery-limit"] = delivery_limit
        arguments["x-dead-letter-strategy"] = "at-least-once"
        arguments["x-overflow"] = "reject-publish"  # without it, at-least-once is silently off
    return arguments


def wait_topology(names: Names, step: float, *, queue_type: QueueType) -> Topology:
    """One step of the ladder for copies: what is sent to its exchange comes to the queue named by the routing key."""
    return _step(names, names.wait(step), step, "", queue_type)


def delay_topology(names: Names, step: float, *, queue_type: QueueType) -> Topology:
    """One step of the ladder for delayed publishes: what is sent to its exchange is then routed by its topic."""
    return _step(names, names.delay(step), step, names.exchange, queue_type)


def waits_of(handlers: Iterable[Listener], names: Names, *, queue_type: QueueType) -> Topology:
    """Every wait that the handlers' declarations may lead to; not those of a delay that a handler names itself."""
    longest = max((handler.longest_wait for handler in handlers), default=0.0)
    steps = (wait_topology(names, step, queue_type=queue_type) for step in steps_within(longest))
    return sum(steps, Topology())


def _step(names: Names, name: str, step: float, target: str, queue_type: QueueType) -> Topology:
    """A fanout exchange keeps the routing key for later. The queue never expires: its messages would go with it."""
    arguments = {
        "x-queue-type": queue_type,
        "x-message-ttl": ttl(step),
        "x-dead-letter-exchange": target,
        APPLICATION: names.application,
    }
    return Topology((Exchange(name, "fanout"),), (Queue(name, arguments=arguments),), (Binding(name, name),))
