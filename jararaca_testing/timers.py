"""The timers of a virtual loop, in integer microseconds, known from the handles that `call_at` made.

asyncio keeps its own heap in private. This one is built from what is public, so it learns of a cancelled timer only
when it looks: it forgets them when they come up, and all of them whenever they could have become the larger part.
"""

import asyncio
import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches

MICROSECONDS = 1_000_000
FEW = 256


@dataclass(frozen=True, slots=True)
class Timer:
    """One armed timer: when it is due, in microseconds of the loop's time, and who armed it to call what."""

    due: int
    owner: str | None
    callback: str

    @property
    def label(self) -> str:
        return self.callback if self.owner is None else f"{self.owner} ({self.callback})"


Entry = tuple[int, int, asyncio.TimerHandle, str | None, str]
"""Due, order of arming, handle, owner, callback: a plain tuple, for the heap compares them often."""


def microseconds(seconds: float) -> int | None:
    """Seconds to the nearest microsecond; None for infinity, which some libraries arm timers at to mean never."""
    return None if math.isinf(seconds) else round(seconds * MICROSECONDS)


TIMEOUT = "timeout"
"""What a timer calls that ends a wait: of `asyncio.timeout`, `wait_for` and `wait`, on every Python."""

_PLAIN = {
    "_set_result_unless_cancelled": "sleep",
    "_wake": "sleep",
    "Timeout._on_timeout": TIMEOUT,
    "_release_waiter": TIMEOUT,
}


def name_of(callback: Callable[..., object]) -> str:
    """What a timer calls, for people."""
    name = getattr(callback, "__qualname__", None) or repr(callback)
    return _PLAIN.get(name, name)


UNITS = ("seconds", "minutes", "hours", "days", "weeks", "milliseconds", "microseconds")


def span(call: str, seconds: float, units: Mapping[str, float]) -> float:
    """The seconds that a test lets pass, from seconds and other units of `timedelta`; `call` is for errors.

    Raises:
        TypeError: there is no such unit.
        ValueError: time would run backwards.
    """
    for unit in units.keys() - UNITS:
        (near,) = get_close_matches(unit, UNITS, n=1, cutoff=0.0)
        raise TypeError(f"clock.{call}() has no unit {unit!r}. Did you mean {near!r}? There are: {', '.join(UNITS)}.")
    total = timedelta(seconds=seconds, **units).total_seconds() if units else float(seconds)
    if total < 0:
        raise ValueError(f"time cannot {call} by {total:g} seconds: use clock.set() to change the wall time")
    return total


class Timers:
    """A heap of timers that are due later."""

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._orders = itertools.count()
        self._limit = FEW

    def add(self, due: int, handle: asyncio.TimerHandle, *, owner: str | None, callback: str) -> None:
        if len(self._heap) >= self._limit:
            self._forget_cancelled()
        heapq.heappush(self._heap, (due, next(self._orders), handle, owner, callback))

    def _forget_cancelled(self) -> None:
        self._heap = [entry for entry in self._heap if not entry[2].cancelled()]
        heapq.heapify(self._heap)
        self._limit = max(FEW, 2 * len(self._heap))

    def next_after(self, now: int) -> int | None:
        """When the earliest timer after `now` is due; None if there is none. Those up to `now` have run."""
        heap = self._heap
        while heap and (heap[0][0] <= now or heap[0][2].cancelled()):
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def after(self, now: int) -> Iterator[Timer]:
        """Every timer due after `now`, earliest first."""
        for due, _order, handle, owner, callback in sorted(self._heap):
            if due > now and not handle.cancelled():
                yield Timer(due, owner, callback)

    def __len__(self) -> int:
        return len(self._heap)
