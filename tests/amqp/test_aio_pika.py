"""The public API of aio-pika on our server and on RabbitMQ: what a test says is true of both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aio_pika
import pytest
import pytest_asyncio
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, DeliveryError, PublishError, QueueEmpty
from aio_pika.patterns import RPC, Master
from proxy import Proxy

pytestmark = pytest.mark.asyncio

QUORUM: Any = {"x-queue-type": "quorum"}
Wait = Callable[[AbstractQueue], Awaitable[AbstractIncomingMessage]]


@pytest_asyncio.fixture
async def channel(either: str, name: str) -> AsyncIterator[AbstractChannel]:
    """A channel whose connection takes all with it that the test declared under `name`, `name`.a and `name`.b."""
    async with await aio_pika.connect(either) as connection:
        yield await connection.channel()
        sweeper = await connection.channel()
        for each in (name, f"{name}.a", f"{name}.b"):
            await sweeper.queue_delete(each)
            await sweeper.exchange_delete(each)


async def arrival(queue: AbstractQueue) -> AbstractIncomingMessage:
    """The next message of a queue, acked."""
    async with queue.iterator(timeout=10) as messages:
        async for message in messages:
            await message.ack()
            return message
    raise AssertionError("nothing came")


async def bodies(queue: AbstractQueue) -> list[bytes]:
    """What is ready in a queue."""
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message.body)
    return found


async def test_topic_routing(channel: AbstractChannel, name: str) -> None:
    exchange = await channel.declare_exchange(name, ExchangeType.TOPIC)
    queues = {}
    for label, patterns in {"a": ["order.*"], "b": ["order.#", "*.paid", "#"]}.items():
        queues[label] = await channel.declare_queue(f"{name}.{label}")
        for pattern in patterns:
            await queues[label].bind(exchange, pattern)

    for key in ("order", "order.paid", "order.eu.paid", "invoice.paid", ""):
        await exchange.publish(Message(key.encode()), key, mandatory=False)

    assert await bodies(queues["a"]) == [b"order.paid"]
    assert await bodies(queues["b"]) == [b"order", b"order.paid", b"order.eu.paid", b"invoice.paid", b""]


async def test_headers_routing(channel: AbstractChannel, name: str) -> None:
    exchange = await channel.declare_exchange(name, ExchangeType.HEADERS)
    every, some = [await channel.declare_queue(f"{name}.{label}") for label in "ab"]
    await every.bind(exchange, arguments={"x-match": "all", "kind": "fruit", "size": 3})
    await some.bind(exchange, arguments={"x-match": "any", "kind": "fruit", "size": 3})

    tables: list[Any] = [{"kind": "fruit", "size": 3}, {"kind": "fruit"}, {"size": "3"}, {"size": 3, "other": True}]
    for headers in tables:
        await exchange.publish(Message(repr(headers).encode(), headers=headers), "", mandatory=False)

    assert await bodies(every) == [b"{'kind': 'fruit', 'size': 3}"]
    assert await bodies(some) == [b"{'kind': 'fruit', 'size': 3}", b"{'kind': 'fruit'}", b"{'size': 3, 'other': True}"]


async def test_an_exchange_bound_to_an_exchange_and_unbound(channel: AbstractChannel, name: str) -> None:
    source = await channel.declare_exchange(name, ExchangeType.FANOUT)
    target = await channel.declare_exchange(f"{name}.a", ExchangeType.DIRECT)
    queue = await channel.declare_queue(f"{name}.b")
    await target.bind(source)
    await queue.bind(target, "k")
    await source.publish(Message(b"first"), "k")

    await target.unbind(source)
    await source.publish(Message(b"second"), "k", mandatory=False)

    assert await bodies(queue) == [b"first"]


async def test_every_property_arrives_as_it_was_sent(channel: AbstractChannel, name: str) -> None:
    """RMQ-64."""
    headers: Any = {
        "int": 5,
        "long": 2**40,
        "negative": -3,
        "bool": True,
        "none": None,
        "text": "grüße",
        "float": 0.5,
        "list": [1, "two", [3]],
        "table": {"deep": {"deeper": 1}},
        "time": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        "decimal": Decimal("1.25"),
    }
    sent = Message(
        b"body",
        headers=headers,
        content_type="application/json",
        content_encoding="utf-8",
        delivery_mode=DeliveryMode.PERSISTENT,
        priority=7,
        correlation_id="c",
        reply_to="r",
        expiration=60,
        message_id="m",
        timestamp=datetime(2024, 1, 2, tzinfo=UTC),
        type="t",
        user_id="guest",
        app_id="app",
    )
    queue = await channel.declare_queue(name)
    await channel.default_exchange.publish(sent, name)

    got = await queue.get()

    await got.ack()
    travels = {key: value for key, value in sent.info().items() if value is not None and key != "headers"}
    received: Any = got.info()
    assert {key: received[key] for key in travels} == travels
    assert len(travels) == 13
    assert dict(got.headers) == headers


async def test_a_large_message_in_many_frames(channel: AbstractChannel, name: str) -> None:
    body = bytes(range(256)) * 4096
    queue = await channel.declare_queue(name)
    await channel.default_exchange.publish(Message(body), name)

    assert (await arrival(queue)).body == body


async def test_an_empty_message(channel: AbstractChannel, name: str) -> None:
    queue = await channel.declare_queue(name)
    await channel.default_exchange.publish(Message(b""), name)

    assert (await arrival(queue)).body == b""


async def test_remote_calls_by_a_queue_of_replies(channel: AbstractChannel, name: str) -> None:
    """aio-pika's own pattern, with an exclusive queue and an exchange of dead letters."""
    rpc = await RPC.create(channel)

    async def double(number: int) -> int:
        return 2 * number

    await rpc.register(name, double, auto_delete=True)

    assert await asyncio.gather(*(rpc.call(name, {"number": number}) for number in range(5))) == [0, 2, 4, 6, 8]
    await rpc.close()


async def test_remote_calls_by_direct_reply_to(channel: AbstractChannel, name: str) -> None:
    """RMQ-63: the pseudo-queue gives each caller an address that only lives on its channel."""
    asked = await channel.declare_queue(name)
    replies = await channel.declare_queue("amq.rabbitmq.reply-to", passive=True)
    answers: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    await replies.consume(answers.put, no_ack=True)
    question = Message(b"?", reply_to="amq.rabbitmq.reply-to", correlation_id="1")
    await channel.default_exchange.publish(question, name)

    received = await asked.get()
    await received.ack()
    assert received.reply_to is not None
    assert received.reply_to.startswith("amq.rabbitmq.reply-to.")
    await channel.default_exchange.publish(Message(b"!", correlation_id="1"), received.reply_to)

    answer = await asyncio.wait_for(answers.get(), 10)
    assert (answer.body, answer.correlation_id) == (b"!", "1")


async def test_tasks_by_the_master_pattern(channel: AbstractChannel, name: str) -> None:
    master = Master(channel)
    done: asyncio.Queue[int] = asyncio.Queue()

    async def work(*, number: int) -> None:
        await done.put(number)

    worker = await master.create_worker(name, work)
    for number in range(3):
        await master.create_task(name, {"number": number})

    assert sorted([await asyncio.wait_for(done.get(), 10) for _ in range(3)]) == [0, 1, 2]
    await worker.close()


async def test_a_robust_connection_comes_back_after_the_network_lost_it(either: str, name: str) -> None:
    """Queue, binding and consumer are there again, and what was unacked is redelivered."""
    proxy = Proxy(either)
    await proxy.start()
    received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
    connection = await aio_pika.connect_robust(proxy.address, reconnect_interval=0.05)
    back = asyncio.Event()
    connection.reconnect_callbacks.add(lambda *_: back.set())
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(10)
        queue = await channel.declare_queue(name, exclusive=False)
        await queue.consume(received.put)
        await channel.default_exchange.publish(Message(b"kept"), name)
        first = await asyncio.wait_for(received.get(), 10)

        proxy.cut()
        await asyncio.wait_for(back.wait(), 20)
        again = await asyncio.wait_for(received.get(), 10)
        await again.ack()
        await channel.default_exchange.publish(Message(b"new"), name)
        last = await asyncio.wait_for(received.get(), 10)
        await last.ack()
        await queue.delete(if_unused=False, if_empty=False)

    await proxy.stop()
    assert (first.body, first.redelivered) == (b"kept", False)
    assert (again.body, again.redelivered) == (b"kept", True)
    assert (last.body, last.redelivered) == (b"new", False)
    assert proxy.accepted == 2


async def test_a_publish_is_confirmed_and_what_nobody_takes_is_returned(channel: AbstractChannel, name: str) -> None:
    """RMQ-11."""
    await channel.declare_queue(name)

    taken = await channel.default_exchange.publish(Message(b"x"), name)
    returned = await channel.default_exchange.publish(Message(b"y"), f"{name}.nobody")

    assert type(taken).__name__ == "Ack"
    delivery: Any = returned
    assert (delivery.delivery.reply_code, delivery.delivery.reply_text) == (312, "NO_ROUTE")
    assert (delivery.delivery.routing_key, delivery.body) == (f"{name}.nobody", b"y")


async def test_a_return_is_raised_where_that_was_asked_for(channel: AbstractChannel, either: str, name: str) -> None:
    async with await aio_pika.connect(either) as connection:
        strict = await connection.channel(on_return_raises=True)

        with pytest.raises(PublishError):
            await strict.default_exchange.publish(Message(b"x"), f"{name}.nobody")


async def test_many_publishes_are_confirmed_together(channel: AbstractChannel, name: str) -> None:
    queue = await channel.declare_queue(name)
    publishes = [channel.default_exchange.publish(Message(str(n).encode()), name) for n in range(100)]

    confirmed = await asyncio.gather(*publishes)

    assert {type(each).__name__ for each in confirmed} == {"Ack"}
    assert await bodies(queue) == [str(n).encode() for n in range(100)]


async def test_a_full_queue_refuses_and_the_publisher_hears_it(channel: AbstractChannel, name: str) -> None:
    """RMQ-47, and that a refusal between two confirms hits its own message."""
    queue = await channel.declare_queue(name, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})

    async def published(body: bytes) -> str:
        try:
            return type(await channel.default_exchange.publish(Message(body), name)).__name__
        except DeliveryError as error:
            return type(error.frame).__name__

    assert [await published(b"1"), await published(b"2"), await published(b"3")] == ["Ack", "Nack", "Nack"]
    assert await bodies(queue) == [b"1"]


async def test_a_quorum_queue_gives_up_after_its_limit(channel: AbstractChannel, name: str) -> None:
    """RMQ-57, RMQ-49."""
    dead = await channel.declare_queue(f"{name}.a", durable=True)
    arguments = QUORUM | {
        "x-delivery-limit": 2,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead.name,
    }
    queue = await channel.declare_queue(name, durable=True, arguments=arguments)
    await channel.default_exchange.publish(Message(b"poison", delivery_mode=DeliveryMode.PERSISTENT), name)
    counts: list[Any] = []

    async def refuse(message: AbstractIncomingMessage) -> None:
        counts.append((message.headers.get("x-delivery-count"), message.redelivered))
        await message.reject(requeue=True)

    await queue.consume(refuse)
    given_up = await arrival(dead)

    assert counts == [(None, False), (1, True), (2, True)]
    deaths: Any = given_up.headers["x-death"]
    [death] = deaths
    assert (death["reason"], death["queue"], death["count"]) == ("delivery_limit", name, 1)
    assert given_up.headers["x-first-death-reason"] == "delivery_limit"


async def test_a_chain_of_waits_counts_its_rounds(channel: AbstractChannel, name: str) -> None:
    """RMQ-45, 50, 51: a work queue that rejects into a queue whose messages expire back into it."""
    work, wait = name, f"{name}.a"
    queue = await channel.declare_queue(
        work, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": wait}
    )
    await channel.declare_queue(
        wait, arguments={"x-message-ttl": 30, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": work}
    )
    await channel.default_exchange.publish(Message(b"again", expiration=60), work)
    deaths: list[Any] = []
    done = asyncio.Event()

    async def reject_twice(message: AbstractIncomingMessage) -> None:
        entries: Any = message.headers.get("x-death", [])
        deaths.append([(each["queue"], each["reason"], each["count"]) for each in entries])
        if len(deaths) < 3:
            await message.reject()
            return
        assert message.expiration is None
        assert [each.get("original-expiration") for each in entries] == [None, "60000"]
        await message.ack()
        done.set()

    await queue.consume(reject_twice)
    await asyncio.wait_for(done.wait(), 10)

    assert deaths == [
        [],
        [(wait, "expired", 1), (work, "rejected", 1)],
        [(wait, "expired", 2), (work, "rejected", 2)],
    ]


async def test_a_transaction_is_seen_once_it_is_committed(either: str, channel: AbstractChannel, name: str) -> None:
    """RMQ-61."""
    queue = await channel.declare_queue(name)
    async with await aio_pika.connect(either) as connection:
        plain = await connection.channel(publisher_confirms=False)
        transaction = plain.transaction()
        await transaction.select()
        await plain.default_exchange.publish(Message(b"rolled back"), name)
        await transaction.rollback()
        await plain.default_exchange.publish(Message(b"committed"), name)

        with pytest.raises(QueueEmpty):
            await queue.get()
        await transaction.commit()

        assert await bodies(queue) == [b"committed"]


async def test_a_channel_dies_of_a_misuse_and_another_lives(either: str, channel: AbstractChannel, name: str) -> None:
    async with await aio_pika.connect(either) as connection:
        misused, other = await connection.channel(), await connection.channel()

        with pytest.raises(ChannelNotFoundEntity, match=f"no queue '{name}.nowhere'"):
            await misused.declare_queue(f"{name}.nowhere", passive=True)

        assert misused.is_closed
        assert (await other.declare_queue(name)).name == name


async def test_a_message_acked_twice_closes_its_channel(channel: AbstractChannel, either: str, name: str) -> None:
    """RMQ-33."""
    async with await aio_pika.connect(either) as connection:
        own = await connection.channel()
        queue = await own.declare_queue(name)
        await own.default_exchange.publish(Message(b"x"), name)
        message = await queue.get()
        closed: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        own.close_callbacks.add(lambda _channel, reason: closed.set_result(reason))

        for _ in range(2):
            await own.get_underlay_channel()
            underlay: Any = await own.get_underlay_channel()
            await underlay.basic_ack(message.delivery_tag)

        reason = await asyncio.wait_for(closed, 10)
    assert isinstance(reason, ChannelClosed)
    assert "unknown delivery tag 1" in str(reason)
