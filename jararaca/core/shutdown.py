"""The wish to stop, known to everything that runs in one application."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Shutdown:
    """Asked for once, never taken back."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()

    @property
    def is_requested(self) -> bool:
        return self._requested.is_set()

    def request(self) -> None:
        """Ask the whole process to stop as it would on a first SIGTERM."""
        self._requested.set()

    async def wait(self) -> None:
        """Return once a shutdown was asked for."""
        await self._requested.wait()

    async def race(self, *awaitables: Awaitable[T]) -> T | None:
        """What the first of them returns or raises, or None if a shutdown was asked for before.

        Those that did not win are cancelled, and have ended when this returns. Without any, it waits for the shutdown.

        Raises:
            CancelledError: somebody else has cancelled the first that ended, as awaiting it would raise.
        """
        async with asyncio.TaskGroup() as group:
            stop = group.create_task(self.wait(), name="wait for shutdown")
            racers = [group.create_task(_outcome(awaitable)) for awaitable in awaitables]
            done, pending = await asyncio.wait([stop, *racers], return_when=asyncio.FIRST_COMPLETED)
            for task in pending:
                task.cancel()
        ended = sorted((racer for racer in racers if racer in done), key=lambda racer: racer.cancelled())
        if not ended or (ended[0].cancelled() and self.is_requested):
            return None
        value, error = ended[0].result()
        if error is not None:
            raise error
        return value


async def _outcome(awaitable: Awaitable[T]) -> tuple[T | None, Exception | None]:
    try:
        return await awaitable, None
    except Exception as error:  # noqa: BLE001 -- raised by race() for the winner only; a loser's failure is nobody's
        return None, error
