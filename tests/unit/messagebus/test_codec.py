"""Models as JSON, and what they call themselves."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, RootModel, TypeAdapter, computed_field

from jararaca.errors import UnencodableMessage
from jararaca.messagebus.codec import encode, type_urn

T = TypeVar("T", bound=BaseModel)


class Price(BaseModel, extra="forbid"):
    amount: Decimal
    currency_code: str = Field(alias="currencyCode")

    @computed_field  # type: ignore[prop-decorator] # what pydantic documents
    @property
    def shown(self) -> str:
        return f"{self.amount} {self.currency_code}"


class Order(BaseModel):
    id: UUID = UUID(int=7)
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    note: str = ""


class About(BaseModel, Generic[T]):
    id: int
    data: T


class Tags(RootModel[list[str]]):
    pass


@dataclass
class Shipped:
    order: Order
    on: datetime


@pytest.mark.parametrize(
    "message",
    [
        Order(note="ação"),
        Price(amount=Decimal("1.10"), currencyCode="EUR"),
        About[Order](id=1, data=Order()),
        Tags(["a", "b"]),
        Shipped(Order(), datetime(2026, 1, 2, tzinfo=UTC)),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_was_published_validates_as_the_same_type_again(message: Any) -> None:
    """Aliases, computed fields and a model that forbids extra fields must not stand in the way."""
    assert TypeAdapter(type(message)).validate_json(encode(message)) == message


@given(st.builds(Order, note=st.text(st.characters(codec="utf-8"))))
def test_any_text_survives_the_journey(order: Order) -> None:
    assert Order.model_validate_json(encode(order)) == order


def test_a_generic_model_without_its_parameter_keeps_everything_its_data_has() -> None:
    """The seed publishes Identifiable(id=..., data=TaskSchema(...)) for a handler of Identifiable[TaskSchema]."""
    order = Order(note="fragile")
    assert About[Order].model_validate_json(encode(About(id=1, data=order))).data == order


@pytest.mark.parametrize(
    ("message", "described"),
    [
        ({"id": 1}, "a dict"),
        ("text", "a str"),
        (None, "a NoneType"),
        (Order, "the class Order itself"),
        (Shipped, "the class Shipped itself"),
    ],
)
def test_what_has_no_declared_shape_is_refused(message: object, described: str) -> None:
    with pytest.raises(UnencodableMessage, match=rf"cannot publish {described}: .*class OrderPlaced\(BaseModel\)"):
        encode(message)


class Holder(BaseModel, arbitrary_types_allowed=True):
    held: Any


@dataclass
class Opaque:
    held: "complex | slice"


@pytest.mark.parametrize("message", [Holder(held=object()), Holder(held=b"\xff"), Opaque(slice(1))])
def test_what_json_cannot_carry_is_refused_with_its_type(message: object) -> None:
    with pytest.raises(UnencodableMessage, match=f"cannot publish a {type(message).__name__}: it holds what JSON"):
        encode(message)


def test_a_type_is_the_name_of_its_class_without_the_module() -> None:
    assert type_urn(Order) == "urn:jararaca:Order"
    assert type_urn(Shipped) == "urn:jararaca:Shipped"


def test_a_generic_model_has_one_type_whatever_its_parameter() -> None:
    assert type_urn(About) == type_urn(About[Order]) == "urn:jararaca:About"


def test_a_type_is_ascii_whatever_the_class_is_called() -> None:
    assert type_urn(type("Ração", (BaseModel,), {})) == "urn:jararaca:Ra%C3%A7%C3%A3o"


def test_a_type_fits_into_amqp_and_still_tells_long_names_apart() -> None:
    one, other = (type_urn(type("X" * 300 + end, (BaseModel,), {})) for end in "ab")
    assert len(one) == len(other) == 255
    assert one != other
