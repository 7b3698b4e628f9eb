"""pika, which blocks: it publishes, consumes, hears of confirms, returns, cancels and alarms, and dies of misuse."""

from collections.abc import Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import (
    ChannelClosedByBroker,
    ConnectionClosedByBroker,
    NackError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
    UnroutableError,
)

from jararaca_testing.amqp_server import RunningAmqpServer

PATIENCE = 10.0  # seconds


@pytest.fixture
def channel(either: str, name: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(either))
    yield connection.channel()
    if connection.is_open:
        connection.close()
    with pika.BlockingConnection(pika.URLParameters(either)) as sweeper:
        sweeper.channel().queue_delete(name)


def test_what_is_published_is_consumed_in_order_with_its_properties(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name)
    for number in range(3):
        properties = pika.BasicProperties(headers={"n": number}, correlation_id=f"c{number}", delivery_mode=2)
        channel.basic_publish("", name, str(number), properties)

    received = []
    for method, header, body in channel.consume(name, inactivity_timeout=PATIENCE):
        received.append((body, header.headers, header.correlation_id, header.delivery_mode, method.redelivered))
        channel.basic_ack(method.delivery_tag)
        if len(received) == 3:
            break
    channel.cancel()

    assert received == [(str(n).encode(), {"n": n}, f"c{n}", 2, False) for n in range(3)]


def test_a_publish_is_confirmed_or_not(channel: BlockingChannel, name: str) -> None:
    channel.confirm_delivery()
    channel.queue_declare(name, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})

    channel.basic_publish("", name, b"first")

    with pytest.raises(NackError):
        channel.basic_publish("", name, b"second")
    with pytest.raises(UnroutableError) as refused:
        channel.basic_publish("", f"{name}.nobody", b"third", mandatory=True)
    [returned] = refused.value.messages
    assert (returned.method.reply_code, returned.method.reply_text, returned.body) == (312, "NO_ROUTE", b"third")


def test_a_consumer_hears_that_its_queue_is_gone(channel: BlockingChannel, name: str) -> None:
    """RMQ-37."""
    cancelled: list[Any] = []
    channel.add_on_cancel_callback(cancelled.append)
    channel.queue_declare(name)
    tag = channel.basic_consume(name, lambda *_: None)

    channel.queue_delete(name)
    while not cancelled:
        channel.connection.process_data_events(PATIENCE)

    assert [each.method.consumer_tag for each in cancelled] == [tag]
    assert channel.is_open


def test_what_was_not_acked_comes_back_with_a_mark(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name)
    channel.basic_publish("", name, b"x")
    other = channel.connection.channel()
    other.basic_get(name)
    other.close()

    method, _properties, body = channel.basic_get(name, auto_ack=True)

    assert (body, method.redelivered) == (b"x", True)
    assert channel.basic_get(name) == (None, None, None)


def test_a_prefetch_of_a_whole_channel(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name)
    for number in range(5):
        channel.basic_publish("", name, str(number))
    channel.basic_qos(prefetch_count=2, global_qos=True)
    received: list[bytes] = []
    channel.basic_consume(name, lambda _channel, _method, _properties, body: received.append(body))

    while len(received) < 2:
        channel.connection.process_data_events(PATIENCE)

    assert channel.queue_declare(name, passive=True).method.message_count == 3
    assert received == [b"0", b"1"]


def test_a_transaction(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name)
    channel.tx_select()
    channel.basic_publish("", name, b"x")
    before = channel.connection.channel().basic_get(name)
    channel.tx_commit()

    assert before == (None, None, None)
    assert channel.basic_get(name, auto_ack=True)[2] == b"x"


MISUSES: dict[str, Any] = {
    "a queue that is not there": (lambda c, name: c.queue_declare(name, passive=True), 404),
    "the same queue with other arguments": (
        lambda c, name: (c.queue_declare(name), c.queue_declare(name, arguments={"x-max-length": 3})),
        406,
    ),
    "a reserved name": (lambda c, _name: c.queue_declare("amq.mine"), 403),
    "the default exchange bound": (lambda c, name: (c.queue_declare(name), c.queue_bind(name, "", "k")), 403),
    "an exchange that is not there": (
        lambda c, name: (c.basic_publish(name, "k", b"x"), c.basic_qos()),
        404,
    ),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misuse_closes_the_channel(channel: BlockingChannel, name: str, misuse: str) -> None:
    act, code = MISUSES[misuse]

    with pytest.raises(ChannelClosedByBroker) as refused:
        act(channel, name)

    assert refused.value.reply_code == code
    assert channel.is_closed
    assert channel.connection.channel().is_open


def test_a_misuse_may_close_the_connection(channel: BlockingChannel, name: str) -> None:
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum"})

    with pytest.raises(ConnectionClosedByBroker) as refused:
        channel.queue_delete(name, if_unused=True)

    assert refused.value.reply_code == 540


def test_a_wrong_password(either: str) -> None:
    with pytest.raises(ProbableAuthenticationError, match="Login was refused using authentication mechanism PLAIN"):
        pika.BlockingConnection(pika.URLParameters(either.replace("guest:guest", "guest:wrong")))


def test_a_virtual_host_that_does_not_exist(either: str) -> None:
    parameters = pika.URLParameters(either)
    parameters.virtual_host = "socket-nowhere"
    with pytest.raises((ProbableAccessDeniedError, ConnectionClosedByBroker), match="vhost socket-nowhere not found"):
        pika.BlockingConnection(parameters)


def test_an_alarm_is_told_and_what_is_published_meanwhile_waits(amqp_server: RunningAmqpServer) -> None:
    parameters = pika.URLParameters(amqp_server.url)
    parameters.blocked_connection_timeout = PATIENCE
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.queue_declare("q")
        told: list[str] = []
        connection.add_on_connection_blocked_callback(lambda _connection, frame: told.append(frame.method.reason))
        connection.add_on_connection_unblocked_callback(lambda _connection, _frame: told.append("over"))

        amqp_server.block("low on disk")
        while not told:
            connection.process_data_events(PATIENCE)
        channel.basic_publish("", "q", b"x")
        connection.process_data_events(0)
        held = amqp_server.depths()["q"].ready
        amqp_server.unblock()
        while len(told) < 2:
            connection.process_data_events(PATIENCE)

        assert channel.basic_get("q", auto_ack=True)[2] == b"x"
    assert (held, told) == (0, ["low on disk", "over"])


def test_a_server_that_goes_says_so(amqp_server: RunningAmqpServer) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_server.url))
    channel = connection.channel()

    amqp_server.stop()

    with pytest.raises(ConnectionClosedByBroker) as refused:
        channel.queue_declare("q")
    text = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
    assert (refused.value.reply_code, refused.value.reply_text) == (320, text)
