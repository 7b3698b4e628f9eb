"""Identity and randomness, which the framework asks nowhere else."""

from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

T = TypeVar("T")


class Chance(Protocol):
    """Fresh identities and random numbers. Seeded in the harness, so that a run can be repeated."""

    def uuid(self) -> UUID: ...

    def identity(self) -> str:
        """A fresh UUID as text; one is made for every message."""
        ...

    def random(self) -> float:
        """A number from 0.0 up to, not including, 1.0."""
        ...

    def choice(self, items: Sequence[T]) -> T: ...
