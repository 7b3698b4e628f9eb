"""What others fell into, one by one."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

import pytest
from clients import client_of, declaration, endpoint_of, field, model_fields, signature, text_of, written
from fastapi import Body, Cookie, Header, Query
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, computed_field

from jararaca import Get, Post, RestController

Z = TypeVar("Z")
A = TypeVar("A")


class Node(BaseModel):
    children: "list[Node]" = []


def test_a_model_that_refers_to_itself_is_one_interface() -> None:
    text = model_fields(Node)

    assert declaration(text, "Node") == "interface Node {\n  children?: Node[];\n}"


class Chicken(BaseModel):
    egg: "Egg | None" = None


class Egg(BaseModel):
    chicken: Chicken
    laid: datetime


class Split(BaseModel):
    """Refers to itself, and differs."""

    price: Decimal
    parts: "list[Split]" = []


def test_models_that_refer_to_each_other_are_not_told_apart_by_their_direction() -> None:
    text = model_fields(Chicken)

    assert field(text, "Chicken", "egg") == "?: Egg | null"
    assert field(text, "Egg", "chicken") == ": Chicken"


def test_a_model_that_refers_to_itself_is_told_apart_where_it_differs() -> None:
    text = model_fields(Split)

    assert (field(text, "SplitInput", "price"), field(text, "SplitInput", "parts")) == (
        ": number | string",
        "?: SplitInput[]",
    )
    assert (field(text, "SplitOutput", "price"), field(text, "SplitOutput", "parts")) == (
        ": string",
        "?: SplitOutput[]",
    )


class Pair(BaseModel, Generic[Z, A]):
    first: Z
    second: A


class Pairs(BaseModel):
    pair: Pair[int, str]


def test_arguments_of_generics_keep_their_order() -> None:
    text = model_fields(Pairs)

    assert field(text, "Pairs", "pair") == ": Pair<number, string>"
    assert declaration(text, "Pair") == "interface Pair<Z, A> {\n  first: Z;\n  second: A;\n}"


class Text(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


class Old(str, Enum):  # noqa: UP042 -- as users write it
    B = "b"


class Kinds(BaseModel):
    text: Text
    number: Number
    old: Old
    by_text: dict[Text, int]
    by_number: dict[Number, int]


def test_enums_are_their_values() -> None:
    text = model_fields(Kinds)

    assert declaration(text, "Text") == 'const Text = {\n  A: "a",\n} as const;'
    assert "const Number = " not in text, "the language has that name"
    assert declaration(text, "NumberModel") == "const NumberModel = {\n  ONE: 1,\n} as const;"
    assert field(text, "Kinds", "old") == ": Old"
    assert field(text, "Kinds", "by_text") == ": { [key in Text]?: number }"
    assert field(text, "Kinds", "by_number") == ": { [key in NumberModel]?: number }"


class Renamed(Enum):
    NEW = "x"
    FORMER = "x"  # an alias


def test_another_name_of_a_member_is_written_once_under_its_own() -> None:
    text = model_fields(Renamed)

    assert declaration(text, "Renamed") == 'const Renamed = {\n  NEW: "x",\n  FORMER: "x",\n} as const;'


class Rights(IntFlag):
    READ = 1
    WRITE = 2


@RestController("/rights")
class Allowed:
    @Post("/{least}")
    async def allow(self, least: Rights, rights: Annotated[Rights, Body()], only: Rights = Rights.READ) -> None: ...


def test_flags_are_numbers_where_the_server_takes_their_combinations() -> None:
    """Which it does in JSON; a text in path or query has to be one of the members."""
    text = text_of(Allowed)

    assert declaration(text, "Rights") == "const Rights = {\n  READ: 1,\n  WRITE: 2,\n} as const;"
    assert "export type Rights = number;" in text
    assert signature(text, "allow") == (
        "(least: 1 | 2, options: { only?: 1 | 2 | undefined; body: Rights }, call?: CallOptions) => null"
    )


class Shapes(BaseModel):
    perhaps: set[int] | None
    variadic: tuple[int, ...]
    fixed: tuple[int, str]
    empty: tuple[()]
    raw: bytes
    lasting: timedelta
    url: AnyUrl
    day: date
    clock: time
    identity: UUID
    sequence: Sequence[str]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("perhaps", ": number[] | null"),
        ("variadic", ": number[]"),
        ("fixed", ": [number, string]"),
        ("empty", ": []"),
        ("raw", ": string"),
        ("lasting", ": string"),
        ("url", ": string"),
        ("day", ": string"),
        ("clock", ": string"),
        ("identity", ": string"),
        ("sequence", ": string[]"),
    ],
)
def test_no_type_is_an_empty_interface(name: str, expected: str) -> None:
    text = model_fields(Shapes)

    assert field(text, "Shapes", name) == expected


class Counted(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int | str] = Field(init=False)

    known: int
    perhaps: str = ""


class Alone(BaseModel):
    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, int] = Field(init=False)


def test_other_fields_are_of_their_type_if_the_known_ones_are_too() -> None:
    assert declaration(model_fields(Counted), "Counted") == (
        "interface Counted {\n  known: number;\n  perhaps?: string;\n  [key: string]: number | string | undefined;\n}"
    )
    assert declaration(model_fields(Alone), "Alone") == "type Alone = { [key: string]: number };"


def test_other_fields_of_a_type_of_their_own_are_unknown_and_counted() -> None:
    class Noted(Alone):
        known: str

    @RestController("/noted")
    class Notes:
        @Post()
        async def note(self, noted: Noted) -> None: ...

    why = "other fields may stand beside the known ones, but TypeScript has them of one type only"
    client = client_of(Notes)

    assert declaration(written(client), "Noted") == (
        f"interface Noted {{\n  known: string;\n  /** Typed unknown: {why}. */\n  [key: string]: unknown;\n}}"
    )
    assert client.remarks == (f"Noted: a part is typed unknown: {why}",)


class Defaults(BaseModel):
    made: list[int] = Field(default_factory=list)
    plain: int = 1
    nullable: int | None
    both: int | None = None


def test_a_field_with_a_default_is_optional_and_a_nullable_one_is_not() -> None:
    text = model_fields(Defaults)

    assert [field(text, "Defaults", name) for name in ("made", "plain", "nullable", "both")] == [
        "?: number[]",
        "?: number",
        ": number | null",
        "?: number | null",
    ]


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    snake_case: int
    secret: str = Field("", exclude=True)

    @property
    def hidden(self) -> int:
        return 1

    @computed_field  # type: ignore[prop-decorator] # pydantic's own advice
    @property
    def computed(self) -> int:
        return 1


def test_what_is_not_serialized_is_no_part_of_an_answer() -> None:
    text = model_fields(Shown)

    assert declaration(text, "ShownOutput") == "interface ShownOutput {\n  snake_case: number;\n  computed: number;\n}"
    assert "hidden" not in text


@RestController("/traps")
class Traps:
    @Get("/headers")
    async def get_headers(
        self, x_api: Annotated[str, Header(alias="X-API-Key")], user_agent: Annotated[str, Header()] = ""
    ) -> None: ...

    @Get("/cookies")
    async def cookies(self, session: Annotated[str, Cookie()]) -> None: ...

    @Post("/bodies")
    async def bodies(self, one: Defaults, two: Annotated[int, Body()]) -> None: ...


def test_an_alias_is_what_is_sent() -> None:
    text = text_of(Traps)

    assert '["X-API-Key", options["X-API-Key"]],' in text
    assert '["user-agent", options["user-agent"]],' in text
    assert "x_api" not in text


def test_methods_are_camel_case_and_fields_are_as_on_the_wire() -> None:
    assert signature(text_of(Traps), "getHeaders") == (
        '(options: { "X-API-Key": string; "user-agent"?: string | undefined }, call?: CallOptions) => null'
    )
    assert "snake_case: number" in model_fields(Shown)


def test_cookies_are_sent() -> None:
    assert 'cookies: pairsOf([["session", options.session]])' in text_of(Traps)


def test_no_method_asks_for_a_cookie() -> None:
    """A browser sends its own, and takes none from a request."""
    assert signature(text_of(Traps), "cookies") == (
        "(options: { session?: string | undefined } = {}, call?: CallOptions) => null"
    )


def test_an_option_is_never_what_every_object_inherits() -> None:
    """Left out, it would be a function of JavaScript's."""

    @RestController("/inherited")
    class Inherited:
        @Get()
        async def find(
            self, constructor: Annotated[str, Query()] = "", to: Annotated[str, Query(alias="toString")] = ""
        ) -> None: ...

    text = text_of(Inherited)

    assert '["constructor", options.constructor_query]' in text
    assert '["toString", options.toString_query]' in text


def test_two_bodies_are_one_with_their_names() -> None:
    assert signature(text_of(Traps), "bodies") == (
        "(options: { body: { one: Defaults; two: number } }, call?: CallOptions) => null"
    )


class Told(BaseModel):
    kind: Literal["told"] = "told"


class Asked(BaseModel):
    kind: Literal["asked"]


class Choice(BaseModel):
    choice: Annotated[Told | Asked, Field(discriminator="kind")]


def test_a_tag_with_a_default_is_there_in_a_discriminated_union() -> None:
    """pydantic wants the tag to choose by, whatever the default of the field."""
    assert field(model_fields(Choice), "Choice", "choice") == ': (Told & { kind: "told" }) | Asked'


def test_a_slash_at_the_end_is_no_second_method() -> None:
    client = client_of(Traps)

    assert len(client.services[0].endpoints) == 3
    assert client.left_out == ()
    assert endpoint_of(client, "cookies").path[0].text == "/traps/cookies"


class Whatever(BaseModel):
    anything: Any


def test_anything_is_unknown_and_that_is_exact() -> None:
    @RestController("/any")
    class Anything:
        @Post()
        async def echo(self, body: Whatever) -> Whatever:
            return body

    client = client_of(Anything)

    assert field(written(client), "Whatever", "anything") == ": unknown"
    assert client.remarks == ()


@RestController("/names")
class Ours:
    @Get("/{options}/{call}/{query}/{backend}/{variables}/{encode_path}/{pairs_of}/{type}/{class_}")
    async def find(
        self,
        options: int,
        call: int,
        query: int,
        backend: int,
        variables: int,
        encode_path: int,
        pairs_of: int,
        type: int,  # noqa: A002
        class_: int,
    ) -> None: ...


def test_a_parameter_hides_nothing_that_a_method_needs() -> None:
    endpoint = endpoint_of(client_of(Ours), "find")

    assert [each.key for each in endpoint.parameters] == [
        *("options2", "call2", "query2", "backend2", "variables2", "encodePath2", "pairsOf2", "type", "class_"),
    ]
