"""Generic models, and what is left of them when they are filled in."""

from decimal import Decimal
from typing import Generic, TypeVar

from pydantic import BaseModel, RootModel, computed_field

from kitchen import elsewhere
from kitchen.containers import Page
from kitchen.enums import Color

T = TypeVar("T")
Z = TypeVar("Z")
A = TypeVar("A")
Point = TypeVar("Point")  # the name of another class


class Envelope(BaseModel, Generic[T]):
    """Around something."""

    inside: T
    note: str | None = None


class Pair(BaseModel, Generic[Z, A]):
    """Declared with parameters in an order that the alphabet does not know."""

    left: Z
    right: A
    envelopes: list[Envelope[A]] = []
    next: "Pair[Z, A] | None" = None


class Sum(BaseModel, Generic[T]):
    """Comes in as it does not go out."""

    parts: list[T]

    @computed_field
    def count(self) -> int:
        return len(self.parts)


class Several(RootModel[list[T] | T], Generic[T]):
    """One or many."""


class Path(BaseModel, Generic[Point]):
    """Its parameter has the name of another class."""

    points: list[Point]


class Tally(BaseModel, Generic[T]):
    """How it is written depends on what it is filled in with."""

    counts: dict[T, int]
    order: list[T]


class Letter(Envelope[Color]):
    """A class of its own."""

    stamp: int


class Generics(BaseModel):
    """One field for each kind of use."""

    numbers: Pair[int, str]
    colors: Pair[Color, Envelope[Color]]
    nested: Page[Envelope[elsewhere.Item]]
    nullable: Envelope[int | None]
    prices: Envelope[Decimal]
    sums: Sum[Decimal]
    several: Several[Color]
    path: Path[int]
    by_name: Tally[str]
    by_color: Tally[Color]
    letter: Letter
    whatever: Envelope  # type: ignore[type-arg] # as users write it
