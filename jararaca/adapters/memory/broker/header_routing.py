"""Which bindings of a headers exchange match the headers of a message, as RabbitMQ 3.10 does it."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jararaca.adapters.memory.broker.bindings import Bound
from jararaca.adapters.memory.broker.refusals import precondition
from jararaca.adapters.memory.broker.tables import printed, type_name

_MODES = ("all", "any", "all-with-x", "any-with-x")
_PRESENT = object()
"""Stands for every value of a header: of those that a binding wants there, or that cannot be looked up."""


@dataclass(frozen=True, slots=True)
class HeaderPattern:
    """The arguments of a binding: which headers it wants, and whether all of them or any."""

    wanted: tuple[tuple[str, Any], ...]
    every: bool

    def matches(self, headers: Mapping[str, Any]) -> bool:
        if not self.wanted:
            return self.every
        found = (key in headers and _same(value, headers[key]) for key, value in self.wanted)
        return all(found) if self.every else any(found)


def header_pattern(arguments: Mapping[str, Any]) -> HeaderPattern:
    """Read the arguments of a binding. Names that start with `x-` count only if `x-match` says so.

    Raises:
        ChannelClosed: 406, `x-match` cannot be understood.
    """
    mode = arguments.get("x-match", "all")
    if not isinstance(mode, str):
        raise precondition(f"Invalid x-match field type {type_name(mode)} (value {printed(mode)}); expected longstr")
    if mode not in _MODES:
        raise precondition(f'Invalid x-match field value <<"{mode}">>; expected all, any, all-with-x, or any-with-x')
    with_x = mode.endswith("-with-x")
    wanted = [(k, v) for k, v in arguments.items() if k != "x-match" and (with_x or not k.startswith("x-"))]
    return HeaderPattern(tuple(wanted), every=mode.startswith("all"))


class HeaderBindings:
    """Each binding lies under a header that it wants: under the rarest if it wants all, under each if it wants any."""

    def __init__(self) -> None:
        self._patterns: dict[Bound, HeaderPattern] = {}
        self._places: dict[Bound, list[tuple[str, Hashable]]] = {}
        self._undemanding: dict[Bound, None] = {}
        self._by_header: defaultdict[tuple[str, Hashable], dict[Bound, None]] = defaultdict(dict)

    def add(self, bound: Bound) -> None:
        pattern = self._patterns[bound] = header_pattern(bound.binding.arguments)
        if not pattern.wanted:
            self._undemanding[bound] = None
        places = [(name, _looked_up(value)) for name, value in pattern.wanted]
        if pattern.every and places:
            places = [min(places, key=lambda place: len(self._by_header.get(place, ())))]
        self._places[bound] = places
        for place in places:
            self._by_header[place][bound] = None

    def remove(self, bound: Bound) -> None:
        del self._patterns[bound]
        self._undemanding.pop(bound, None)
        for place in self._places.pop(bound):
            del self._by_header[place][bound]
            if not self._by_header[place]:
                del self._by_header[place]

    def matching(self, _key: str, headers: Mapping[str, Any]) -> Iterable[Bound]:
        candidates = dict(self._undemanding)
        for name, value in headers.items():
            for place in ((name, _PRESENT), (name, _looked_up(value))):
                candidates.update(self._by_header.get(place, {}))
        return [bound for bound in candidates if self._patterns[bound].matches(headers)]


def _looked_up(value: Any) -> Hashable:
    """What stands for a value in the index: the same for values that compare as the same."""
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, int | float):
        return (float, value)
    return _PRESENT if value is None or isinstance(value, list | dict) else (type(value), value)


def _same(wanted: Any, found: Any) -> bool:
    """A null asks for presence only; numbers compare across their wire types, truth values and text do not."""
    if wanted is None:
        return True
    if type(wanted) is type(found) or {type(wanted), type(found)} == {int, float}:
        return bool(wanted == found)
    return False
