"""Which bindings of a direct, fanout or topic exchange match a routing key, as RabbitMQ 3.10 does it."""

from collections.abc import Iterable, Mapping
from typing import Any

from jararaca.adapters.memory.broker.bindings import Bindings, Bound
from jararaca.adapters.memory.broker.header_routing import HeaderBindings


class FanoutBindings:
    """All of them match."""

    def __init__(self) -> None:
        self._bound: dict[Bound, None] = {}

    def add(self, bound: Bound) -> None:
        self._bound[bound] = None

    def remove(self, bound: Bound) -> None:
        del self._bound[bound]

    def matching(self, _key: str, _headers: Mapping[str, Any]) -> Iterable[Bound]:
        return self._bound


class DirectBindings:
    """The key of the binding is the routing key."""

    def __init__(self) -> None:
        self._by_key: dict[str, dict[Bound, None]] = {}

    def add(self, bound: Bound) -> None:
        self._by_key.setdefault(bound.binding.routing_key, {})[bound] = None

    def remove(self, bound: Bound) -> None:
        same_key = self._by_key[bound.binding.routing_key]
        del same_key[bound]
        if not same_key:
            del self._by_key[bound.binding.routing_key]

    def matching(self, key: str, _headers: Mapping[str, Any]) -> Iterable[Bound]:
        return self._by_key.get(key, ())


class _Word:
    """A place in the tree of patterns: what ends here, and which words may follow."""

    __slots__ = ("ending", "following")

    def __init__(self) -> None:
        self.ending: dict[Bound, None] = {}
        self.following: dict[str, _Word] = {}


class TopicBindings:
    """The key of the binding is a pattern: `*` stands for exactly one word, `#` for any number of them, or none.

    Patterns lie in a tree of words, in which a routing key goes only the ways that may still match.
    """

    def __init__(self) -> None:
        self._root = _Word()

    def add(self, bound: Bound) -> None:
        place = self._root
        for word in words_of(bound.binding.routing_key):
            place = place.following.setdefault(word, _Word())
        place.ending[bound] = None

    def remove(self, bound: Bound) -> None:
        path = [self._root]
        words = words_of(bound.binding.routing_key)
        for word in words:
            path.append(path[-1].following[word])
        del path[-1].ending[bound]
        for word in reversed(words):
            place = path.pop()
            if place.ending or place.following:
                return
            del path[-1].following[word]

    def matching(self, key: str, _headers: Mapping[str, Any]) -> Iterable[Bound]:
        words = words_of(key)
        found: dict[Bound, None] = {}
        ahead = [(self._root, 0)]
        entered: set[tuple[_Word, int]] = set()
        while ahead:
            place, read = ahead.pop()
            following = place.following
            if "#" in following:
                after = [(following["#"], rest) for rest in range(read, len(words) + 1)]
                ahead += [step for step in after if step not in entered]
                entered.update(after)
            if read == len(words):
                found.update(place.ending)
                continue
            for word in {words[read], "*"}:
                if word in following:
                    ahead.append((following[word], read + 1))
        return found


def words_of(key: str) -> tuple[str, ...]:
    """The words between the dots. The empty key has none; an empty word is a word."""
    return tuple(key.split(".")) if key else ()


def bindings_of(exchange_type: str) -> Bindings:
    """The empty set of bindings that an exchange of this type begins with."""
    if exchange_type == "fanout":
        return FanoutBindings()
    if exchange_type == "topic":
        return TopicBindings()
    return HeaderBindings() if exchange_type == "headers" else DirectBindings()
