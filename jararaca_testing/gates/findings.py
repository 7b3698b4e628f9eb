"""What gates find, and how a test is told: each thing with the line that caused it and the way to account for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.origins import beginning_of

SHOWN = 5
"""Findings of one gate that are listed; the others are counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a gate does not let through: what it is, further lines about it, and what to do."""

    gate: str
    what: str
    lines: tuple[str, ...] = ()
    advice: str = ""


def report(findings: Sequence[Finding]) -> str:
    """The findings as the message of a failed test."""
    gates = list(dict.fromkeys(finding.gate for finding in findings))
    allowed = ", ".join(f'"{gate}"' for gate in gates)
    without = ",".join(f"-{gate}" for gate in gates)
    return "\n".join(
        [
            f"the test passed, but its gates are closed: {', '.join(gates)}",
            *_listed(findings),
            f"If the test means it, let it through: @pytest.mark.jararaca(allow=[{allowed}]); or the whole suite, with "
            f"jararaca_gates = {without}.",
        ]
    )


def note(findings: Sequence[Finding]) -> str:
    """The findings as a note on a test that failed by itself."""
    return "\n".join(["besides, gates are closed:", *_listed(findings)])


def _listed(findings: Iterable[Finding]) -> Iterator[str]:
    told: Counter[str] = Counter()
    for finding in findings:
        told[finding.gate] += 1
        if told[finding.gate] <= SHOWN:
            yield f"  {finding.gate}: {finding.what}"
            yield from (f"      {line}" for line in (*finding.lines, *([finding.advice] if finding.advice else [])))
    for gate, count in told.items():
        if count > SHOWN:
            yield f"  {gate}: and {count - SHOWN} more"


def handled(handler: HandlerSpec | None) -> tuple[str, ...]:
    """A line that says where a handler begins, if it is known."""
    return () if handler is None else origin("handled", beginning_of(getattr(handler.controller, handler.method)))


def origin(what: str, place: object) -> tuple[str, ...]:
    """A line that says where something was done, if that is known."""
    return () if place is None else (f"{what} at {place}",)
