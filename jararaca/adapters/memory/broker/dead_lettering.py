"""Where messages go that leave a queue without being done: once at most, or until somebody has taken them."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jararaca.adapters.memory.broker.dead_letter import Death, DeathReason, is_cycle
from jararaca.adapters.memory.broker.message import Message
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.tables import whole_seconds
from jararaca.adapters.memory.broker.timers import Alarm
from jararaca.ports.clock import Clock

RETRY_AFTER = 180.0
"""Seconds after which RabbitMQ offers again a dead letter that nobody took (at-least-once)."""

Route = Callable[[str, tuple[str, ...], Mapping[str, Any]], tuple[MessageQueue, ...]]


@dataclass(slots=True, eq=False)
class _Letter:
    """A dead letter under way, the queue that it left, and those that have it already."""

    source: MessageQueue
    message: Message
    reason: DeathReason
    taken_by: set[str] = field(default_factory=set)


class _Desk:
    """The dead letters that one queue keeps until their targets have taken them."""

    def __init__(self, queue: MessageQueue, deliver: Callable[[_Letter], bool], now: Callable[[], float]) -> None:
        self._queue = queue
        self._deliver = deliver
        self._now = now
        self._kept: list[_Letter] = []
        self._alarm = Alarm(f"retry of dead letters of queue {queue.name!r}", self.retry)

    def keep(self, letter: _Letter) -> None:
        self._kept.append(letter)
        self._queue.held = len(self._kept)
        if self._alarm.at is None:
            self._alarm.set(self._now() + RETRY_AFTER)

    def retry(self) -> None:
        letters, self._kept = self._kept, []
        self._kept += [letter for letter in letters if not self._queue.deleted and not self._deliver(letter)]
        self._queue.held = len(self._kept)
        if self._kept:
            self._alarm.set(self._now() + RETRY_AFTER)

    def pause(self) -> None:
        self._alarm.set(None)

    def clear(self) -> None:
        self._kept.clear()
        self._queue.held = 0
        self._alarm.set(None)


class DeadLettering:
    """Sends dead letters on. With at-least-once, keeps those that a target lacked or refused."""

    def __init__(self, route: Route, clock: Clock, now: Callable[[], float]) -> None:
        self._route = route
        self._clock = clock
        self._now = now
        self._desks: dict[MessageQueue, _Desk] = {}
        self._held: deque[_Letter] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let dead letters leave at the end of a block: every queue of a message has it before one sends another on."""
        if self._held is not None:
            yield
            return
        held: deque[_Letter] = deque()
        self._held = held
        try:
            yield
        finally:
            while held:
                self._send(held.popleft())
            self._held = None

    def bury(self, queue: MessageQueue, message: Message, reason: DeathReason) -> None:
        """Send `message`, which left `queue`, to the dead-letter exchange of the queue; drop it if there is none."""
        options = queue.options
        exchange = options.dead_letter_exchange
        if exchange is None:
            return
        death = Death(
            queue=queue.name,
            reason=reason,
            exchange=message.exchange,
            routing_keys=message.visible_keys,
            time=whole_seconds(self._clock.now()),
            expiration=message.properties.expiration,
        )
        letter = _Letter(queue, message.dead(death, exchange, options.dead_letter_routing_key), reason)
        if self._held is not None:
            self._held.append(letter)
            return
        with self.held():
            self._send(letter)

    def _send(self, letter: _Letter) -> None:
        keeps = letter.source.options.at_least_once
        if not self._deliver(letter, unasked=not keeps) and keeps:
            self._desk_of(letter.source).keep(letter)

    def forget(self, queue: MessageQueue) -> None:
        """The queue was deleted: what it kept goes too. A purge leaves it."""
        if (desk := self._desks.pop(queue, None)) is not None:
            desk.clear()

    def pause(self) -> None:
        """The server stops: what is kept stays, and nobody is offered anything."""
        for desk in self._desks.values():
            desk.pause()

    def resume(self) -> None:
        """The server is back, and offers at once what it kept."""
        for desk in list(self._desks.values()):
            desk.retry()

    def _deliver(self, letter: _Letter, *, unasked: bool = False) -> bool:
        """Offer the letter to every queue that lacks it. False: there is none at all, or one refused."""
        message = letter.message
        targets = self._route(message.exchange, message.keys, message.headers)
        automatic = letter.reason != "rejected"
        for queue in targets:
            if queue.name in letter.taken_by:
                continue
            if (automatic and is_cycle(queue.name, message.headers)) or queue.accept(
                message.copy(), letter.source, unasked=unasked
            ):
                letter.taken_by.add(queue.name)
        return bool(targets) and letter.taken_by.issuperset(queue.name for queue in targets)

    def _desk_of(self, queue: MessageQueue) -> _Desk:
        if queue not in self._desks:
            self._desks[queue] = _Desk(queue, self._deliver, self._now)
        return self._desks[queue]
