"""Questions that no record can answer are errors: a misspelt field would make `none()` hold for ever."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca.errors import InvalidOption
from jararaca_testing import Bus, RunningApplication


class Price(BaseModel):
    amount: int
    currency: str = "EUR"


class Order(BaseModel):
    id: int
    price: Price | None = None

    @property
    def is_free(self) -> bool:
        return self.price is None


class PaidOrder(Order):
    paid_by: str = "card"


@dataclass
class Parcel:
    weight: Annotated[int, "grams"]
    order: Order | None = None


class Free(BaseModel):
    model_config = ConfigDict(extra="allow")


@MessageBusController()
class Shop:
    @IncomingHandler("order.placed")
    async def place(self, message: Message[Order]) -> None: ...

    @IncomingHandler("parcel.packed")
    async def pack(self, message: Message[Parcel]) -> None: ...

    @IncomingHandler("parcel.changed")
    async def change(self, message: Message[Parcel | Order]) -> None: ...

    @IncomingHandler("anything.happened")
    async def note(self, message: Message[Free]) -> None: ...

    @IncomingHandler("#")
    async def audit(self, message: Message[Any]) -> None: ...


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(name="shop", controllers=[Shop])


Ask = Callable[[Bus], object]


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda bus: bus.published("order.placed", idd=1), r"published(order.placed): 'idd' is no field of Order."),
        (lambda bus: bus.published("order.placed").where(idd=1), "Did you mean 'id'?"),
        (lambda bus: bus.published("order.placed", price__amont=1), "'price__amont' is no field of Order."),
        (lambda bus: bus.published("order.placed", id=1).where(idd=1), "where(id=1): 'idd' is no field of Order."),
        (lambda bus: bus.unroutable("order.placed", idd=1), "unroutable(order.placed): 'idd' is no field of Order."),
        (lambda bus: bus.handled(Shop.place, idd=1), "handled(Shop.place): 'idd' is no field of Order."),
        (lambda bus: bus.handled(Shop.pack, wieght=1), "'wieght' is no field of Parcel. Did you mean 'weight'?"),
        (lambda bus: bus.handled(Shop.pack, order__idd=1), "'order__idd' is no field of Parcel."),
        (lambda bus: bus.failed(Shop.change, idd=1), "'idd' is no field of Parcel or Order. Did you mean 'id'?"),
        (
            lambda bus: bus.handled(Shop.place, outcome="error"),
            "'outcome' is no field of Order, but of the record itself. Ask for it with a predicate: "
            ".where(lambda record: record.outcome == 'error').",
        ),
        (lambda bus: bus.dead_lettered("order.placed", reason="nack"), "record.reason == 'nack'"),
        (lambda bus: bus.retried(Shop.place, attempt=2), "record.attempt == 2"),
    ],
)
async def test_a_field_that_no_model_has_is_an_error_that_names_the_nearest(bus: Bus, ask: Ask, complaint: str) -> None:
    with pytest.raises(InvalidOption) as error:
        ask(bus)

    assert complaint in str(error.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda bus: bus.published("order.placed", id=1),
        lambda bus: bus.published("order.placed", price__amount=1, is_free=True),
        lambda bus: bus.handled(Shop.pack, order__price__currency="EUR"),
        lambda bus: bus.handled(Shop.change, weight=1, id=1),
    ],
)
async def test_fields_that_one_of_the_models_has_are_none_of_a_message_that_was_not_sent(bus: Bus, ask: Any) -> None:
    """Fields of fields, of an optional one too, and properties are fields as well."""
    ask(bus).none()


@pytest.mark.parametrize(
    "ask",
    [
        lambda bus: bus.published("receipt.sent", idd=1),
        lambda bus: bus.published("order.*", reason="late"),
        lambda bus: bus.published(reason="late"),
        lambda bus: bus.handled(Shop.audit, idd=1),
        lambda bus: bus.handled(Shop.note, idd=1),
        lambda bus: bus.handled(idd=1),
        lambda bus: bus.published("order.plcaed"),
    ],
)
async def test_where_a_model_is_not_known_or_takes_anything_every_field_may_be_meant(bus: Bus, ask: Any) -> None:
    """What an application publishes now and then, and a pattern covers, cannot be known before it is seen."""
    ask(bus).none()


async def test_a_model_is_known_from_the_messages_that_were_seen(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.publish(PaidOrder(id=1), "order.placed")
    await bus.publish(Price(amount=1), "price.set")
    await jararaca_app.settle()

    bus.published("order.placed", paid_by="cash").none()
    bus.handled(Shop.place, paid_by="cash").none()
    with pytest.raises(InvalidOption, match=r"'amont' is no field of Price\. Did you mean 'amount'\?"):
        bus.published("price.set", amont=2)


async def test_the_payload_of_a_stranger_may_have_any_field(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.deliver(Shop.place, '{"number": 3}')
    await jararaca_app.settle()

    bus.dead_lettered("order.placed", number=4).none()
    bus.dead_lettered("order.placed", number=3).one()
