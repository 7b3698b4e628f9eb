"""The fan-outs of this project under contract: in memory, and over Redis with each of its protocols.

On a server the channels have a prefix of the test's own.
"""

import os
from collections.abc import Callable

import fakeredis
import pytest
from fakeredis import FakeServer
from redis.asyncio import Redis

from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.redis.fanout import RedisFanout
from jararaca.ports.fanout import Fanout
from jararaca_testing.contracts import FanoutContract, LosableFanoutContract, runs_on
from jararaca_testing.profiles.fake_redis import fake_client

PROTOCOLS = [2, 3]


class TestMemoryFanout(FanoutContract):
    @pytest.fixture
    def new_fanout(self, request: pytest.FixtureRequest) -> Callable[[], Fanout]:
        runs_on(request, "memory")
        hub = FanoutHub()
        return lambda: MemoryFanout(hub)


class FakeRedisServer:
    def __init__(self, protocol: int) -> None:
        self._server = FakeServer()
        self._protocol = protocol

    def connect(self) -> Fanout:
        return RedisFanout(fake_client(self._server, protocol=self._protocol), ping_interval=0.5)

    async def lose(self) -> None:
        """Stop the server, under the eyes of its clients."""
        self._server.connected = False

    async def recover(self) -> None:
        self._server.connected = True


class TestFakeRedisFanout(LosableFanoutContract):
    @pytest.fixture(params=PROTOCOLS, ids=lambda protocol: f"resp{protocol}")
    def server(self, request: pytest.FixtureRequest) -> FakeRedisServer:
        runs_on(request, "fakeredis", fakeredis.__version__)
        return FakeRedisServer(request.param)

    @pytest.fixture
    def new_fanout(self, server: FakeRedisServer) -> Callable[[], Fanout]:
        return server.connect


class RedisServer:
    """A server that others use: what is lost are the connections of one test."""

    def __init__(self, url: str, protocol: int) -> None:
        self._url = url
        self._name = f"contract-{os.urandom(8).hex()}"
        self._protocol = protocol

    def _client(self, name: str) -> Redis:
        return Redis.from_url(self._url, client_name=name, protocol=self._protocol)

    def connect(self) -> Fanout:
        return RedisFanout(self._client(self._name), prefix=f"{self._name}:")

    async def lose(self) -> None:
        """Close the connections of this test, as the server does with a slow subscriber; it stays up for new ones."""
        async with self._client("contract-killer") as client:
            ours = [each["id"] for each in await client.client_list() if each["name"] == self._name]
            for identity in ours:
                await client.client_kill_filter(_id=identity)

    async def recover(self) -> None:
        """It never went away."""


class TestRedisFanout(LosableFanoutContract):
    @pytest.fixture(
        params=[
            pytest.param("services", marks=pytest.mark.needs_servers),
            pytest.param("containers", marks=pytest.mark.needs_docker),
        ]
    )
    def where(self, request: pytest.FixtureRequest, redis_server: Callable[[str], tuple[str, str]]) -> str:
        url, version = redis_server(request.param)
        runs_on(request, "Redis", version)
        return url

    @pytest.fixture(params=PROTOCOLS, ids=lambda protocol: f"resp{protocol}")
    def server(self, request: pytest.FixtureRequest, where: str) -> RedisServer:
        return RedisServer(where, request.param)

    @pytest.fixture
    def new_fanout(self, server: RedisServer) -> Callable[[], Fanout]:
        return server.connect
