"""A shop and a bookkeeper in one application, whose messages wait in the outbox of its database."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from outbox_handlers import Day, SaleRow, sales

from jararaca import Microservice
from jararaca.bootstrap.assembly import assemble
from jararaca.core.application import Application
from jararaca.messagebus.config import MessageBusConfig
from jararaca_testing import RunningApplication, TestDatabases
from jararaca_testing.outboxes import outbox_tables
from jararaca_testing.profiles.world import World


@pytest.fixture
def day() -> Day:
    return Day()


@pytest.fixture
def jararaca_microservice(day: Day) -> Microservice:
    return sales(day)


@pytest.fixture(autouse=True)
async def tables(jararaca_db: TestDatabases) -> None:
    await jararaca_db.create_all(SaleRow.metadata)


@pytest.fixture
async def replica(
    jararaca_app: RunningApplication, jararaca_microservice: Microservice, jararaca_world: World
) -> AsyncIterator[Callable[[], Awaitable[Application]]]:
    """Starts one more process of the application, which only relays; it is stopped after the test."""
    started: list[Application] = []

    async def start() -> Application:
        config = MessageBusConfig(url="memory://")
        application = assemble(jararaca_microservice, jararaca_world.ports, config, needs_broker=True).application
        for spec in (*jararaca_world.providers, outbox_tables(application.environment, jararaca_world.databases)):
            application.environment.container.register(spec)
        application.environment.steps.add(jararaca_app.ledger)
        started.append(application)
        await application.start()
        return application

    yield start
    for application in started:
        await application.stop()
