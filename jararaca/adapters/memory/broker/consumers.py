"""Who gets the next message of a queue: round robin, priorities, windows, and the single active consumer."""

import sys
from collections import deque
from collections.abc import Iterator
from typing import Protocol

from jararaca.adapters.memory.broker.message import Message


class Receiver(Protocol):
    """The channel of a consumer, as its queue sees it."""

    def deliver(self, consumer: "Consumer", message: Message, returns: int | None) -> None:
        """Send one message on, and take it into the window of unacked ones, if the consumer acks."""
        ...

    def queue_deleted(self, consumer: "Consumer") -> None:
        """The broker cancels the consumer: its queue is gone."""
        ...


class SharedWindow:
    """How many deliveries all consumers of one channel together may leave unacked (basic.qos with global). 0: any."""

    __slots__ = ("limit", "unacked")

    def __init__(self) -> None:
        self.limit = 0
        self.unacked = 0

    @property
    def is_full(self) -> bool:
        return 0 < self.limit <= self.unacked

    def set(self, limit: int, unacked: int) -> None:
        """Change the limit. Counting begins with what is `unacked` when there was no limit before."""
        if not self.limit or not limit:
            self.unacked = unacked
        self.limit = limit

    def release(self, count: int) -> None:
        """So many deliveries to consumers were settled."""
        self.unacked = max(0, self.unacked - count)


class Consumer:
    """One subscription to one queue. `prefetch` 0 is no limit; without acks there is none either."""

    __slots__ = (
        "_width",
        "exclusive",
        "no_ack",
        "priority",
        "receiver",
        "shared",
        "tag",
        "unacked",
        "waiting",
        "window",
    )

    def __init__(
        self,
        receiver: Receiver,
        *,
        tag: str,
        prefetch: int,
        priority: int,
        no_ack: bool,
        exclusive: bool,
        shared: SharedWindow,
    ) -> None:
        self.receiver = receiver
        self.tag = tag
        self.window = self._width = prefetch if prefetch and not no_ack else sys.maxsize
        self.priority = priority
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.shared = shared
        self.unacked = 0
        self.waiting = False

    def pause(self) -> None:
        """Have no room until `resume`, whatever is acked."""
        self.window = 0

    def resume(self) -> None:
        self.window = self._width

    @property
    def has_room(self) -> bool:
        return self.unacked < self.window and not (self.shared.limit and self.shared.is_full)


class Rotation:
    """The consumers of one queue. They wait in line, and whoever was served goes to its end.

    A consumer without room leaves the line, and comes back to its end when it has room again. A quorum queue sees at
    once that there is none, a classic queue when it is the consumer's turn.

    With `single_active` only one of all is ever in line. When it leaves, a classic queue lets the highest priority
    follow, a quorum queue the one that came first.
    """

    def __init__(self, *, single_active: bool, quorum: bool) -> None:
        self._registered: dict[Consumer, None] = {}
        self._lines: dict[int, deque[Consumer]] = {}
        self._priorities: tuple[int, ...] = ()
        self._single_active = single_active
        self._quorum = quorum
        self._active: Consumer | None = None
        self._leaving: set[Consumer] = set()

    def __len__(self) -> int:
        return len(self._registered)

    def __iter__(self) -> Iterator[Consumer]:
        return iter(tuple(self._registered))

    @property
    def serving(self) -> int:
        """How many take turns: one at most with `single_active`. In a quorum queue one that has left counts as well,
        until everything that it received is settled.
        """
        self._leaving = {consumer for consumer in self._leaving if consumer.unacked > 0}
        return (min(len(self), 1) if self._single_active else len(self)) + len(self._leaving)

    def add(self, consumer: Consumer) -> None:
        self._registered[consumer] = None
        if consumer.priority not in self._lines:
            self._lines[consumer.priority] = deque()
            self._priorities = tuple(sorted(self._lines, reverse=True))
        if self._single_active and self._active is None:
            self._active = consumer
        self.rejoin(consumer)

    def remove(self, consumer: Consumer) -> None:
        """Forget a consumer; no effect when it is not registered."""
        if consumer not in self._registered:
            return
        del self._registered[consumer]
        if self._quorum:
            self._leaving.add(consumer)
        if consumer.waiting:
            consumer.waiting = False
            self._lines[consumer.priority].remove(consumer)
        if consumer is self._active:
            self._active = self._successor()
            if self._active is not None:
                self.rejoin(self._active)

    def next(self) -> Consumer | None:
        """The consumer to serve, taken out of the line; `rejoin` it once it was served. None: nobody has room."""
        for priority in self._priorities:
            line = self._lines[priority]
            while line:
                consumer = line.popleft()
                consumer.waiting = False
                if consumer.unacked < consumer.window and (not consumer.shared.limit or consumer.has_room):
                    return consumer
        return None

    def rejoin(self, consumer: Consumer) -> None:
        """Queue up again at the end, if the consumer is registered, and may receive."""
        if consumer.waiting or consumer not in self._registered:
            return
        if (self._single_active and consumer is not self._active) or (self._quorum and not consumer.has_room):
            return
        consumer.waiting = True
        self._lines[consumer.priority].append(consumer)

    def _successor(self) -> Consumer | None:
        if self._quorum:
            return next(iter(self._registered), None)
        return max(self._registered, key=lambda consumer: consumer.priority, default=None)
