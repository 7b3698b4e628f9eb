"""The `redis` fixture: a client of the server that the application uses, with nothing in it at the start of a test."""

import os
from typing import Annotated, Any

import pytest
from redis.asyncio import Redis

from jararaca import Get, Microservice, ProviderSpec, RestController, Token
from jararaca.adapters.redis.connection import RedisClientFactory
from jararaca.errors import ServerUnavailable
from jararaca_testing import Overrides, RunningApplication
from jararaca_testing.profiles.redis_server import LENT, USED, TestRedis

CARTS = Token(Redis, "CARTS")


@RestController("/carts")
class Carts:
    def __init__(self, redis: Annotated[Any, CARTS]) -> None:
        self.redis = redis

    @Get("/{number}")
    async def size(self, number: int) -> int:
        return int(await self.redis.llen(f"cart:{number}"))


@pytest.fixture
def jararaca_microservice() -> Microservice:
    elsewhere = Redis.from_url("redis://nowhere.invalid")
    return Microservice(controllers=[Carts], providers=[ProviderSpec(CARTS, use_value=elsewhere)])


@pytest.mark.parametrize("number", [1, 2])
async def test_it_is_empty_at_first_and_serves_the_application(
    redis: Any, override: Overrides, jararaca_app: RunningApplication, number: int
) -> None:
    override[CARTS] = redis
    assert await redis.keys() == []

    await redis.rpush("cart:7", *range(number))

    assert (await jararaca_app.http.get("/carts/7")).json() == number


async def test_the_applications_own_clients_are_sent_to_the_same_server(
    redis: Any, jararaca_app: RunningApplication
) -> None:
    make = jararaca_app.environment.container.find(RedisClientFactory)
    assert make is not None
    theirs: Any = make(Redis.from_url("redis://nowhere.invalid", decode_responses=True))

    await redis.set("key", "value")

    assert await theirs.get("key") == "value"
    assert await redis.get("key") == b"value"


async def test_a_fresh_application_has_a_fresh_one(harness: RunningApplication) -> None:
    for _ in range(2):
        async with harness.fresh() as app:
            assert await app.redis.dbsize() == 0
            await app.redis.set("key", "value")


class TestOnAServer:
    """Databases of a server, lent to one test at a time."""

    pytestmark = pytest.mark.needs_servers

    @pytest.fixture
    def url(self) -> str:
        return os.environ["JARARACA_TEST_REDIS_URL"]

    async def of(self, test: TestRedis) -> int:
        number: int = test.client.connection_pool.connection_kwargs["db"]
        await test.client.set("key", number)
        return number

    @pytest.mark.asyncio
    async def test_two_tests_have_two_databases_and_leave_nothing(self, url: str) -> None:
        first, second = TestRedis(url, owner="first"), TestRedis(url, owner="second")
        numbers = [await self.of(first), await self.of(second)]
        assert len({*numbers, 0}) == 3
        await first.close()
        await second.close()

        async with Redis.from_url(url, single_connection_client=True) as home:
            for number in numbers:
                assert await home.exists(LENT.format(number), USED.format(number)) == 0
                await home.select(number)
                assert await home.dbsize() == 0
                await home.select(0)

    @pytest.mark.asyncio
    async def test_what_a_dead_process_left_is_emptied_and_what_others_hold_is_not_touched(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        dead = TestRedis(url, owner="dead")
        number = await self.of(dead)
        async with Redis.from_url(url) as home:
            await home.delete(LENT.format(number))
        monkeypatch.setattr("jararaca_testing.profiles.redis_server.os.getpid", lambda: number - 1)

        heir = TestRedis(url, owner="heir")
        assert heir.client.connection_pool.connection_kwargs["db"] == number
        assert await heir.client.dbsize() == 0

        async with Redis.from_url(url) as home:
            await home.delete(USED.format(number), LENT.format(number))
        await heir.client.set("of", "somebody")
        other = TestRedis(url, owner="other")
        assert await self.of(other) != number
        await other.close()
        await heir.close()
        await dead.client.aclose()

    def test_a_server_without_a_free_database_says_what_to_do(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("jararaca_testing.profiles.redis_server._databases_of", lambda _home: 1)

        with pytest.raises(ServerUnavailable, match=r"all 0 databases .* beside number 0 hold data .* Empty one"):
            _ = TestRedis(url, owner="late").client
