"""Where a process can die so that it makes a difference: right before and after what outlives it.

Between two of these moments nothing changes but the memory of the process, so a process that dies at each of them has
died everywhere.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Protocol

from jararaca.core.steps import Kind, Step
from jararaca.errors import InvalidOption
from jararaca_testing.mortality import silence

Phase = Literal["before", "after"]

PHASES: dict[str, tuple[Phase, ...]] = {
    "publish": ("before",),
    "copy": ("before",),
    "confirm": ("before",),
    "mark": ("before",),
    "commit": ("before", "after"),
    "ack": ("before",),
    "claim": ("before", "after"),
    "lease": ("before", "after"),
}
"""The kinds of boundaries. A copy is what a retry or a dead letter is made of; before a confirm, the broker has the
message and its publisher does not know. Dead after a publish is dead before its confirm. A mark is what the relay of
an outbox makes of a message that was confirmed: its row is removed."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """One moment: `role` is what the process is (`http`, `worker`, `scheduler`, or `app` for all of it).

    `what` is the topic of a publish, confirm or mark, the queue of a copy, the handler of an ack, the action of a claim
    or lease, and the route, handler or action whose unit of work commits.
    """

    role: str
    phase: Phase
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.role} {self.phase} {self.kind} {self.what}"


def check_kind(kind: str, phase: str) -> None:
    """Refuse a boundary that there is not.

    Raises:
        InvalidOption: the text has the nearest one.
    """
    if kind not in PHASES:
        (near,) = get_close_matches(kind, PHASES, n=1, cutoff=0.0)
        raise InvalidOption(f"no process dies at {kind!r}. Did you mean {near!r}? There are: {', '.join(PHASES)}.")
    if phase not in PHASES[kind]:
        raise InvalidOption(
            f"no process dies {phase} {kind}: that is the same as before what comes next. There is: "
            f"{', '.join(PHASES[kind])}."
        )


class Mortal(Protocol):
    """A process that may die at a boundary."""

    role: str

    def dies_at(self, phase: Phase, kind: str, what: object) -> bool: ...


class StepBoundaries:
    """Observes the steps of one process, and lets it die before what they announce."""

    def __init__(self, process: Mortal) -> None:
        self._process = process

    def observe(self, step: Step) -> Awaitable[None] | None:
        if step.phase != "before":
            return None
        facts = step.facts
        if step.kind is Kind.PUBLISH:
            dies = self._process.dies_at("before", "publish", facts["topic"])
        elif step.kind is Kind.OUTBOX:
            dies = self._process.dies_at("before", "mark", facts["topic"])
        elif step.kind is Kind.COPY:
            dies = self._process.dies_at("before", "copy", facts["queue"])
        elif step.kind is Kind.SETTLE and facts["verb"] == "ack":
            dies = self._process.dies_at("before", "ack", facts["handler"])
        else:
            return None
        return silence() if dies else None
