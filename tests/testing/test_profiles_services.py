"""The services profile on servers: exact settling in real time, and nothing left on any server whatever happened."""

import dataclasses
import os
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
)
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.adapters.sql.tables import metadata
from jararaca.core.context import use_clock
from jararaca.errors import ChannelClosed, UsageError
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing import NotSettled, RunningApplication
from jararaca_testing.chance import SeededChance
from jararaca_testing.profiles.opening import open_world
from jararaca_testing.profiles.world import World
from jararaca_testing.realtime import RealTimeLoop
from jararaca_testing.run import Run
from jararaca_testing.servers import DATABASE_URL, named_servers

pytestmark = pytest.mark.needs_servers

SETTINGS = {"jararaca_time_scale": "0.01"}
Story = Callable[[RunningApplication], Awaitable[None]]


class Order(BaseModel):
    id: int


class RowOnAServer(BaseEntity):
    __tablename__ = "row_on_a_server"

    id: Mapped[int] = mapped_column(primary_key=True)


@MessageBusController()
class Orders:
    @IncomingHandler("order", retry=RetryPolicy(max_attempts=2, first_delay=64))
    async def take(self, message: Message[Order]) -> None:
        await use_clock().sleep(2)
        if message.payload().id < 0:
            raise TimeoutError("no answer")

    @IncomingHandler("stuck")
    async def stick(self, message: Message[Order]) -> None:
        await use_clock().sleep(10_000)


class Servers:
    """Runs one test's worth of an application on the servers, then looks for what is left there."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._names: list[str] = []
        self._namespace = ""

    def tell(self, story: Story) -> None:
        with open_world(self._run, SETTINGS, None, named_servers(), SeededChance(1), test="story") as world:
            self._run(self._tell(world, story))

    def tell_without_a_database(self, story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
        named = dataclasses.replace(named_servers(), database=None)
        with open_world(self._run, SETTINGS, None, named, SeededChance(1), test="story") as world:
            self._run(story(world))

    async def _tell(self, world: World, story: Story) -> None:
        database = AIOSQAConfig("default", "sqlite+aiosqlite://", engine_options={"echo": False, "poolclass": None})
        declaration = Microservice(
            name="orders", controllers=[Orders], interceptors=[AIOSqlAlchemySessionInterceptor(database)]
        )
        application = RunningApplication(declaration, world)
        await application.db.create_all(RowOnAServer.metadata)
        await application.start()
        try:
            await story(application)
        finally:
            self._note(application)
            await application.stop()

    def _note(self, application: RunningApplication) -> None:
        connection = application.environment.resource(BusKey("default"))
        assert isinstance(connection, BusConnection)
        self._namespace = application.environment.ports.namespace
        for name in ("Orders.take", "Orders.take.dlq", "Orders.stick", "wait.4000"):
            self._names.append(application.environment.owned(name))

    def assert_clean(self) -> None:
        self._run(self._assert_clean())

    async def _assert_clean(self) -> None:
        assert self._names
        broker = RabbitMQBroker(os.environ["JARARACA_TEST_AMQP_URL"])
        await broker.connect()
        for name in self._names:
            with pytest.raises(ChannelClosed, match="404"):
                await broker.inspect_queue(name)
        with pytest.raises(ChannelClosed, match="404"):
            await broker.inspect_exchange(f"{self._namespace}jararaca.events")
        await broker.close()
        engine = create_async_engine(os.environ[DATABASE_URL])
        async with engine.connect() as connection:
            query = text("SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE :like")
            left = await connection.execute(query, {"like": f"{self._namespace.rstrip('.')}%"})
            assert left.all() == []
        await engine.dispose()


@pytest.fixture
def servers() -> Iterator[Servers]:
    run = Run(lambda: RealTimeLoop(patience=30))
    yield Servers(run)
    run.close()


def test_settling_waits_for_everything_on_its_way_and_negative_assertions_hold(servers: Servers) -> None:
    async def story(application: RunningApplication) -> None:
        for number in range(20):
            await application.bus.publish(Order(id=number), "order")
        await application.settle()

        application.bus.handled(Orders.take).times(20)
        application.bus.failed().none()
        assert application.in_flight.is_empty

    servers.tell(story)
    servers.assert_clean()


def test_retries_come_in_scaled_time(servers: Servers) -> None:
    async def story(application: RunningApplication) -> None:
        await application.bus.publish(Order(id=-1), "order")
        await application.settle()
        application.bus.handled(Orders.take).one()

        await application.clock.advance(minutes=2)

        application.bus.handled(Orders.take).attempts(2)
        assert application.bus.dead_lettered("order").one().reason == "retries-exhausted"

    servers.tell(story)
    servers.assert_clean()


def test_what_does_not_come_to_rest_is_named(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jararaca_testing.profiles.real.LEAST", 0.1)

    async def story(application: RunningApplication) -> None:
        await application.bus.publish(Order(id=1), "stuck")
        with pytest.raises(NotSettled, match=r"it still moves after 0\.1 real seconds.\n  still moving: attempt Order"):
            await application.settle(within=1)
        await application.bus.publish(Order(id=1), "order")
        with pytest.raises(NotSettled, match="it took more than 0 steps"):
            await application.settle(max_steps=0)

    servers.tell(story)
    servers.assert_clean()


async def fail_with_an_open_transaction(application: RunningApplication) -> None:
    session: Any = application.db.session()
    opened = await session.__aenter__()
    opened.add(RowOnAServer(id=1))
    await opened.flush()
    await application.bus.publish(Order(id=1), "stuck")
    raise ZeroDivisionError


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failing_test_leaves_nothing_not_even_with_an_open_transaction(servers: Servers) -> None:
    with pytest.raises(ZeroDivisionError):
        servers.tell(fail_with_an_open_transaction)

    servers.assert_clean()


def test_without_a_database_server_there_are_files(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    url = os.environ[DATABASE_URL]

    async def story(application: RunningApplication) -> None:
        async with application.db.session() as session:
            session.add(RowOnAServer(id=1))
        async with application.db.session() as session:
            dialect = session.get_bind().dialect.name
            assert (dialect, (await session.get(RowOnAServer, 1)) is not None) == ("sqlite", True)

    monkeypatch.delenv(DATABASE_URL)
    servers.tell(story)
    monkeypatch.setenv(DATABASE_URL, url)
    servers.assert_clean()


def test_snapshots_are_refused_with_the_next_move(servers: Servers) -> None:
    async def story(application: RunningApplication) -> None:
        with pytest.raises(UsageError, match=r"db.snapshot\(\) of default needs .*@pytest.mark.virtual_only"):
            await application.db.snapshot()

    servers.tell(story)


def test_one_run_has_both_profiles_and_a_test_that_hangs_on_servers_fails_with_a_dump(
    run: Callable[..., pytest.RunResult],
) -> None:
    result = run(
        """
        import asyncio
        import pytest
        from jararaca_testing.loop import VirtualLoop
        from storefront import Gateway, Orders

        async def test_both(http, bus, jararaca_app, request):
            await http.post("/orders", json={"id": 1})
            await jararaca_app.settle()
            bus.handled(Orders.charge).one()
            is_virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
            assert is_virtual == request.node.name.endswith("[memory]")

        class Hangs(Gateway):
            async def charge(self, order):
                raise AssertionError("1 == 2")

        async def test_asserts(bus, http, override):
            override[Gateway] = Hangs()
            await http.post("/orders", json={"id": 1})
            await asyncio.Event().wait()

        async def test_hangs(http):
            await asyncio.Event().wait()
        """,
        "--jararaca-profile=memory,services",
        "--jararaca-patience=2",
    )

    result.assert_outcomes(passed=2, failed=4)
    text = result.stdout.str()
    assert text.count("HandlerFailed: Orders.charge failed an assertion: 1 == 2") >= 2
    assert "The test has waited for 2 real seconds." in text
    assert "asyncio.Event that nobody has set" in text


def test_what_only_virtual_time_can_show_is_skipped_elsewhere_and_counted(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
        import pytest
        @pytest.mark.virtual_only
        async def test_one(clock):
            await clock.advance(days=400)
        @pytest.mark.virtual_only
        def test_plain(): ...
        @pytest.mark.skip("for another reason")
        def test_skipped(): ...
        """,
        "--jararaca-profile=memory,services",
    )

    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines(["jararaca: 1 virtual_only skipped: each needs virtual time, which real servers*"])


def test_the_header_says_which_servers_answered(run: Callable[..., pytest.RunResult]) -> None:
    shown = run("", "--jararaca-profile=services").stdout

    shown.fnmatch_lines(["jararaca: services on RabbitMQ ?*.* at amqp://*, Redis ?*.* at *, PostgreSQL ?*.* at *"])
    shown.no_fnmatch_line("*:guest@*")


def test_a_lost_connection_is_survived_and_settled_over(servers: Servers) -> None:
    async def story(application: RunningApplication) -> None:
        await application.bus.publish(Order(id=1), "order")
        application.world.lose_connections()
        await application.bus.publish(Order(id=2), "order", timeout=500)
        await application.settle(within=600)

        assert {each.payload.id for each in application.bus.handled(Orders.take)} == {1, 2}

    servers.tell(story)
    servers.assert_clean()


def test_without_a_database_server_leases_end_by_the_clock_of_the_test(servers: Servers, tmp_path: Path) -> None:
    """They are rows of an SQLite file then, which has no time of its own."""

    async def story(world: World) -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'ticks.sqlite3'}")
        store = world.ports.schedule_store(lambda: SQLScheduleStore(engine, world.clock))
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        await store.acquire("report", holder="first", ttl=1000)

        await world.clock.sleep(500)
        assert await store.acquire("report", holder="second", ttl=1000) is None
        await world.clock.sleep(501)
        assert await store.acquire("report", holder="second", ttl=1000)
        await store.close()

    servers.tell_without_a_database(story)
