"""What a profile gives a test: time, ports, and substitutes for what an application brings along itself."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from jararaca.core.environment import Ports
from jararaca.core.tokens import ProviderSpec
from jararaca_testing.database import Databases
from jararaca_testing.gates.connections import Checkouts
from jararaca_testing.inflight import InFlight


class World(Protocol):
    """The surroundings of one test. Made for it and closed after it; nothing of it is left then."""

    clock: Any
    checkouts: Checkouts

    @property
    def databases(self) -> Databases: ...

    @property
    def ports(self) -> Ports: ...

    @property
    def providers(self) -> Sequence[ProviderSpec]:
        """Substitutes, by injection key, for engines and clients that the application makes."""
        ...

    @property
    def redis(self) -> Any:
        """A client of the Redis that the application's clients are sent to; the same one each time, closed for you."""
        ...

    def fresh(self) -> AbstractAsyncContextManager["World"]:
        """Another world for the length of a block, with nothing in it but the time of this one, which goes on."""
        ...

    def watch(self, in_flight: InFlight) -> None:
        """Let settling and the passing of time depend on what this application does; called once, before it starts."""
        ...

    def fail(self, failure: AssertionError) -> bool:
        """Let the running test fail at what it awaits. False if it fails already, or nothing of it runs."""
        ...

    async def settle(self, *, max_steps: int, within: float) -> None:
        """Return when nothing is runnable, ready, unacked, staged or being handled.

        Raises:
            NotSettled: a bound was reached; the text names what still moves.
        """
        ...

    def lose_connections(self) -> None:
        """Cut every connection to the broker, as a failing network would; it can be reached again at once."""
        ...

    def close_at_once(self) -> bool:
        """As `close`, if nothing of it has to be awaited; False, and nothing is done, if something has."""
        ...

    async def close(self) -> None:
        """Remove everything that the test left on servers and disks."""
        ...
