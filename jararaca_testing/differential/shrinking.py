"""From a long list of operations that diverges to a short one: each trial plays a shorter list from the start.

Hypothesis would do it too, by way of the draws. A list can be cut where it hurts most, and needs a tenth of the trials,
which cost real time here.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, fields, replace
from typing import Any

from jararaca.ports.broker import Envelope
from jararaca_testing.differential.comparison import PATIENCE, Comparison, Divergence, Inconclusive
from jararaca_testing.differential.operations import Operation

MOST_TRIALS = 300
LONGEST = 45.0
"""Real seconds that all trials may take."""
REPEATS = 8
"""How often a divergence has to happen again. A server that once shows what the model does races with itself."""

LITTLE_PATIENCE = 0.3
"""Seconds for the server to agree: less than it is given when nobody knows yet that it will not."""


def replayed(comparison: Comparison, operations: Sequence[Operation]) -> Divergence | None:
    """Play a list from the start, without a look into every corner. None if nothing differs.

    Raises:
        Inconclusive: nobody can tell.
    """
    comparison.begin()
    try:
        for operation in operations:
            comparison.step(operation)
    except Divergence as divergence:
        return divergence
    return None


def confirmed(comparison: Comparison, found: Divergence) -> Divergence | None:
    """The divergence when it happens again whenever it can be told; None if the server shows this and that."""
    again = None
    for _ in range(REPEATS):
        with suppress(Inconclusive):
            again = replayed(comparison, found.operations)
            if again is None:
                return None
    return again


def shortest(comparison: Comparison, found: Divergence, *, trials: int = MOST_TRIALS) -> Divergence:
    """The divergence with the fewest and plainest operations that `trials` trials find."""
    left = trials
    best = found
    end = time.monotonic() + LONGEST

    def tried(operations: list[Operation]) -> Divergence | None:
        nonlocal left
        left = left - 1 if time.monotonic() < end else 0
        with suppress(Inconclusive):
            return replayed(comparison, operations) if left > 0 else None
        return None

    comparison.patience = LITTLE_PATIENCE
    before = None
    while best is not before and left > 0:
        before = best
        best = _without_operations(best, tried)
        best = _with_plainer_operations(best, tried)
    comparison.patience = PATIENCE
    return best


Try = Callable[[list[Operation]], Divergence | None]


def _without_operations(best: Divergence, tried: Try) -> Divergence:
    """Leave out halves, quarters, ..., single operations."""
    size = max(1, len(best.operations) // 2)
    while size:
        at = 0
        while at < len(best.operations) - 1:
            rest = list(best.operations)
            del rest[at : min(at + size, len(rest) - 1)]
            shorter = tried(rest)
            best, at = (shorter, at) if shorter is not None else (best, at + size)
        size //= 2
    return best


def _with_plainer_operations(best: Divergence, tried: Try) -> Divergence:
    """Give each field of each operation its default, and take out of tables what can go."""
    at = 0
    while at < len(best.operations):
        for plainer in _plainer(best.operations[at]):
            operations = list(best.operations)
            operations[at] = plainer
            better = tried(operations)
            if better is not None and len(better.operations) == len(operations):
                best = better
                break
        else:
            at += 1
    return best


def _plainer(operation: Operation) -> Iterator[Operation]:
    changed: dict[str, Any]
    for each in fields(operation):
        value = getattr(operation, each.name)
        if isinstance(value, Mapping):
            for shorter in _shorter(value):
                changed = {each.name: shorter}
                yield replace(operation, **changed)
        elif isinstance(value, Envelope):
            for envelope in _plainer_envelopes(value):
                changed = {each.name: envelope}
                yield replace(operation, **changed)
        elif each.default is not MISSING and value != each.default:
            yield replace(operation, **{each.name: each.default})


def _plainer_envelopes(envelope: Envelope) -> Iterator[Envelope]:
    changed: dict[str, Any]
    for name, default in Envelope._field_defaults.items():
        value = getattr(envelope, name)
        if isinstance(value, Mapping):
            for shorter in _shorter(value):
                changed = {name: shorter}
                yield envelope._replace(**changed)
        elif value != default:
            yield envelope._replace(**{name: default})


def _shorter(table: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for left_out in table:
        yield {name: value for name, value in table.items() if name != left_out}
