"""Databases, and a way to be in a unit of work without a request."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Any

import pytest

from jararaca import AIOSQAConfig, AIOSqlAlchemySessionInterceptor, Microservice
from jararaca.core.context import Trigger, enter, leave
from jararaca.core.invocation import unit_of_work
from jararaca.core.unit_of_work import UnitOfWork
from jararaca_testing import RunningApplication

Work = Callable[[], AbstractAsyncContextManager[UnitOfWork]]


def database(name: str, **options: Any) -> AIOSqlAlchemySessionInterceptor:
    return AIOSqlAlchemySessionInterceptor(AIOSQAConfig(name, f"sqlite+aiosqlite:///{name}.db", **options))


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(
        interceptors=[database("default"), database("audit", session_options={"info": {"for": "auditors"}})]
    )


@contextmanager
def executing(app: RunningApplication) -> Iterator[None]:
    token = enter(app.application.execution(Trigger("manual", "test")))
    try:
        yield
    finally:
        leave(token)


@pytest.fixture
def execution(jararaca_app: RunningApplication) -> Callable[[], AbstractAsyncContextManager[None]]:
    """`async with execution():` is handling something, outside of any transaction."""

    @asynccontextmanager
    async def entered() -> AsyncIterator[None]:
        with executing(jararaca_app):
            yield

    return entered


@pytest.fixture
def work(jararaca_app: RunningApplication) -> Work:
    """`async with work():` is a unit of work."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[UnitOfWork]:
        with executing(jararaca_app):
            async with unit_of_work() as work:
                yield work

    return opened
