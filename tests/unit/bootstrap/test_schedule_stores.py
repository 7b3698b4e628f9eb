"""Which schedule store an application has, and what is wrong with the address of one."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jararaca import AIOSQAConfig, AIOSqlAlchemySessionInterceptor, Microservice, ProviderSpec
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.adapters.redis.schedule_store import RedisScheduleStore
from jararaca.adapters.sql.schedule_store import SQLScheduleStore
from jararaca.bootstrap.assembly import assemble, scheduler_config
from jararaca.bootstrap.settings import Settings, read_settings
from jararaca.bootstrap.wiring import connect_store, embedded_ports, open_store, system_ports
from jararaca.core.application import Application
from jararaca.core.environment import Environment, Ports
from jararaca.errors import InvalidOption, MissingExtra, MissingTable, NotConfigured
from jararaca.messagebus.config import MessageBusConfig
from jararaca.scheduler.config import SchedulerConfig


@pytest.fixture(autouse=True)
def nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JARARACA_SCHEDULE_STORE_URL", raising=False)


def environment(ports: Callable[[], Ports] = system_ports) -> Environment:
    return Application(Microservice(), ports()).environment


def declaring(url: str, *interceptors: Any) -> Microservice:
    spec = ProviderSpec(SchedulerConfig, use_value=SchedulerConfig(store_url=url))
    return Microservice(providers=[spec], interceptors=interceptors)


def started(declaration: Microservice) -> Application:
    return assemble(declaration, system_ports(), MessageBusConfig(url="memory://"), needs_broker=True).application


@pytest.mark.parametrize(
    ("url", "adapter"),
    [
        ("redis://localhost:6379/1", RedisScheduleStore),
        ("rediss://localhost/", RedisScheduleStore),
        ("unix:///run/redis.sock", RedisScheduleStore),
        ("postgresql+asyncpg://localhost/app", SQLScheduleStore),
        ("sqlite+aiosqlite:///ticks.sqlite3", SQLScheduleStore),
        (None, MemoryScheduleStore),
    ],
)
@pytest.mark.asyncio
async def test_the_scheme_chooses_the_adapter(url: str | None, adapter: type) -> None:
    store = open_store(environment(), SchedulerConfig(store_url=url))

    assert isinstance(store, adapter)
    await store.close()


@pytest.mark.asyncio
async def test_a_process_that_is_the_whole_system_keeps_ticks_to_itself() -> None:
    store = open_store(environment(embedded_ports), SchedulerConfig(store_url="redis://nowhere.example/"))

    assert isinstance(store, MemoryScheduleStore)


@pytest.mark.parametrize("url", ["http://hunter2/", "hunter2", "mysql+aiomysql://root:hunter2@localhost/app"])
def test_another_scheme_is_an_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(InvalidOption, match=r"starts with redis://.*JARARACA_SCHEDULE_STORE_URL") as raised:
        started(declaring(url))

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", ["redis://localhost/?health_check_interval=hunter2", "redis://localhost:port/"])
def test_an_address_of_redis_that_cannot_be_read_is_an_error(url: str) -> None:
    with pytest.raises(InvalidOption, match="the URL of the schedule store cannot be used"):
        connect_store(url, environment())


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("redis://localhost/", "jararaca.adapters.redis.schedule_store", "redis"),
        ("sqlite+aiosqlite:///a.db", "jararaca.bootstrap.schedule_database", "sqlalchemy"),
    ],
)
def test_a_missing_driver_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra, match=rf'pip install "jararaca\[{extra}\]"'):
        connect_store(url, environment())


def test_the_variable_wins_over_what_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    declaration = declaring("redis://declared/")
    assert scheduler_config(declaration, read_settings()).store_url == "redis://declared/"

    monkeypatch.setenv("JARARACA_SCHEDULE_STORE_URL", "redis://:hunter2@said/")
    config = scheduler_config(declaration, read_settings())

    assert config.store_url == "redis://:hunter2@said/"
    assert "hunter2" not in repr(config) + repr(read_settings())
    assert scheduler_config(Microservice(), Settings.model_construct()) == SchedulerConfig()


@pytest.mark.asyncio
async def test_a_database_that_is_not_declared_is_an_error_at_the_start() -> None:
    assembly = assemble(
        declaring("database://ticks"), system_ports(), MessageBusConfig(url="memory://"), needs_broker=True
    )
    await assembly.application.start()
    with pytest.raises(NotConfigured, match="no database is called 'ticks'"):
        assembly.scheduler()
    await assembly.application.stop()


@pytest.mark.asyncio
async def test_schedules_are_not_kept_in_a_file_that_handlers_write_to() -> None:
    """Leases could not be renewed while one of them writes."""
    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///app.sqlite3"))
    declaration = declaring("database://default", database)
    assembly = assemble(declaration, system_ports(), MessageBusConfig(url="memory://"), needs_broker=True)
    await assembly.application.start()
    with pytest.raises(InvalidOption, match=r"'default', which is SQLite.*Give schedules a file of their own"):
        assembly.scheduler()
    await assembly.application.stop()


@pytest.mark.asyncio
async def test_a_database_without_its_tables_ends_the_start(tmp_path: Any) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ticks.sqlite3'}"
    assembly = assemble(declaring(url), system_ports(), MessageBusConfig(url="memory://"), needs_broker=True)
    await assembly.application.start()
    scheduler = assembly.scheduler()
    with pytest.raises(MissingTable, match=r"jararaca_schedule_leases and jararaca_schedule_watermarks.*metadata"):
        await scheduler.start()
    await scheduler.stop(0)
    await assembly.application.stop()


def test_ports_of_tests_may_bring_a_store_of_their_own() -> None:
    store = MemoryScheduleStore(system_ports().clock)
    ports = replace(system_ports(), schedule_store=lambda _declared: store)

    assert open_store(environment(lambda: ports), SchedulerConfig(store_url="redis://localhost/")) is store
