"""Time to live, of messages and of queues."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Binding, Delivery, Envelope, Exchange, Queue

pytestmark = pytest.mark.asyncio

QUORUM = {"x-queue-type": "quorum"}
KINDS = pytest.mark.parametrize("arguments", [{}, QUORUM], ids=["classic", "quorum"])
TO_D = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "d"}


async def put(broker: MemoryBroker, queue: str, body: str, *, milliseconds: int | None = None) -> None:
    expiration = None if milliseconds is None else str(milliseconds)
    await broker.publish(Envelope(body.encode(), expiration=expiration), exchange="", routing_key=queue)


async def passed(seconds: float) -> None:
    await SystemClock().sleep(seconds)


async def ready(broker: MemoryBroker, *queues: str) -> list[int]:
    return [(await broker.inspect_queue(queue)).ready for queue in queues]


@KINDS
async def test_only_the_head_expires(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-39: a short life behind a long one waits, and both leave in order."""
    await broker.declare_queue(Queue("q", arguments={**arguments, **TO_D}))
    await broker.declare_queue(Queue("d"))
    await put(broker, "q", "long", milliseconds=1500)
    await put(broker, "q", "short", milliseconds=100)
    await passed(0.6)
    assert await ready(broker, "q", "d") == [2, 0]
    await passed(0.899)
    assert await ready(broker, "q", "d") == [2, 0]

    await passed(0.002)

    assert await ready(broker, "q", "d") == [0, 2]
    first = await broker.get("d")
    assert first is not None
    assert first.envelope.body == b"long"


@KINDS
async def test_the_shorter_of_queue_and_message_counts(broker: MemoryBroker, arguments: dict[str, object]) -> None:
    """RMQ-40, RMQ-41."""
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-message-ttl": 200}))
    await put(broker, "q", "own", milliseconds=100)
    await put(broker, "q", "the queue's", milliseconds=5000)
    await passed(0.15)
    assert await ready(broker, "q") == [1]
    await passed(0.1)
    assert await ready(broker, "q") == [0]


@KINDS
async def test_what_is_unacked_does_not_expire_until_it_returns(
    broker: MemoryBroker, arguments: dict[str, object], vhost: VirtualHost
) -> None:
    """RMQ-42."""
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-message-ttl": 100}))
    await put(broker, "q", "a")
    delivery = await broker.get("q")
    await passed(1)
    assert vhost.depths()["q"].unacked == 1
    assert delivery is not None
    delivery.nack(requeue=True)
    assert await ready(broker, "q") == [0]


@KINDS
async def test_a_life_of_zero_reaches_only_a_consumer_that_is_ready(
    broker: MemoryBroker, arguments: dict[str, object]
) -> None:
    """RMQ-43."""
    await broker.declare_queue(Queue("q", arguments={**arguments, "x-message-ttl": 0}))
    await put(broker, "q", "nobody there")
    seen: list[Delivery] = []
    await broker.consume("q", prefetch=1, on_delivery=seen.append)
    await put(broker, "q", "in time")
    await put(broker, "q", "window full")
    await passed(0.001)
    assert [delivery.envelope.body for delivery in seen] == [b"in time"]
    assert await ready(broker, "q") == [0]


async def test_a_wait_brings_a_message_back_to_the_queue_it_names(broker: MemoryBroker) -> None:
    """The ladder of delays: a fanout exchange, a queue with a life and no dead-letter routing key."""
    await broker.declare_exchange(Exchange("app.wait.1000", "fanout"))
    await broker.declare_queue(
        Queue("app.wait.1000", arguments={**QUORUM, "x-message-ttl": 1000, "x-dead-letter-exchange": ""})
    )
    await broker.bind(Binding("app.wait.1000", "app.wait.1000"))
    await broker.declare_queue(Queue("app.handler", arguments=QUORUM))
    loop = asyncio.get_running_loop()
    arrived: list[tuple[float, Delivery]] = []
    await broker.consume("app.handler", prefetch=5, on_delivery=lambda got: arrived.append((loop.time(), got)))
    sent = loop.time()
    await broker.publish(
        Envelope(b"x", headers={"x-jararaca-attempt": 2}), exchange="app.wait.1000", routing_key="app.handler"
    )
    await passed(5)

    [(at, delivery)] = arrived
    assert at - sent == pytest.approx(1.0)
    assert (delivery.exchange, delivery.routing_key, delivery.redelivered) == ("", "app.handler", False)
    assert delivery.envelope.headers["x-jararaca-attempt"] == 2
    [death] = delivery.envelope.headers["x-death"]
    assert (death["queue"], death["reason"], death["exchange"]) == ("app.wait.1000", "expired", "app.wait.1000")


async def test_the_expiration_of_a_dead_letter_moves_into_its_record(broker: MemoryBroker) -> None:
    """RMQ-45: otherwise it would expire again where it went."""
    await broker.declare_queue(Queue("q", arguments=TO_D))
    await broker.declare_queue(Queue("d"))
    await put(broker, "q", "a", milliseconds=40)
    await passed(1)
    delivery = await broker.get("d")
    assert delivery is not None
    assert delivery.envelope.expiration is None
    assert delivery.envelope.headers["x-death"][0]["original-expiration"] == "40"


@pytest.mark.parametrize(
    ("expiration", "reason"),
    [
        ("", "no_integer"),
        ("abc", "no_integer"),
        (" 5", "no_integer"),
        ("-1", r"\{value_negative,-1\}"),
        ("1.5", r'\{leftover_string,"\.5"\}'),
        ("5x", r'\{leftover_string,"x"\}'),
    ],
)
async def test_an_expiration_is_whole_milliseconds_in_text(broker: MemoryBroker, expiration: str, reason: str) -> None:
    """RMQ-44."""
    with pytest.raises(ChannelClosed, match=f"PRECONDITION_FAILED - invalid expiration '{expiration}': {reason}"):
        await broker.publish(Envelope(b"", expiration=expiration), exchange="", routing_key="q")


@pytest.mark.parametrize("expiration", ["+5", "007", "4294967296"])
async def test_the_server_reads_numbers_generously(broker: MemoryBroker, expiration: str) -> None:
    await broker.declare_queue(Queue("q"))
    await broker.publish(Envelope(b"", expiration=expiration), exchange="", routing_key="q")
    assert await ready(broker, "q") == [1]


async def consume_and_cancel(broker: MemoryBroker) -> None:
    await (await broker.consume("q", prefetch=1, on_delivery=lambda _: None)).cancel()


async def get(broker: MemoryBroker) -> None:
    await broker.get("q")


async def declare_classic(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", arguments={"x-expires": 4000}))


async def declare_quorum(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q", arguments={**QUORUM, "x-expires": 4000}))


async def publish(broker: MemoryBroker) -> None:
    await put(broker, "q", "a")


async def inspect(broker: MemoryBroker) -> None:
    await broker.inspect_queue("q")


@pytest.mark.parametrize(
    ("declare", "use", "survives"),
    [
        (declare_classic, consume_and_cancel, True),
        (declare_classic, get, True),
        (declare_classic, declare_classic, True),
        (declare_classic, inspect, True),
        (declare_classic, publish, False),
        (declare_quorum, consume_and_cancel, True),
        (declare_quorum, get, True),
        (declare_quorum, declare_quorum, False),
        (declare_quorum, inspect, False),
    ],
)
async def test_an_unused_queue_ends_and_some_uses_renew_it(
    broker: MemoryBroker,
    vhost: VirtualHost,
    declare: Callable[[MemoryBroker], Awaitable[None]],
    use: Callable[[MemoryBroker], Awaitable[None]],
    survives: bool,
) -> None:
    """RMQ-20: a quorum queue looks every five seconds."""
    await declare(broker)
    await passed(3)
    await use(broker)
    await passed(3)
    assert ("q" in vhost.depths()) is survives
    await passed(10)
    assert "q" not in vhost.depths()


async def test_a_queue_with_a_consumer_does_not_end_and_ends_without_dead_letters(
    broker: MemoryBroker, vhost: VirtualHost
) -> None:
    """RMQ-20."""
    await broker.declare_queue(Queue("q", arguments={**TO_D, "x-expires": 1000}))
    await broker.declare_queue(Queue("d"))
    subscription = await broker.consume("q", prefetch=1, on_delivery=lambda _: None)
    await passed(5)
    assert "q" in vhost.depths()
    await put(broker, "q", "a")
    await put(broker, "q", "b")
    await subscription.close()
    await passed(1.1)
    assert "q" not in vhost.depths()
    assert await ready(broker, "d") == [0]
