"""The place where asyncio asks to wait: there a virtual loop decides what happens next."""

import selectors
from collections.abc import Callable, Mapping
from typing import Any

from jararaca_testing.pulse import Pulse


class VirtualSelector(selectors.BaseSelector):
    """A real selector that never waits before the loop has said what for."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.pulse = Pulse()
        self.on_turn: Callable[[], None] = lambda: None
        self.on_rest: Callable[[], float] = lambda: 0.0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.pulse.turns += 1
        events = self._real.select(0)
        if events or timeout == 0:
            self.on_turn()
            return events
        real_seconds = self.on_rest()
        return self._real.select(real_seconds) if real_seconds else []
