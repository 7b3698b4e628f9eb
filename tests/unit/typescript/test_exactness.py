"""Options of a response that take fields away: what is left is typed, or it is said why it cannot be."""

from typing import Annotated, Any, Literal

import pytest
from clients import client_of, endpoint_of, signature, written
from pydantic import BaseModel, ConfigDict, Field, computed_field

from jararaca import Get, RestController
from jararaca.presentation.options import RouteOptions


class Plain(BaseModel):
    first: int = 1
    second: int | None = None


class Must(BaseModel):
    perhaps: int | None


class Holder(BaseModel):
    inside: list[Must]


class Renamed(BaseModel):
    first: int = Field(serialization_alias="erste")
    second: int = Field(2, alias="zweite")

    @computed_field(alias="dritte")  # type: ignore[prop-decorator] # pydantic's own advice
    @property
    def third(self) -> int:
        return 3


class Always(BaseModel):
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)

    first: int = 1


class One(BaseModel):
    kind: Literal["one"] = "one"


class Two(BaseModel):
    kind: Literal["two"] = "two"


class Choice(BaseModel):
    choice: Annotated[One | Two, Field(discriminator="kind")]


def result(model: Any, options: RouteOptions) -> tuple[str, tuple[str, ...]]:
    """The result of a method, and what is said about it."""

    @RestController("/")
    class Answers:
        @Get("/", options)
        async def answer(self) -> model:
            raise NotImplementedError

    client = client_of(Answers)
    return signature(written(client), "answer").partition(" => ")[2], endpoint_of(client, "answer").remarks


@pytest.mark.parametrize(
    ("model", "options", "expected"),
    [
        (Plain, {"response_model_exclude_none": True}, "Plain"),
        (Plain, {"response_model_exclude_unset": True}, "Plain"),
        (Plain, {"response_model_exclude_defaults": True}, "Plain"),
        (list[Plain], {"response_model_exclude_unset": True}, "Plain[]"),
        (Plain, {"response_model_by_alias": False}, "Plain"),
        (Must, {"response_model_exclude_unset": True}, "Must"),
        (Plain, {"response_model_include": {"first"}}, 'Pick<Plain, "first">'),
        (Plain, {"response_model_exclude": {"first"}}, 'Pick<Plain, "second">'),
        (Plain, {"response_model_exclude": {"first": True}}, 'Pick<Plain, "second">'),
        (Plain, {"response_model_exclude": {"first": ...}}, 'Pick<Plain, "second">'),
        (Plain, {"response_model_exclude": {"first", "second"}}, "Pick<Plain, never>"),
        (Renamed, {"response_model_include": {"first", "third"}}, 'Pick<Renamed, "erste" | "dritte">'),
    ],
)
def test_what_can_be_typed_is(model: Any, options: RouteOptions, expected: str) -> None:
    assert result(model, options) == (expected, ())


@pytest.mark.parametrize(
    ("model", "options", "why"),
    [
        (Must, {"response_model_exclude_none": True}, "leaves out fields that must be there, and may be null"),
        (Holder, {"response_model_exclude_none": True}, "leaves out fields that must be there, and may be null"),
        (Always, {"response_model_exclude_unset": True}, "leaves out fields that must be there, and have a default"),
        (Always, {"response_model_exclude_defaults": True}, "leaves out fields that must be there, and have a default"),
        (Choice, {"response_model_exclude_defaults": True}, "leaves out fields that must be there, and have a default"),
        (Renamed, {"response_model_by_alias": False}, "gives the fields other names than the schema has"),
        (list[Plain], {"response_model_include": {0}}, "apply to what is inside of the result"),
        (Holder, {"response_model_exclude": {"inside": {0}}}, "is nested"),
    ],
)
def test_what_cannot_is_unknown_and_says_why(model: Any, options: RouteOptions, why: str) -> None:
    typed, remarks = result(model, options)

    assert typed == "unknown"
    assert len(remarks) == 1
    assert remarks[0].startswith("the result is typed unknown: response_model_")
    assert why in remarks[0]
