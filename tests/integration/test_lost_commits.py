"""A link to PostgreSQL that is lost within a commit: the server has committed, and the process does not know."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import ClassVar

import pytest
import pytest_asyncio
from proxy import Proxy
from pydantic import BaseModel
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
    use_publisher,
    use_session,
)
from jararaca.adapters.sql.tables import metadata
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.steps import Kind, Step
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.needs_servers, pytest.mark.asyncio]

COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"
"""What PostgreSQL answers to a commit."""


class CommitCutter(Proxy):
    """Cuts everything once when the server says that it committed a booking, before the client hears it."""

    has_cut = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_server = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._writers += [writer, to_server]
        booked = asyncio.Event()
        await asyncio.gather(self._ask(reader, to_server, booked), self._tell(there, writer, booked))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, booked: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if b"INSERT INTO booked" in data:
                    booked.set()
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, booked: asyncio.Event) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                if booked.is_set() and COMMITTED in data and not self.has_cut:
                    self.has_cut = True
                    self.cut()
                    return
                writer.write(data)
                await writer.drain()
        writer.close()


class Sale(BaseModel):
    number: int


@MessageBusController()
class Bookkeeper:
    calls: ClassVar[list[int]] = []

    @IncomingHandler("sale.made", idempotent=True, retry=RetryPolicy(first_delay=0.1))
    async def book(self, message: Message[Sale]) -> None:
        number = message.payload().number
        type(self).calls.append(number)
        await use_session().execute(text("INSERT INTO booked VALUES (:number)"), {"number": number})


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[AsyncEngine]:
    """The way past the proxy, to a database with the tables."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE booked (number integer)"))
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def through_a_proxy(database_url: str) -> AsyncIterator[str]:
    url = make_url(database_url)
    proxy = CommitCutter(f"postgresql://{url.host}:{url.port or 5432}/")
    await proxy.start()
    yield url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
    await proxy.stop()


class Attempts:
    """How each attempt ended, in order."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self._more = asyncio.Event()

    def observe(self, step: Step) -> None:
        if step.kind is Kind.ATTEMPT and step.phase == "after":
            self.outcomes.append(step.facts["outcome"])
            self._more.set()

    async def until(self, count: int) -> None:
        async with asyncio.timeout(60):
            while len(self.outcomes) < count:
                self._more.clear()
                await self._more.wait()


@proves("F-54")
async def test_what_was_committed_unheard_has_its_effects_once(database: AsyncEngine, through_a_proxy: str) -> None:
    """The message comes again, and the row of the inbox tells that it was committed; the next is handled as ever."""
    interceptors = [
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", through_a_proxy)),
        MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"), delivery="outbox"),
    ]
    declaration = Microservice(controllers=[Bookkeeper], interceptors=interceptors)
    Bookkeeper.calls.clear()
    assembly = assemble(declaration, embedded_ports(), MessageBusConfig(url="memory://"), needs_broker=True)
    application, attempts = assembly.application, Attempts()
    application.environment.steps.add(attempts)
    await application.start()
    worker = assembly.worker()
    await worker.start()
    token = enter(application.execution(Trigger("manual", "test")))
    await use_publisher().publish(Sale(number=1), "sale.made")
    await attempts.until(2)
    await use_publisher().publish(Sale(number=2), "sale.made")
    await attempts.until(3)
    leave(token)
    await worker.stop(10)
    await application.stop()

    assert attempts.outcomes == ["error", "duplicate", "ok"]
    assert Bookkeeper.calls == [1, 2]
    async with database.connect() as connection:
        assert list(await connection.scalars(text("SELECT number FROM booked ORDER BY number"))) == [1, 2]
