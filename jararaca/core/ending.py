"""How work ends that others wrote: by itself within a grace, cancelled, cancelled again, or abandoned.

A coroutine may swallow its cancellation, on purpose or because it catches everything. Whoever waited for it would wait
for ever, so here nobody waits longer than for a bound. What does not obey is named, with the place where it stands, and
left to the end of the process.
"""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from jararaca.core.cancellation import ask_to_end
from jararaca.core.places import waits_at

CANCEL_GRACE = 5.0
"""Seconds that cancelled work has to roll back, before it is cancelled again, and then before it is abandoned."""

Running = Callable[[], Mapping["asyncio.Task[Any]", str]]
"""The tasks that run at this moment, and what the log calls each of them."""


class Patience:
    """A wait that lasts until it is over, its time is, or somebody loses patience."""

    def __init__(self) -> None:
        self._limit: asyncio.Timeout | None = None
        self._is_lost = False

    async def wait(self, until: Callable[[], Awaitable[object]], seconds: float) -> None:
        """Return once `until()` has, after `seconds`, or when patience is lost; at once if it was lost before."""
        try:
            if not self._is_lost and seconds > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if seconds == math.inf else seconds) as self._limit:
                        await until()
        finally:
            self._is_lost, self._limit = False, None

    def lose(self) -> None:
        """End the wait that is under way, or that comes next."""
        if self._limit is None:
            self._is_lost = True
        elif not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())


class Ending:
    """The end of one kind of work, which is over in bounded time whatever that work does.

    `what` is the plural that the log uses, "attempts" for example. Of what is cancelled nothing is said, because
    whatever runs in the background is; see `ToldEnding`.
    """

    def __init__(self, what: str, running: Running, logger: logging.Logger) -> None:
        self._what = what
        self._running = running
        self._logger = logger
        self._patience = Patience()
        self._cuts: Counter[asyncio.Task[Any]] = Counter()

    @property
    def cut(self) -> Collection["asyncio.Task[Any]"]:
        """What was cancelled."""
        return self._cuts.keys()

    async def within(self, grace: float) -> bool:
        """Let the work end within `grace` seconds, then cancel it, and once more `CANCEL_GRACE` seconds later.

        What has not ended after as many again is abandoned: its stack is logged as an error. True if nothing had to be
        cancelled.
        """
        await self._wait(grace)
        for times in (1, 2):
            self._cut([task for task in self._running() if self._cuts[task] < times])
            await self._wait(CANCEL_GRACE)
        if abandoned := self._running():
            facts = {self._what: sorted(abandoned.values()), "stacks": [waits_at(task) for task in abandoned]}
            self._logger.error("%s do not end; they are abandoned", self._what, extra=facts)
        return not self._cuts

    def at_once(self) -> None:
        """Somebody insists: cancel what runs, and wait for whatever it is waited for no longer than after that.

        What is being cancelled already is cancelled again, and abandoned if somebody insists once more.
        """
        self._cut(list(self._running()))
        self._patience.lose()

    def _cut(self, tasks: Collection["asyncio.Task[Any]"]) -> None:
        for task in tasks:
            self._cuts[task] += 1
            ask_to_end(task)

    async def _wait(self, seconds: float) -> None:
        if running := self._running():
            await self._patience.wait(lambda: asyncio.wait(tuple(running)), seconds)


class ToldEnding(Ending):
    """An ending that names in the log what it cancels."""

    def _cut(self, tasks: Collection["asyncio.Task[Any]"]) -> None:
        running = self._running()
        if tasks:
            facts = {self._what: sorted(running[task] for task in tasks)}
            self._logger.warning("%s are cancelled by the shutdown", self._what, extra=facts)
        super()._cut(tasks)
