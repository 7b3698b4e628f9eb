"""What every runtime of an application is: something that starts, serves triggers, and stops within a grace period."""

from collections.abc import Mapping
from typing import Protocol


class Runtime(Protocol):
    """Serves one kind of trigger for a running application: HTTP, messages or ticks.

    Runtimes install no signal handlers and keep no state outside themselves: several may run on one loop.
    """

    @property
    def name(self) -> str: ...

    @property
    def ready(self) -> bool:
        """Whether triggers are being served right now; what a readiness probe asks."""
        ...

    @property
    def under_way(self) -> Mapping[str, int]:
        """How much of what runs a stop would wait for, by what it is."""
        ...

    async def start(self) -> None:
        """Begin to serve. The application has been started before."""
        ...

    async def stop(self, grace: float) -> bool:
        """Take nothing new, let what runs finish within `grace` seconds, cancel the rest. True if nothing was cut.

        What swallows its cancellation is cancelled again, and then abandoned: this returns in bounded time. Called
        again while it waits, it cancels at once.
        """
        ...
