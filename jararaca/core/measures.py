"""Numbers that rooms keep anyway, for whoever shows metrics: read when somebody asks, and never before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric. `read()` gives its present values, by what `label` tells apart; `told` says what it is.

    An empty `label` is for a single value, under the key "". `counts` is whether a value only ever grows.
    """

    name: str
    told: str
    label: str
    read: Callable[[], Mapping[str, float]]
    counts: bool = False
