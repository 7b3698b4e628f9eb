"""The methods of a channel that declare and remove: exchanges, queues and bindings."""

from collections.abc import Mapping
from typing import Any

from jararaca.adapters.memory.broker.message import REPLY_TO_QUEUE
from jararaca.adapters.memory.broker.refusals import no_declared_queue
from jararaca.adapters.memory.broker.session.answers import answered
from jararaca.adapters.memory.broker.session.lifetime import ChannelLifetime
from jararaca.ports.broker import Binding, Exchange, Queue, QueueInfo

_NONE: Mapping[str, Any] = {}


class TopologyMethods(ChannelLifetime):
    """Where a queue may be named `""`, that is the queue which this channel declared last; 404 if it declared none."""

    _last_declared = ""

    @answered(40, 10)
    def exchange_declare(self, exchange: Exchange, *, passive: bool = False) -> None:
        """Declare an exchange; `passive` only looks whether there is one of this name."""
        if passive:
            self._vhost.exchanges.inspect(exchange.name)
        else:
            self._vhost.exchanges.declare(exchange)

    @answered(40, 20)
    def exchange_delete(self, name: str, *, if_unused: bool = False) -> None:
        """Remove an exchange; no effect when it is missing. `if_unused` refuses with 406 while bindings leave it."""
        self._vhost.exchanges.delete(name, if_unused=if_unused)

    @answered(40, 30)
    def exchange_bind(
        self, destination: str, source: str, routing_key: str = "", arguments: Mapping[str, Any] = _NONE
    ) -> None:
        """Let `destination`, an exchange, get messages from the exchange `source`."""
        self._vhost.bind(Binding(source, destination, routing_key, arguments, "exchange"), self._connection)

    @answered(40, 40)
    def exchange_unbind(
        self, destination: str, source: str, routing_key: str = "", arguments: Mapping[str, Any] = _NONE
    ) -> None:
        self._vhost.unbind(Binding(source, destination, routing_key, arguments, "exchange"), self._connection)

    @answered(50, 10)
    def queue_declare(self, queue: Queue, *, passive: bool = False) -> QueueInfo:
        """Declare a queue, or with `passive` count only. A queue named `""` gets a name from the broker."""
        if queue.name.startswith(REPLY_TO_QUEUE):
            info = self._vhost.inspect_replies(queue.name)
        elif passive:
            info = self._vhost.queues.inspect(queue.name, self._connection)
        else:
            info = self._vhost.queues.declare(queue, self._connection)
        self._last_declared = info.name
        return info

    @answered(50, 20)
    def queue_bind(
        self, queue: str, exchange: str, routing_key: str = "", arguments: Mapping[str, Any] = _NONE
    ) -> None:
        """Let a queue get messages from an exchange. Both empty, the queue's own name is the routing key."""
        key = self._last_declared if not queue and not routing_key else routing_key
        self._vhost.bind(Binding(exchange, self._named(queue), key, arguments), self._connection)

    @answered(50, 50)
    def queue_unbind(
        self, queue: str, exchange: str, routing_key: str = "", arguments: Mapping[str, Any] = _NONE
    ) -> None:
        key = self._last_declared if not queue and not routing_key else routing_key
        self._vhost.unbind(Binding(exchange, self._named(queue), key, arguments), self._connection)

    @answered(50, 30)
    def queue_purge(self, queue: str) -> int:
        """Drop what is ready. Returns how many."""
        return self._vhost.queues.purge(self._named(queue), self._connection)

    @answered(50, 40)
    def queue_delete(self, queue: str, *, if_unused: bool = False, if_empty: bool = False) -> int:
        """Remove a queue; returns how many messages were ready, 0 when it is missing.

        `if_unused` refuses with 406 while it has consumers, `if_empty` while messages are ready.
        """
        return self._vhost.queues.delete(self._named(queue), self._connection, if_unused=if_unused, if_empty=if_empty)

    def _named(self, queue: str) -> str:
        if queue:
            return queue
        if not self._last_declared:
            raise no_declared_queue()
        return self._last_declared
