"""What threads hand to the loop, let in while the loop is at rest, and in the order in which their work began.

Threads end when they end. If what they bring were taken as it comes, a test would tell another story each time. Nobody
loses by it: at rest there is nothing else to do. Work that does not come back soon, while younger work has, is passed
over from then on, for it may be waiting for what that brings.
"""

import threading
from collections.abc import Callable, Iterable

PATIENCE = 0.25
"""Real seconds for which younger work waits for older."""

Call = Callable[[], object]


class Arrivals:
    """Holds back what threads bring, by piece of work: told from any thread, asked by the loop's."""

    def __init__(self) -> None:
        self._held: dict[object, list[Call]] = {}
        self._passed_over: set[object] = set()
        self._waiting_since: float | None = None
        self._lock = threading.Lock()

    @property
    def held(self) -> bool:
        """Whether there is any call."""
        return bool(self._held)

    def hold(self, work: object, call: Call) -> None:
        """Keep a call until it is the turn of its work."""
        with self._lock:
            self._held.setdefault(work, []).append(call)

    def take(self, working: Iterable[object], now: float) -> list[Call]:
        """The calls of the oldest work that has some; none while older work, first in `working`, gets time to come."""
        with self._lock:
            work = self._next(working, now) if self._held else None
            if work is None:
                return []
            self._waiting_since = None
            return self._held.pop(work)

    def take_all(self) -> list[Call]:
        """Every call there is, for a loop that never comes to rest."""
        with self._lock:
            calls = [call for held in self._held.values() for call in held]
            self._held.clear()
            return calls

    def _next(self, working: Iterable[object], now: float) -> object | None:
        for work in working:
            if work in self._held:
                return work
            if work not in self._passed_over:
                self._waiting_since = now if self._waiting_since is None else self._waiting_since
                if now - self._waiting_since < PATIENCE:
                    return None
                self._passed_over.add(work)
        return next(iter(self._held))  # its work is no longer counted
