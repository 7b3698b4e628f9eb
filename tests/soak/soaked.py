"""The application that is soaked: what it is sent over HTTP, it stores and publishes; what it hears, it stores.

Its tables count, and have no key that would hide a double.
"""

import os
from datetime import datetime

from pydantic import BaseModel
from sqlalchemy import DateTime
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
    Post,
    ProviderSpec,
    RestController,
    ScheduledAction,
    use_publisher,
    use_session,
)
from jararaca.core.context import use_clock
from jararaca.messagebus.retry import RetryPolicy
from jararaca.scheduler.config import SchedulerConfig
from jararaca.scheduler.decorators import Tick

WORK = 0.02  # seconds


class Placed(BaseModel):
    number: int


class Handled(BaseEntity):
    """One row for each time that an order had its effect."""

    __tablename__ = "soak_handled"

    row: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]


class Ticked(BaseEntity):
    """One row for each firing."""

    __tablename__ = "soak_ticked"

    row: Mapped[int] = mapped_column(primary_key=True)
    scheduled_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@MessageBusController()
@RestController("/orders")
class Orders:
    @Post(options={"status_code": 201})
    async def place(self, order: Placed) -> None:
        await use_publisher().publish(order, topic="order.placed", message_id=f"order-{order.number}")

    @IncomingHandler("order.placed", retry=RetryPolicy(max_attempts=20, first_delay=0.25), idempotent=True)
    async def handle(self, message: Message[Placed]) -> None:
        use_session().add(Handled(number=message.payload().number))
        await use_clock().sleep(WORK)

    @ScheduledAction("* * * * * *", misfire="skip")
    async def tick(self, tick: Tick) -> None:
        use_session().add(Ticked(scheduled_at=tick.scheduled_at))


app = Microservice(
    name=os.environ["SOAK_NAME"],
    providers=[ProviderSpec(SchedulerConfig, use_value=SchedulerConfig(store_url="database://default"))],
    controllers=[Orders],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", os.environ["SOAK_DATABASE_URL"])),
        MessageBusPublisherInterceptor(
            AIOPikaConnectionFactory(os.environ["SOAK_BROKER_URL"], exchange=f"{os.environ['SOAK_NAME']}.events"),
            delivery="outbox",
        ),
    ],
)
