"""Tasks that a message handler or a scheduled action has started and not awaited.

A message is settled, and a run has ended, when everything is done that it led to. So they are awaited after the commit,
for as long as the handler might have taken; then they are cancelled, and somebody should know. Those of a handler that
has failed are cancelled at once: what it began is not to go on.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from jararaca.ports.clock import Clock

CANCEL_WITHIN = 5.0
"""Seconds that cancelled tasks have to end."""


class Leftovers:
    """The tasks of one call, and where each was started.

    What becomes of them is told to `logger` with `facts` that say whose they are; `shown` makes of what one has raised
    what may be logged.
    """

    __slots__ = ("_clock", "_facts", "_logger", "_places", "_shown")

    def __init__(
        self,
        clock: Clock,
        logger: logging.Logger,
        facts: Mapping[str, str],
        shown: Callable[[BaseException], BaseException],
    ) -> None:
        self._clock = clock
        self._logger = logger
        self._facts = facts
        self._shown = shown
        self._places: dict[asyncio.Task[Any], str] = {}

    def adopt(self, task: "asyncio.Task[Any]", place: str) -> None:
        """A task was started at `place`."""
        self._places[task] = place

    async def end(self, within: float | None) -> None:
        """Wait for those that run, for so many seconds at most unless it is None, then cancel them.

        Raises:
            CancelledError: as whoever waits was; they are cancelled too.
        """
        running = [task for task in self._places if not task.done()]
        if not running:
            return
        try:
            await self._wait(running, within)
        finally:
            late = [task for task in running if not task.done()]
            if late:
                await self._cancel(late)
        for task in running:
            error = None if task.cancelled() else task.exception()
            if error is not None:
                self._logger.error(
                    "a task that a handler had not awaited failed",
                    exc_info=self._shown(error),
                    extra={**self._facts, "started": self._places[task]},
                )

    async def _cancel(self, late: list["asyncio.Task[Any]"]) -> None:
        self._logger.warning(
            "tasks outlive the handler that started them; they are cancelled. Await them, or start them elsewhere",
            extra={**self._facts, "started": [self._places[task] for task in late]},
        )
        for task in late:
            task.cancel()
        await self._wait(late, CANCEL_WITHIN)

    async def _wait(self, tasks: list["asyncio.Task[Any]"], seconds: float | None) -> None:
        if seconds is None or seconds > 0:
            with suppress(TimeoutError):
                async with self._clock.timeout(seconds):
                    await asyncio.wait(tasks)
