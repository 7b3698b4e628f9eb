"""What a differential test needs from each of the two brokers that it compares."""

from collections.abc import Callable
from typing import Protocol

from jararaca_testing.differential.observations import Observation
from jararaca_testing.differential.operations import Operation

Matches = Callable[[Observation], bool]


class System(Protocol):
    """One broker with its connections and channels, driven step by step.

    `apply` sends, `observe` collects. Moments are seconds since `begin`.
    """

    def begin(self) -> None:
        """Forget everything: an empty broker, no connection, and time starts at 0."""
        ...

    def apply(self, operation: Operation) -> None:
        """Carry out one step and wait for its answer, if it has one."""
        ...

    def observe(self, matches: Matches, *, patience: float) -> Observation:
        """What became visible since the last call, once the broker has come to rest.

        A broker in another process cannot prove that it rests. It may be asked again until `matches` likes what it
        shows, for `patience` seconds; then what it shows is its answer.
        """
        ...

    def now(self) -> float: ...

    def wait_until(self, moment: float) -> None:
        """Let time pass up to `moment`, if it is later than now."""
        ...

    def close(self) -> None:
        """Leave nothing behind."""
        ...


class Model(System, Protocol):
    """The system under test: its time is virtual, and it can be asked what a server does not tell."""

    def next_due(self, after: float) -> float | None:
        """The first moment after `after` at which something happens by itself; None if there is none."""
        ...

    def unacked(self) -> dict[str, int]:
        """How many messages of each queue are delivered and not settled."""
        ...
