"""The application that is soaked: what it is sent over HTTP, it publishes; what it hears, it stores and tells browsers.

Its messages wait in PostgreSQL and travel over RabbitMQ; its ticks, leases and frames need Redis.

Its tables count, and have no key that would hide a double.
"""

import os
from contextlib import suppress
from datetime import datetime

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from redis.asyncio import Redis
from sqlalchemy import DateTime, func, select
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
    RedisWebSocketConnectionBackend,
    RestController,
    ScheduledAction,
    WebSocketEndpoint,
    WebSocketInterceptor,
    use_publisher,
    use_session,
    use_ws_manager,
)
from jararaca.core.context import use_clock
from jararaca.messagebus.retry import RetryPolicy
from jararaca.scheduler.config import SchedulerConfig
from jararaca.scheduler.decorators import Tick

WORK = 0.02  # seconds
LONG_WORK = 2.5


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


class Ran(BaseEntity):
    """One row for each run that came to its end, by the clock of the database."""

    __tablename__ = "soak_ran"

    row: Mapped[int] = mapped_column(primary_key=True)
    began_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def moment() -> datetime:
    told: datetime = (await use_session().execute(select(func.clock_timestamp()))).scalar_one()
    return told


@MessageBusController()
@RestController("/orders")
class Orders:
    @Post(options={"status_code": 201})
    async def place(self, order: Placed) -> None:
        await use_publisher().publish(order, topic="order.placed", message_id=f"order-{order.number}")

    @IncomingHandler("order.placed", retry=RetryPolicy(max_attempts=20, first_delay=0.25), idempotent=True)
    async def handle(self, message: Message[Placed]) -> None:
        use_session().add(Handled(number=message.payload().number))
        await use_ws_manager().broadcast(message.payload())
        await use_clock().sleep(WORK)

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        with suppress(WebSocketDisconnect):
            await websocket.receive_text()

    @ScheduledAction("* * * * * *", misfire="skip", allow_overlap=True)
    async def tick(self, tick: Tick) -> None:
        use_session().add(Ticked(scheduled_at=tick.scheduled_at))

    @ScheduledAction("* * * * * *", misfire="skip", allow_overlap=False, lease_ttl=5.0)
    async def run(self) -> None:
        began_at = await moment()
        await use_clock().sleep(LONG_WORK)
        use_session().add(Ran(began_at=began_at, ended_at=await moment()))


REDIS = os.environ["SOAK_REDIS_URL"]

app = Microservice(
    name=os.environ["SOAK_NAME"],
    providers=[ProviderSpec(SchedulerConfig, use_value=SchedulerConfig(store_url=REDIS))],
    controllers=[Orders],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", os.environ["SOAK_DATABASE_URL"])),
        MessageBusPublisherInterceptor(
            AIOPikaConnectionFactory(os.environ["SOAK_BROKER_URL"], exchange=f"{os.environ['SOAK_NAME']}.events"),
            delivery="outbox",
        ),
        WebSocketInterceptor(RedisWebSocketConnectionBackend(Redis.from_url(REDIS))),
    ],
)
