"""A database that is not there when an application starts, and one that is restarted under it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from postgres import Postgres
from postgres import postgres as postgres
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    RestController,
    use_publisher,
    use_session,
)
from jararaca.bootstrap.assembly import Assembly, assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.lifecycle import TaskScope
from jararaca.core.steps import Kind, Step
from jararaca.messagebus.circuit import CircuitBreaker
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.retry import RetryPolicy
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.processes, pytest.mark.asyncio]


class Order(BaseModel):
    number: int


async def book(number: int) -> None:
    await use_session().execute(text("INSERT INTO booked VALUES (:number)"), {"number": number})


@MessageBusController()
@RestController("/orders")
class Orders:
    def __init__(self) -> None:
        self.booked = asyncio.Event()

    @Post("/{number}")
    async def place(self, number: int) -> None:
        await book(number)

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message.payload().number)
        self.booked.set()


@MessageBusController()
@RestController("/payments")
class Payments(Orders):
    @IncomingHandler(
        "order.placed",
        concurrency=1,
        retry=RetryPolicy(max_attempts=2, first_delay=0.125),
        circuit_breaker=CircuitBreaker(failure_threshold=1, reset_timeout=1.0),
    )
    async def handle(self, message: Message[Order]) -> None:
        await book(message.payload().number)
        self.booked.set()


class Ends(list[tuple[str, str | None]]):
    """How deliveries ended; `has_failed` once one has, `are_booked` once three are."""

    def __init__(self) -> None:
        super().__init__()
        self.has_failed = asyncio.Event()
        self.are_booked = asyncio.Event()

    def observe(self, step: Step) -> None:
        if step.kind is Kind.SETTLE and step.phase == "after":
            self.append((step.facts["verb"], step.facts["reason"]))
            if self.count(("wait", "retry")):
                self.has_failed.set()
            if self.count(("ack", None)) == 3:
                self.are_booked.set()


class Running:
    """Server and worker of the application in this process; the broker is in its memory."""

    def __init__(
        self, assembly: Assembly, client: httpx.AsyncClient, working: "asyncio.Task[None]", controller: type[Orders]
    ) -> None:
        self.application = assembly.application
        self._controller = controller
        self.client = client
        self.working = working

    async def publish(self, number: int) -> None:
        token = enter(self.application.execution(Trigger("manual", "test")))
        try:
            await use_publisher().publish(message=Order(number=number), topic="order.placed")
        finally:
            leave(token)

    async def is_booked(self) -> None:
        """Return once a message was booked since this was asked last."""
        orders = await self.application.environment.container.resolve(self._controller)
        async with asyncio.timeout(60):
            await orders.booked.wait()
        orders.booked.clear()


@asynccontextmanager
async def running(url: str, controller: type[Orders] = Orders) -> AsyncIterator[Running]:
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", url))
    http = HttpMicroservice(Microservice(controllers=[controller], interceptors=[database]))
    assembly = assemble(http.app, embedded_ports(), MessageBusConfig(url="memory://"), needs_broker=True)
    server = assembly.http(http)
    await assembly.application.start()
    await server.start()
    worker, tasks = assembly.worker(), TaskScope("test")
    working = tasks.spawn(worker.start(), name="start of the worker")
    transport = httpx.ASGITransport(server.asgi)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Running(assembly, client, working, controller)
    await tasks.cancel()
    await worker.stop(0)
    await server.stop(0)
    await assembly.application.stop()


async def say(postgres: Postgres, statement: str) -> list[int]:
    engine = create_async_engine(postgres.url)
    async with engine.begin() as connection:
        found = await connection.execute(text(statement))
        rows = [row[0] for row in found] if found.returns_rows else []
    await engine.dispose()
    return rows


@proves("F-55")
async def test_a_worker_consumes_nothing_before_its_database_is_there(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    """The process lives and says that it is not ready; what is published meanwhile waits in its queue."""
    async with running(postgres.url) as app:
        await app.publish(1)
        live, ready = await app.client.get("/health/live"), await app.client.get("/health/ready")
        refused = await app.client.post("/orders/2")
        waits = not app.working.done()

        await postgres.start()
        await say(postgres, "CREATE TABLE booked (number integer)")
        await app.is_booked()

        assert (live.status_code, ready.status_code) == (200, 503)
        assert ready.json()["checks"]["database default"] is False
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert waits
        assert (await app.client.get("/health/ready")).status_code == 200
        assert (await app.client.post("/orders/2")).status_code == 200
        assert caplog.messages.count("a database is away; it is waited for") == 1

    assert await say(postgres, "SELECT number FROM booked ORDER BY number") == [1, 2]


@proves("F-52")
async def test_a_database_that_was_restarted_is_served_from_as_before(postgres: Postgres) -> None:
    """The connections of the pool are dead by then; nobody who uses one of them notices."""
    await postgres.start()
    await say(postgres, "CREATE TABLE booked (number integer)")
    async with running(postgres.url) as app:
        await app.publish(1)
        await app.is_booked()
        assert (await app.client.post("/orders/2")).status_code == 200

        postgres.stop()
        await postgres.start()

        assert (await app.client.post("/orders/3")).status_code == 200
        await app.publish(4)
        await app.is_booked()

    assert await say(postgres, "SELECT number FROM booked ORDER BY number") == [1, 2, 3, 4]


@proves("F-38")
async def test_a_handler_with_a_circuit_breaker_is_paused_while_its_database_is_away(postgres: Postgres) -> None:
    """Messages wait in their queue for as long as that takes, and the attempts that they have left are not used up."""
    await postgres.start()
    await say(postgres, "CREATE TABLE booked (number integer)")
    ends = Ends()
    async with running(postgres.url, Payments) as app:
        app.application.environment.steps.add(ends)
        await app.publish(1)
        await app.is_booked()

        postgres.stop()
        await asyncio.gather(app.publish(2), app.publish(3))
        async with asyncio.timeout(60):
            await ends.has_failed.wait()
        await postgres.start()
        async with asyncio.timeout(60):
            await ends.are_booked.wait()

    assert await say(postgres, "SELECT number FROM booked ORDER BY number") == [1, 2, 3]
    assert ends.count(("wait", "retry")) == 1
    assert "dead-letter" not in dict(ends)
