"""A service of several processes whose effects can be counted: what happens to a job, and to a tick, once it has."""

from typing import Literal

from pydantic import BaseModel
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

PERSISTENT = RetryPolicy(max_attempts=20, first_delay=1.0, max_delay=8.0)
TICKS = "1,2 0 * * *"
LONG_WORK = 70.0
"""Seconds that a run takes of the action whose runs must not overlap."""


class Job(BaseModel):
    number: int


class Effect(BaseEntity):
    """One row for each time that something was done; no key would hide a double."""

    __tablename__ = "effects_of_plans"

    id: Mapped[int] = mapped_column(primary_key=True)
    by: Mapped[str]
    of: Mapped[str]


def done(by: str, of: object) -> None:
    use_session().add(Effect(by=by, of=str(of)))


@RestController("/jobs")
class Counter:
    @Post("/{number}")
    async def place(self, number: int) -> None:
        done("place", number)
        await use_publisher().publish(Job(number=number), "job.placed")


@MessageBusController()
class Careful:
    """Books each job once, and hears of it once."""

    @IncomingHandler("job.placed", name="book", retry=PERSISTENT, idempotent=True)
    async def book(self, message: Message[Job]) -> None:
        done("book", message.payload().number)
        await use_publisher().publish(message.payload(), "job.booked")

    @IncomingHandler("job.booked", name="hear", retry=PERSISTENT, idempotent=True)
    async def hear(self, message: Message[Job]) -> None:
        done("hear", message.payload().number)


@MessageBusController()
class Forgetful:
    """Books what it is sent, and does not know again what it has booked."""

    @IncomingHandler("job.placed", name="book", retry=PERSISTENT)
    async def book(self, message: Message[Job]) -> None:
        done("book", message.payload().number)
        await use_publisher().publish(message.payload(), "job.booked")

    @IncomingHandler("job.booked", name="hear", retry=PERSISTENT)
    async def hear(self, message: Message[Job]) -> None:
        done("hear", message.payload().number)


@MessageBusController()
class Hasty:
    """Acknowledges before it commits."""

    @IncomingHandler("job.placed", name="book", retry=PERSISTENT)
    async def book(self, message: Message[Job]) -> None:
        await message.ack(early=True)
        done("book", message.payload().number)


class Clockwork:
    """Places a job here, counts on a worker, and has a run that lasts until after the next tick.

    There are two ticks of each: what goes on for ever never comes to rest.
    """

    @ScheduledAction(TICKS, misfire="all", name="remind")
    async def remind(self, tick: Tick) -> None:
        number = round(tick.scheduled_at.timestamp())
        done("remind", number)
        await use_publisher().publish(Job(number=number), "job.placed")

    @ScheduledAction(TICKS, dispatch="broker", name="count")
    async def count(self, tick: Tick) -> None:
        done("count", tick.scheduled_at)

    @ScheduledAction(TICKS, allow_overlap=False, lease_ttl=30.0, name="sweep")
    async def sweep(self, tick: Tick) -> None:
        clock = use_clock()
        began = clock.monotonic()
        await clock.sleep(LONG_WORK)
        done("sweep", tick.scheduled_at)
        done("run", f"{began:.3f} {clock.monotonic():.3f}")


def service(*controllers: type, delivery: Literal["after_commit", "outbox"], store: str | None = None) -> Microservice:
    """The declaration; `store` is the URL of where schedulers keep their ticks and leases."""
    return Microservice(
        name="jobs",
        providers=[ProviderSpec(SchedulerConfig, use_value=SchedulerConfig(store_url=store))],
        controllers=[Counter, *controllers],
        interceptors=[
            MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"), delivery=delivery),
            AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///plans.sqlite3")),
        ],
    )
