"""One queue: what is ready in it, who receives it, when it expires, and what leaves it as a dead letter."""

import asyncio
import math
from collections.abc import Sequence
from typing import Protocol

from jararaca.adapters.memory.broker import version
from jararaca.adapters.memory.broker.arguments import QueueOptions
from jararaca.adapters.memory.broker.consumers import Consumer, Rotation
from jararaca.adapters.memory.broker.dead_letter import DeathReason
from jararaca.adapters.memory.broker.limits import Limits
from jararaca.adapters.memory.broker.message import Message
from jararaca.adapters.memory.broker.refusals import (
    in_exclusive_use,
    no_get_with_single_active_consumer,
    no_global_qos,
)
from jararaca.adapters.memory.broker.stores import ClassicStore, PriorityStore, QuorumStore, Store
from jararaca.adapters.memory.broker.timers import PRECISION, Alarm
from jararaca.ports.broker import Queue

_QUORUM_TICK = 5.0
"""Seconds between two looks of a quorum queue at its own `x-expires`."""


class QueueHost(Protocol):
    """What a queue needs from the server that holds it."""

    @property
    def running(self) -> bool: ...

    def bury(self, queue: "MessageQueue", message: Message, reason: DeathReason) -> None:
        """Send a message that left the queue to its dead-letter exchange, if it has one."""
        ...

    def remove_queue(self, queue: "MessageQueue") -> int:
        """The queue has come to its end by itself. Returns how many messages were ready."""
        ...


class MessageQueue:
    """A declared queue. Everything happens at once; only what a consumer receives waits for the loop."""

    def __init__(self, declared: Queue, host: QueueHost, options: QueueOptions, *, owner: object | None) -> None:
        self.declared = declared
        self.name = declared.name
        self.options = options
        self.owner = owner
        self.deleted = False
        self.unacked = 0
        self.held = 0  # dead letters that at-least-once keeps for their target
        self.consumers = Rotation(single_active=options.single_active_consumer, quorum=options.quorum)
        self._host = host
        self._store = _store_of(options)
        self._limits = Limits(options)
        self._ttl = options.message_ttl
        self._position = 0
        self._had_consumers = False
        self._got = 0  # messages that were got and are unacked
        self._expiry = Alarm(f"expiry in queue {self.name!r}", self.expire)
        self._lease = Alarm(f"end of the unused queue {self.name!r}", self._end_of_lease)
        self._born = self._used = asyncio.get_running_loop().time() if options.expires else 0.0
        self.used()

    def __repr__(self) -> str:
        return f"<queue {self.name!r}>"

    def __len__(self) -> int:
        """Messages that are ready."""
        return self._store.count

    @property
    def consumer_count(self) -> int:
        """For a quorum queue a get is one, until it is settled, and who waits to be the single active one is none."""
        if not self.options.quorum:
            return len(self.consumers)
        return self.consumers.serving + self._got

    def accept(self, message: Message, publisher: object, *, unasked: bool = False) -> bool:
        """Take one message that was routed here. False: the queue is full and rejects what this publisher sends.

        A quorum queue tells its publishers that it is full; an `unasked` dead letter has none, and is taken.
        """
        limits, store = self._limits, self._store
        bounded = limits.bounded and not (unasked and self.options.quorum)
        if bounded and limits.refuses(store.count + self.held, store.size, len(message.properties.body), publisher):
            if self.options.overflow == "reject-publish-dlx":
                self._host.bury(self, message, "maxlen")
            return False
        self._position += 1
        message.position = self._position
        if self._ttl is not None or message.ttl is not None:
            message.deadline = asyncio.get_running_loop().time() + _shortest(self._ttl, message.ttl) / 1000
        if not store.count and (consumer := self.consumers.next()) is not None:
            self._hand(message, consumer)
            return True
        store.put(message)
        self.drain()
        return True

    def check_get(self) -> None:
        """Raises `ChannelClosed` 405: a quorum queue with a single active consumer lets nobody else in."""
        if self.options.quorum and self.options.single_active_consumer:
            raise no_get_with_single_active_consumer(self.name)

    def take(self, *, no_ack: bool = False) -> Message | None:
        """The next message for a `get`, which must settle it unless `no_ack`; None if there is none."""
        self.used()
        self.expire()
        if not self._store.count:
            return None
        if not no_ack:
            self.unacked += 1
            self._got += 1
        message = self._store.take()
        self.drain()
        return message

    def done(self, consumer: Consumer | None, count: int = 1) -> None:
        """So many messages were acknowledged."""
        self._settled(consumer, count)
        self.drain()

    def reject(self, messages: Sequence[Message], consumer: Consumer | None) -> None:
        """Messages were refused for good."""
        self._settled(consumer, len(messages))
        if self.deleted:
            return
        for message in messages:
            self._host.bury(self, message, "rejected")
        self.drain()

    def put_back(self, messages: Sequence[Message], consumer: Consumer | None) -> None:
        """Messages were refused, to be delivered again."""
        self._settled(consumer, len(messages))
        for message in messages:
            if self._is_kept(message):
                self._store.put_back_refused(message)
        self.drain()

    def put_back_lost(self, messages: Sequence[Message], got: int) -> None:
        """The channel that held these is gone; it had got so many of them."""
        self.unacked -= len(messages)
        self._got -= got
        self._store.put_back([message for message in messages if self._is_kept(message)])
        self.drain()

    def purge(self) -> int:
        """Forget what is ready; it is not dead-lettered. Returns how many."""
        dropped = self._store.clear()
        self.drain()
        return len(dropped)

    def check_consumer(self, consumer: Consumer) -> None:
        """Whether one more may come.

        Raises:
            ChannelClosed: 403, a consumer is exclusive, this one or the one that is there.
            ConnectionClosed: 540, a channel with a shared window at a quorum queue.
        """
        if self.options.quorum and consumer.shared.limit:
            raise no_global_qos(self.name)
        if not version.exclusive_is_alone(quorum=self.options.quorum):
            return
        taken = len(self.consumers) > 0 or self.options.single_active_consumer
        if any(known.exclusive for known in self.consumers) or (consumer.exclusive and taken):
            raise in_exclusive_use(self.name)

    def add_consumer(self, consumer: Consumer) -> None:
        self._had_consumers = True
        self.consumers.add(consumer)
        self._lease.set(None)
        self.drain()

    def remove_consumer(self, consumer: Consumer, *, cancelled: bool) -> None:
        """A consumer was `cancelled` by its client, or is gone with its channel.

        A classic queue looks for work only in the second case: after a cancel its next single active consumer sits
        idle until something else happens to the queue.
        """
        self.consumers.remove(consumer)
        if self.declared.auto_delete and self._had_consumers and not self.consumers:
            self._host.remove_queue(self)
            return
        self.used()
        if self.options.quorum or not cancelled:
            self.drain()

    def used(self) -> None:
        """Renew the lease of `x-expires`, which runs while nobody consumes."""
        expires = self.options.expires
        if expires is None or self.consumers or self.deleted:
            return
        self._used = asyncio.get_running_loop().time()
        end = self._used + expires / 1000
        if self.options.quorum:
            end = self._born + math.ceil((end - self._born) / _QUORUM_TICK) * _QUORUM_TICK
        self._lease.set(end)

    def drain(self) -> None:
        """Hand out what is ready while a consumer has room, and trim: a classic queue before, a quorum queue after."""
        store = self._store
        if self._limits.bounded and not self.options.quorum:
            self._trim()
        self.expire()
        while store.count and (consumer := self.consumers.next()) is not None:
            self._hand(store.take(), consumer)
            self.expire()
        if self._limits.bounded and self.options.quorum:
            self._trim()
            self._limits.observe(store.count + self.held, store.size)
            self.expire()

    def _trim(self) -> None:
        """Drop from the head. A quorum queue announces what it drops at once in the opposite order."""
        store = self._store
        dropped: list[Message] = []
        while self._limits.drops_head(store.count, store.size):
            dropped.append(store.take())
        for message in reversed(dropped) if self.options.quorum else dropped:
            self._host.bury(self, message, "maxlen")

    def expire(self) -> None:
        """Bury what is overdue at the head. Behind a younger head nothing expires, as on the server."""
        head = self._store.head() if self._store.count else None
        if head is None or head.deadline is None or not self._host.running:
            if self._expiry.at is not None:
                self._expiry.set(None)
            return
        now = asyncio.get_running_loop().time()
        while head is not None and head.deadline is not None and _is_due(head.deadline, now):
            self._host.bury(self, self._store.take(), "expired")
            head = self._store.head()
        self._expiry.set(None if head is None else head.deadline)

    def delete(self) -> int:
        """Go, with every message. Consumers are told. Returns how many messages were ready."""
        self.deleted = True
        ready = self.purge()
        self._lease.set(None)
        for consumer in self.consumers:
            self.consumers.remove(consumer)
            consumer.receiver.queue_deleted(consumer)
        return ready

    def pause(self) -> None:
        """The server stops: no alarm rings, and what is transient is forgotten."""
        if not self.options.quorum:
            self._store.put_back([message for message in self._store.clear() if message.properties.persistent])
        self._expiry.set(None)
        self._lease.set(None)

    def _hand(self, message: Message, consumer: Consumer) -> None:
        if not consumer.no_ack:
            self.unacked += 1
            consumer.unacked += 1
        self.consumers.rejoin(consumer)
        returns = version.delivery_count(message.returns, got=False) if self.options.quorum else None
        consumer.receiver.deliver(consumer, message, returns)

    def _is_kept(self, message: Message) -> bool:
        """Count a return; a message that has returned too often is buried."""
        if self.deleted:
            return False
        message.redelivered = True
        message.returns = version.count_after_return(message.returns)
        limit = self.options.delivery_limit
        if limit is not None and message.returns > limit:
            self._host.bury(self, message, "delivery_limit")
            return False
        return True

    def _settled(self, consumer: Consumer | None, count: int) -> None:
        self.unacked -= count
        if consumer is None:
            self._got -= count
        else:
            consumer.unacked -= count
            self.consumers.rejoin(consumer)

    def _end_of_lease(self) -> None:
        if self._host.running:
            self._host.remove_queue(self)


def _store_of(options: QueueOptions) -> Store:
    if options.quorum:
        return QuorumStore(refused_first=version.leaves_first_when_refused(options.delivery_limit))
    return PriorityStore(options.max_priority) if options.max_priority else ClassicStore()


def _shortest(*milliseconds: int | None) -> int:
    return min(given for given in milliseconds if given is not None)


def _is_due(deadline: float, now: float) -> bool:
    return deadline <= now + PRECISION
