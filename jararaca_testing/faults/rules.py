"""A fault that a test declares: when it applies, and whether it was ever reached."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jararaca_testing.gates.findings import Finding, origin
from jararaca_testing.gates.names import UNREACHED_FAULTS
from jararaca_testing.routing import binding_matches

NEVER = "Let the test do what the fault is about, declare it earlier, or take it out."


@dataclass(frozen=True, slots=True)
class Meeting:
    """An operation that a fault may befall: of which kind, about what, in which process."""

    point: str
    what: str
    process: Any


@dataclass(eq=False, slots=True)
class Fault:
    """One fault. `reached` counts how often it befell something, `place` is the line that declared it.

    It passes over the first `after` operations that it is about, and befalls the next `times`.
    """

    text: str
    act: str
    fits: Callable[[Meeting], bool]
    after: int = 0
    times: int = 1
    seconds: float = 0.0
    place: object = None
    reached: int = 0
    is_optional: bool = False
    _met: int = 0

    def takes(self, meeting: Meeting) -> bool:
        """Count an operation in, and tell whether the fault befalls it."""
        if self.reached >= self.times or not self.fits(meeting):
            return False
        self._met += 1
        if self._met <= self.after:
            return False
        self.reached += 1
        return True

    def __str__(self) -> str:
        return self.text


class Rules:
    """The faults of one test, in the order of their declaration."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def meet(self, point: str, what: object, process: Any) -> Fault | None:
        """The fault that befalls an operation; the one that was declared first, if there are several."""
        meeting = Meeting(point, str(what), process)
        return next((fault for fault in self._faults if fault.takes(meeting)), None)

    def findings(self) -> list[Finding]:
        """The faults that were never reached: a test that declares one wants to see it happen."""
        return [
            Finding(UNREACHED_FAULTS, f"{fault} was never reached", origin("declared", fault.place), NEVER)
            for fault in self._faults
            if not fault.reached and not fault.is_optional
        ]


def about(point: str, pattern: str | None, processes: Sequence[Any]) -> Callable[[Meeting], bool]:
    """What fits operations of one kind whose topic (or name) a pattern matches, in these processes or in any."""

    def fits(meeting: Meeting) -> bool:
        if meeting.point != point or (processes and meeting.process not in processes):
            return False
        return pattern is None or _names(pattern, meeting.what)

    return fits


def _names(pattern: str, what: str) -> bool:
    """Whether it is the name, the method's part of it (`deliver` for `Office.deliver`), or matches it as a topic."""
    return pattern == what or what.endswith(f".{pattern}") or binding_matches(pattern, what)
