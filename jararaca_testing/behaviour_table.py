"""Coverage of behaviour as a table for a terminal: plain words in columns, one line for each thing declared."""

from collections.abc import Iterable, Iterator

from jararaca_testing.behaviour import OUTCOMES, Behaviours, Sections

WORDS = {"covered": "yes", "unseen": "unseen", "missing": "NO", "noted": "yes", None: "-"}
LEGEND = "unseen: it happened, and no test looked at its record"


def totals(behaviours: Behaviours) -> list[str]:
    """One line for each application, and one for all if there are several."""
    names = behaviours.applications()
    lines = [f"coverage of behaviour of {name}: {behaviours.share(name)}" for name in names]
    return [*lines, f"coverage of behaviour: {behaviours.share()}"] if len(names) > 1 else lines


def table(behaviours: Behaviours) -> list[str]:
    """Every behaviour, below the name of its application and its section, and then the totals."""
    lines = [line for name, sections in behaviours.tree().items() for line in (name, *_lines(sections))]
    legend = [LEGEND] if any(state == "unseen" for _behaviour, state in behaviours) else []
    return [*lines, *legend, *totals(behaviours)]


def _lines(sections: Sections) -> Iterator[str]:
    width = max(len(name) for items in sections.values() for name in (*OUTCOMES, *items))
    for section, items in sections.items():
        outcomes = OUTCOMES[section]
        if items:
            yield _row(f"  {section}", width, outcomes, outcomes)
        for item, states in items.items():
            yield _row(f"    {item}", width, (WORDS[states.get(outcome)] for outcome in outcomes), outcomes)


def _row(label: str, width: int, cells: Iterable[str], outcomes: Iterable[str]) -> str:
    columns = (f"{cell:<{max(len(outcome), len('unseen'))}}" for cell, outcome in zip(cells, outcomes, strict=True))
    return "  ".join((f"{label:<{width + 4}}", *columns)).rstrip()
