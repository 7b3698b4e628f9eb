"""Which servers the contracts run against besides what is in memory, and the versions they tell.

A server is one that the environment names (`services`), or one that the run has started (`containers`).
"""

import asyncio
import functools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import pytest_asyncio
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from jararaca_testing.contracts import runs_on
from jararaca_testing.profiles.fake_redis import fake_client
from jararaca_testing.profiles.probing import POSTGRESQL, RABBITMQ, REDIS, Product
from jararaca_testing.provisioning import SERVERS
from jararaca_testing.servers import AMQP_URL, DATABASE_URL, REDIS_URL


def _url(config: pytest.Config, profile: str, variable: str) -> str:
    if profile == "services":
        return os.environ.get(variable) or pytest.skip(f"{variable} names no server")
    servers = config.stash[SERVERS].get("containers")
    if servers is None:
        pytest.skip("runs with --jararaca-profile=containers")
    return {AMQP_URL: servers.amqp, REDIS_URL: servers.redis}[variable]


@functools.cache
def _version(product: Product, url: str) -> str:
    """Asked in a thread, because a loop may run in this one."""

    async def ask() -> str:
        return await product.ask(url)

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(ask())).result().rpartition(" ")[2]


Server = tuple[str, str]
"""The URL of a server and its version."""


@pytest.fixture
def rabbitmq(request: pytest.FixtureRequest) -> Callable[[str], Server]:
    """Where RabbitMQ is in a profile, and which."""

    def rabbitmq(profile: str) -> Server:
        url = _url(request.config, profile, AMQP_URL)
        return url, _version(RABBITMQ, url)

    return rabbitmq


@pytest.fixture
def redis_server(request: pytest.FixtureRequest) -> Callable[[str], Server]:
    """Where Redis is in a profile, and which."""

    def redis_server(profile: str) -> Server:
        url = _url(request.config, profile, REDIS_URL)
        return url, _version(REDIS, url)

    return redis_server


Connect = Callable[..., Redis]
"""Makes a client of one server; the arguments are those of `redis.asyncio.Redis`."""


@pytest.fixture(scope="session")
def redis_of_our_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a Redis server that nobody else uses, so that it may be counted on and configured."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed here, and one that others use cannot be configured")
    socket = tmp_path_factory.mktemp("redis") / "socket"
    options = {"--port": "0", "--unixsocket": str(socket), "--save": "", "--dir": str(socket.parent)}
    command = [program, *(word for option in options.items() for word in option)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT) as process:
        try:
            with BlockingRedis(
                unix_socket_path=str(socket),
                retry=Retry(ConstantBackoff(0.05), 200, supported_errors=(RedisConnectionError, FileNotFoundError)),
            ) as client:
                client.ping()
            yield socket
        finally:
            process.terminate()


def on_fake(request: pytest.FixtureRequest) -> Connect:
    runs_on(request, "fakeredis", fakeredis.__version__)
    server = fakeredis.FakeServer()
    return lambda **options: fake_client(server, **{"protocol": 2, **options})


def on_real(request: pytest.FixtureRequest) -> Connect:
    socket = str(request.getfixturevalue("redis_of_our_own"))
    with BlockingRedis(unix_socket_path=socket) as client:
        client.flushall()
        runs_on(request, "Redis", client.info("server")["redis_version"])
    return lambda **options: Redis(unix_socket_path=socket, **{"protocol": 2, **options})


@pytest_asyncio.fixture(params=["fake", pytest.param("real", marks=pytest.mark.needs_servers)])
async def connect_redis(request: pytest.FixtureRequest) -> AsyncIterator[Connect]:
    """Makes clients of one server with nothing in it, in RESP2 unless told otherwise, closed after the test."""
    connect = {"fake": on_fake, "real": on_real}[request.param](request)
    clients: list[Redis] = []

    def kept(**options: Any) -> Redis:
        clients.append(connect(**options))
        return clients[-1]

    yield kept
    for client in clients:
        await client.aclose()


@pytest.fixture
def postgresql() -> Server:
    """Where the PostgreSQL that the environment names is, and which."""
    url = os.environ.get(DATABASE_URL) or pytest.skip(f"{DATABASE_URL} names no server")
    return url, _version(POSTGRESQL, url)
