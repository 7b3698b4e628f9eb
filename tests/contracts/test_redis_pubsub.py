"""Pub/sub as redis-py sees it, on fakeredis and on Redis."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import fakeredis
import pytest
import pytest_asyncio
from redis.exceptions import ResponseError

from jararaca import Microservice
from jararaca.adapters.system.clock import SystemClock
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import proves, runs_on

pytestmark = pytest.mark.asyncio

PATIENCE = 10.0  # seconds
Redis = Any  # redis-py types a part of what its clients do
Connect = Callable[..., Redis]
Frame = tuple[str, bytes | None, bytes, Any]


class Subscriber:
    """One connection that subscribes, and its frames as (type, pattern, channel, data)."""

    def __init__(self, client: Redis) -> None:
        self.pubsub: Any = client.pubsub()

    async def frames(self, count: int) -> list[Frame]:
        """The next frames, confirmations among them."""
        found: list[Frame] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count:
                frame = await self.pubsub.get_message(timeout=PATIENCE)
                assert frame is not None
                found.append((frame["type"], frame["pattern"], frame["channel"], frame["data"]))
        return found

    async def subscribe(self, *channels: str | bytes) -> list[Any]:
        """The counts that were confirmed."""
        await self.pubsub.subscribe(*channels)
        return [frame[3] for frame in await self.frames(len(channels))]

    async def psubscribe(self, *patterns: str | bytes) -> list[Any]:
        await self.pubsub.psubscribe(*patterns)
        return [frame[3] for frame in await self.frames(len(patterns))]

    async def nothing_before(self, publisher: Redis, channel: str) -> None:
        """What is published now is the next to come."""
        await publisher.publish(channel, b"marker")
        assert [frame[3] for frame in await self.frames(1)] == [b"marker"]


@pytest.fixture
def redis(connect_redis: Connect) -> Redis:
    return connect_redis()


@pytest_asyncio.fixture
async def subscriber(connect_redis: Connect) -> AsyncIterator[Callable[..., Subscriber]]:
    """Makes connections that subscribe."""
    made: list[Subscriber] = []

    def subscriber(**options: Any) -> Subscriber:
        made.append(Subscriber(connect_redis(**options)))
        return made[-1]

    yield subscriber
    for each in made:
        await each.pubsub.aclose()


NewSubscriber = Callable[..., Subscriber]


async def becomes(expected: object, ask: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while await ask() != expected:
            await SystemClock().sleep(0.01)


@proves("REDIS-01")
async def test_without_subscribers_a_publish_is_lost(redis: Redis, subscriber: NewSubscriber) -> None:
    late = subscriber()
    assert await redis.publish("news", b"lost") == 0
    await late.subscribe("news")
    await late.nothing_before(redis, "news")


@proves("REDIS-02", "REDIS-03")
async def test_a_client_gets_a_frame_for_its_channel_and_one_for_each_pattern(
    redis: Redis, subscriber: NewSubscriber
) -> None:
    one = subscriber()
    await one.subscribe("news.a")
    await one.psubscribe("news.*", "*.a")
    assert await redis.publish("news.a", b"x") == 3
    first, *others = await one.frames(3)
    assert first == ("message", None, b"news.a", b"x")
    assert sorted(others) == [("pmessage", b"*.a", b"news.a", b"x"), ("pmessage", b"news.*", b"news.a", b"x")]


@proves("REDIS-02")
async def test_a_publish_counts_the_deliveries_to_all_clients(redis: Redis, subscriber: NewSubscriber) -> None:
    for _ in range(2):
        await subscriber().subscribe("news")
    await subscriber().psubscribe("n*", "*s", "other*")
    assert await redis.publish("news", b"x") == 4


@proves("REDIS-04")
async def test_confirmations_count_the_subscriptions_of_the_client(subscriber: NewSubscriber) -> None:
    """Channels and patterns together."""
    one = subscriber()
    assert await one.subscribe("a", "b") == [1, 2]
    assert await one.psubscribe("c*") == [3]
    await one.pubsub.unsubscribe("a")
    await one.pubsub.unsubscribe("never")
    await one.pubsub.punsubscribe()
    assert await one.frames(3) == [
        ("unsubscribe", None, b"a", 2),
        ("unsubscribe", None, b"never", 2),
        ("punsubscribe", None, b"c*", 1),
    ]


@proves("REDIS-05")
async def test_subscribing_twice_is_confirmed_twice_and_is_one_subscription(
    redis: Redis, subscriber: NewSubscriber
) -> None:
    one = subscriber()
    assert await one.subscribe("news") == [1]
    assert await one.subscribe("news") == [1]
    assert await redis.publish("news", b"once") == 1
    assert await one.frames(1) == [("message", None, b"news", b"once")]
    await one.nothing_before(redis, "news")


@proves("REDIS-06", "REDIS-11")
async def test_what_one_connection_publishes_arrives_in_order_byte_by_byte(
    redis: Redis, subscriber: NewSubscriber
) -> None:
    one = subscriber()
    await one.subscribe("news", "olds")
    payloads = [bytes(range(256)), b"", b"\r\n$5\r\n", *(b"%d" % number for number in range(30))]
    for number, payload in enumerate(payloads):
        await redis.publish(("news", "olds")[number % 2], payload)
    assert [frame[3] for frame in await one.frames(len(payloads))] == payloads


@proves("REDIS-07")
@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("news.*", ["news.", "news.a", "news.a.b", "news.\n"], ["news", "olds.a", "snews.a"]),
        ("*", ["a", "a.b", " ", "\n"], []),
        ("**", ["a", "a.b"], []),
        ("n?ws", ["news", "n.ws", "n\nws"], ["nws", "neews"]),
        ("n[ae]ws", ["naws", "news"], ["niws", "nws", "naews"]),
        ("n[^e]ws", ["naws", "n^ws"], ["news", "nws"]),
        ("n[a-c]ws", ["naws", "ncws"], ["ndws", "n-ws"]),
        ("n[c-a]ws", ["naws", "nbws"], ["ndws"]),
        (r"n\*ws", ["n*ws"], ["news", r"n\*ws"]),
        (r"n\?ws", ["n?ws"], ["news"]),
        (r"n[\]]ws", ["n]ws"], [r"n\ws"]),
        ("news", ["news"], ["new", "newss", "News"]),
        ("n*w*s", ["nws", "newws", "n.w.s"], ["nwst"]),
    ],
)
async def test_a_pattern_is_a_glob(
    redis: Redis, subscriber: NewSubscriber, pattern: str, matching: list[str], other: list[str]
) -> None:
    await subscriber().psubscribe(pattern)
    counts = {channel: await redis.publish(channel, b"x") for channel in (*matching, *other)}
    assert counts == dict.fromkeys(matching, 1) | dict.fromkeys(other, 0)


@proves("REDIS-09")
async def test_subscriptions_can_be_counted_and_channels_listed(redis: Redis, subscriber: NewSubscriber) -> None:
    first, second = subscriber(), subscriber()
    await first.subscribe("news", "olds")
    await second.subscribe("news")
    await first.psubscribe("n*", "o*")
    await second.psubscribe("n*")
    assert await redis.pubsub_numsub("news", "olds", "none") == [(b"news", 2), (b"olds", 1), (b"none", 0)]
    assert await redis.pubsub_numpat() == 2
    assert sorted(await redis.pubsub_channels()) == [b"news", b"olds"]
    assert await redis.pubsub_channels("n*") == [b"news"]


@proves("REDIS-10")
async def test_a_closed_subscriber_counts_no_more(redis: Redis, subscriber: NewSubscriber) -> None:
    one = subscriber()
    await one.subscribe("news")
    await one.psubscribe("n*")
    await one.pubsub.aclose()
    await becomes([(b"news", 0)], lambda: redis.pubsub_numsub("news"))
    assert await redis.publish("news", b"x") == 0
    assert (await redis.pubsub_numpat(), await redis.pubsub_channels()) == (0, [])


@proves("REDIS-12")
async def test_a_publish_in_a_transaction_is_delivered_when_it_is_executed(
    redis: Redis, subscriber: NewSubscriber
) -> None:
    one = subscriber()
    await one.subscribe("news")
    async with redis.pipeline(transaction=True) as transaction:
        transaction.publish("news", b"1").set("key", "value").publish("news", b"2").publish("nobody", b"3")
        assert await transaction.execute() == [1, True, 1, 0]
    assert [frame[3] for frame in await one.frames(2)] == [b"1", b"2"]


@proves("REDIS-12")
async def test_a_publish_in_a_discarded_transaction_is_not_delivered(redis: Redis, subscriber: NewSubscriber) -> None:
    one = subscriber()
    await one.subscribe("news")
    async with redis.client() as connection:
        await connection.execute_command("MULTI")
        assert await connection.execute_command("PUBLISH", "news", "x") == b"QUEUED"
        await connection.execute_command("DISCARD")
    await one.nothing_before(redis, "news")


@proves("REDIS-13")
async def test_a_channel_is_the_same_in_every_database(connect_redis: Connect, subscriber: NewSubscriber) -> None:
    one, elsewhere = subscriber(db=1), connect_redis(db=2)
    await one.subscribe("news")
    assert await elsewhere.publish("news", b"x") == 1
    assert await one.frames(1) == [("message", None, b"news", b"x")]


@proves("REDIS-15")
async def test_a_lost_connection_subscribes_anew_and_the_gap_is_lost(redis: Redis, subscriber: NewSubscriber) -> None:
    one = subscriber()
    await one.subscribe("news")
    await one.pubsub.connection.disconnect()
    await becomes(0, lambda: redis.publish("news", b"in the gap"))
    assert await one.frames(1) == [("subscribe", None, b"news", 1)]
    await one.nothing_before(redis, "news")


async def answer(one: Subscriber, *command: str) -> object:
    """What the subscriber's own connection is answered."""
    connection = one.pubsub.connection
    await connection.send_command(*command)
    return await connection.read_response(timeout=PATIENCE, push_request=True)


@proves("REDIS-16")
async def test_a_resp2_connection_with_subscriptions_takes_nothing_else(subscriber: NewSubscriber) -> None:
    one = subscriber()
    await one.subscribe("news")
    with pytest.raises(ResponseError, match="allowed in this context"):
        await answer(one, "GET", "key")
    with pytest.raises(ResponseError, match="allowed in this context"):
        await answer(one, "PUBLISH", "news", "x")
    assert await answer(one, "PING") == [b"pong", b""]
    assert await answer(one, "UNSUBSCRIBE", "news") == [b"unsubscribe", b"news", 0]
    assert await answer(one, "GET", "key") is None


@proves("REDIS-17")
async def test_a_publish_after_the_confirmation_arrives(redis: Redis, subscriber: NewSubscriber) -> None:
    one = subscriber()
    for number in range(20):
        await one.subscribe(f"news.{number}")
        assert await redis.publish(f"news.{number}", b"x") == 1
        assert [frame[2] for frame in await one.frames(1)] == [b"news.%d" % number]


@proves("REDIS-18")
async def test_sharded_channels_are_a_world_of_their_own(redis: Redis, subscriber: NewSubscriber) -> None:
    sharded, plain = subscriber(), subscriber()
    await sharded.pubsub.ssubscribe("news")
    assert await sharded.frames(1) == [("ssubscribe", None, b"news", 1)]
    await plain.subscribe("news")
    assert await redis.execute_command("SPUBLISH", "news", "to shards") == 1
    assert await redis.publish("news", b"to all others") == 1
    assert await sharded.frames(1) == [("smessage", None, b"news", b"to shards")]
    assert await plain.frames(1) == [("message", None, b"news", b"to all others")]
    assert (await redis.pubsub_shardchannels(), await redis.pubsub_channels()) == ([b"news"], [b"news"])


@proves("REDIS-19")
async def test_events_of_keys_are_published_once_the_server_is_told_to(redis: Redis, subscriber: NewSubscriber) -> None:
    one = subscriber()
    await one.psubscribe("__key*__:*")
    await redis.set("key", "unseen")
    await redis.config_set("notify-keyspace-events", "KEA")
    try:
        await redis.set("key", "seen")
        assert await one.frames(2) == [
            ("pmessage", b"__key*__:*", b"__keyspace@0__:key", b"set"),
            ("pmessage", b"__key*__:*", b"__keyevent@0__:set", b"key"),
        ]
    finally:
        await redis.config_set("notify-keyspace-events", "")


@proves("REDIS-20")
async def test_a_timeout_is_in_the_time_of_the_loop(subscriber: NewSubscriber) -> None:
    one, loop = subscriber(), asyncio.get_running_loop()
    await one.subscribe("news")
    before = loop.time()
    assert await one.pubsub.get_message(timeout=0.05) is None
    assert loop.time() - before >= 0.05


@pytest.mark.virtual_only
class TestInTheHarness:
    """The memory profile hands out this very fake."""

    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice(name="pubsub")

    @proves("REDIS-20")
    async def test_a_timeout_is_in_virtual_time(
        self, request: pytest.FixtureRequest, jararaca_redis: Any, jararaca_clock: VirtualClock
    ) -> None:
        runs_on(request, "fakeredis", fakeredis.__version__)
        async with jararaca_redis.pubsub() as pubsub:
            await pubsub.subscribe("news")
            await pubsub.get_message(timeout=1)
            before = jararaca_clock.monotonic()

            assert await pubsub.get_message(timeout=30) is None

            assert jararaca_clock.monotonic() - before == 30

    @proves("REDIS-10")
    async def test_a_subscriber_that_closed_counts_no_more(
        self, request: pytest.FixtureRequest, jararaca_redis: Any
    ) -> None:
        runs_on(request, "fakeredis", fakeredis.__version__)
        async with jararaca_redis.pubsub() as pubsub:
            await pubsub.subscribe("news")
            assert await jararaca_redis.pubsub_numsub("news") == [(b"news", 1)]

        assert await jararaca_redis.pubsub_numsub("news") == [(b"news", 0)]
