"""What bindings are, for every type of exchange: a set that finds those which match a message."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from jararaca.ports.broker import Binding


@dataclass(frozen=True, slots=True, eq=False)
class Bound:
    """One binding of an exchange, with the number in which order it came."""

    binding: Binding
    number: int = 0


class Bindings(Protocol):
    """The bindings that leave one exchange. Finding costs what those cost that match, however many others there are."""

    def add(self, bound: Bound) -> None:
        """Take one in. Raises `ChannelClosed` 406 if its arguments cannot be understood."""
        ...

    def remove(self, bound: Bound) -> None:
        """Take out one that is in."""
        ...

    def matching(self, key: str, headers: Mapping[str, Any]) -> Iterable[Bound]:
        """Those that match a message with this routing key and these headers, each once."""
        ...
