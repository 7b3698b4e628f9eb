"""Several servers of one application: a message reaches the clients of all of them, once."""

from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from jararaca import Microservice, RedisWebSocketConnectionBackend, WebSocketInterceptor
from jararaca_testing import RunningApplication

Replica = Callable[..., Awaitable[RunningApplication]]


def over_redis() -> tuple[object, ...]:
    """Each process has a client of its own, as real ones have."""
    return (WebSocketInterceptor(RedisWebSocketConnectionBackend(Redis.from_url("redis://localhost"))),)


def in_memory() -> tuple[object, ...]:
    return ()


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@pytest.fixture(params=[in_memory, over_redis])
async def two(request: pytest.FixtureRequest, replica: Replica) -> tuple[RunningApplication, RunningApplication]:
    first, second = await replica(*request.param()), await replica(*request.param())
    for each in (first, second):
        while (await each.http.get("/health/ready")).status_code != 200:
            await each.clock.sleep(0.1)
    return first, second


Two = tuple[RunningApplication, RunningApplication]


async def test_a_broadcast_reaches_the_clients_of_each_server_once(two: Two) -> None:
    first, second = two
    async with first.ws.connect("/ws") as here, second.ws.connect("/ws") as there:
        await first.http.post("/broadcast", json={"text": "from the first"})
        assert [await here.receive_text(), await there.receive_text()] == ["from the first"] * 2
        await second.http.post("/broadcast", json={"text": "from the second"})

        assert [await here.receive_text(), await there.receive_text()] == ["from the second"] * 2


async def test_rooms_reach_over_servers(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws?rooms=a&rooms=b") as inside, second.ws.connect("/ws?rooms=c") as outside:
        await first.http.post("/send", json={"rooms": ["a", "b"], "text": "hello"})
        await first.http.post("/close", json={"room": "b"})
        await first.http.post("/broadcast", json={"text": "who is left"})

        assert [await inside.receive_text() for _ in range(2)] == ["hello", "goodbye"]
        await inside.until_closed()
        assert await outside.receive_text() == "who is left"


async def test_order_is_kept_for_one_origin_over_broadcasts_and_rooms(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws?rooms=a") as socket:
        await first.http.post("/order")

        assert [await socket.receive_text() for _ in range(5)] == ["at once", "1", "2", "3", "afterwards"]


async def test_bytes_and_text_arrive_as_what_they_were(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws") as socket:
        await first.http.post("/bytes")
        await first.http.post("/broadcast", json={"text": "\0, ol\u00e1"})

        assert [await socket.receive(), await socket.receive()] == [b"\x00\xff", "\0, ol\u00e1"]


async def test_a_long_burst_closes_nobody_who_reads(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/small") as socket:
        await first.http.post("/burst", json={"count": 100})

        assert [await socket.receive_text() for _ in range(100)] == [str(number) for number in range(100)]


async def test_applications_of_other_names_hear_nothing(replica: Replica) -> None:
    one, other = await replica(name="one"), await replica(name="other")
    async with other.ws.connect("/ws") as socket:
        await one.http.post("/broadcast", json={"text": "private"})

        await socket.receive_nothing(within=1)


async def test_an_application_that_starts_again_is_heard_again(replica: Replica) -> None:
    """Its count starts at one again, which must not look like frames that were seen before."""
    first, second = await replica(), await replica()
    async with second.ws.connect("/ws") as socket:
        await first.http.post("/burst", json={"count": 3})
        assert await socket.receive_text() == "0"
        await first.application.stop()
        await first.application.start()
        await first.http.post("/broadcast", json={"text": "again"})

        assert [await socket.receive_text() for _ in range(3)] == ["1", "2", "again"]
