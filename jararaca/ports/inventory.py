"""What there is on a broker. AMQP can ask for one queue by its name, and has no words for a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jararaca.ports.broker import Binding


@dataclass(frozen=True, slots=True)
class QueueStock:
    """A queue that exists: its messages, ready and unacked together, and its consumers."""

    name: str
    messages: int
    consumers: int


@runtime_checkable
class Inventory(Protocol):
    """Lists of everything in one virtual host.

    All raise `InventoryUnavailable` when nobody answers who could tell.
    """

    async def list_queues(self) -> Sequence[QueueStock]: ...

    async def list_bindings(self) -> Sequence[Binding]:
        """Those of every exchange but the default one, to queues and to other exchanges."""
        ...

    async def disabled_features(self) -> Sequence[str]:
        """The names of what the broker could do, and may not yet because nobody enabled it after an upgrade."""
        ...
