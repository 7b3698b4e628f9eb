"""The schedule store on Redis where the server is away or forgets; the rest is in the contract."""

from datetime import UTC, datetime

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import Redis

from jararaca.adapters.redis.schedule_store import RedisScheduleStore
from jararaca.errors import ScheduleStoreUnavailable

pytestmark = pytest.mark.asyncio

TICK = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def store(server: FakeServer) -> RedisScheduleStore:
    return RedisScheduleStore(FakeAsyncRedis(server=server))


async def test_a_server_that_cannot_be_reached_is_named_without_its_login() -> None:
    store = RedisScheduleStore(Redis.from_url("redis://me:hunter2@127.0.0.1:1/0"))

    with pytest.raises(ScheduleStoreUnavailable, match=r"at redis://127\.0\.0\.1:1 is not available") as away:
        await store.check()

    assert "hunter2" not in str(away.value)
    await store.close()


async def test_each_call_says_that_the_server_went_away_and_works_once_it_is_back(
    server: FakeServer, store: RedisScheduleStore
) -> None:
    lease = await store.acquire("app.job", holder="a", ttl=30.0)
    assert lease is not None
    server.connected = False

    for call in (
        store.check(),
        store.claim("app.job", TICK),
        store.last("app.job"),
        store.acquire("app.job2", holder="a", ttl=30.0),
        store.renew(lease, ttl=30.0),
        store.release(lease),
    ):
        with pytest.raises(ScheduleStoreUnavailable):
            await call

    server.connected = True
    assert await store.renew(lease, ttl=30.0)
    assert await store.claim("app.job", TICK)
    await store.close()


async def test_a_server_that_wants_another_login_says_so(
    monkeypatch: pytest.MonkeyPatch, store: RedisScheduleStore
) -> None:
    from redis.exceptions import AuthenticationError

    async def refused(*_arguments: object, **_options: object) -> object:
        raise AuthenticationError("invalid username-password pair")

    monkeypatch.setattr(Redis, "execute_command", refused)

    with pytest.raises(ScheduleStoreUnavailable, match="refused the login: invalid username-password pair"):
        await store.last("app.job")


async def test_a_lease_whose_token_the_server_forgot_and_gave_out_again_is_not_renewed(
    server: FakeServer, store: RedisScheduleStore
) -> None:
    """It was restarted without its data, and somebody else has the same number by now."""
    lease = await store.acquire("app.job", holder="a", ttl=30.0)
    assert lease is not None
    await FakeAsyncRedis(server=server).flushall()
    assert await store.acquire("app.job", holder="b", ttl=30.0) is not None

    assert not await store.renew(lease, ttl=30.0)
    await store.close()
