"""What a transactional channel has been asked and not yet told to do."""

from dataclasses import dataclass, field

from jararaca.adapters.memory.broker.session.unacked import Unacked
from jararaca.adapters.memory.broker.vhost import Routed


@dataclass(slots=True)
class Transaction:
    """Publishes, routed when they were made, and settlements, in order.

    A settlement is what it takes out of the window, and whether that is requeued; None: it is done.
    """

    publishes: list[tuple[Routed, bool]] = field(default_factory=list)
    settlements: list[tuple[list[tuple[int, Unacked]], bool | None]] = field(default_factory=list)

    def taken(self) -> list[tuple[int, Unacked]]:
        """Whatever the settlements took out of the window."""
        return [entry for entries, _requeue in self.settlements for entry in entries]
