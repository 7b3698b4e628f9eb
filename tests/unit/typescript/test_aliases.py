"""Fields that are read from inside of others: those with a name are typed, and the others are not passed over."""

from typing import Annotated, Any, Literal

import pytest
from clients import client_of, declaration, endpoint_of, model_fields, signature, text_of, written
from fastapi import Cookie, Form, Header, Query
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass
from typing_extensions import TypedDict

from jararaca import Get, Post, RestController
from jararaca.errors import InvalidHandler

INSIDE = AliasPath("outer", 0)
WHY = "is read from inside of other fields with AliasPath"


class Inside(BaseModel):
    plain: int = 0
    path: int = Field(validation_alias=INSIDE)


class ByName(Inside):
    model_config = ConfigDict(populate_by_name=True)


class ByNameToo(Inside):
    model_config = ConfigDict(validate_by_name=True)


class Chosen(BaseModel):
    path: int = Field(validation_alias=AliasChoices(INSIDE, "direct"))


class ChosenInside(BaseModel):
    path: int = Field(validation_alias=AliasChoices(INSIDE, AliasPath("other", "deep")))


@dataclass
class Attributes:
    path: int = Field(validation_alias=INSIDE)


class Keys(TypedDict):
    path: Annotated[int, Field(validation_alias=INSIDE)]


class Around(BaseModel):
    inside: list[Inside]


@pytest.mark.parametrize(
    ("model", "name"), [(ByName, "path: number;"), (ByNameToo, "path: number;"), (Chosen, "direct: number;")]
)
def test_a_field_that_has_a_name_too_is_typed_under_it(model: type[BaseModel], name: str) -> None:
    text = model_fields(model)

    taken = "ChosenInput" if model is Chosen else model.__name__
    assert name in declaration(text, taken)


@pytest.mark.parametrize("model", [Inside, ChosenInside, Attributes, Keys])
def test_a_model_with_a_field_that_has_none_is_unknown_with_its_reason(model: Any) -> None:
    @RestController("/")
    class Echo:
        @Post()
        async def echo(self, body: model) -> model:
            return body

    client = client_of(Echo)
    name = model.__name__

    assert f"/** Typed unknown: 'path' {WHY}. */\nexport type {name}Input = unknown;" in written(client)
    assert "path: number;" in declaration(written(client), f"{name}Output")
    assert client.remarks == (f"{name}Input: a part is typed unknown: 'path' {WHY}",)


def test_it_is_unknown_inside_of_another_too() -> None:
    assert "inside: InsideInput[];" in declaration(model_fields(Around), "AroundInput")


class Optional(BaseModel):
    plain: int = 0
    a_path: int = Field(0, validation_alias=INSIDE)
    chosen: int = Field(0, validation_alias=AliasChoices(INSIDE, "direct"))


class OptionalByName(Optional):
    model_config = ConfigDict(populate_by_name=True)


@RestController("/")
class Models:
    @Get("/query")
    async def query(self, given: Annotated[Optional, Query()]) -> None: ...

    @Get("/header")
    async def header(self, given: Annotated[Optional, Header()]) -> None: ...

    @Get("/cookie")
    async def cookie(self, given: Annotated[Optional, Cookie()]) -> None: ...

    @Get("/by-name")
    async def by_name(self, given: Annotated[OptionalByName, Header()]) -> None: ...


@pytest.mark.parametrize("place", ["query", "header", "cookie"])
def test_parameters_of_a_model_are_called_what_the_server_hears(place: Literal["query", "header", "cookie"]) -> None:
    endpoint = endpoint_of(client_of(Models), place)
    left_out = "a-path" if place == "header" else "a_path"

    assert [each.name for each in endpoint.parameters] == ["plain", "direct"]
    assert endpoint.remarks == (
        f"the {place} parameter {left_out!r} is left out, because it is read from inside of others with AliasPath",
    )


def test_parameters_of_a_model_that_is_validated_by_name_keep_theirs() -> None:
    endpoint = endpoint_of(client_of(Models), "byName")

    assert [each.name for each in endpoint.parameters] == ["plain", "a-path", "chosen"]
    assert endpoint.remarks == ()


@RestController("/")
class MustQuery:
    @Get()
    async def find(self, given: Annotated[Inside, Query()]) -> None: ...


@RestController("/")
class MustForm:
    @Post()
    async def send(self, given: Annotated[Inside, Form()]) -> None: ...


@pytest.mark.parametrize(
    ("controller", "sentence"),
    [
        (MustQuery, "MustQuery.find: the query parameter 'path' is read from inside of others with AliasPath"),
        (MustForm, f"MustForm.send: the form cannot be typed: 'path' {WHY}"),
    ],
)
def test_what_cannot_be_sent_at_all_is_refused(controller: type, sentence: str) -> None:
    with pytest.raises(InvalidHandler) as raised:
        client_of(controller)

    assert str(raised.value).startswith(f"{sentence}, so that no client can be generated for it.")


def test_a_body_of_unknown_is_given_as_any_other() -> None:
    @RestController("/")
    class Echo:
        @Post()
        async def echo(self, body: Inside) -> None: ...

    assert signature(text_of(Echo), "echo") == "(options: { body: Inside }, call?: CallOptions) => null"
