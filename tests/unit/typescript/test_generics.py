"""Generic models: declarations with type parameters where these say all of it, otherwise interfaces of their own."""

import dataclasses
import sys
import warnings
from decimal import Decimal
from enum import StrEnum
from types import ModuleType
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

import pytest
from clients import client_of, declaration, endpoint_of, field, model_fields, text_of, written
from fastapi import WebSocket
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    RootModel,
    computed_field,
    create_model,
    field_serializer,
)

from jararaca import Get, Post, RestController, WebSocketEndpoint
from jararaca.typescript.model import Client
from jararaca.typescript.spelling import spelled

T = TypeVar("T")
U = TypeVar("U")
Z = TypeVar("Z")
A = TypeVar("A")


class Item(BaseModel):
    id: int


class Priced(BaseModel):
    """Comes in as it does not go out."""

    price: Decimal


class Colour(StrEnum):
    RED = "red"


class Envelope(BaseModel, Generic[T]):
    """Around something."""

    inside: T
    note: str | None = None


class Page(BaseModel, Generic[T]):
    """Some of many.

    With a second paragraph.
    """

    items: list[T]
    next: "Page[T] | None" = None


def declared(client: Client) -> list[str]:
    """The names of all models."""
    return [each.name for each in client.models]


def answering(*results: Any) -> Client:
    """The client of an application whose methods, one for each, have these results."""

    def method(result: Any) -> Any:
        async def answer(self: Any) -> None: ...

        answer.__annotations__["return"] = result
        return answer

    methods = {f"get_{number}": Get(f"/{number}")(method(result)) for number, result in enumerate(results)}
    return client_of(RestController("/")(type("Answering", (), methods)))


def results(*annotations: Any) -> list[str]:
    """How the results of such methods are written."""
    return [spelled(each.result) for each in answering(*annotations).services[0].endpoints]


def test_a_generic_model_is_one_declaration_with_parameters() -> None:
    text = written(answering(Page[Item], Page[int]))

    assert declaration(text, "Page") == "interface Page<T> {\n  items: T[];\n  next?: Page<T> | null;\n}"
    assert "PageI" not in text


def test_it_says_what_its_class_says_of_itself() -> None:
    text = written(answering(Page[Item]))

    assert "/**\n * Some of many.\n *\n * With a second paragraph.\n */\nexport interface Page<T> {" in text


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (Item, "Item"),
        (int, "number"),
        (int | None, "number | null"),
        (list[int | str], "(number | string)[]"),
        (dict[Colour, Item], "{ [key in Colour]?: Item }"),
        (tuple[int, ...], "number[]"),
        (Literal["a", 1], '"a" | 1'),
        (Colour, "Colour"),
        (Any, "unknown"),
        (None, "null"),
        (Envelope[Item], "Envelope<Item>"),
        (list[Envelope[Item] | None], "(Envelope<Item> | null)[]"),
        (Envelope[Envelope[int]], "Envelope<Envelope<number>>"),
        (Annotated[int, Field(gt=0)], "number"),
    ],
)
def test_whatever_can_be_an_argument_is_written_as_one(argument: Any, expected: str) -> None:
    assert results(Page[argument]) == [f"Page<{expected}>"]


class Both(BaseModel, Generic[Z, A]):
    z: Z
    a: A
    turned: "list[Both[Z, A]]" = []
    rest: list[Envelope[A]] = []


def test_parameters_are_in_the_order_of_their_declaration_and_so_are_arguments() -> None:
    text = written(answering(Both[int, str], Both[Item, Colour]))

    assert declaration(text, "Both").splitlines() == [
        "interface Both<Z, A> {",
        "  z: Z;",
        "  a: A;",
        "  turned?: Both<Z, A>[];",
        "  rest?: Envelope<A>[];",
        "}",
    ]
    assert results(Both[int, str]) == ["Both<number, string>"]


def test_a_class_that_is_filled_in_by_halves_is_written_with_all_of_its_arguments() -> None:
    half = Both[int, T]

    assert results(half[str], half) == ["Both<number, string>", "Both<number, unknown>"]


class Letter(Envelope[Item]):
    total: int


def test_a_subclass_that_fills_its_parent_in_is_an_interface_of_its_own_name() -> None:
    client = answering(Letter, Envelope[Item])

    assert declaration(written(client), "Letter").splitlines() == [
        *("interface Letter {", "  inside: Item;", "  note?: string | null;", "  total: number;", "}"),
    ]
    assert declared(client) == ["Envelope", "Item", "Letter"]


class Counted(Page[T], Generic[T]):
    total: int


def test_a_subclass_that_stays_generic_is_a_declaration_of_its_own() -> None:
    client = answering(Counted[Item])

    assert results(Counted[Item]) == ["Counted<Item>"]
    assert field(written(client), "Counted", "next") == "?: Page<T> | null"


class Pages(BaseModel):
    pages: list[Page[Priced]]


def test_an_argument_is_told_apart_by_direction_and_the_declaration_is_not() -> None:
    text = model_fields(Page[Priced])

    assert "body: Page<PricedInput> }, call?: CallOptions): Promise<Page<PricedOutput>>" in text
    assert field(text, "Page", "items") == ": T[]"


def test_what_holds_a_generic_model_is_told_apart_by_its_argument() -> None:
    text = model_fields(Pages)

    assert field(text, "PagesInput", "pages") == ": Page<PricedInput>[]"
    assert field(text, "PagesOutput", "pages") == ": Page<PricedOutput>[]"


class Sum(BaseModel, Generic[T]):
    parts: list[T]

    @computed_field
    def count(self) -> int:
        return len(self.parts)


def test_a_declaration_is_told_apart_by_direction_where_its_class_differs() -> None:
    text = model_fields(Sum[Item])

    assert "body: SumInput<Item> }, call?: CallOptions): Promise<SumOutput<Item>>" in text
    assert declaration(text, "SumInput") == "interface SumInput<T> {\n  parts: T[];\n}"
    assert declaration(text, "SumOutput") == "interface SumOutput<T> {\n  parts: T[];\n  count: number;\n}"


class Wrapped(RootModel[list[T] | None], Generic[T]):
    """A list, or nothing."""


def test_a_generic_root_model_is_a_type_with_parameters() -> None:
    text = written(answering(Wrapped[Item], Wrapped[int | None]))

    assert declaration(text, "Wrapped") == "type Wrapped<T> = T[] | null;"
    assert results(Wrapped[int | None]) == ["Wrapped<number | null>"]


B = TypeVar("B", bound=Item)


class Bounded(BaseModel, Generic[B]):
    it: B


def test_a_class_without_arguments_is_filled_in_with_what_its_parameters_are_bound_to() -> None:
    client = answering(Page, Bounded, Bounded[Item], Page[Item])

    assert [spelled(each.result) for each in client.services[0].endpoints] == [
        *("Page<unknown>", "Bounded<Item>", "Bounded<Item>", "Page<Item>"),
    ]
    assert declared(client) == ["Bounded", "Item", "Page"]


# -- names


def module_with(name: str, source: str) -> ModuleType:
    module = ModuleType(name)
    sys.modules[name] = module
    exec(source, module.__dict__)
    return module


GENERIC_PAGE = """
from typing import Generic, TypeVar
from pydantic import BaseModel
T = TypeVar("T")
class Page(BaseModel, Generic[T]):
    entries: list[T]
"""


def test_classes_of_the_same_name_have_their_modules_before_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shelf.pages", ModuleType("shelf.pages"))
    other = module_with("shelf.pages", GENERIC_PAGE).Page
    mine = f"{__name__.title().replace('_', '').replace('.', '')}Page"

    names = declared(answering(Page[int], other[int]))

    assert "ShelfPagesPage" in names
    assert [each.lower() for each in names] == sorted([mine.lower(), "shelfpagespage"], key=str.lower)


def test_a_model_that_is_not_generic_keeps_its_name_beside_a_generic_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shelf.pages", ModuleType("shelf.pages"))
    other = module_with("shelf.pages", GENERIC_PAGE).Page

    class Page(BaseModel):
        number: int

    assert results(Page, other[int]) == ["Page", "ShelfPagesPage<number>"]


def test_a_type_parameter_hides_no_type_that_its_declaration_may_mention() -> None:
    item, promise = cast(Any, TypeVar("item")), cast(Any, TypeVar("Promise"))
    bases: Any = (BaseModel, cast(Any, Generic)[item, promise])
    box = cast(Any, create_model("Box", __base__=bases, it=(item, ...), real=(Item, ...), later=(promise, ...)))

    text = written(answering(box[int, str]))

    assert declaration(text, "Box").splitlines() == [
        *("interface Box<ItemType, PromiseType> {", "  it: ItemType;", "  real: Item;", "  later: PromiseType;", "}"),
    ]


def test_a_name_that_a_filled_in_class_would_have_had_is_free() -> None:
    class PageItem(BaseModel):
        other: str

    assert results(PageItem, Page[Item]) == ["PageItem", "Page<Item>"]


def test_the_order_of_routes_changes_nothing() -> None:
    types = [Page[Item], Both[int, Envelope[str]], Letter, Sum[Priced], Page]

    assert written(answering(*types)).partition("class ")[0] == written(answering(*types[::-1])).partition("class ")[0]


# -- what is not the same with arguments in the place of parameters stays an interface of its own


class ByKey(BaseModel, Generic[T]):
    by_key: dict[T, int]
    keys: list[T]


class Serialized(BaseModel, Generic[T]):
    values: T

    @field_serializer("values")
    def as_text(self, value: Any) -> str:
        return str(value)


class Configured(BaseModel, Generic[T]):
    model_config = ConfigDict(json_schema_extra=lambda schema, model: schema.update(description=model.__name__))

    it: T


class Phantom(BaseModel, Generic[T]):
    size: int


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


P = TypeVar("P", bound=Cat)


class Tagged(BaseModel, Generic[P]):
    pet: P | Dog = Field(discriminator="kind")


class Picky(BaseModel, Generic[T]):
    it: T

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        if "Jararaca" in cls.__name__:
            raise TypeError("no such argument")


@dataclasses.dataclass
class Box(Generic[T]):
    it: T


class Boxed(BaseModel, Generic[T]):
    box: Box[T]


class Outer(BaseModel, Generic[T]):
    inner: ByKey[T]


@pytest.mark.parametrize(
    ("model", "name", "expected"),
    [
        (ByKey[Colour], "ByKeyColour", "{\n  by_key: { [key in Colour]?: number };\n  keys: Colour[];\n}"),
        (Serialized[int], "SerializedInt", "{\n  values: string;\n}"),
        (Configured[int], "ConfiguredInt", "{\n  it: number;\n}"),
        (Phantom[int], "PhantomInt", "{\n  size: number;\n}"),
        (Tagged[Cat], "TaggedCat", "{\n  pet: Cat | Dog;\n}"),
        (Picky[int], "PickyInt", "{\n  it: number;\n}"),
        (Boxed[int], "BoxedInt", "{\n  box: BoxInt;\n}"),
        (Outer[Colour], "OuterColour", "{\n  inner: ByKeyColour;\n}"),
    ],
)
def test_where_parameters_do_not_say_all_of_it_there_are_none(model: Any, name: str, expected: str) -> None:
    text = written(answering(model))

    assert results(model) == [name]
    assert declaration(text, name) == f"interface {name} {expected}"
    assert "Jararaca" not in text


def test_one_argument_may_fit_where_another_does_not() -> None:
    client = answering(ByKey[str], ByKey[Colour], Outer[str], Outer[Colour], Page[ByKey[Colour]])

    assert [spelled(each.result) for each in client.services[0].endpoints] == [
        *("ByKey<string>", "ByKeyColour", "Outer<string>", "OuterColour", "Page<ByKeyColour>"),
    ]


class Doubtful(BaseModel, Generic[T]):
    it: T

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: Any) -> None:
        if "Jararaca" in cls.__name__:
            warnings.warn("what is this", stacklevel=1)


def test_a_warning_about_the_comparison_reaches_nobody() -> None:
    assert results(Doubtful[int]) == ["Doubtful<number>"]


class Foreign:
    """No type of pydantic's."""


class Loose(BaseModel, Generic[T]):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    it: T


def test_a_type_that_only_its_model_allows_is_no_argument() -> None:
    client = answering(Loose[Annotated[Foreign, PlainSerializer(str)]], Loose[int])

    assert [spelled(each.result) for each in client.services[0].endpoints] == [
        *("LooseAnnotatedForeignPlainSerializer", "Loose<number>"),
    ]


# -- wherever there are types


class Told(BaseModel, Generic[T]):
    type: Literal["told"] = "told"
    value: T


class Asked(BaseModel):
    type: Literal["asked"] = "asked"


class Shaped(BaseModel, Generic[T]):
    pair: tuple[T, int]
    by_name: dict[str, T]
    either: T | str
    event: Annotated[Told[T] | Asked, Field(discriminator="type")]


def test_parameters_may_stand_in_whatever_types_are_made_of() -> None:
    text = written(answering(Shaped[Item], Shaped[str]))

    assert declaration(text, "Shaped").splitlines() == [
        "interface Shaped<T> {",
        "  pair: [T, number];",
        "  by_name: { [key: string]: T };",
        "  either: T | string;",
        '  event: (Told<T> & { type: "told" }) | (Asked & { type: "asked" });',
        "}",
    ]
    assert results(Shaped[str]) == ["Shaped<string>"]


@RestController("/all")
class Everywhere:
    @Post("/body", {"responses": {404: {"model": Envelope[str]}}, "response_model_include": {"items"}})
    async def body(self, body: list[Page[Item]]) -> Page[Item]:
        raise NotImplementedError

    @WebSocketEndpoint("/feed", sends=Told[Item] | Asked, receives=Told[int])
    async def feed(self, websocket: WebSocket) -> None: ...


def test_bodies_errors_parts_of_results_and_messages_have_them() -> None:
    client = client_of(Everywhere)
    endpoint = endpoint_of(client, "body")
    text = text_of(Everywhere)

    assert endpoint.body is not None
    assert spelled(endpoint.body.shape) == "Page<Item>[]"
    assert spelled(endpoint.result) == 'Pick<Page<Item>, "items">'
    assert field(text, "EverywhereBodyErrors", "404") == ": Envelope<string>"
    assert "export class EverywhereFeed extends WebSocketClient<EverywhereFeedMessages, Told<number>>" in text
    assert field(text, "EverywhereFeedMessages", "told") == ': Told<Item> & { type: "told" }'
    assert declared(client) == ["Asked", "Envelope", "HTTPValidationError", "Item", "Page", "Told", "ValidationError"]


def test_a_part_that_has_no_schema_is_told_of_where_it_is_an_argument() -> None:
    client = answering(Envelope[InstanceOf[Foreign]])

    assert [spelled(each.result) for each in client.services[0].endpoints] == ["Envelope<unknown>"]
    assert [each.partition(":")[0] for each in client.remarks] == ["Answering.answer"]
