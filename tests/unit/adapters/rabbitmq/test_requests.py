"""What the adapter says on the wire, request by request."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pamqp import commands as amqp
from pamqp.body import ContentBody
from pamqp.header import ContentHeader

from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.errors import ChannelClosed, UnencodableValue
from jararaca.ports.broker import Binding, Broker, Confirm, Delivery, Envelope, Exchange, Queue, QueueInfo

pytestmark = pytest.mark.asyncio

ScriptedServer = Any  # of conftest

ARGUMENTS = {"raw": b"raw", "list": ("a", {"b": b"c"})}
PLAIN = {"raw": bytearray(b"raw"), "list": ["a", {"b": bytearray(b"c")}]}


@pytest.mark.parametrize(
    ("call", "method", "said", "answer"),
    [
        (
            lambda broker: broker.declare_exchange(Exchange("e", "topic", internal=True, arguments=ARGUMENTS)),
            "Exchange.Declare",
            {"exchange": "e", "exchange_type": "topic", "durable": True, "internal": True, "arguments": PLAIN},
            None,
        ),
        (
            lambda broker: broker.declare_queue(Queue("q", durable=False, exclusive=True, arguments=ARGUMENTS)),
            "Queue.Declare",
            {"queue": "q", "durable": False, "exclusive": True, "passive": False, "arguments": PLAIN},
            QueueInfo("q", 0, 0),
        ),
        (lambda broker: broker.inspect_exchange("e"), "Exchange.Declare", {"exchange": "e", "passive": True}, None),
        (
            lambda broker: broker.inspect_queue("q"),
            "Queue.Declare",
            {"queue": "q", "passive": True},
            QueueInfo("q", 0, 0),
        ),
        (
            lambda broker: broker.bind(Binding("e", "q", "k", ARGUMENTS)),
            "Queue.Bind",
            {"queue": "q", "exchange": "e", "routing_key": "k", "arguments": PLAIN},
            None,
        ),
        (
            lambda broker: broker.unbind(Binding("e", "q", "k", ARGUMENTS)),
            "Queue.Unbind",
            {"queue": "q", "exchange": "e", "routing_key": "k", "arguments": PLAIN},
            None,
        ),
        (
            lambda broker: broker.bind(Binding("e", "f", "k", destination_type="exchange")),
            "Exchange.Bind",
            {"destination": "f", "source": "e", "routing_key": "k"},
            None,
        ),
        (
            lambda broker: broker.unbind(Binding("e", "f", "k", destination_type="exchange")),
            "Exchange.Unbind",
            {"destination": "f", "source": "e", "routing_key": "k"},
            None,
        ),
        (lambda broker: broker.purge("q"), "Queue.Purge", {"queue": "q"}, 4),
        (
            lambda broker: broker.delete_queue("q"),
            "Queue.Delete",
            {"queue": "q", "if_unused": False, "if_empty": False},
            5,
        ),
        (lambda broker: broker.delete_exchange("e"), "Exchange.Delete", {"exchange": "e", "if_unused": False}, None),
    ],
)
async def test_a_request_says_what_was_asked(
    server: ScriptedServer,
    broker: RabbitMQBroker,
    call: Callable[[Broker], Awaitable[object]],
    method: str,
    said: dict[str, object],
    answer: object,
) -> None:
    """RMQ-20: a queue is deleted without conditions, which a quorum queue would answer by closing the connection."""
    assert await call(broker) == answer
    _, frame = await server.saw(method)
    assert {name: getattr(frame, name) for name in said} == said


async def test_a_name_that_amqp_cannot_carry_is_refused_before_it_is_sent(broker: RabbitMQBroker) -> None:
    with pytest.raises(UnencodableValue):
        await broker.declare_queue(Queue("q" * 300))
    assert (await broker.inspect_queue("q")).name == "q"


async def test_a_refused_request_costs_its_channel_and_nothing_else(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    server.answers["Queue.Purge"] = [amqp.Channel.Close(404, "NOT_FOUND - no queue", 50, 30)]
    results = await asyncio.gather(broker.purge("q"), broker.inspect_queue("q"), return_exceptions=True)
    assert (type(results[0]), results[1]) == (ChannelClosed, QueueInfo("q", 0, 0))


async def test_a_consumer_has_its_own_prefetch_and_priority(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    """RMQ-23: the window is the consumer's, not the channel's."""
    await broker.consume("q", prefetch=7, on_delivery=lambda _: None, priority=3)
    qos_channel, qos = await server.saw("Basic.Qos")
    consume_channel, consume = await server.saw("Basic.Consume")
    assert (qos.prefetch_count, qos.global_, consume.arguments, consume.no_ack) == (7, False, {"x-priority": 3}, False)
    assert qos_channel == consume_channel


async def test_a_body_in_several_frames_is_one_delivery(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    inbox: asyncio.Queue[Delivery] = asyncio.Queue()
    await broker.consume("q", prefetch=1, on_delivery=inbox.put_nowait)
    channel, _ = await server.saw("Basic.Consume")
    properties = amqp.Basic.Properties(message_id="m", delivery_mode=2)
    server.send(channel, amqp.Basic.Deliver("jararaca", 5, True, "e", "k"), ContentHeader(0, 4, properties))
    server.send(channel, ContentBody(b"ab"), ContentBody(b"cd"))
    delivery = await inbox.get()
    assert delivery.envelope == Envelope(b"abcd", message_id="m")
    assert delivery.envelope is delivery.envelope
    assert (delivery.delivery_tag, delivery.redelivered) == (5, True)


async def test_settlements_carry_the_tag_and_the_wish(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.answers["Basic.Get"] = [amqp.Basic.GetOk(9, False, "e", "k", 0), ContentHeader(body_size=0)]
    delivery = await broker.get("q")
    assert delivery is not None
    sent = [delivery.ack(), delivery.nack(requeue=False), delivery.reject(requeue=True), delivery.nack(requeue=True)]
    await broker.flush()
    names = ("Basic.Ack", "Basic.Nack", "Basic.Reject", "Basic.Nack")
    ack, nack, reject, again = [(await server.saw(name))[1] for name in names]
    assert sent == [True] * 4
    assert [frame.delivery_tag for frame in (ack, nack, reject, again)] == [9] * 4
    assert (ack.multiple, nack.requeue, reject.requeue, again.requeue) == (False, False, True, True)


async def test_a_consumer_that_was_cancelled_lives_on_until_it_is_closed(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    """RMQ-35: its channel holds what is unacked."""
    subscription = await broker.consume("q", prefetch=1, on_delivery=lambda _: None)
    channel, _ = await server.saw("Basic.Consume")
    await subscription.cancel()
    await subscription.cancel()
    await server.saw("Basic.Cancel")
    await subscription.close()
    closed, _ = await server.saw("Channel.Close")
    assert (closed, subscription.cancelled.is_set(), subscription.lost.is_set()) == (channel, True, False)


async def test_what_arrives_on_a_channel_being_closed_is_nobodys(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    """The server requeues it; it must not reach a consumer that is gone."""
    inbox: asyncio.Queue[Delivery] = asyncio.Queue()
    subscription = await broker.consume("q", prefetch=1, on_delivery=inbox.put_nowait)
    deliver = [amqp.Basic.Deliver("jararaca", 1, False, "e", "k"), ContentHeader(body_size=0)]
    server.answers["Channel.Close"] = [*deliver, amqp.Channel.CloseOk()]
    await subscription.close()
    await broker.inspect_queue("q")
    assert inbox.empty()


async def test_a_cancel_of_the_server_ends_the_consumer(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    """RMQ-37."""
    subscription = await broker.consume("q", prefetch=1, on_delivery=lambda _: None)
    channel, _ = await server.saw("Basic.Consume")
    server.send(channel, amqp.Basic.Cancel("jararaca", nowait=True))
    async with asyncio.timeout(5):
        await subscription.cancelled.wait()
    assert not subscription.lost.is_set()


async def test_messages_wait_in_order_for_their_channel(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    """Publishing is a plain call; the channel opens behind it, once, and flush waits for that too."""
    futures = [
        broker.publish(Envelope(b"%d" % number), exchange="e", routing_key=f"{number}", mandatory=bool(number))
        for number in range(3)
    ]
    await broker.flush()
    published = [await server.saw("Basic.Publish") for _ in range(3)]
    channel = published[0][0]
    server.send(channel, amqp.Basic.Ack(3, multiple=True))
    assert [(frame.routing_key, frame.mandatory) for _, frame in published] == [("0", 0), ("1", 1), ("2", 1)]
    assert await asyncio.gather(*futures) == [Confirm()] * 3


async def test_a_given_up_publish_does_not_disturb_its_confirm(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    futures = [broker.publish(Envelope(b"1"), exchange="e", routing_key="k") for _ in range(3)]
    channel, _ = await server.saw("Basic.Publish")
    futures[0].cancel()
    futures[1].cancel()
    server.send(channel, amqp.Basic.Ack(1), amqp.Channel.Close(404, "NOT_FOUND", 60, 40))
    with pytest.raises(ChannelClosed):
        await futures[2]
