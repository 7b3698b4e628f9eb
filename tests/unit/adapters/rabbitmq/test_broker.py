"""The adapter when its server is slow, silent, short of memory, or gone."""

import asyncio
from typing import Any

import pytest
from pamqp import commands as amqp
from pamqp.header import ContentHeader

from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.errors import BrokerUnavailable, ChannelClosed, JararacaError, LoginRefused, PublishRefused
from jararaca.ports.broker import Broker, BrokerState, Confirm, Delivery, Envelope, Queue

pytestmark = pytest.mark.asyncio

ScriptedServer = Any  # of conftest


def publish(broker: Broker, *, mandatory: bool = False) -> asyncio.Future[Confirm]:
    return broker.publish(Envelope(b"body", message_id="m"), exchange="e", routing_key="k", mandatory=mandatory)


async def lost(broker: Broker) -> None:
    async with asyncio.timeout(5):
        await broker.lost.wait()


async def test_the_server_is_told_who_we_are(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    _, start = await server.saw("Connection.StartOk")
    _, tune = await server.saw("Connection.TuneOk")
    _, opened = await server.saw("Connection.Open")
    assert (start.client_properties["connection_name"], tune.heartbeat, opened.virtual_host) == ("me", 30, "vhost")


async def test_a_confirm_may_stand_for_all_before_it(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    """RMQ-60: two by the newest tag, the next by name, the rest by tag 0; an unknown one is nobody's."""
    futures = [publish(broker) for _ in range(5)]
    channel, _ = await server.saw("Basic.Publish")
    server.send(channel, amqp.Basic.Ack(2, multiple=True), amqp.Basic.Ack(77), amqp.Basic.Ack(3))
    server.send(channel, amqp.Basic.Nack(0, multiple=True))
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert results[:3] == [Confirm()] * 3
    assert [type(result) for result in results[3:]] == [PublishRefused] * 2


async def test_a_return_that_fits_no_publish_is_nobodys(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    future = publish(broker, mandatory=True)
    channel, _ = await server.saw("Basic.Publish")
    server.send(channel, amqp.Basic.Return(312, "NO_ROUTE", "e", "other"), ContentHeader(body_size=0))
    server.send(channel, amqp.Basic.Ack(1))
    assert await future == Confirm()


async def test_a_closed_publish_channel_fails_what_it_had_not_confirmed(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    """RMQ-12: the server does not tell what it took; the next publish opens a channel and is not touched."""
    futures = [publish(broker) for _ in range(3)]
    channel, _ = await server.saw("Basic.Publish")
    server.send(channel, amqp.Basic.Ack(1), amqp.Channel.Close(404, "NOT_FOUND - no exchange 'e'", 60, 40))
    first, *others = await asyncio.gather(*futures, return_exceptions=True)
    assert first == Confirm()
    assert [(type(error), getattr(error, "code", 0)) for error in others] == [(ChannelClosed, 404)] * 2
    later = publish(broker)
    await server.saw("Channel.Open")
    channel, _ = await server.saw("Basic.Publish")
    server.send(channel, amqp.Basic.Ack(1))
    assert await later == Confirm()


async def test_a_lost_connection_is_noticed_by_everybody(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    inbox: asyncio.Queue[Delivery] = asyncio.Queue()
    subscription = await broker.consume("q", prefetch=1, on_delivery=inbox.put_nowait)
    channel, _ = await server.saw("Basic.Consume")
    server.send(channel, amqp.Basic.Deliver("jararaca", 1, False, "e", "k"), ContentHeader(body_size=0))
    delivery = await inbox.get()
    confirm = publish(broker)
    await server.saw("Basic.Publish")
    server.drop()
    await lost(broker)
    with pytest.raises(BrokerUnavailable, match=r"the connection to the broker at amqp://user:\*\*\*@"):
        await confirm
    assert (broker.state, subscription.lost.is_set()) == (BrokerState.LOST, True)
    assert [delivery.ack(), delivery.nack(requeue=True), delivery.reject(requeue=True)] == [False] * 3
    await subscription.cancel()
    await subscription.close()
    assert not subscription.cancelled.is_set()


async def test_a_lost_connection_can_be_opened_anew(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.drop()
    await lost(broker)
    await broker.connect()
    assert (broker.state, broker.lost.is_set()) == (BrokerState.READY, False)
    assert (await broker.inspect_queue("q")).ready == 0


async def test_a_server_that_closes_the_connection_says_why(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    confirm = publish(broker)
    await server.saw("Basic.Publish")
    server.send(0, amqp.Connection.Close(320, "CONNECTION_FORCED - bye", 0, 0))
    with pytest.raises(BrokerUnavailable, match="320 CONNECTION_FORCED - bye"):
        await confirm
    assert broker.state is BrokerState.LOST


async def test_a_request_under_way_fails_with_the_connection(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.answers["Queue.Declare"] = []
    declaring = asyncio.gather(broker.declare_queue(Queue("q")), return_exceptions=True)
    await server.saw("Queue.Declare")
    server.drop()
    (error,) = await declaring
    assert isinstance(error, BrokerUnavailable)


async def test_an_alarm_of_the_server_is_a_state(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    states = [broker.state]
    for frame in (amqp.Connection.Blocked("low on memory"), amqp.Connection.Unblocked()):
        server.send(0, frame)
        await broker.inspect_queue("q")
        states.append(broker.state)
    assert states == [BrokerState.READY, BrokerState.BLOCKED, BrokerState.READY]


async def test_a_request_without_answer_ends_at_its_deadline(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    """And the next one has a new channel, so that a late answer is not taken for its own."""
    answers, server.answers["Queue.Declare"] = server.answers["Queue.Declare"], []
    with pytest.raises(BrokerUnavailable, match=r"did not answer within 1 s"):
        await broker.declare_queue(Queue("q"))
    server.answers["Queue.Declare"] = answers
    assert (await broker.declare_queue(Queue("q"))).name == "q"


async def test_a_channel_that_does_not_open_ends_at_its_deadline(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    server.answers["Channel.Open"] = []
    with pytest.raises(BrokerUnavailable, match=r"opened no channel within 1 s"):
        await publish(broker)


async def test_a_publish_whose_channel_never_opened_fails_with_the_connection(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    server.answers["Channel.Open"] = []
    confirm = publish(broker)
    await server.saw("Channel.Open")
    server.drop()
    with pytest.raises(BrokerUnavailable):
        await confirm


async def test_a_cancelled_request_is_a_cancellation(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    answers, server.answers["Queue.Declare"] = server.answers["Queue.Declare"], []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(broker.declare_queue(Queue("q")))
        await server.saw("Queue.Declare")
        task.cancel()
    assert task.cancelled()
    server.answers["Queue.Declare"] = answers
    assert (await broker.declare_queue(Queue("q"))).name == "q"


async def test_a_message_that_comes_after_its_deadline_goes_back(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    with pytest.raises(BrokerUnavailable, match=r"no message and no refusal within 1 s"):
        await broker.get("q")
    channel, _ = await server.saw("Basic.Get")
    server.send(channel, amqp.Basic.GetOk(9, False, "e", "k", 0), ContentHeader(body_size=0))
    _, nack = await server.saw("Basic.Nack")
    assert (nack.delivery_tag, nack.requeue) == (9, True)
    server.answers["Basic.Get"] = [amqp.Basic.GetEmpty()]
    assert await broker.get("q") is None


async def test_a_get_under_way_fails_with_the_connection(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    getting = asyncio.gather(broker.get("q"), return_exceptions=True)
    await server.saw("Basic.Get")
    server.drop()
    (error,) = await getting
    assert isinstance(error, BrokerUnavailable)


async def test_a_consumer_that_does_not_start_leaves_no_channel(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.answers["Basic.Consume"] = [amqp.Channel.Close(404, "NOT_FOUND - no queue", 60, 20)]
    with pytest.raises(ChannelClosed, match="404"):
        await broker.consume("q", prefetch=1, on_delivery=lambda _: None)
    await server.saw("Channel.CloseOk")


async def test_a_channel_closed_under_a_consumer_is_its_loss(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    subscription = await broker.consume("q", prefetch=1, on_delivery=lambda _: None)
    channel, _ = await server.saw("Basic.Consume")
    server.send(channel, amqp.Channel.Close(406, "PRECONDITION_FAILED - timed out", 60, 80))
    async with asyncio.timeout(5):
        await subscription.lost.wait()
    assert broker.state is BrokerState.READY


async def test_flush_waits_for_a_server_that_does_not_read(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    """Until the connection is gone: nobody waits for ever."""
    await broker.inspect_queue("q")
    confirm = broker.publish(Envelope(bytes(30_000_000)), exchange="e", routing_key="k")
    await server.saw("Basic.Publish")
    server.reading.clear()
    waiting = asyncio.gather(broker.flush(), confirm, return_exceptions=True)
    server.drop()
    assert [type(result) for result in await waiting] == [BrokerUnavailable, BrokerUnavailable]


@pytest.mark.parametrize(
    ("request_", "code", "text", "error"),
    [
        pytest.param("Connection.StartOk", 403, "ACCESS_REFUSED - Login was refused.", LoginRefused, id="password"),
        pytest.param("Connection.Open", 530, "NOT_ALLOWED - vhost vhost not found", LoginRefused, id="virtual host"),
        pytest.param("Connection.Open", 530, "NOT_ALLOWED - limit reached", BrokerUnavailable, id="full"),
        pytest.param("Connection.Open", 541, "INTERNAL_ERROR", BrokerUnavailable, id="failure"),
    ],
)
async def test_a_refused_login_is_told_from_a_server_that_cannot(
    server: ScriptedServer, request_: str, code: int, text: str, error: type[JararacaError]
) -> None:
    server.answers[request_] = [amqp.Connection.Close(code, text, 10, 40)]
    broker = RabbitMQBroker(f"amqp://user:sesame@127.0.0.1:{server.port}/vhost", timeout=5)
    with pytest.raises(error, match=f"{code} ") as caught:
        await broker.connect()
    assert f"amqp://user:***@127.0.0.1:{server.port}/vhost" in str(caught.value)


async def test_opening_a_channel_fails_with_the_connection(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.answers["Channel.Open"] = []
    consuming = asyncio.gather(broker.consume("q", prefetch=1, on_delivery=lambda _: None), return_exceptions=True)
    await server.saw("Channel.Open")
    server.send(0, amqp.Connection.Close(541, "INTERNAL_ERROR", 0, 0))
    (error,) = await consuming
    assert isinstance(error, BrokerUnavailable)


async def test_a_cancelled_consume_is_a_cancellation(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.answers["Channel.Open"] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(broker.consume("q", prefetch=1, on_delivery=lambda _: None))
        await server.saw("Channel.Open")
        task.cancel()
    assert task.cancelled()


async def test_a_server_that_does_not_say_goodbye_is_left_at_the_deadline(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    """The driver alone would wait for seconds, and with full buffers for minutes."""
    server.answers["Connection.Close"] = []
    async with asyncio.timeout(1.5):
        await broker.close()
    assert broker.state is BrokerState.LOST


async def test_nothing_can_be_asked_before_connecting() -> None:
    broker = RabbitMQBroker("amqp://user:sesame@127.0.0.1/")
    for asked in (publish(broker), broker.flush(), broker.get("q"), broker.inspect_queue("q")):
        with pytest.raises(BrokerUnavailable, match=r"not connected to the broker at amqp://user:\*\*\*@127\.0\.0\.1/"):
            await asked


async def test_connecting_again_changes_nothing(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    await server.saw("Connection.Open")
    await broker.connect()
    assert (broker.state, server.seen.empty()) == (BrokerState.READY, True)


async def test_publishing_on_a_lost_connection_fails_at_once(server: ScriptedServer, broker: RabbitMQBroker) -> None:
    server.drop()
    await lost(broker)
    assert isinstance(publish(broker).exception(), BrokerUnavailable)


async def test_a_dropped_connection_is_lost_and_can_be_opened_again(
    server: ScriptedServer, broker: RabbitMQBroker
) -> None:
    unconfirmed = publish(broker)
    broker.drop()
    await lost(broker)
    with pytest.raises(BrokerUnavailable):
        await unconfirmed

    await broker.connect()

    assert broker.state is BrokerState.READY


async def test_dropping_what_was_never_connected_does_nothing() -> None:
    RabbitMQBroker("amqp://127.0.0.1/").drop()
