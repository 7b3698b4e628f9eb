"""Models of every kind."""

import dataclasses
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NewType

from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    computed_field,
    field_serializer,
    model_serializer,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass
from typing_extensions import TypeAliasType, TypedDict

from kitchen import elsewhere
from kitchen.containers import Page

UserId = NewType("UserId", int)
Names = TypeAliasType("Names", list[str])
Tree = TypeAliasType("Tree", "dict[str, Tree] | int")


class Item(BaseModel):
    """Its name is another model's in another module."""

    here: int


class Animal(BaseModel):
    """Inherited from.

    With a second paragraph, a tag @ts-ignore, and the end of a comment */ in it.
    """

    name: str = Field(description="What it is called */ export const injected = 1; /*")
    legs: int = Field(4, deprecated=True)


class Bird(Animal):
    wings: int = 2
    legs: int = 2


class Node(BaseModel):
    """Refers to itself."""

    value: int
    children: "list[Node]" = []
    parent: "Node | None" = None


class Chicken(BaseModel):
    eggs: "list[Egg]"


class Egg(BaseModel):
    layer: Chicken | None = None


class Tags(RootModel[list[str]]):
    """A list with a name."""


class Deep(RootModel["dict[str, Deep] | None"]):
    """A dictionary of dictionaries."""


class Aliases(BaseModel):
    """Every form of alias."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    snake_case: int
    both: int = Field(alias="bothNames")
    one_way: int = Field(validation_alias="comesAs", serialization_alias="goesAs")
    choices: int = Field(validation_alias=AliasChoices("first-choice", "second"))
    path: int = Field(validation_alias=AliasPath("outer", 0), default=0)


class Paths(BaseModel):
    """Read from inside of others."""

    plain: int
    path: int = Field(validation_alias=AliasPath("outer", 0))


class Words(BaseModel):
    """Names that are keywords, or no identifiers."""

    class_: str = Field(alias="class")
    default: int = Field(alias="default")
    dashed: int = Field(alias="with-dash")
    quoted: int = Field(alias='say "so"')
    numeric: int = Field(alias="1st")
    empty: int = Field(alias="")
    proto: int = Field(alias="__proto__")
    umlaut: int = Field(alias="größe")


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    only: int


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")

    known: int


class Counted(BaseModel):
    """Whatever else is in it is of the type of its fields."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int | str] = Field(init=False)

    known: int
    more: str = ""


class Noted(BaseModel):
    """Whatever else is in it is of a type of its own."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = Field(init=False)

    known: str


class Empty(BaseModel):
    """Nothing in it."""


class Defaults(BaseModel):
    """What is shown as required, and what is not."""

    required: int
    plain: int = 1
    made: list[int] = Field(default_factory=list)
    shown: Annotated[int, Field(description="With words.")] = 5


class Always(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    plain: int = 1


class Serialized(BaseModel):
    """What comes in is not what goes out."""

    moment: datetime
    lasting: timedelta
    secret: str = Field(exclude=True)
    doubled: Annotated[int, PlainSerializer(lambda value: str(value * 2), return_type=str)]

    @computed_field(description="Made of the others.")  # type: ignore[prop-decorator] # pydantic's own advice
    @property
    def label(self) -> str:
        return str(self.moment)

    @property
    def hidden(self) -> str:
        return "not serialized"

    @field_serializer("lasting")
    def seconds(self, value: timedelta) -> float:
        return value.total_seconds()


class Whole(BaseModel):
    """Serialized by a method of its own."""

    value: int

    @model_serializer
    def listed(self) -> list[int]:
        return [self.value]


@dataclasses.dataclass
class Plain:
    """A dataclass of the standard library."""

    width: int
    height: int = 1


@dataclass
class Checked:
    """A dataclass of pydantic."""

    inner: Plain


class Total(TypedDict):
    """A dictionary with known keys."""

    must: int


class Movie(Total, total=False):
    title: str


class Class(StrEnum):
    """Named after a keyword of Python's."""

    A = "a"


class Error(BaseModel):
    """A name that the language has."""

    message: str


class HttpService(BaseModel):
    """A name that every client has."""

    url: str


class My_Model(BaseModel):  # noqa: N801 -- as users write it
    value: int


class MyModel(BaseModel):
    """Becomes the same identifier as another."""

    other: int


class Models(BaseModel):
    """One field for each kind of model."""

    bird: Bird
    node: Node
    chicken: Chicken
    tags: Tags
    deep: Deep
    aliases: Aliases
    words: Words
    closed: Closed
    open: Open
    counted: Counted
    noted: Noted
    empty: Empty
    defaults: Defaults
    always: Always
    serialized: Serialized
    whole: Whole
    plain: Plain
    checked: Checked
    movie: Movie
    user: UserId
    names: Names
    tree: Tree
    class_: Class
    error: Error
    service: HttpService
    item: Item
    other_item: elsewhere.Item
    items: Page[Item]
    other_items: Page[elsewhere.Item]
    under: My_Model
    camel: MyModel
    anything: Any = Field(None, description="Whatever.", deprecated="not any more")
