"""A broker in memory that goes down with everything it had handed out; on RabbitMQ: `test_broker_failures`."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from outbox_handlers import BookedRow, Day, Sale, SaleRow
from processes import A_WHILE
from sqlalchemy import select

from jararaca import Message, Microservice, use_publisher
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.bootstrap.assembly import Assembly, assemble
from jararaca.bootstrap.wiring import MemoryBrokers
from jararaca.core.application import Application
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.steps import Kind
from jararaca.messagebus.config import MessageBusConfig
from jararaca.persistence.session import database_of
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import proves
from jararaca_testing.ledger import Ledger
from jararaca_testing.outboxes import outbox_tables
from jararaca_testing.profiles.world import World

pytestmark = pytest.mark.virtual_only


@pytest.fixture
def brokers(clock: VirtualClock) -> MemoryBrokers:
    return MemoryBrokers(clock)


@pytest.fixture
def host(brokers: MemoryBrokers) -> VirtualHost:
    """The broker, which the test may stop."""
    return brokers.host()


@pytest.fixture
async def shop(
    jararaca_microservice: Microservice, jararaca_world: World, brokers: MemoryBrokers
) -> AsyncIterator[Assembly]:
    """The shop on that broker, without a worker yet."""
    ports = replace(jararaca_world.ports, broker=brokers)
    assembly = assemble(jararaca_microservice, ports, MessageBusConfig(url="memory://"), needs_broker=True)
    application = assembly.application
    for spec in (*jararaca_world.providers, outbox_tables(application.environment, jararaca_world.databases)):
        application.environment.container.register(spec)
    await application.start()
    await jararaca_world.databases.create_all(database_of(application.environment, "default"), [SaleRow.metadata])
    yield assembly
    await application.stop()


@asynccontextmanager
async def working(shop: Assembly) -> AsyncIterator[None]:
    worker = shop.worker()
    await worker.start()
    yield
    await worker.stop(A_WHILE)


async def sell(application: Application, count: int) -> None:
    """Publish sales, each confirmed by the broker."""
    token = enter(application.execution(Trigger("manual", "test")))
    for number in range(count):
        await use_publisher().publish(Sale(number=number), "sale.made")
    leave(token)


async def booked(application: Application) -> Counter[int]:
    async with database_of(application.environment, "default").engine.connect() as connection:
        return Counter((await connection.scalars(select(BookedRow.number))).all())


@proves("F-1")
async def test_with_an_inbox_a_broker_that_is_killed_in_the_middle_of_a_batch_doubles_nothing(
    shop: Assembly, host: VirtualHost, day: Day, clock: VirtualClock
) -> None:
    """What ran is committed and cannot be acknowledged: it comes again, and is not booked again."""

    async def booking(_message: Message[Sale]) -> None:
        if len(day.booked) == 50:
            host.stop()

    ledger = Ledger(clock.monotonic)
    shop.application.environment.steps.add(ledger)
    day.booking = booking
    await sell(shop.application, 200)
    async with working(shop):
        await clock.advance(minutes=1)
        before = await booked(shop.application)

        host.start()
        await clock.advance(seconds=10)

    assert 50 <= len(before) < 200
    assert await booked(shop.application) == dict.fromkeys(range(200), 1)
    assert {record.outcome for record in ledger.of_kind(Kind.ATTEMPT) if record.outcome} == {"ok", "duplicate"}
