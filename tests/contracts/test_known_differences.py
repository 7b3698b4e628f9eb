"""What this project's fakes are known to do differently from the servers: each difference in a test that asserts it.

A test here that fails is good news: the difference is gone, and with it this test.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from redis.exceptions import ResponseError

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.ports.broker import Binding, Broker, Envelope, Exchange, Queue
from jararaca_testing.contracts import differs, proves, runs_on

pytestmark = pytest.mark.asyncio

PATIENCE = 10.0  # seconds
Server = tuple[str, str]
Connect = Callable[..., Any]


@pytest_asyncio.fixture
async def memory(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    runs_on(request, "memory")
    broker = MemoryBroker(VirtualHost(SystemClock()))
    await broker.connect()
    yield broker
    await broker.close()


@pytest_asyncio.fixture
async def real(rabbitmq: Callable[[str], Server]) -> AsyncIterator[Broker]:
    """Says not what it is: what is asserted of it is what the model differs from."""
    broker = RabbitMQBroker(rabbitmq("services")[0], name="contract")
    await broker.connect()
    yield broker
    await broker.close()


async def matches(broker: Broker, wanted: dict[str, Any], headers: dict[str, Any]) -> bool:
    """Whether a headers exchange routes these headers to a binding with these arguments."""
    queue = (await broker.declare_queue(Queue("", durable=False, exclusive=True))).name
    exchange = f"contract.{queue.removeprefix('amq.')}"
    await broker.declare_exchange(Exchange(exchange, "headers", durable=False, auto_delete=True))
    await broker.bind(Binding(exchange, queue, arguments=wanted))
    await broker.publish(Envelope(b"1", headers=headers), exchange=exchange, routing_key="")
    return await broker.get(queue) is not None


NUMBERS = [[1], {"b": 1}, [1.5], 0.1]


@differs("RMQ-06")
@pytest.mark.parametrize("value", NUMBERS, ids=repr)
async def test_numbers_of_a_headers_binding_have_no_width(memory: Broker, value: Any) -> None:
    """On the wire a binding's numbers are narrower than a header's; RabbitMQ sees that inside of lists and tables, and
    in fractions that single precision rounds."""
    assert await matches(memory, {"a": value}, {"a": value})


@pytest.mark.needs_servers
@pytest.mark.parametrize("value", NUMBERS, ids=repr)
async def test_numbers_of_a_headers_binding_are_narrower_on_the_wire(real: Broker, value: Any) -> None:
    assert not await matches(real, {"a": value}, {"a": value})


# -- fakeredis and Redis


def shows(given: str, *, fake: object, real: object) -> pytest.MarkDecorator:
    """The test runs on both, and each shows something else."""
    on_fake = pytest.param("fake", fake, marks=differs(given), id="fake")
    on_real = pytest.param("real", real, marks=[proves(given), pytest.mark.needs_servers], id="real")
    return pytest.mark.parametrize(("connect_redis", "shown"), [on_fake, on_real], indirect=["connect_redis"])


@contextlib.asynccontextmanager
async def listener(client: Any, *channels: str, pattern: str | None = None) -> AsyncIterator[Any]:
    """A connection with a subscription that is confirmed."""
    async with client.pubsub() as pubsub:
        await (pubsub.psubscribe(pattern) if pattern else pubsub.subscribe(*channels))
        await pubsub.get_message(timeout=PATIENCE)
        yield pubsub


async def answer(connection: Any, *command: str) -> Any:
    """What this very connection is answered, errors included."""
    await connection.send_command(*command)
    try:
        return await connection.read_response(timeout=PATIENCE, disconnect_on_error=False)
    except ResponseError as refused:
        return str(refused)


@shows("REDIS-08", fake=1, real=0)
async def test_the_channel_without_a_name_matches_a_star(connect_redis: Connect, shown: int) -> None:
    async with listener(connect_redis(), pattern="*"):
        assert await connect_redis().publish("", b"x") == shown


@shows("REDIS-18", fake=1, real=0)
async def test_a_sharded_publish_reaches_a_pattern(connect_redis: Connect, shown: int) -> None:
    async with listener(connect_redis(), pattern="*"):
        assert await connect_redis().execute_command("SPUBLISH", "news", b"x") == shown


ALLOWED = "allowed in this context"
FAKE_REFUSAL = f"only (P)SUBSCRIBE / (P)UNSUBSCRIBE / PING / QUIT {ALLOWED}"
REAL_REFUSAL = f"Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are {ALLOWED}"


@shows("REDIS-16", fake=FAKE_REFUSAL, real=REAL_REFUSAL)
async def test_a_connection_that_has_subscriptions_is_refused_everything_else_in_other_words(
    connect_redis: Connect, shown: str
) -> None:
    async with listener(connect_redis(), "news") as pubsub:
        assert await answer(pubsub.connection, "GET", "key") == shown


@shows("REDIS-16", fake=FAKE_REFUSAL, real=None)
async def test_it_is_refused_everything_else_with_resp3_as_well(connect_redis: Connect, shown: str | None) -> None:
    async with listener(connect_redis(protocol=3), "news") as pubsub:
        assert await answer(pubsub.connection, "GET", "key") == shown


@shows("REDIS-16", fake="unknown command 'quit', with args beginning with: ", real=b"OK")
async def test_nobody_can_quit(connect_redis: Connect, shown: str | bytes) -> None:
    async with listener(connect_redis(), "news") as pubsub:
        assert await answer(pubsub.connection, "QUIT") == shown


@shows("REDIS-04", fake=b"PONG", real=[b"unsubscribe", None, 0])
async def test_leaving_all_channels_is_not_confirmed_to_who_has_none(
    connect_redis: Connect, shown: bytes | list[Any]
) -> None:
    """What is answered first."""
    async with connect_redis().client() as client:
        await client.connection.send_command("UNSUBSCRIBE")
        assert await answer(client.connection, "PING") == shown


@shows("REDIS-14", fake=[50, None], real=[0, None])
async def test_a_slow_subscriber_is_never_cut_off(connect_redis: Connect, shown: list[int | None]) -> None:
    """Twenty times more waits for it than its server's limit allows. Shown are how many of the later publishes count
    it, and the end of what it reads: neither is an error, and whatever else was published is lost in silence."""
    publisher = connect_redis()
    await publisher.config_set("client-output-buffer-limit", "pubsub 102400 102400 0")
    try:
        async with listener(connect_redis(), "news") as slow:
            counts = [await publisher.publish("news", bytes(100_000)) for _ in range(100)]
            received = 0
            while (frame := await slow.get_message(timeout=0.2)) is not None:
                received += frame["type"] == "message"
            assert (received == 100) is (shown[0] == 50)
            assert [sum(counts[50:]), frame] == shown
    finally:
        await publisher.config_set("client-output-buffer-limit", "pubsub 33554432 8388608 60")
