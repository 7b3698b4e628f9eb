"""Servers as integration tests use them: a name of its own for each test, and nothing left behind."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from children import start as start
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca.adapters.system.chance import SystemChance
from jararaca.messagebus.waits import LADDER, ttl

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def address(variable: str) -> str:
    """Where a server is, according to the variable that the suite's other tests read as well."""
    found = os.environ.get(variable)
    if not found:
        pytest.skip(f"{variable} is not set")
    return found


class Rabbit:
    """RabbitMQ as another program sees it, with queues and an exchange that one test owns."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = f"it-{SystemChance().uuid().hex[:12]}"
        self.exchange = f"{self.name}.events"

    def do(self, work: Callable[[AbstractChannel], Awaitable[Any]]) -> Any:
        """Open a channel, do the work on it, and close it."""

        async def worked() -> Any:
            async with await aio_pika.connect(self.url) as connection:
                return await work(await connection.channel())

        return asyncio.run(worked())

    def clean(self, *handlers: str) -> None:
        async def delete(channel: AbstractChannel) -> None:
            for handler in handlers:
                await channel.queue_delete(f"{self.name}.{handler}")
                await channel.queue_delete(f"{self.name}.{handler}.dlq")
            await channel.queue_delete(f"{self.name}.wait.125")
            await channel.exchange_delete(f"{self.name}.wait.125")
            await channel.exchange_delete(self.exchange)

        self.do(delete)

    def clean_waits(self) -> None:
        """Delete everything in which messages of any delay wait."""
        waits = [f"{self.name}.{kind}.{ttl(step)}" for kind in ("wait", "delay") for step in LADDER]

        async def delete(channel: AbstractChannel) -> None:
            for wait in waits:
                await channel.queue_delete(wait)
                await channel.exchange_delete(wait)

        self.do(delete)


@pytest.fixture
def rabbit() -> Iterator[Rabbit]:
    """Names on RabbitMQ that nobody else has; what `C.handle` and `TasksController.process_task` own is deleted."""
    server = Rabbit(address("JARARACA_TEST_AMQP_URL"))
    yield server
    server.clean("C.handle", "TasksController.process_task")


@pytest.fixture
def redis_url() -> str:
    return address("JARARACA_TEST_REDIS_URL")


@pytest.fixture
def database_url(rabbit: Rabbit) -> Iterator[str]:
    """A database on the test server that exists for one test."""
    url = make_url(address("JARARACA_TEST_DATABASE_URL"))

    async def say(statement: str) -> None:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(statement))
        await engine.dispose()

    asyncio.run(say(f'CREATE DATABASE "{rabbit.name}"'))
    yield url.set(database=rabbit.name).render_as_string(hide_password=False)
    asyncio.run(say(f'DROP DATABASE "{rabbit.name}" WITH (FORCE)'))


@pytest.fixture
def gated(start: Callable[..., Any], rabbit: Rabbit, database_url: str) -> Iterator[Callable[..., Any]]:
    """Starts a server or a worker of `gated_service:orders`, which stands still at a gate."""

    def gated(command: str, *options: str, gate: str = "") -> Any:
        environment = {
            "GATE": gate,
            "NAME": rabbit.name,
            "DATABASE": database_url,
            "JARARACA_EXCHANGE": rabbit.exchange,
            "JARARACA_BROKER_URL": rabbit.url,
        }
        return start("jararaca", command, "gated_service:orders", *options, folder=SCENARIOS, environment=environment)

    yield gated
    rabbit.clean("Orders.book")
    rabbit.clean_waits()
