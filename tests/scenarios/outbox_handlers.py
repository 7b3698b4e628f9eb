"""A shop whose messages wait in the outbox, and a bookkeeper who books each of them once."""

from collections.abc import Awaitable, Callable

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
    use_publisher,
    use_session,
)
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.retry import RetryPolicy


class Sale(BaseModel):
    number: int
    customer: str | None = None


class SaleRow(BaseEntity):
    __tablename__ = "sales"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]


class BookedRow(BaseEntity):
    __tablename__ = "bookings"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]


class Day:
    """What happens to whoever works: nothing, unless a test says so. `booked` are the sales that were begun to book."""

    def __init__(self) -> None:
        self.booked: list[int] = []
        self.delay: float | None = None
        self.selling: Callable[[], Awaitable[None]] | None = None
        self.booking: Callable[[Message[Sale]], Awaitable[None]] | None = None


@RestController("/sales")
class Shop:
    """Sells, and tells of it."""

    def __init__(self, day: Day) -> None:
        self.day = day

    @Post("/{first}")
    async def sell(
        self, first: int, count: int = 1, customer: str | None = None, mandatory: bool = False, topic: str = "sale.made"
    ) -> None:
        for number in range(first, first + count):
            use_session().add(SaleRow(number=number))
            sale = Sale(number=number, customer=customer)
            await use_publisher().publish(sale, topic, key=customer, mandatory=mandatory, delay=self.day.delay)
        if self.day.selling is not None:
            await self.day.selling()


@MessageBusController()
class Bookkeeper:
    """Books every sale once, and tells of that."""

    def __init__(self, day: Day) -> None:
        self.day = day

    @IncomingHandler("sale.made", idempotent=True, ordered=True, retry=RetryPolicy(max_attempts=3))
    async def book(self, message: Message[Sale]) -> None:
        sale = message.payload()
        self.day.booked.append(sale.number)
        use_session().add(BookedRow(number=sale.number))
        await use_publisher().publish(sale, "sale.booked", key=sale.customer)
        if self.day.booking is not None:
            await self.day.booking(message)


@MessageBusController()
class Listener:
    """Hears of what was booked."""

    @IncomingHandler("sale.booked")
    async def hear(self, message: Message[Sale]) -> None: ...


def sales(day: Day) -> Microservice:
    """The application. Its database is listed behind what needs it: the order of interceptors makes no difference."""
    return Microservice(
        name="sales",
        providers=[
            ProviderSpec(Day, use_value=day),
            ProviderSpec(MessageBusConfig, use_value=MessageBusConfig(outbox_attempts=4)),
        ],
        controllers=[Shop, Bookkeeper, Listener],
        interceptors=[
            MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"), delivery="outbox"),
            AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///sales.sqlite3")),
        ],
    )
