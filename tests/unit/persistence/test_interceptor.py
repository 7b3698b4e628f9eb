"""A database's life: declared, offered while the application runs, disposed of at its end."""

from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from jararaca import AIOSQAConfig, AIOSqlAlchemySessionInterceptor, Container, Microservice
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import DeclarationError, InvalidOption, ScopeViolation
from jararaca.persistence.config import EngineFactory, create_engine


class NeedsSession:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session


def declared(*names: str, **options: Any) -> Microservice:
    interceptors = [
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig(name, "sqlite+aiosqlite:///x.db", **options)) for name in names
    ]
    return Microservice(interceptors=interceptors)


def application(declaration: Microservice) -> Application:
    return Application(declaration, embedded_ports())


def test_a_database_that_is_not_to_be_injected_is_not() -> None:
    app = application(declared("default", inject_default=False))
    app.environment.container.require(NeedsSession)

    with pytest.raises(DeclarationError, match="AsyncSession"):
        app.validate()


def test_what_needs_a_session_cannot_live_as_long_as_the_process() -> None:
    declaration = declared("default")
    declaration.providers = (ProviderSpec(NeedsSession, use_class=NeedsSession),)

    with pytest.raises(ScopeViolation, match="NeedsSession"):
        application(declaration).validate()


def test_two_databases_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidOption, match="two databases are called 'default'"):
        application(declared("default", "default")).validate()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine_options": {"pool_sise": 3}}, "the engine_options of the database 'default' cannot be used"),
        ({"session_options": {"auto_flush": False}}, "the session_options of the database 'default' cannot be used"),
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidOption, match=said):
        application(declared("default", **options)).validate()


@pytest.mark.asyncio
async def test_the_engine_is_disposed_of_at_the_end(tmp_path: Path) -> None:
    config = AIOSQAConfig("default", f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    engine = create_engine(config)

    class WithEngine:
        def providers(self, app: Microservice) -> tuple[ProviderSpec, ...]:
            return (ProviderSpec(EngineFactory, use_value=lambda _config: engine),)

    app = application(Microservice(interceptors=[WithEngine(), AIOSqlAlchemySessionInterceptor(config)]))
    await app.start()
    pool = engine.pool
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    await app.stop()

    assert engine.pool is not pool
    assert app.environment.resource_keys() == ()


@pytest.mark.asyncio
async def test_the_engine_is_disposed_of_although_another_part_fails_to_start(tmp_path: Path) -> None:
    class Failing:
        @asynccontextmanager
        async def lifecycle(self, app: Microservice, container: Container) -> Any:
            raise ConnectionError("no")
            yield

    database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", f"sqlite+aiosqlite:///{tmp_path / 'x.db'}"))
    app = application(Microservice(interceptors=[database, Failing()]))

    with pytest.raises(ConnectionError):
        await app.start()
    assert app.environment.resource_keys() == ()
