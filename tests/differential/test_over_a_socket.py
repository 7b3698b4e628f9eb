"""The driver of servers, against the in-memory broker on a port: both sides are then the same model."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from jararaca.ports.broker import Envelope
from jararaca_testing.differential.__main__ import main
from jararaca_testing.differential.comparison import Comparison, Divergence
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.operations import (
    Ack,
    Bind,
    Cancel,
    CloseChannel,
    Commit,
    Consume,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DropConnection,
    Get,
    Nack,
    Publish,
    Purge,
    Qos,
    Recover,
    Rollback,
    SelectTransaction,
    Unbind,
    Wait,
)
from jararaca_testing.differential.server import AmqpServer
from jararaca_testing.differential.socket_client import AmqpSocket, Silence


@pytest.fixture
def over_a_socket(model: MemoryModel, amqp_server: Any) -> Iterator[Comparison]:
    server = AmqpServer(amqp_server.url)
    yield Comparison(model, server)
    server.close()


def test_every_operation_shows_the_same_over_a_socket(over_a_socket: Comparison) -> None:
    over_a_socket.begin()
    steps = [
        DeclareExchange(name="x0", type="topic"),
        DeclareExchange(name="x1"),
        DeclareQueue(name="q0", arguments={"x-dead-letter-exchange": "x0"}),
        DeclareQueue(name="q1", exclusive=True),
        Bind(source="x0", destination="q1", routing_key="#"),
        Bind(source="x1", destination="x0", destination_type="exchange"),
        Unbind(source="x1", destination="x0", destination_type="exchange"),
        Qos(prefetch=2),
        Publish(routing_key="q0", envelope=Envelope(b"1" * 200_000, headers={"h": 1.5})),
        Publish(routing_key="nowhere", mandatory=True),
        Consume(queue="q0", consumer="c0"),
        Nack(tag=1, requeue=True),
        Nack(tag=2, requeue=False),
        Get(queue="q1"),
        Get(channel=2, queue="q1"),
        Recover(),
        Cancel(consumer="c0"),
        SelectTransaction(channel=1),
        Publish(channel=1, routing_key="q0"),
        Commit(channel=1),
        Rollback(channel=1),
        Purge(queue="q0"),
        Ack(tag=77),
        Consume(queue="q0", consumer="c0"),
        DeleteQueue(name="q0"),
        DeleteExchange(name="x1"),
        Publish(exchange="x1"),
        Recover(requeue=False),
        CloseChannel(),
        DropConnection(),
        Unbind(source="x0", destination="q1", routing_key="#"),
        Wait(seconds=0.01),
    ]
    for step in steps:
        over_a_socket.step(step)
    over_a_socket.finish()

    assert over_a_socket.steps == len(steps)


def test_a_divergence_reads_as_a_test(over_a_socket: Comparison) -> None:
    """The two are made to differ behind the back of the comparison."""
    over_a_socket.begin()
    over_a_socket.patience = 0.01
    over_a_socket.step(DeclareQueue(name="q0"))
    over_a_socket._model.apply(Publish(routing_key="q0"))

    with pytest.raises(Divergence, match=re.escape("+ queue q0: 1 ready")) as failure:
        over_a_socket.step(DeclareQueue(name="q1", arguments={"x-max-length": 1}))

    assert "DeclareQueue(name='q1', arguments={'x-max-length': 1})," in str(failure.value)


def test_the_command_says_what_it_did(amqp_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", amqp_server.url, "--operations", "40", "--seed", "7"]) == 0

    said = capsys.readouterr().out
    assert "operations under the seeds 7 to 7" in said
    assert "without divergence" in said


def test_who_is_no_server_is_told_from_one_that_differs(amqp_server: Any) -> None:
    with pytest.raises(Silence):
        AmqpSocket(amqp_server.url.replace("guest:guest", "guest:wrong"))
