"""What is checked before a message may open a unit of work."""

from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from jararaca.messagebus.headers import Marks
from jararaca.messagebus.intake import Intake, Refusal
from jararaca.ports.broker import Envelope
from jararaca_testing.contracts import proves

T = TypeVar("T")


class Order(BaseModel):
    id: int


class RushOrder(Order):
    pass


class Refund(BaseModel):
    id: int


class Wrapped(BaseModel, Generic[T]):
    data: T


@dataclass
class Row:
    id: int


class Explosive(BaseModel):
    id: int

    @field_validator("id")
    @classmethod
    def explode(cls, value: int) -> int:
        raise RuntimeError("secret")


def opened(model: Any, envelope: Envelope, *, hops: int = 0, max_hops: int | None = None) -> Any:
    return Intake(model, max_bytes=20, max_hops=max_hops).open(envelope, Marks(hops=hops))


def refused(result: Any) -> str | None:
    return result.reason if isinstance(result, Refusal) else None


def test_a_valid_payload_is_the_model() -> None:
    assert opened(Order, Envelope(b'{"id": 1}')) == Order(id=1)


@pytest.mark.parametrize(("size", "reason"), [(19, None), (20, None), (21, "too-large")])
def test_the_largest_body_is_taken_and_one_byte_more_is_not(size: int, reason: str | None) -> None:
    assert refused(opened(Order, Envelope(b'{"id": 1}'.ljust(size)))) == reason


@pytest.mark.parametrize(("hops", "max_hops", "reason"), [(9, 9, None), (10, 9, "hop-limit"), (10**6, None, None)])
def test_hops_are_limited_only_on_request(hops: int, max_hops: int | None, reason: str | None) -> None:
    assert refused(opened(Order, Envelope(b'{"id": 1}'), hops=hops, max_hops=max_hops)) == reason


@proves("F-21")
@given(st.binary(max_size=20))
def test_bytes_that_are_no_payload_are_refused_and_never_raise(body: bytes) -> None:
    assert refused(opened(Order, Envelope(body))) in (None, "invalid-payload")


def test_what_is_wrong_is_told_without_the_values() -> None:
    result = opened(Wrapped[Order], Envelope(b'{"data":{"id":"pw"}}'))
    assert result.failure.text == "data.id: int_parsing"
    assert opened(Order, Envelope(b"pw")).failure.text == "payload: json_invalid"


def test_a_validator_that_breaks_refuses_the_message_without_its_text() -> None:
    result = opened(Explosive, Envelope(b'{"id": 1}'))
    assert (result.reason, result.failure.error_type) == ("invalid-payload", "RuntimeError")
    assert "secret" not in result.failure.text


@pytest.mark.parametrize(
    ("model", "type_", "reason"),
    [
        (Order, None, None),
        (Order, "com.example.order", None),
        (Order, "urn:jararaca:Order", None),
        (Order, "urn:jararaca:RushOrder", None),
        (Order, "urn:jararaca:Refund", "unknown-type"),
        (Order | Refund, "urn:jararaca:Refund", None),
        (Order | dict[str, int], "urn:jararaca:Refund", None),
        (Annotated[Order, "note"], "urn:jararaca:Refund", "unknown-type"),
        (dict[str, int], "urn:jararaca:Refund", None),
        (Any, "urn:jararaca:Refund", None),
        (Row, "urn:jararaca:Refund", "unknown-type"),
        (Row, "urn:jararaca:Row", None),
    ],
)
def test_only_a_message_of_ours_that_names_another_model_is_of_an_unknown_type(
    model: Any, type_: str | None, reason: str | None
) -> None:
    assert refused(opened(model, Envelope(b'{"id": 1}', type=type_))) == reason


def test_types_from_outside_are_remembered_only_up_to_a_limit() -> None:
    intake = Intake(Order, max_bytes=20, max_hops=None)
    results = {
        refused(intake.open(Envelope(b'{"id": 1}', type=f"urn:jararaca:T{number}"), Marks())) for number in range(1100)
    }
    assert results == {"unknown-type"}
