"""A service in several processes: it books what it is asked for, tells others, and counts by the minute."""

from collections.abc import Awaitable, Callable

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    ProviderSpec,
    RestController,
    ScheduledAction,
    WebSocketEndpoint,
    use_publisher,
    use_session,
)
from jararaca.core.context import use_current_container
from jararaca.core.environment import Environment


class Job(BaseModel):
    number: int


class Booking(BaseEntity):
    __tablename__ = "bookings_of_replicas"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    by: Mapped[str]


async def nothing(_job: Job) -> None:
    """What a job does unless a test says otherwise."""


class Work:
    """What tests let happen in the middle of things: `do` in a job, `tick` in an action."""

    def __init__(self) -> None:
        self.do: Callable[[Job], Awaitable[None]] = nothing
        self.tick: Callable[[], Awaitable[None]] | None = None


def here() -> str:
    """The name of the process in which this runs."""
    return use_current_container().get_by_type(Environment).instance


@MessageBusController()
@RestController("/jobs")
class Jobs:
    def __init__(self, work: Work) -> None:
        self.work = work

    @Post("/{number}")
    async def place(self, number: int) -> str:
        use_session().add(Booking(number=-number, by=here()))
        await use_publisher().publish(Job(number=number), "job.placed")
        return here()

    @Get("/here")
    async def where(self) -> str:
        await self.work.do(Job(number=0))
        return here()

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                await websocket.send_text(f"{await websocket.receive_text()} at {here()}")
        except WebSocketDisconnect:
            pass

    @IncomingHandler("job.placed", name="book")
    async def book(self, message: Message[Job]) -> None:
        job = message.payload()
        use_session().add(Booking(number=job.number, by=here()))
        await use_session().flush()
        await use_publisher().publish(job, "job.booked")
        await self.work.do(job)

    @IncomingHandler("job.booked", name="hear")
    async def hear(self, message: Message[Job]) -> None: ...

    @ScheduledAction("* * * * *", allow_overlap=False, lease_ttl=30.0)
    async def count(self) -> None:
        if self.work.tick is not None:
            await self.work.tick()


def service(work: Work) -> Microservice:
    """The declaration, with what happens in the middle of things."""
    database = AIOSQAConfig("default", "sqlite+aiosqlite:///replicas.sqlite3")
    return Microservice(
        name="jobs",
        providers=[ProviderSpec(Work, use_value=work)],
        controllers=[Jobs],
        interceptors=[AIOSqlAlchemySessionInterceptor(database)],
        shutdown_grace=25.0,
    )
