"""Payments: tried again while the gateway is silent, given up when it says no, and announced either way."""

from typing import Annotated

from jararaca import IncomingHandler, Message, MessageBusController, use_publisher, use_session
from jararaca.messagebus.retry import RetryPolicy
from orders.entities import OrderEntity, PaymentEntity
from orders.payments import PAYMENTS, CardRefused, PaymentGateway
from orders.schemas import Order, OrderState
from orders.shop import tell

PATIENT = RetryPolicy(max_attempts=5, first_delay=1.0, max_delay=60.0, dead_letter_on=(CardRefused,))


async def give_up(error: Exception, message: Message[Order]) -> None:
    """Runs after the rollback of each failed attempt, in a unit of work of its own; only the last one is news."""
    if message.will_retry:
        return
    order = await use_session().get_one(OrderEntity, message.payload().id)
    order.state = OrderState.UNPAID
    await tell("payment_failed", order.id)


@MessageBusController()
class Billing:
    """Charges what was ordered."""

    def __init__(self, payments: Annotated[PaymentGateway, PAYMENTS]) -> None:
        self._payments = payments

    @IncomingHandler("order.placed", timeout=30, retry=PATIENT, exception_handler=give_up, idempotent=True)
    async def charge(self, message: Message[Order]) -> None:
        """Take the money, then say so: to the database, to other services and to those who watch.

        The inbox lets a message that comes again have no effect; the gateway knows an order that it has charged.
        """
        await self._payments.charge(message.payload())
        order = await use_session().get_one(OrderEntity, message.payload().id)
        order.state = OrderState.PAID
        use_session().add(PaymentEntity(order=order.id, amount=order.amount))
        await use_publisher().publish(message.payload(), topic="order.paid")
        await tell("paid", order.id)
