"""The machine's own time. Waiting goes through the running loop, which is virtual in the harness."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

LONGEST_SLEEP = 60.0
"""Seconds after which a sleeper looks at the wall time again: nobody tells when it is set, or the machine slept."""


class SystemClock:
    """The `Clock` of a real process."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def sleep_until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 -- no event says that time was set
            await asyncio.sleep(min(left, LONGEST_SLEEP))

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(seconds)
