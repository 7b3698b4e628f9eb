"""What is stored."""

from sqlalchemy.orm import Mapped, mapped_column

from jararaca import BaseEntity
from orders.schemas import OrderState


class OrderEntity(BaseEntity):
    """One order, under the customer's number."""

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    amount: Mapped[int]
    state: Mapped[OrderState] = mapped_column(default=OrderState.PLACED)


class PaymentEntity(BaseEntity):
    """Money that was taken. Nothing keeps an order from having two of them, but that its message is handled once."""

    __tablename__ = "payments"

    id: Mapped[int] = mapped_column(primary_key=True)
    order: Mapped[int]
    amount: Mapped[int]
