"""What one firing runs: several runs if the database gives its unit of work up, and the tasks that they start."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from jararaca.core.leftovers import Leftovers
from jararaca.ports.clock import Clock

_UNLIMITED: AbstractAsyncContextManager[Any] = nullcontext()


class Runs:
    """The runs of one firing, with one limit for all of them and for the tasks that they start and do not await."""

    __slots__ = ("_clock", "_count", "_leftovers", "_made", "_until")

    def __init__(self, clock: Clock, limit: float | None, leftovers: Callable[[], Leftovers]) -> None:
        self._clock = clock
        self._count = 0
        self._until = None if limit is None else clock.monotonic() + limit
        self._leftovers = leftovers
        self._made: Leftovers | None = None

    async def begin(self) -> bool:
        """Begin one more run, and say whether it is the first; what an earlier one has started ends."""
        self._count += 1
        if self._count > 1:
            await self.end(committed=False)
        return self._count == 1

    def left(self) -> float | None:
        """Seconds until the limit."""
        return None if self._until is None else max(self._until - self._clock.monotonic(), 0.0)

    async def end(self, *, committed: bool) -> None:
        """Wait until the limit for the tasks that were started, or not at all if nothing stands; then cancel them."""
        if self._made is not None:
            await self._made.end(self.left() if committed else 0.0)

    def adopt(self, task: "asyncio.Task[Any]", place: str) -> None:
        """A run has started a task."""
        if self._made is None:
            self._made = self._leftovers()
        self._made.adopt(task, place)

    def committing(self) -> None:
        """Nothing: the limit is that of the method."""

    def announcing(self) -> AbstractAsyncContextManager[Any]:
        """What follows the commits has no limit."""
        return _UNLIMITED
