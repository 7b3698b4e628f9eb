"""What travels: over HTTP, over the message bus and to those who watch the feed."""

from enum import StrEnum

from pydantic import BaseModel, Field


class OrderState(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    PAID = "paid"
    UNPAID = "unpaid"


class Order(BaseModel):
    """What a customer asks for; the number is the customer's own, so that asking twice is noticed."""

    id: int = Field(gt=0)
    amount: int = Field(default=100, gt=0)


class OrderView(Order):
    """An order and where it stands."""

    state: OrderState


class FeedEvent(BaseModel):
    """What those who watch are told."""

    type: str
    order: int
