"""Tasks that a handler has started and not awaited.

A message is settled when everything is done that it led to. So they are awaited after the commit, for as long as the
handler might have taken; then they are cancelled, and somebody should know. Those of a handler that has failed are
cancelled at once: what it began is not to go on.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Any

from jararaca.messagebus.redaction import without_values
from jararaca.ports.clock import Clock

logger = logging.getLogger("jararaca.messagebus")

CANCEL_WITHIN = 5.0
"""Seconds that cancelled tasks have to end."""


class Leftovers:
    """The tasks of one call of a handler, and where each was started."""

    __slots__ = ("_clock", "_places", "_where")

    def __init__(self, clock: Clock, where: str) -> None:
        self._clock = clock
        self._where = where
        self._places: dict[asyncio.Task[Any], str] = {}

    def adopt(self, task: "asyncio.Task[Any]", place: str) -> None:
        """A task was started at `place`."""
        self._places[task] = place

    async def end(self, within: float) -> None:
        """Wait for those that run, for so many seconds at most, then cancel them.

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
                logger.error(
                    "a task that a handler had not awaited failed",
                    exc_info=without_values(error),
                    extra={"handler": self._where, "started": self._places[task]},
                )

    async def _cancel(self, late: list["asyncio.Task[Any]"]) -> None:
        logger.warning(
            "tasks outlive the handler that started them; they are cancelled. Await them, or start them elsewhere",
            extra={"handler": self._where, "started": [self._places[task] for task in late]},
        )
        for task in late:
            task.cancel()
        await self._wait(late, CANCEL_WITHIN)

    async def _wait(self, tasks: list["asyncio.Task[Any]"], seconds: float) -> None:
        if seconds > 0:
            with suppress(TimeoutError):
                async with self._clock.timeout(seconds):
                    await asyncio.wait(tasks)
