"""What JSON has as an array or an object."""

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

from pydantic import BaseModel

from kitchen.enums import Color, Priority

T = TypeVar("T")


class Point(NamedTuple):
    """A point in a plane, and perhaps above it."""

    x: int
    y: int
    z: int = 0


class Page(BaseModel, Generic[T]):
    """Items, and whether there are more."""

    items: list[T]
    has_more: bool


class Containers(BaseModel):
    """One field for each kind of container."""

    many: list[int]
    unique: set[str]
    frozen: frozenset[int]
    sequence: Sequence[float]
    perhaps_unique: set[int] | None
    fixed: tuple[int, str]
    variadic: tuple[int, ...]
    empty: tuple[()]
    point: Point
    nested: list[list[Color]]
    by_text: dict[str, int]
    by_number: dict[int, str]
    by_color: dict[Color, int]
    by_priority: dict[Priority, str]
    by_literal: dict[Literal["a", "b"], bool]
    by_identity: dict[UUID, str]
    mapping: Mapping[str, list[int]]
    bare_list: list  # type: ignore[type-arg] # as users write it
    bare_dict: dict  # type: ignore[type-arg] # as users write it
    bare_page: Page  # type: ignore[type-arg] # as users write it
    numbers: Page[int]
    pages: Page[Page[Color]]
    anything: dict[str, Any]
