"""Time, which the framework asks nowhere else."""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol


class Clock(Protocol):
    """Wall time, elapsed time, and waiting. In the harness all of them are virtual."""

    def now(self) -> datetime:
        """The wall time, aware, in UTC. It may step in either direction."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def sleep_until(self, moment: datetime) -> None:
        """Return when the wall time has reached `moment`: a minute late at most, if it was set or stood meanwhile."""
        ...

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        """Cancel the body after `seconds` and raise `TimeoutError` (None: never)."""
        ...
