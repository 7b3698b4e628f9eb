"""The server: exchanges, queues and connections of one virtual host, shared by everybody in the process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jararaca.adapters.memory.broker.dead_letter import DeathReason
from jararaca.adapters.memory.broker.dead_lettering import DeadLettering
from jararaca.adapters.memory.broker.exchanges import Exchanges
from jararaca.adapters.memory.broker.message import REPLY_TO_QUEUE, Message, admit
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.queues import Queues
from jararaca.adapters.memory.broker.refusals import default_exchange, not_found
from jararaca.errors import PublishRefused
from jararaca.ports.broker import Arguments, Binding, Confirm, Envelope, QueueInfo, Returned
from jararaca.ports.clock import Clock

USER = "guest"
"""The name under which every connection is logged in."""

_CONFIRMED = Confirm()
_RETURNED = Confirm(Returned(312, "NO_ROUTE"))

Routed = tuple[Message, "tuple[MessageQueue, ...]"]
"""A message that was let in, and the queues that are to get one copy each."""


class Client(Protocol):
    """A connection, as the server sees it."""

    def sever(self) -> None:
        """Take no more deliveries; the end follows."""
        ...

    def drop(self) -> None:
        """The network fails."""
        ...

    def force_close(self, reason: str) -> None:
        """The server ends the connection, and says why."""
        ...

    def block(self, reason: str) -> None:
        """The server stops reading what this connection publishes."""
        ...

    def unblocked(self) -> None:
        """The server reads again what this connection publishes."""
        ...


class Replier(Protocol):
    """A channel that takes answers without a queue."""

    def reply(self, message: Message) -> None: ...


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """How many messages a queue holds: ready, unacked, and dead letters kept for their target; its consumers, and the
    arguments with which it was declared.
    """

    ready: int
    unacked: int
    held: int
    consumers: int
    arguments: Arguments


class VirtualHost:
    """A model of RabbitMQ 3.10.8. Making one needs no event loop; using it does.

    Expiry follows the running loop's timers; the clock gives the wall time in the record of a death.
    """

    def __init__(self, clock: Clock, name: str = "/") -> None:
        self.name = name
        self.exchanges = Exchanges()
        self.queues = Queues(self, self.generated_name)
        self.running = True
        self.blocked = False
        self.alarm = ""  # why it is blocked, or was last
        self.repliers: dict[str, Replier] = {}
        self._clients: dict[Client, None] = {}
        self._dead_letters = DeadLettering(self.route, clock, _loop_time)
        self._generated = 0

    # What an operator and the network do

    def stop(self) -> None:
        """The server goes down: connections drop, nobody can connect, and what is not durable is forgotten."""
        self.running = False
        self.close_connections("broker forced connection closure with reason 'shutdown'")
        self._dead_letters.pause()
        for queue in self.queues:
            if queue.declared.durable:
                queue.pause()
            else:
                self.remove_queue(queue)
        self.exchanges.forget_transient()

    def start(self) -> None:
        """The server is back. What expired meanwhile expires now, leases begin anew."""
        self.running = True
        for queue in self.queues:
            queue.used()
            queue.drain()
        self._dead_letters.resume()

    def drop_connections(self) -> None:
        """Every connection is lost, as by the network: what was unacked is requeued."""
        for client in self._severed():
            client.drop()

    def close_connections(self, reason: str) -> None:
        """Every connection is closed by an operator, who gives a reason: what was unacked is requeued."""
        for client in self._severed():
            client.force_close(reason)

    def block(self, reason: str = "low on memory") -> None:
        """The server is short of memory or disk: it stops reading what is published, and confirms nothing."""
        self.blocked, self.alarm = True, reason
        for client in list(self._clients):
            client.block(reason)

    def unblock(self) -> None:
        """The alarm is over: what was published meanwhile is read in order."""
        self.blocked = False
        for client in list(self._clients):
            client.unblocked()

    def depths(self) -> dict[str, QueueDepth]:
        """What an operator sees in the list of queues."""
        return {
            name: QueueDepth(len(queue), queue.unacked, queue.held, queue.consumer_count, queue.declared.arguments)
            for name, queue in self.queues.by_name.items()
        }

    # What connections ask for. `client` is who asks: exclusive queues belong to one.

    def attach(self, client: Client) -> None:
        self._clients[client] = None

    def detach(self, client: Client) -> None:
        """Forget a connection; its exclusive queues go with it."""
        self._clients.pop(client, None)
        for queue in [queue for queue in self.queues if queue.owner is client]:
            self.remove_queue(queue)

    def publish(
        self, envelope: Envelope, exchange: str, routing_key: str, publisher: object, *, mandatory: bool
    ) -> Confirm:
        """Route one message. Raises `ChannelClosed`, `PublishRefused`, `NotEmulated` or `UnencodableValue`."""
        message, targets = self.routed(envelope, exchange, routing_key)
        if not targets:
            return _RETURNED if mandatory else _CONFIRMED
        if not (self.store(message, targets, publisher)):
            raise PublishRefused(
                f"the broker refused a message to exchange {exchange!r} with routing key {routing_key!r}: a queue is "
                "full and rejects. Publish again when its consumers have caught up."
            )
        return _CONFIRMED

    def routed(
        self, envelope: Envelope, exchange: str, routing_key: str, user: str = USER, answers_to: str | None = None
    ) -> Routed:
        """Let a message in that `user` publishes, whose channel takes answers at `answers_to`.

        An answer to such a channel is delivered here. RabbitMQ does not count it as routed.
        Raises `ChannelClosed`, `NotEmulated` or `UnencodableValue`.
        """
        if exchange:
            self.exchanges.check_publish(exchange)
        message = admit(envelope, exchange, routing_key, user=user, answers_to=answers_to)
        if self.repliers and not exchange:
            for replier in [self.repliers[key] for key in dict.fromkeys(message.keys) if key in self.repliers]:
                replier.reply(message)
        return message, self.route(exchange, message.keys, message.headers)

    def store(self, message: Message, targets: tuple[MessageQueue, ...], publisher: object) -> bool:
        """Put a message into its queues. False: one of them refused it."""
        if len(targets) == 1:
            return targets[0].accept(message, publisher)
        with self._dead_letters.held():
            return all([queue.accept(message.copy(), publisher) for queue in targets])  # noqa: C419 - each gets its copy

    def still_there(self, targets: tuple[MessageQueue, ...]) -> tuple[MessageQueue, ...]:
        """The queues that now bear the names of these."""
        return tuple([self.queues.by_name[queue.name] for queue in targets if queue.name in self.queues.by_name])

    def route(self, exchange: str, keys: tuple[str, ...], headers: Mapping[str, Any]) -> tuple[MessageQueue, ...]:
        """The queues that get one copy each."""
        queues = self.queues.by_name
        if exchange:
            return tuple([queues[name] for name in self.exchanges.route(exchange, keys, headers)])
        if len(keys) == 1:
            return (queues[keys[0]],) if keys[0] in queues else ()
        return tuple([queues[key] for key in dict.fromkeys(keys) if key in queues])

    def inspect_replies(self, name: str) -> QueueInfo:
        """The state of a queue that stands for answers. Raises `ChannelClosed` 404 if nobody takes them."""
        if name != REPLY_TO_QUEUE and name not in self.repliers:
            raise not_found("queue", name)
        return QueueInfo(name, 0, 1)

    def bind(self, binding: Binding, client: Client) -> None:
        """Raises `ChannelClosed` 403, 404, 405 or 406."""
        if not binding.source:
            raise default_exchange()
        self.exchanges.inspect(binding.source)
        if binding.destination_type == "queue":
            self.queues.find(binding.destination, client)
        self.exchanges.bind(binding)

    def unbind(self, binding: Binding, client: Client) -> None:
        """No effect when nothing was bound like this. Raises `ChannelClosed` 403 or 405."""
        if binding.destination_type == "queue" and self.exchanges.is_bound(binding):
            self.queues.find(binding.destination, client)
        self.exchanges.unbind(binding)

    # What queues ask for

    def bury(self, queue: MessageQueue, message: Message, reason: DeathReason) -> None:
        self._dead_letters.bury(queue, message, reason)

    def remove_queue(self, queue: MessageQueue) -> int:
        """Take a queue out with its bindings and messages. Returns how many were ready."""
        if self.queues.by_name.get(queue.name) is not queue:
            return 0
        del self.queues.by_name[queue.name]
        self.exchanges.forget_queue(queue.name)
        self._dead_letters.forget(queue)
        return queue.delete()

    def _severed(self) -> list[Client]:
        """Every connection, once none takes deliveries any more: nothing moves from one that ends to the next."""
        clients = list(self._clients)
        for client in clients:
            client.sever()
        return clients

    def generated_name(self, prefix: str) -> str:
        """A name that nobody else has, as long as the server's own."""
        self._generated += 1
        return f"{prefix}{self._generated:022d}"

    def renamed(self, text: str) -> str:
        """A refusal in the name of this virtual host."""
        return text if self.name == "/" else text.replace("in vhost '/'", f"in vhost '{self.name}'")


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
