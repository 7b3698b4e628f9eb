"""Databases as they are declared, and engines as they are made."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca import AIOSQAConfig
from jararaca.errors import InvalidOption, MissingExtra
from jararaca.persistence.config import create_engine
from jararaca_testing.contracts import proves

SECRET = "hunter2"


def test_a_config_does_not_show_its_url() -> None:
    config = AIOSQAConfig("default", f"postgresql+asyncpg://me:{SECRET}@db/x")

    assert repr(config) == "AIOSQAConfig('default')"


def test_options_reach_the_engine() -> None:
    config = AIOSQAConfig("default", "sqlite+aiosqlite:///x.db", engine_options={"echo": True, "pool_size": 3})

    engine = create_engine(config)

    assert engine.echo is True
    assert engine.pool.size() == 3  # type: ignore[attr-defined] # of the pool that SQLite files have


@pytest.mark.parametrize(
    "url",
    [
        f"sqlite:///{SECRET}.db",
        f"postgres://me:{SECRET}@db/x",
        f"nonsense {SECRET}",
        f"unknown+driver://{SECRET}",
        f"postgresql+asyncpg://db:{SECRET}/x",
    ],
    ids=["synchronous", "unknown-dialect", "no-url", "unknown-driver", "port"],
)
def test_a_url_that_cannot_be_used_is_an_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(InvalidOption, match="the URL of the database 'main' cannot be used") as raised:
        create_engine(AIOSQAConfig("main", url, engine_options={"echo": False}))

    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pool_sise": 3}, "Invalid argument(s) 'pool_sise' sent to create_engine(). Correct them."),
        ({"pool_size": "three"}, "'int' and 'str'. Correct them."),
    ],
)
def test_options_of_the_engine_that_cannot_be_used_are_told_apart_from_the_url(
    options: dict[str, object], said: str
) -> None:
    with pytest.raises(InvalidOption) as raised:
        create_engine(AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", engine_options=options))

    assert str(raised.value).startswith("the engine_options of the database 'main' cannot be used: ")
    assert str(raised.value).endswith(said)


@pytest_asyncio.fixture
async def engine(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AsyncEngine]:
    """One on a file, with the options that a test is parametrized with."""
    options = dict(getattr(request, "param", {}))
    if options.pop("server", False):
        config = AIOSQAConfig("main", os.environ["JARARACA_TEST_DATABASE_URL"], **options)
    else:
        config = AIOSQAConfig("main", f"sqlite+aiosqlite:///{tmp_path / 'x.db'}", engine_options=options)
    engine = create_engine(config)
    yield engine
    await engine.dispose()


async def ask_after_the_connection_was_lost(engine: AsyncEngine) -> object:
    async with engine.connect() as connection:
        lost = (await connection.get_raw_connection()).driver_connection
    assert lost is not None
    await lost.close()
    async with engine.connect() as connection:
        return await connection.scalar(text("SELECT 1"))


async def failed_statement(engine: AsyncEngine) -> str:
    async with engine.connect() as connection:
        with pytest.raises(OperationalError) as failed:
            await connection.execute(text("SELECT :password FROM nowhere"), {"password": SECRET})
    return str(failed.value)


@proves("F-52")
@pytest.mark.asyncio
async def test_a_connection_that_was_lost_is_replaced_before_its_use(engine: AsyncEngine) -> None:
    assert await ask_after_the_connection_was_lost(engine) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("engine", [{"pool_pre_ping": False}], indirect=True)
async def test_unless_it_is_told_otherwise(engine: AsyncEngine) -> None:
    with pytest.raises(OperationalError):
        await ask_after_the_connection_was_lost(engine)


@pytest.mark.asyncio
async def test_an_error_does_not_tell_the_values_of_its_statement(engine: AsyncEngine) -> None:
    """It is logged, and raised through everything that logs exceptions."""
    assert SECRET not in await failed_statement(engine)


@pytest.mark.asyncio
@pytest.mark.parametrize("engine", [{"hide_parameters": False}], indirect=True)
async def test_it_tells_them_when_it_is_asked_to(engine: AsyncEngine) -> None:
    assert SECRET in await failed_statement(engine)


@pytest.mark.parametrize("option", ["statement_timeout", "warn_after"])
@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_a_limit_that_is_no_time_is_refused(option: str, seconds: float) -> None:
    with pytest.raises(InvalidOption, match=rf"AIOSQAConfig\('main', {option}={seconds}\) cannot work. Use seconds ab"):
        AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", **{option: seconds})  # type: ignore[arg-type] # a number


def test_only_postgresql_limits_statements() -> None:
    config = AIOSQAConfig("main", "sqlite+aiosqlite:///x.db", statement_timeout=1.0)

    with pytest.raises(InvalidOption, match="'main' is of the kind sqlite, and statement_timeout is for postgresql"):
        create_engine(config)


@pytest.mark.needs_servers
@pytest.mark.asyncio
@pytest.mark.parametrize("engine", [{"statement_timeout": 0.01, "server": True}], indirect=True)
async def test_postgresql_ends_what_takes_longer(engine: AsyncEngine) -> None:
    """For each statement of each connection, whatever transaction it belongs to."""
    for _transaction in range(2):
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError, match="canceling statement due to statement timeout"):
                await connection.execute(text("SELECT pg_sleep(60)"))


@pytest.mark.parametrize(
    ("module", "url", "extra"),
    [
        ("asyncpg", "postgresql+asyncpg://db/x", "postgres"),
        ("aiosqlite", "sqlite+aiosqlite:///x.db", "sqlalchemy"),
    ],
)
def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch, module: str, url: str, extra: str) -> None:
    import sys

    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(MissingExtra, match="the database 'main'") as raised:
        create_engine(AIOSQAConfig("main", url))
    assert raised.value.extra == extra


def test_a_driver_without_an_extra_of_ours_is_named() -> None:
    with pytest.raises(InvalidOption, match="the database 'main' needs asyncmy, which is not installed"):
        create_engine(AIOSQAConfig("main", "mysql+asyncmy://db/x"))
