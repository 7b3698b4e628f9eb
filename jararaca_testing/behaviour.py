"""What there is to show of applications, and what of it tests have shown: a value that merges over tests and processes.

A behaviour is one outcome of one handler, route, websocket endpoint or cron action. Each has a state:

    missing    it did not happen
    unseen     it happened, and no test looked at its record
    covered    it happened; of a handler a test looked at the record as well
    noted      it happened, and nobody asks for it: it does not count

The percentage is the covered among those that are covered, unseen or missing.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

State = Literal["missing", "unseen", "covered", "noted"]

OUTCOMES = {
    "handlers": ("ok", "error", "retry", "dead-letter", "timeout", "redelivery"),
    "routes": ("ok", "4xx", "5xx"),
    "websockets": ("accepted", "refused"),
    "actions": ("fired", "error", "skipped"),
}
"""The kinds of what an application declares, and what may become of one, in the order of reports."""

Sections = dict[str, dict[str, dict[str, State]]]
"""The states of one application by section, item and outcome."""

_RANKS: tuple[State, ...] = ("noted", "missing", "unseen", "covered")
_VERSION = 1


class Behaviour(NamedTuple):
    """One outcome of one thing that an application declares; `section` is a key of `OUTCOMES`."""

    application: str
    section: str
    item: str
    outcome: str


class Share(NamedTuple):
    """How many of how many behaviours are covered."""

    covered: int
    applicable: int

    @property
    def percent(self) -> float:
        """Rounded down to a tenth, so that 100.0 is all of them; 0.0 of nothing."""
        return self.covered * 1000 // self.applicable / 10 if self.applicable else 0.0

    def __str__(self) -> str:
        return f"{self.percent:.1f}% ({self.covered} of {self.applicable})"


class Behaviours:
    """The states of all behaviours of all applications under test, told apart by the applications' names."""

    def __init__(self) -> None:
        self._states: dict[Behaviour, State] = {}

    def __iter__(self) -> Iterator[tuple[Behaviour, State]]:
        """By application, section, item and outcome, whatever the order in which they were noted."""
        for behaviour in sorted(self._states, key=_place):
            yield behaviour, self._states[behaviour]

    def note(self, behaviour: Behaviour, state: State) -> None:
        """Something became of a behaviour; what is known already is never forgotten for less."""
        known = self._states.get(behaviour, state)
        self._states[behaviour] = max(known, state, key=_RANKS.index)

    def applications(self) -> list[str]:
        """The names of those that were under test."""
        return sorted({behaviour.application for behaviour in self._states})

    def share(self, application: str | None = None) -> Share:
        """How much is covered, of one application or of all."""
        chosen = (each for each in self._states if application in (None, each.application))
        counts = Counter(self._states[each] for each in chosen)
        return Share(counts["covered"], counts.total() - counts["noted"])

    def rows(self) -> list[list[str]]:
        """Everything in plain lists, to be sent to another process and merged there."""
        return [[*behaviour, state] for behaviour, state in self]

    def merge(self, rows: Iterable[Iterable[Any]]) -> None:
        """Add what another process has seen."""
        for application, section, item, outcome, state in rows:
            self.note(Behaviour(application, section, item, outcome), state)

    def tree(self) -> dict[str, Sections]:
        """The states by application, section, item and outcome; every section is there, also without items."""
        tree: dict[str, Sections] = {}
        for (name, section, item, outcome), state in self:
            sections = tree.setdefault(name, {each: {} for each in OUTCOMES})
            sections[section].setdefault(item, {})[outcome] = state
        return tree

    def report(self) -> str:
        """All of it as JSON; a later `version` is one that readers of this one could misunderstand."""
        applications = {name: {**_figures(self.share(name)), **tree} for name, tree in self.tree().items()}
        return (
            json.dumps({"version": _VERSION, **_figures(self.share()), "applications": applications}, indent=2) + "\n"
        )


def _place(behaviour: Behaviour) -> tuple[str, int, str, int]:
    application, section, item, outcome = behaviour
    return application, list(OUTCOMES).index(section), item, OUTCOMES[section].index(outcome)


def _figures(share: Share) -> dict[str, float]:
    return {"percent": share.percent, "covered": share.covered, "applicable": share.applicable}
