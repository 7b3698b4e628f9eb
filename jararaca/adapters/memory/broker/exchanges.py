"""The exchanges and bindings of one virtual host, and the way of a message through them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from jararaca.adapters.memory.broker.arguments import check_exchange, exchange_difference
from jararaca.adapters.memory.broker.bindings import Bindings, Bound
from jararaca.adapters.memory.broker.refusals import (
    access_refused,
    default_exchange,
    not_found,
    precondition,
    reserved,
)
from jararaca.adapters.memory.broker.routing import bindings_of
from jararaca.adapters.memory.broker.tables import checked_name, copied
from jararaca.errors import NotEmulated
from jararaca.ports.broker import Binding, Exchange

_PREDECLARED = (
    Exchange("amq.direct", "direct"),
    Exchange("amq.fanout", "fanout"),
    Exchange("amq.topic", "topic"),
    Exchange("amq.headers", "headers"),
    Exchange("amq.match", "headers"),
)
_CACHE_LIMIT = 10_000
"""Routes remembered before the memory of them is dropped: keys may be as many as orders."""

_Place = tuple[str, str]
"""Where a binding leads: the type and the name of its destination."""

_Identity = tuple[str, str, str, str]
"""What makes a binding of an exchange the same as another: its place, its key, and its arguments."""


@dataclass(slots=True)
class _Node:
    """A declared exchange with the bindings that leave it, by identity and by what they match."""

    declared: Exchange
    bound: dict[_Identity, Bound] = field(default_factory=dict)
    bindings: Bindings = field(init=False)

    def __post_init__(self) -> None:
        self.bindings = bindings_of(self.declared.type)


class Exchanges:
    """Every exchange but the default one, whose routes are the names of the queues.

    Routes are computed once per exchange and key, and forgotten at any change of the topology.
    """

    def __init__(self) -> None:
        self._nodes = {exchange.name: _Node(exchange) for exchange in _PREDECLARED}
        self._cache: dict[tuple[str, str], tuple[str, ...]] = {}
        self._leading_to: dict[_Place, dict[tuple[str, _Identity], None]] = {}
        self._numbered = 0

    def declare(self, exchange: Exchange) -> None:
        """Raises `ChannelClosed` 403 or 406, or `NotEmulated`."""
        name = checked_name(exchange.name, "exchange name")
        if not name:
            raise default_exchange()
        check_exchange(exchange)
        if (node := self._nodes.get(name)) is not None:
            _check_same(node.declared, exchange)
            return
        _check_modelled(name)
        if name.startswith("amq."):
            raise reserved("exchange", name)
        self._nodes[name] = _Node(exchange)
        self._cache.clear()

    def inspect(self, name: str) -> Exchange:
        """Raises `ChannelClosed` 404 if there is no such exchange, 403 for the default one."""
        if not name:
            raise default_exchange()
        _check_modelled(name)
        if (node := self._nodes.get(name)) is None:
            raise not_found("exchange", name)
        return node.declared

    def delete(self, name: str, *, if_unused: bool = False) -> None:
        """Remove an exchange with its bindings, to and from it; no effect when it is missing.

        Raises `ChannelClosed`: 403 for a system exchange, 406 if bindings leave it and `if_unused` is set.
        """
        if not name:
            raise default_exchange()
        _check_modelled(name)
        if name.startswith("amq."):
            raise access_refused(f"deletion of system exchange '{name}' in vhost '/' not allowed")
        if if_unused and name in self._nodes and self._nodes[name].bound:
            raise precondition(f"exchange '{name}' in vhost '/' in use")
        if name in self._nodes:
            for identity in list(self._nodes[name].bound):
                self._unbind(name, identity)
            del self._nodes[name]
            self._forget_destination(name, "exchange")

    def check_publish(self, name: str) -> None:
        """Raises `ChannelClosed`: 404 for a missing exchange, 403 for an internal one."""
        if (node := self._nodes.get(name)) is None:
            _check_modelled(name)
            raise not_found("exchange", name)
        if node.declared.internal:
            raise access_refused(f"cannot publish to internal exchange '{name}' in vhost '/'")

    def bind(self, binding: Binding) -> None:
        """The destination queue must have been looked up by the caller."""
        self.inspect(binding.source)
        checked_name(binding.routing_key, "routing key")
        if binding.destination_type == "exchange":
            self.inspect(binding.destination)
        node, identity = self._nodes[binding.source], _identity(binding)
        if identity in node.bound:
            return
        self._numbered += 1
        bound = Bound(replace(binding, arguments=copied(binding.arguments, "arguments")), self._numbered)
        node.bindings.add(bound)
        node.bound[identity] = bound
        self._leading_to.setdefault(identity[:2], {})[binding.source, identity] = None
        self._cache.clear()

    def bindings(self) -> Iterator[Binding]:
        """Every binding that was declared and is still there."""
        return (bound.binding for node in self._nodes.values() for bound in node.bound.values())

    def is_bound(self, binding: Binding) -> bool:
        """Whether there is exactly this binding."""
        node = self._nodes.get(binding.source)
        return node is not None and _identity(binding) in node.bound

    def unbind(self, binding: Binding) -> None:
        """No effect when nothing was bound like this."""
        if not binding.source or (binding.destination_type == "exchange" and not binding.destination):
            raise default_exchange()
        if self.is_bound(binding):
            self._unbind(binding.source, _identity(binding))
            self._delete_if_unused(binding.source)

    def forget_queue(self, name: str) -> None:
        """Remove every binding of a queue that goes."""
        self._forget_destination(name, "queue")

    def forget_transient(self) -> None:
        """The server restarts: exchanges that are not durable go, with their bindings."""
        for name in [name for name, node in self._nodes.items() if not node.declared.durable]:
            self.delete(name)

    def route(self, exchange: str, keys: tuple[str, ...], headers: Mapping[str, Any]) -> tuple[str, ...]:
        """The names of the queues that get one copy each; none if the exchange is missing."""
        if len(keys) > 1:
            return self._walk(exchange, keys, headers)[0]
        found = self._cache.get((exchange, keys[0]))
        if found is None:
            found, headers_count = self._walk(exchange, keys, headers)
            if not headers_count:
                if len(self._cache) >= _CACHE_LIMIT:
                    self._cache.clear()
                self._cache[exchange, keys[0]] = found
        return found

    def _walk(self, exchange: str, keys: tuple[str, ...], headers: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
        """The queues, and whether headers had a say."""
        queues: dict[str, None] = {}
        seen = {exchange}
        ahead = [exchange]
        headers_count = False
        while ahead:
            node = self._nodes.get(ahead.pop(0))
            if node is None:
                continue
            headers_count = headers_count or node.declared.type == "headers"
            matching = {bound for key in keys for bound in node.bindings.matching(key, headers)}
            found = [bound.binding for bound in sorted(matching, key=_number)]
            queues.update((binding.destination, None) for binding in found if binding.destination_type == "queue")
            onward = [binding.destination for binding in found if binding.destination_type == "exchange"]
            if not found and (alternate := node.declared.arguments.get("alternate-exchange")) is not None:
                onward = [alternate]
            ahead += [name for name in dict.fromkeys(onward) if name not in seen]
            seen.update(onward)
        return tuple(queues), headers_count

    def _unbind(self, source: str, identity: _Identity) -> None:
        node = self._nodes[source]
        node.bindings.remove(node.bound.pop(identity))
        leading_there = self._leading_to[identity[:2]]
        del leading_there[source, identity]
        if not leading_there:
            del self._leading_to[identity[:2]]
        self._cache.clear()

    def _forget_destination(self, name: str, kind: Literal["queue", "exchange"]) -> None:
        self._cache.clear()
        leading_there = list(self._leading_to.get((kind, name), ()))
        for source, identity in leading_there:
            self._unbind(source, identity)
        for source in dict.fromkeys(source for source, _identity in leading_there):
            self._delete_if_unused(source)

    def _delete_if_unused(self, name: str) -> None:
        node = self._nodes.get(name)
        if node is not None and node.declared.auto_delete and not node.bound:
            self.delete(name)


def _number(bound: Bound) -> int:
    return bound.number


def _identity(binding: Binding) -> _Identity:
    arguments = repr(sorted(copied(binding.arguments, "arguments").items()))
    return (binding.destination_type, binding.destination, binding.routing_key, arguments)


def _check_modelled(name: str) -> None:
    if name.startswith("amq.rabbitmq."):
        raise NotEmulated(f"the exchange {name!r}")


def _check_same(current: Exchange, received: Exchange) -> None:
    for what in ("type", "durable", "auto_delete", "internal"):
        now, then = getattr(current, what), getattr(received, what)
        if now != then:
            words = f"received '{str(then).lower()}' but current is '{str(now).lower()}'"
            raise precondition(f"inequivalent arg '{what}' for exchange '{current.name}' in vhost '/': {words}")
    if (text := exchange_difference(current, received)) is not None:
        raise precondition(text)
