"""What is found at the servers of an application that does not run."""

import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
    ScheduledAction,
    WebSocketInterceptor,
)
from jararaca.adapters.sql.tables import metadata
from jararaca.bootstrap.assembly import Assembly, assemble
from jararaca.bootstrap.looking import Look, look_around
from jararaca.bootstrap.wiring import embedded_ports, system_ports
from jararaca.cli.exit_codes import is_unreachable
from jararaca.core.container import Container
from jararaca.core.environment import Ports
from jararaca.errors import BrokerUnavailable, FanoutUnavailable, MissingTable, TopologyMismatch
from jararaca.messagebus.config import MessageBusConfig
from jararaca.ports.broker import Binding, Broker, Queue
from jararaca.scheduler.config import SchedulerConfig
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio


class Order(BaseModel):
    id: int


@MessageBusController()
class Desk:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None: ...

    @IncomingHandler("order.paid", concurrency=10)
    async def note(self, message: Message[Order]) -> None: ...


class Nightly:
    @ScheduledAction("0 6 * * *")
    async def run(self) -> None: ...


def application(
    *interceptors: object, ports: Ports | None = None, controllers: tuple[type, ...] = (Desk,), **config: Any
) -> Assembly:
    declaration = Microservice(name="shop", controllers=controllers, interceptors=interceptors)
    scheduling = SchedulerConfig(store_url=config.pop("store_url", None))
    bus = MessageBusConfig(url="memory://", **config)
    return assemble(declaration, ports or embedded_ports(), bus, needs_broker=True, scheduling=scheduling)


async def looks(assembly: Assembly) -> list[Look]:
    return [look async for look in look_around(assembly, None)]


async def declared(ports: Ports) -> Broker:
    """The topology of the application, by a process that has ended."""
    async with application(ports=ports).buses(10.0):
        pass
    broker = ports.broker("memory://", heartbeat=30, name="test")
    await broker.connect()
    return broker


# -- brokers


async def test_a_broker_that_has_everything_is_fine() -> None:
    ports = embedded_ports()
    broker = await declared(ports)

    assert await looks(application(ports=ports)) == [Look("broker default", "memory:// has 4 queues as declared")]
    await broker.close()


@proves("F-36")
async def test_what_is_missing_is_told_and_not_made() -> None:
    ports = embedded_ports()
    broker = await declared(ports)
    await broker.delete_queue("shop.Desk.handle.dlq")

    for _again in range(2):
        (look,) = await looks(application(ports=ports))
        assert (look.error, look.is_finding) == (None, True)
        assert look.found.startswith("the queue 'shop.Desk.handle.dlq' does not exist on the broker. Each process")
    await broker.close()


async def test_before_the_first_start_it_is_said_that_this_declares_everything() -> None:
    (look,) = await looks(application())

    assert (look.error, look.is_finding) == (None, True)
    assert look.found.startswith("the exchange 'jararaca.events', the queue 'shop.Desk.handle.dlq', the queue ")
    assert look.found.endswith("declares them when it starts; `jararaca declare` does it now.")


@pytest.mark.parametrize("topology", ["passive", "verify"])
async def test_what_no_start_declares_keeps_the_application_from_working(topology: Any) -> None:
    (look,) = await looks(application(topology=topology))

    assert isinstance(look.error, TopologyMismatch)
    assert ("queue", "shop.Desk.handle.dlq") in look.error.missing
    assert "is configured not to declare them" in str(look.error)


async def test_what_differs_keeps_it_from_working_whatever_is_missing_beside_it() -> None:
    ports = embedded_ports()
    broker = ports.broker("memory://", heartbeat=30, name="test")
    await broker.connect()
    await broker.declare_queue(Queue("shop.Desk.handle"))

    (look,) = await looks(application(ports=ports))

    assert isinstance(look.error, TopologyMismatch)
    assert {each.name for each in look.error.differences} == {"shop.Desk.handle"}
    assert "declares them when it starts" in str(look.error)
    await broker.close()


async def test_a_queue_that_nothing_comes_to_is_a_finding() -> None:
    ports = embedded_ports()
    broker = await declared(ports)
    await broker.unbind(Binding("jararaca.events", "shop.Desk.handle", "order.placed"))

    _fine, finding = await looks(application(ports=ports))

    said = "shop.Desk.handle is not bound to 'order.placed': run `jararaca declare`"
    assert finding == Look("broker default", said, is_finding=True)
    await broker.close()


async def test_orphans_are_a_finding() -> None:
    ports = embedded_ports()
    broker = await declared(ports)
    await broker.declare_queue(Queue("shop.Old.handle"))

    _fine, finding = await looks(application(ports=ports))

    assert finding.found == "1 orphan of earlier releases: `jararaca declare` shows them"
    await broker.close()


class Upgraded:
    """A broker on which nobody has enabled what came with its latest version."""

    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def list_queues(self) -> Any:
        return await self._broker.list_queues()

    async def list_bindings(self) -> Any:
        return await self._broker.list_bindings()

    async def disabled_features(self) -> list[str]:
        return ["stream_queue"]


@pytest.mark.parametrize(("queue_type", "findings"), [("quorum", 1), ("classic", 0)])
async def test_a_feature_that_dead_letters_need_is_a_finding_where_it_is_off(queue_type: Any, findings: int) -> None:
    ports = embedded_ports()
    assembly = application(ports=ports, queue_type=queue_type)
    async with assembly.buses(10.0):
        pass
    make: Any = lambda url, **options: Upgraded(ports.broker(url, **options))  # noqa: E731

    found = await looks(application(ports=replace(ports, broker=make), queue_type=queue_type))

    assert [look.found for look in found if look.is_finding] == [
        "dead-lettering at least once is off: rabbitmqctl enable_feature_flag stream_queue"
    ] * findings


class Away:
    def __init__(self, broker: Any) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def connect(self) -> None:
        raise BrokerUnavailable("nobody answers")


async def test_a_server_that_is_away_keeps_no_other_from_being_looked_at(tmp_path: Path) -> None:
    ports = embedded_ports()
    make: Any = lambda url, **options: Away(ports.broker(url, **options))  # noqa: E731
    partner = MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://partner"), "partner")

    found = await looks(application(database(tmp_path, pool_size=20), partner, ports=replace(ports, broker=make)))

    assert [(look.what, type(look.error)) for look in found] == [
        ("broker default", BrokerUnavailable),
        ("broker partner", BrokerUnavailable),
        ("database default", type(None)),
    ]


# -- databases


def database(tmp_path: Path, name: str = "shop.sqlite3", **options: Any) -> AIOSqlAlchemySessionInterceptor:
    url = f"sqlite+aiosqlite:///{tmp_path / name}"
    return AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", url, engine_options=options))


async def of_databases(assembly: Assembly) -> list[Look]:
    return [look for look in await looks(assembly) if look.what.startswith("database")]


async def test_a_database_that_nobody_serves_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    config = AIOSQAConfig("default", f"postgresql+asyncpg://shop:s3cret@127.0.0.1:{port}/shop")

    (look,) = await of_databases(application(AIOSqlAlchemySessionInterceptor(config)))

    assert look.error is not None
    assert is_unreachable(look.error)


@proves("F-56")
async def test_tables_that_are_missing_are_told(tmp_path: Path) -> None:
    outbox = MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"), delivery="outbox")
    assembly = application(database(tmp_path, pool_size=20), outbox)

    _answers, missing = await of_databases(assembly)
    assert isinstance(missing.error, MissingTable)

    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'shop.sqlite3'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    _answers, tables = await of_databases(application(database(tmp_path, pool_size=20), outbox))
    assert tables == Look("database default", "has the tables of outbox and inbox")


@proves("F-50")
@pytest.mark.parametrize(
    ("options", "capacity"),
    [
        ({"pool_size": 5}, 15),
        ({"pool_size": 2, "max_overflow": 3}, 5),
        ({"pool_size": 10}, None),
        ({"pool_size": 1, "max_overflow": -1}, None),
        ({"pool_size": 0}, None),
        ({}, None),
    ],
)
async def test_a_pool_that_is_smaller_than_what_a_worker_runs_is_a_finding(
    tmp_path: Path, options: dict[str, Any], capacity: int | None
) -> None:
    """Two handlers run ten attempts each. A pool of which nobody says anything has a connection for each of them."""
    _answers, *findings = await of_databases(application(database(tmp_path, **options)))

    assert [each.found.partition(",")[0] for each in findings] == [
        f"its pool has {capacity} connections" for _ in range(capacity is not None)
    ]
    assert all("20 attempts at a time" in each.found and each.is_finding for each in findings)


# -- schedules and websockets


async def test_a_schedule_store_is_asked_whether_it_has_its_tables(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'schedules.sqlite3'}"
    *_, missing = await looks(application(controllers=(Nightly,), ports=system_ports(), store_url=url))
    assert (missing.what, type(missing.error)) == ("schedule store", MissingTable)

    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()
    *_, fine = await looks(application(controllers=(Nightly,), ports=system_ports(), store_url=url))
    assert fine == Look("schedule store", "answers")


class Backend:
    """Carries frames nowhere, or not even that."""

    broadcast_pubsub_channel = "all"
    send_pubsub_channel = "some"

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self.closed = False

    def fanout(self, _container: Container) -> Any:
        return self

    def subscribe(self, *_channels: str) -> AbstractAsyncContextManager[Any]:
        return self._subscribed()

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[None]:
        if self._failure is not None:
            raise self._failure
        yield

    async def close(self) -> None:
        self.closed = True


async def test_the_backend_of_websockets_is_asked_for_a_subscription() -> None:
    works, fails = Backend(), Backend(FanoutUnavailable("nobody answers"))

    *_, fine = await looks(application(WebSocketInterceptor(works)))
    *_, broken = await looks(application(WebSocketInterceptor(fails)))

    assert fine == Look("websockets", "their backend takes subscriptions")
    assert isinstance(broken.error, FanoutUnavailable)
    assert works.closed
    assert fails.closed
