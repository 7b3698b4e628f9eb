"""An application that books orders: one controller for each way in which a delivery may end.

Every `handle` first takes its effects, a row and a message, so that a test sees what became of them.
"""

from typing import Any

from pydantic import BaseModel
from sqlalchemy import event
from sqlalchemy.orm import Mapped

from jararaca import IdentifiableEntity, IncomingHandler, Message, MessageBusController, use_publisher, use_session
from jararaca.core.context import use_clock
from jararaca.messagebus.retry import RetryPolicy


class Order(BaseModel):
    number: int


class Booked(BaseModel):
    number: int


class OrderRow(IdentifiableEntity):
    __tablename__ = "semantics_orders"

    number: Mapped[int]


class CardDeclined(Exception):
    pass


class GatewayDown(Exception):
    pass


class AlreadyPaid(Exception):
    pass


POLICY = RetryPolicy(
    max_attempts=3, first_delay=1.0, retry_on=(GatewayDown,), dead_letter_on=(CardDeclined,), ignore_on=(AlreadyPaid,)
)


async def book(message: Message[Order]) -> None:
    """The effects of one attempt: a row in the database, and a message."""
    number = message.payload().number
    use_session().add(OrderRow(number=number))
    await use_publisher().publish(message=Booked(number=number), topic="order.booked")


@MessageBusController()
class Audit:
    @IncomingHandler("order.booked")
    async def hear(self, message: Message[Booked]) -> None: ...


@MessageBusController()
class Returns:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)


@MessageBusController()
class Acks:
    @IncomingHandler("order.placed", auto_ack=False)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await message.ack()


@MessageBusController()
class LeavesItOpen:
    @IncomingHandler("order.placed", auto_ack=False)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)


class Twice:
    """Counts its runs, so that the second one may end otherwise than the first."""

    def __init__(self) -> None:
        self.runs = 0

    def first(self) -> bool:
        self.runs += 1
        return self.runs == 1


@MessageBusController()
class NacksOnce(Twice):
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        if self.first():
            await message.nack()


@MessageBusController()
class RequeuesOnce(Twice):
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        if self.first():
            await message.reject(requeue=True)


@MessageBusController()
class Rejects:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await message.reject(reason="out of stock")


@MessageBusController()
class NacksForGood:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await message.nack(requeue=False)


@MessageBusController()
class RetriesOnce(Twice):
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        if self.first():
            await message.retry(delay=2.0)


@MessageBusController()
class Fails:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        raise GatewayDown("the gateway\ndoes not answer")


@MessageBusController()
class FailsUnderPolicy:
    """What it raises is chosen by the order's number."""

    @IncomingHandler("order.placed", retry=POLICY)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        raise {1: GatewayDown, 2: CardDeclined, 3: AlreadyPaid}[message.payload().number]("as it was told")


@MessageBusController()
class FailsOnceAndNacks(Twice):
    @IncomingHandler("order.placed", nack_on_exception=True)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        if self.first():
            raise GatewayDown("no answer")


@MessageBusController()
class NeverEnds:
    @IncomingHandler("order.placed", timeout=0.5)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await use_clock().sleep(1000)


@MessageBusController()
class CannotCommit:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        event.listen(use_session().sync_session, "before_commit", _refuse)


def _refuse(_session: Any) -> None:
    raise GatewayDown("the disk is full")


@MessageBusController()
class CannotAnnounceOnce(Twice):
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        if self.first():
            await use_publisher().publish(message=Booked(number=0), topic="nobody.listens", mandatory=True)


@MessageBusController()
class DecidesAndFails:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await message.ack()
        raise GatewayDown("after the decision")


@MessageBusController()
class AcksEarly:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await message.ack(early=True)
        await book(message)


@MessageBusController()
class AcksEarlyAndFails:
    @IncomingHandler("order.placed", retry=POLICY)
    async def handle(self, message: Message[Order]) -> None:
        await message.ack(early=True)
        await book(message)
        raise GatewayDown("after the acknowledgement")
