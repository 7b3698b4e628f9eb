"""One process of a test, as faults see it: what it is cut off from, how wrong its clock is, and whether it lives."""

from collections.abc import Callable
from typing import Literal

from jararaca_testing.faults.boundaries import Boundary, Phase
from jararaca_testing.faults.rules import Fault, Rules
from jararaca_testing.mortality import Life, silence

Server = Literal["broker", "database", "redis", "store"]
SERVERS: tuple[Server, ...] = ("broker", "database", "redis", "store")

Watch = Callable[["Process", Boundary], bool]
"""Told of each boundary that a process comes to; True lets it die there."""


class Process:
    """One process. `life` is what runs in it at present: the test's own process and one that cannot die have none.

    `is_of_test` is whether it stands outside of the application: partitions leave it alone. `skew` is by how many
    seconds its clock is ahead. `on_cut` is told of servers that it has lost, and answers whether anybody noticed.
    """

    def __init__(self, name: str, role: str, rules: Rules, watches: list[Watch], *, is_of_test: bool = False) -> None:
        self.name = name
        self.role = role
        self.is_of_test = is_of_test
        self.life: Life | None = None
        self.skew = 0.0
        self.rules = rules
        self.on_cut: list[Callable[[Server], bool]] = []
        self._watches = watches
        self._cuts: dict[Server, Fault] = {}

    def cut(self, server: Server, fault: Fault) -> None:
        """Lose a server, with every connection to it."""
        self._cuts[server] = fault
        fault.reached += sum(listener(server) for listener in tuple(self.on_cut))

    def heal(self, fault: Fault) -> None:
        """Reach again what a fault had cut off."""
        self._cuts = {server: each for server, each in self._cuts.items() if each is not fault}

    def reaches(self, server: Server) -> bool:
        """Whether it reaches a server; a partition that stands in the way has been reached."""
        fault = self._cuts.get(server)
        if fault is not None:
            fault.reached += 1
        return fault is None

    def dies_at(self, phase: Phase, kind: str, what: object) -> bool:
        """Whether it dies at a boundary, which it has done when this returns: the code at hand is to be silent."""
        if self.life is None or self.life.is_over:
            return False
        boundary = Boundary(self.role, phase, kind, str(what))
        watched = [watch(self, boundary) for watch in tuple(self._watches)]
        if not any(watched) and self.rules.meet(f"{phase} {kind}", what, self) is None:
            return False
        self.life.end()
        return True

    async def passes(self, phase: Phase, kind: str, what: object) -> None:
        """Come to a boundary, and return unless it dies there."""
        if self.dies_at(phase, kind, what):
            await silence()
