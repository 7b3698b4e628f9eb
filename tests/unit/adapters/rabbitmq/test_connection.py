"""Addresses that lead to no broker, and what is said of them: never a password."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.errors import BrokerUnavailable, ConfigurationError, LoginRefused
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def listen_with() -> AsyncIterator[Callable[[bytes | None], Awaitable[int]]]:
    """Listens where no broker is: answers with some bytes and hangs up, or, for None, says nothing."""
    opened: list[tuple[asyncio.Server, asyncio.Event]] = []

    async def listen_with(answer: bytes | None) -> int:
        over = asyncio.Event()

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer or b"")
            await (over.wait() if answer is None else writer.drain())
            writer.close()

        listener = await asyncio.start_server(serve, "127.0.0.1", 0)
        opened.append((listener, over))
        port: int = listener.sockets[0].getsockname()[1]
        return port

    yield listen_with
    for listener, over in opened:
        over.set()
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize(
    ("scheme", "answer"),
    [
        pytest.param("amqp", None, id="silence"),
        pytest.param("amqp", b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param("amqp", b"", id="hanging up"),
        pytest.param("amqps", b"", id="no TLS"),
    ],
)
async def test_an_address_where_no_broker_answers_is_unavailable(
    listen_with: Callable[[bytes | None], Awaitable[int]], scheme: str, answer: bytes | None
) -> None:
    port = await listen_with(answer)
    broker = RabbitMQBroker(f"{scheme}://user:sesame@127.0.0.1:{port}/", timeout=0.3)
    with pytest.raises(BrokerUnavailable, match="Start it or correct its URL") as caught:
        await broker.connect()
    assert "sesame" not in f"{caught.value!r} {caught.value.__cause__!r} {broker!r}"


async def test_a_refused_port_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    broker = RabbitMQBroker(f"amqp://user:sesame@127.0.0.1:{port}/")
    with pytest.raises(BrokerUnavailable, match=f"127.0.0.1:{port}/: .*Connect call failed") as caught:
        await broker.connect()
    assert "sesame" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_a_host_that_does_not_exist_is_unavailable() -> None:
    broker = RabbitMQBroker("amqp://user:sesame@no-such-host.invalid/")
    with pytest.raises(BrokerUnavailable, match=r"amqp://user:\*\*\*@no-such-host\.invalid/: "):
        await broker.connect()


async def test_a_cancelled_connect_is_a_cancellation(listen_with: Callable[[bytes | None], Awaitable[int]]) -> None:
    broker = RabbitMQBroker(f"amqp://127.0.0.1:{await listen_with(None)}/")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await broker.connect()
    assert broker.lost.is_set()


@pytest.mark.parametrize("url", ["", "sesame", "http://user:sesame@host/", "amqp://", "amqp://user:sesame@host:port/"])
async def test_a_url_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        RabbitMQBroker(url)
    assert "sesame" not in f"{caught.value!r} {caught.value.__cause__!r}"


@proves("F-45")
async def test_a_server_that_speaks_no_tls_is_a_mistake_that_waiting_does_not_mend() -> None:
    over = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"AMQP\x00\x00\x09\x01")
        await over.wait()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    with pytest.raises(LoginRefused, match=r"^TLS with the broker at .* failed: .*Use amqp://") as caught:
        await RabbitMQBroker(f"amqps://user:sesame@127.0.0.1:{port}/").connect()
    over.set()
    listener.close()
    await listener.wait_closed()

    assert "sesame" not in str(caught.value)
