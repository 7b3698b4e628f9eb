"""Either this or that."""

from typing import Annotated, Any, Literal, Optional, Union

from pydantic import BaseModel, Discriminator, Field, Tag

from kitchen.enums import Color, Mixed, Only, Places, Priority, Rights, Sides


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog", "hound"]
    name: str


class Snake(BaseModel):
    """Told apart by a function."""

    length: float


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


def _tag(value: Any) -> str:
    return "snake" if "length" in value else "dog"


Animal = Annotated[Annotated[Snake, Tag("snake")] | Annotated[Dog, Tag("dog")], Discriminator(_tag)]


class Unions(BaseModel):
    """One field for each kind of choice."""

    nullable: int | None
    optional: int = 3
    both: int | None = None
    old: Optional[str] = None  # noqa: UP045 -- as users write it
    old_union: Union[int, str]  # noqa: UP007 -- as users write it
    literal: Literal["plain", "it's", 'say "so"', "back\\slash", "line\nend", "\u2028", "*/", "${x}", "`"]
    numbers: Literal[1, -2]
    mixed_literal: Literal["x", 1, True, None]
    color: Color
    priority: Priority
    mixed: Mixed
    rights: Rights
    sides: Sides
    by_rights: dict[Rights, int]
    only: Only
    places: Places
    pet: Pet
    pets: list[Pet]
    animal: Animal
    perhaps_pet: Pet | None = None
    anything_or_text: Any | str
    list_or_one: list[int] | int
