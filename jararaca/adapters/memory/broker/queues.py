"""The queues of one virtual host, by name: who may declare, count, purge and delete them."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from jararaca.adapters.memory.broker.arguments import queue_difference, queue_options
from jararaca.adapters.memory.broker.queue import MessageQueue, QueueHost
from jararaca.adapters.memory.broker.refusals import (
    locked,
    no_condition_for_quorum,
    no_declared_queue,
    no_server_name_for_quorum,
    not_found,
    precondition,
    reserved,
)
from jararaca.adapters.memory.broker.tables import checked_name
from jararaca.ports.broker import Queue, QueueInfo


class Queues:
    """Every queue. Its methods take as `client` the connection that asks: an exclusive queue belongs to one."""

    def __init__(self, host: QueueHost, generated_name: Callable[[str], str]) -> None:
        self.by_name: dict[str, MessageQueue] = {}
        self._host = host
        self._generated_name = generated_name

    def __iter__(self) -> Iterator[MessageQueue]:
        return iter(tuple(self.by_name.values()))

    def declare(self, declared: Queue, client: object) -> QueueInfo:
        """Raises `ChannelClosed` 403, 405 or 406, or `NotEmulated`. An exclusive queue is never durable."""
        if declared.name.startswith("amq."):
            raise reserved("queue", declared.name)
        if not declared.name and queue_options(declared).quorum:
            raise no_server_name_for_quorum()
        name = checked_name(declared.name, "queue name") or self._generated_name("amq.gen-")
        durable = declared.durable and not declared.exclusive
        named = replace(declared, name=name, durable=durable, arguments=dict(declared.arguments))
        owner = client if declared.exclusive else None
        if (queue := self.by_name.get(name)) is None:
            queue = self.by_name[name] = MessageQueue(named, self._host, queue_options(named), owner=owner)
        else:
            _check_same(queue, named, owner)
            _renew(queue)
        return _info(queue)

    def inspect(self, name: str, client: object) -> QueueInfo:
        """Count. Raises `ChannelClosed` 404 or 405."""
        if not name:
            raise not_found("queue", name)
        queue = self.find(name, client)
        _renew(queue)
        return _info(queue)

    def find(self, name: str, client: object) -> MessageQueue:
        """Raises `ChannelClosed`: 404, or 405 for an exclusive queue of another connection."""
        if not name:
            raise no_declared_queue()
        if (queue := self.by_name.get(name)) is None:
            raise not_found("queue", name)
        if queue.owner is not None and queue.owner is not client:
            raise locked(name)
        return queue

    def purge(self, name: str, client: object) -> int:
        """Drop what is ready. Returns how many. Raises `ChannelClosed` 404 or 405."""
        return self.find(name, client).purge()

    def delete(self, name: str, client: object, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Remove a queue; returns how many messages were ready, 0 when it is missing.

        Raises:
            ChannelClosed: 405, or 406 for a condition that does not hold.
            ConnectionClosed: 540 for a condition on a quorum queue.
        """
        if name and name not in self.by_name:
            return 0
        queue = self.find(name, client)
        if queue.options.quorum and (if_unused or if_empty):
            raise no_condition_for_quorum(name, "if-unused" if if_unused else "if-empty")
        if if_unused and queue.consumers:
            raise precondition(f"queue '{name}' in vhost '/' in use")
        if if_empty and len(queue):
            raise precondition(f"queue '{name}' in vhost '/' not empty")
        return self._host.remove_queue(queue)


def _info(queue: MessageQueue) -> QueueInfo:
    return QueueInfo(queue.name, len(queue), queue.consumer_count)


def _renew(queue: MessageQueue) -> None:
    """Asking for a classic queue is a use of it, declaring a quorum queue again is not."""
    if not queue.options.quorum:
        queue.used()


def _check_same(queue: MessageQueue, received: Queue, owner: object | None) -> None:
    if queue.owner is not owner:
        raise locked(queue.name)
    current = queue.declared
    for what in ("durable", "auto_delete"):
        now, then = getattr(current, what), getattr(received, what)
        if now != then:
            words = f"received '{str(then).lower()}' but current is '{str(now).lower()}'"
            raise precondition(f"inequivalent arg '{what}' for queue '{queue.name}' in vhost '/': {words}")
    if (text := queue_difference(current, received)) is not None:
        raise precondition(text)
