"""The fixture `amqp_server`: a broker on a port, for tests that the harness has nothing to do with."""

import asyncio
import socket
from typing import Any

import aio_pika
import pika
import pytest
from pika.exceptions import AMQPConnectionError

from jararaca_testing.amqp_server import RunningAmqpServer, serving


def test_it_is_empty_and_counts_what_comes(amqp_server: RunningAmqpServer) -> None:
    with pika.BlockingConnection(pika.URLParameters(amqp_server.url)) as connection:
        channel = connection.channel()
        before = amqp_server.depths()
        channel.queue_declare("q")
        for _ in range(3):
            channel.basic_publish("", "q", b"x")
        channel.basic_get("q")

        depth = amqp_server.depths()["q"]
        assert (before, depth.ready, depth.unacked, depth.consumers) == ({}, 2, 1, 0)


def test_virtual_hosts_are_apart(amqp_server: RunningAmqpServer) -> None:
    other = amqp_server.add_vhost("a/b")
    with pika.BlockingConnection(pika.URLParameters(other)) as connection:
        connection.channel().queue_declare("q")

    assert amqp_server.depths() == {}
    assert list(amqp_server.depths("a/b")) == ["q"]
    assert amqp_server.add_vhost("a/b") == other
    assert list(amqp_server.depths("a/b")) == ["q"]


def test_connections_are_cut_without_a_word(amqp_server: RunningAmqpServer) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_server.url))

    amqp_server.drop_connections()

    with pytest.raises(AMQPConnectionError):
        connection.channel()
    pika.BlockingConnection(pika.URLParameters(amqp_server.url)).close()


def test_it_serves_any_event_loop(amqp_server: RunningAmqpServer) -> None:
    async def scenario() -> bytes:
        async with await aio_pika.connect(amqp_server.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("q")
            await channel.default_exchange.publish(aio_pika.Message(b"x"), "q")
            return (await queue.get(no_ack=True)).body

    assert asyncio.run(scenario()) == b"x"


def test_a_client_that_is_left_open_does_not_hold_the_test_up() -> None:
    """What a test forgets to close cannot answer any more when the fixture ends."""
    with serving() as server:
        left = pika.BlockingConnection(pika.URLParameters(server.url))

    with pytest.raises(AMQPConnectionError):
        left.channel()


def test_a_port_may_be_chosen_and_is_free_afterwards() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        with serving(port=port) as server:
            assert f":{port}/" in server.url


def test_a_fixture_of_the_project_wins(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def amqp_server():
            return "mine"

        def test_it(amqp_server, jararaca_amqp_server):
            assert amqp_server == "mine"
            assert jararaca_amqp_server.url.startswith("amqp://")
        """
    )

    outcome: Any = pytester.runpytest_inprocess("-p", "no:asyncio", "-p", "no:cacheprovider", "-p", "no:randomly")

    outcome.assert_outcomes(passed=1)
