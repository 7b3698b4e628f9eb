"""Asks the servers of a test run for their versions: one that is not there is one error, before the first test."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jararaca.errors import ConfigurationError, MissingExtra, ServerUnavailable
from jararaca_testing.servers import AMQP_URL, DATABASE_URL, REDIS_URL, Servers, masked

WITHIN = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class Product:
    """A server by its name for people; `ask` gives its version, and needs the driver of `extra`."""

    name: str
    variable: str
    extra: str
    ask: Callable[[str], Awaitable[str]]

    async def answer(self, url: str) -> str:
        """Product, version and address, for people.

        Raises:
            ServerUnavailable: nobody answers there in time, or refuses the login.
            MissingExtra: the driver is not installed.
        """
        try:
            async with asyncio.timeout(WITHIN):
                return f"{await self.ask(url)} at {masked(url)}"
        except ModuleNotFoundError as error:
            raise MissingExtra(self.extra, feature=f"a test on {self.name}") from error
        except (ConfigurationError, ValueError):  # not shown: the text may hold the URL, and the URL a password
            raise ServerUnavailable(f"the value of {self.variable} is no URL of {self.name}. Correct it.") from None
        except ServerUnavailable as error:  # the adapter's own, which has everything but this
            raise ServerUnavailable(f"{error} The URL is the one in {self.variable}.") from error
        except Exception as error:
            # Each driver has errors of its own, and all of them mean that there is no such server.
            reason = (str(error) or f"no answer within {WITHIN:g} s").partition("\n")[0].rstrip(".")
            raise ServerUnavailable(
                f"{self.name} does not answer at {masked(url)}: {reason}. Start it, or correct {self.variable}."
            ) from error


async def _rabbitmq(url: str) -> str:
    from jararaca.adapters.rabbitmq.broker import RabbitMQBroker

    broker = RabbitMQBroker(url, timeout=WITHIN, name="start of a test run")
    await broker.connect()
    try:
        return broker.server
    finally:
        await broker.close()


async def _redis(url: str) -> str:
    from redis.asyncio import Redis

    async with Redis.from_url(url) as client:
        said = await client.info("server")
    return f"Redis {said['redis_version']}"


async def _postgresql(url: str) -> str:
    from sqlalchemy import text
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.ext.asyncio import create_async_engine

    try:
        engine = create_async_engine(url)
    except ArgumentError as error:
        raise ValueError("no URL") from error
    try:
        async with engine.connect() as connection:
            said: str = await connection.scalar(text("SHOW server_version"))
    finally:
        await engine.dispose()
    return f"PostgreSQL {said.partition(' ')[0]}"  # distributions add names of theirs


RABBITMQ = Product("RabbitMQ", AMQP_URL, "rabbitmq", _rabbitmq)
REDIS = Product("Redis", REDIS_URL, "redis", _redis)
POSTGRESQL = Product("PostgreSQL", DATABASE_URL, "postgres", _postgresql)


async def answers_of(servers: Servers) -> list[str]:
    """What each server answers, for people, asked one after the other.

    Raises:
        ServerUnavailable: the first that does not answer.
        MissingExtra: a driver is not installed.
    """
    asked = {RABBITMQ: servers.amqp, REDIS: servers.redis, POSTGRESQL: servers.database}
    return [await product.answer(url) for product, url in asked.items() if url is not None]
