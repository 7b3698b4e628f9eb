"""What the contract of channels cannot show on a server: who hears what when servers, networks and time interfere."""

from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio

from jararaca.adapters.memory.broker.session import AmqpChannel, AmqpConnection, AmqpDelivery
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import BrokerUnavailable, ChannelClosed, ConnectionClosed, NotEmulated
from jararaca.ports.broker import Envelope, Exchange, Queue, Returned

pytestmark = pytest.mark.asyncio


class Ear:
    """Writes down what a connection and its channels hear, in the order in which they hear it."""

    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []
        self.deliveries: list[AmqpDelivery] = []

    def answered(self, answer: Any) -> None:
        self.heard.append(("answered", answer))

    def delivered(self, delivery: AmqpDelivery) -> None:
        self.deliveries.append(delivery)
        self.heard.append(("delivered", delivery.envelope.body))

    def returned(self, reason: Returned, exchange: str, routing_key: str, envelope: Envelope) -> None:
        self.heard.append(("returned", reason.code, exchange, routing_key))

    def acked(self, delivery_tag: int, multiple: bool) -> None:
        self.heard.append(("acked", delivery_tag, multiple))

    def nacked(self, delivery_tag: int, multiple: bool) -> None:
        self.heard.append(("nacked", delivery_tag, multiple))

    def cancelled(self, consumer_tag: str) -> None:
        self.heard.append(("cancelled", consumer_tag))

    def closed(self, reason: ChannelClosed | ConnectionClosed) -> None:
        self.heard.append(("closed", reason.code, reason.text, reason.class_id, reason.method_id))

    def blocked(self, reason: str) -> None:
        self.heard.append(("blocked", reason))

    def unblocked(self) -> None:
        self.heard.append(("unblocked",))

    def lost(self) -> None:
        self.heard.append(("lost",))


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def connection(vhost: VirtualHost, ear: Ear) -> AmqpConnection:
    return AmqpConnection(vhost, ear)


@pytest_asyncio.fixture
async def channel(connection: AmqpConnection, ear: Ear) -> AmqpChannel:
    return connection.channel(1, ear)


async def test_an_answer_comes_before_what_its_method_brings_about(channel: AmqpChannel, ear: Ear) -> None:
    channel.queue_declare(Queue("q"))
    for body in (b"0", b"1"):
        channel.basic_publish(Envelope(body), routing_key="q")
    ear.heard.clear()
    channel.basic_qos(1)
    channel.basic_consume("q", consumer_tag="t")
    channel.basic_recover(requeue=True)
    channel.queue_delete("q")
    assert ear.heard == [
        ("answered", None),
        ("answered", "t"),
        ("delivered", b"0"),
        ("answered", None),
        ("delivered", b"0"),
        ("answered", 1),
        ("cancelled", "t"),
    ]


async def test_recovering_asynchronously_is_recovering(channel: AmqpChannel, ear: Ear) -> None:
    """RMQ-36."""
    channel.queue_declare(Queue("q"))
    channel.basic_publish(Envelope(b"0"), routing_key="q")
    channel.basic_consume("q")
    channel.basic_recover_async(requeue=True)
    assert [(it.delivery_tag, it.redelivered) for it in ear.deliveries] == [(1, False), (2, True)]
    with pytest.raises(ConnectionClosed) as caught:
        channel.basic_recover_async(requeue=False)
    assert (caught.value.class_id, caught.value.method_id) == (60, 100)


async def test_what_the_model_does_not_have_closes_nothing(channel: AmqpChannel, ear: Ear) -> None:
    channel.queue_declare(Queue("q"))
    attempts: list[Callable[[], Any]] = [
        lambda: channel.exchange_declare(Exchange("x", "x-delayed-message")),  # type: ignore[arg-type]
        lambda: channel.queue_declare(Queue("s", arguments={"x-queue-type": "stream"})),
        lambda: channel.basic_consume("q", arguments={"x-credit": {"credit": 1, "drain": False}}),
        lambda: channel.basic_publish(Envelope(b"", headers={"x-delay": 5}), routing_key="q"),
    ]
    for attempt in attempts:
        with pytest.raises(NotEmulated):
            attempt()
    ear.heard.clear()
    channel.basic_publish(Envelope(b"0"), routing_key="q")
    assert channel.basic_consume("q", consumer_tag="t") == "t"
    assert ear.heard == [("answered", "t"), ("delivered", b"0")]


async def test_a_delivery_settles_itself(channel: AmqpChannel, ear: Ear, vhost: VirtualHost) -> None:
    """RMQ-33: the second time it closes its channel, which hears why; later it does nothing, and says so."""
    channel.queue_declare(Queue("q"))
    channel.basic_qos(1, global_=True)
    channel.basic_consume("q")
    for _ in range(4):
        channel.basic_publish(Envelope(b"x"), routing_key="q")
    first = ear.deliveries[0]
    assert (first.exchange, first.routing_key, first.is_stale) == ("", "q", False)
    assert first.ack()
    assert ear.deliveries[1].nack(requeue=False)
    assert ear.deliveries[2].reject(requeue=True)
    ear.heard.clear()
    assert first.ack()
    assert ear.heard == [("closed", 406, "PRECONDITION_FAILED - unknown delivery tag 1", 60, 80)]
    assert (first.is_stale, first.ack(), first.nack(requeue=True)) == (True, False, False)
    assert vhost.depths()["q"].ready == 2


async def test_a_delivery_that_waits_too_long_closes_its_channel(
    channel: AmqpChannel, connection: AmqpConnection, ear: Ear
) -> None:
    """RMQ-38: the text is the server's, as its code has it."""
    connection.channel(7, ear)
    channel.queue_declare(Queue("q"))
    channel.basic_publish(Envelope(b"x"), routing_key="q")
    channel.basic_get("q")
    ear.heard.clear()
    await SystemClock().sleep(1900)
    text = (
        "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 1800000 ms. This "
        "timeout value can be configured, see consumers doc guide to learn more"
    )
    assert ear.heard == [("closed", 406, text, 0, 0)]
    assert (channel.open, connection.open) == (False, True)


async def test_whatever_is_asked_of_a_closed_channel_closes_the_connection(
    channel: AmqpChannel, connection: AmqpConnection
) -> None:
    channel.close()
    channel.close()
    methods: list[tuple[Callable[[], Any], tuple[int, int]]] = [
        (lambda: channel.basic_qos(1), (60, 10)),
        (lambda: channel.basic_publish(Envelope(b"")), (60, 40)),
        (lambda: channel.basic_ack(1), (60, 80)),
        (lambda: channel.basic_nack(1), (60, 120)),
    ]
    for method, ids in methods:
        with pytest.raises(ConnectionClosed, match=r"504 CHANNEL_ERROR - expected 'channel\.open'") as caught:
            method()
        assert (caught.value.class_id, caught.value.method_id) == ids
    assert not connection.open


async def test_a_channel_number_is_used_once_at_a_time(
    channel: AmqpChannel, connection: AmqpConnection, ear: Ear
) -> None:
    channel.close()
    again = connection.channel(1, ear)
    with pytest.raises(ConnectionClosed) as caught:
        connection.channel(1, ear)
    closed = caught.value
    assert (closed.code, closed.text) == (504, "CHANNEL_ERROR - second 'channel.open' seen")
    assert (closed.class_id, closed.method_id) == (20, 10)
    assert (again.open, connection.open) == (False, False)


async def test_a_lost_connection_returns_what_it_held(
    channel: AmqpChannel, connection: AmqpConnection, ear: Ear, vhost: VirtualHost
) -> None:
    """RMQ-34, RMQ-15: and its exclusive queues are gone."""
    channel.queue_declare(Queue("q"))
    channel.queue_declare(Queue("mine", exclusive=True))
    channel.basic_consume("q")
    channel.basic_publish(Envelope(b"x"), routing_key="q")
    ear.heard.clear()
    connection.drop()
    connection.drop()
    connection.close()
    assert ear.heard == [("lost",)]
    assert {name: depth.ready for name, depth in vhost.depths().items()} == {"q": 1}


async def test_an_alarm_is_told_to_every_connection(connection: AmqpConnection, ear: Ear, vhost: VirtualHost) -> None:
    vhost.block()
    during = connection.blocked
    vhost.unblock()
    assert (during, connection.blocked) == (True, False)
    assert ear.heard == [("blocked", "low on memory"), ("unblocked",)]


async def test_nobody_connects_to_a_stopped_server(connection: AmqpConnection, ear: Ear, vhost: VirtualHost) -> None:
    vhost.stop()
    text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    assert (ear.heard, connection.open) == ([("closed", 320, text, 0, 0)], False)
    with pytest.raises(BrokerUnavailable, match="stopped"):
        AmqpConnection(vhost, ear)


async def test_an_operator_closes_connections_and_says_why(
    connection: AmqpConnection, ear: Ear, vhost: VirtualHost
) -> None:
    vhost.close_connections("maintenance")
    connection.force_close("again")
    assert (ear.heard, connection.open) == ([("closed", 320, "CONNECTION_FORCED - maintenance", 0, 0)], False)


async def test_a_refusal_names_its_virtual_host(ear: Ear) -> None:
    channel = AmqpConnection(VirtualHost(SystemClock(), "orders"), ear).channel(1, ear)
    with pytest.raises(ChannelClosed, match="no queue 'q' in vhost 'orders'"):
        channel.basic_get("q")


async def test_a_connection_publishes_as_its_user(vhost: VirtualHost, ear: Ear) -> None:
    """RMQ-62."""
    channel = AmqpConnection(vhost, ear, user="bob").channel(1, ear)
    channel.basic_publish(Envelope(b"", user_id="bob"))
    with pytest.raises(ChannelClosed, match="'guest' but authenticated user was 'bob'"):
        channel.basic_publish(Envelope(b"", user_id="guest"))


async def test_a_message_without_headers_arrives_as_the_very_object(channel: AmqpChannel, ear: Ear) -> None:
    sent = Envelope(b"x", message_id="m")
    channel.queue_declare(Queue("q"))
    channel.basic_consume("q", no_ack=True)
    channel.basic_publish(sent, routing_key="q")
    assert ear.deliveries[0].envelope is sent


async def test_a_paused_connection_delivers_nothing_until_it_goes_on(
    channel: AmqpChannel, connection: AmqpConnection, ear: Ear, vhost: VirtualHost
) -> None:
    """What it acks meanwhile makes no room; without a window there is none either."""
    channel.queue_declare(Queue("q"))
    channel.basic_qos(2)
    channel.basic_consume("q")
    channel.basic_consume("q", no_ack=True)
    channel.basic_publish(Envelope(b"0"), routing_key="q")
    connection.pause()
    for body in (b"1", b"2"):
        channel.basic_publish(Envelope(body), routing_key="q")
    channel.basic_ack(1)
    assert vhost.depths()["q"].ready == 2
    connection.resume()
    assert [it.envelope.body for it in ear.deliveries] == [b"0", b"1", b"2"]
