"""`jararaca broker`: what it says, who may come in, and how it ends."""

import signal
import socket
from collections.abc import Callable
from typing import Any

import pika
import pytest
from children import start as start
from pika.exceptions import ConnectionClosedByBroker, ProbableAuthenticationError
from said import Said

WARNING = "It is for development and tests: nothing is durable, and all of it ends with this process."


def test_it_says_where_it_is_and_that_nothing_is_durable(start: Callable[..., Any]) -> None:
    child = start("jararaca", "broker", "--port", "0", "--vhost", "a/b")
    child.until(WARNING)
    first, second = [line.split()[-1] for line in child.lines if "AMQP" in line]

    with (
        pika.BlockingConnection(pika.URLParameters(first)) as here,
        pika.BlockingConnection(pika.URLParameters(second)) as there,
    ):
        here.channel().queue_declare("q")
        with pytest.raises(Exception, match="no queue 'q' in vhost 'a/b'"):
            there.channel().queue_declare("q", passive=True)

    assert second == first.replace("%2F", "a%2Fb")
    child.ask(signal.SIGTERM)
    assert child.end() == 0
    assert "Traceback" not in child.output


@pytest.mark.processes
def test_ctrl_c_ends_it_and_tells_its_clients(start: Callable[..., Any]) -> None:
    child = start("jararaca", "broker", "--port", "0")
    child.until(WARNING)
    connection = pika.BlockingConnection(pika.URLParameters(child.until("AMQP").split()[-1]))
    channel = connection.channel()

    child.press_ctrl_c()

    with pytest.raises(ConnectionClosedByBroker, match="CONNECTION_FORCED"):
        channel.start_consuming() if channel.basic_consume(channel.queue_declare("").method.queue, print) else None
    assert child.end() == 0


@pytest.mark.processes
def test_a_login_of_ones_own_is_not_shown(start: Callable[..., Any]) -> None:
    child = start(
        "jararaca", "broker", "--port", "0", "--user", "ada", environment={"JARARACA_BROKER_PASSWORD": "s3cret/x"}
    )
    shown = child.until("AMQP").split()[-1]
    child.until(WARNING)
    parameters = pika.URLParameters(shown.replace("ada:***", "ada:s3cret%2Fx"))

    with pika.BlockingConnection(parameters) as connection:
        assert connection.is_open
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(shown.replace("ada:***", "guest:guest")))

    child.ask(signal.SIGTERM)
    assert child.end() == 0
    assert "s3cret" not in child.output


def test_a_port_in_use_is_one_line(said: Callable[..., Said]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = said("broker", "--port", str(port), source="")

    advice = "Stop what uses the port, or choose another one with --port."
    assert ended == Said(2, "", f"jararaca: cannot listen on 127.0.0.1:{port}: Address already in use. {advice}\n")
