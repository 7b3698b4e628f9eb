"""What there is on a broker. AMQP can ask for one queue by its name, and has no words for a list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jararaca.ports.broker import Arguments, Binding

APPLICATION = "jararaca-application"
"""The argument of a queue that says whose it is. No broker reads it, and a redeclaration without it is none the less
equal. Names do not tell: a queue of `shop.eu` may look like one of `shop`.
"""


@dataclass(frozen=True, slots=True)
class QueueStock:
    """A queue that exists: its messages, ready and unacked together, its consumers, and whose it is, if it says so."""

    name: str
    messages: int
    consumers: int
    application: str | None = None


def application_of(arguments: Arguments) -> str | None:
    """Which application a queue of these arguments belongs to, if they say so."""
    application = arguments.get(APPLICATION)
    return application if isinstance(application, str) else None


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
