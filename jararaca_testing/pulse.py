"""The heart of a loop: how often it has turned. Whoever looks from another thread sees whether it turns at all."""

import selectors
from typing import Any


class Pulse:
    """Counts the turns of one loop. Between two of them exactly the callbacks that were ready have run."""

    __slots__ = ("turns",)

    def __init__(self) -> None:
        self.turns = 0


class PulsingSelector(selectors.DefaultSelector):
    """The selector of a real loop, with its pulse."""

    def __init__(self) -> None:
        super().__init__()
        self.pulse = Pulse()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, Any]]:
        self.pulse.turns += 1
        return super().select(timeout)
