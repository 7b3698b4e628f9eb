"""Gives each test the application of the controllers it names with `serving`."""

from collections.abc import AsyncIterator

import pytest
from journal import Journal
from order_handlers import OrderRow
from processes import System
from script import Script
from shopping import Shop

from jararaca import AIOSQAConfig, AIOSqlAlchemySessionInterceptor, Microservice, ProviderSpec
from jararaca_testing import RunningApplication, TestDatabases
from jararaca_testing.profiles.world import World
from jararaca_testing.servers import named_database


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "controllers(*classes): the controllers of the application under test")


@pytest.fixture
def script() -> Script:
    """What scripted handlers do."""
    return Script()


@pytest.fixture
def jararaca_microservice(request: pytest.FixtureRequest, script: Script) -> Microservice:
    marker = request.node.get_closest_marker("controllers")
    database = AIOSQAConfig(connection_name="default", url="sqlite+aiosqlite:///semantics.sqlite3")
    return Microservice(
        providers=[ProviderSpec(Script, use_value=script), Journal],
        controllers=list(marker.args),
        interceptors=[AIOSqlAlchemySessionInterceptor(database)],
    )


@pytest.fixture
async def shop(jararaca_db: TestDatabases, jararaca_app: RunningApplication) -> Shop:
    """The running application, with its tables. Nobody need hear of an order that is booked."""
    jararaca_app.bus.expect_leftover("order.booked", kind="unroutable")
    await jararaca_db.create_all(OrderRow.metadata)
    return Shop(jararaca_app)


@pytest.fixture
async def system(jararaca_microservice: Microservice, jararaca_world: World) -> AsyncIterator[System]:
    """The application in as many processes as the test starts."""
    system = System(
        Microservice(providers=jararaca_microservice.providers, controllers=jararaca_microservice.controllers),
        jararaca_world,
    )
    yield system
    await system.stop()


@pytest.fixture
def postgresql() -> None:
    """Skips what only a server shows where the databases of a profile are SQLite files."""
    if named_database() is None:
        pytest.skip("JARARACA_TEST_DATABASE_URL names no PostgreSQL")
