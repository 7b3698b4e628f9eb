"""Channels of AMQP under contract: those of the model, of the model behind a socket, and of RabbitMQ where
JARARACA_TEST_AMQP_URL names one.
"""

import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import pytest_asyncio
from amqp_clients import Channel, Client, Confirmed
from amqp_model import ModelClient
from amqp_wire import WireClient

from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.amqpserver.server import AmqpServer
from jararaca.ports.broker import Envelope
from jararaca_testing.contracts import runs_on

Connect = Callable[[], Awaitable[Client]]
Name = Callable[[str], str]
Put = Callable[..., Awaitable[None]]


@pytest.fixture
def names() -> list[str]:
    """Queues and exchanges to delete after the test."""
    return []


@pytest.fixture
def name(names: list[str]) -> Name:
    """Makes names of queues and exchanges that nobody else uses."""

    def name(label: str) -> str:
        names.append(f"amqp.{os.urandom(5).hex()}.{label}")
        return names[-1]

    return name


@asynccontextmanager
async def served() -> AsyncIterator[str]:
    """The address of the model behind a socket."""
    server = AmqpServer(SystemClock())
    await server.start(socket.create_server(("127.0.0.1", 0)))
    yield server.url().removesuffix("%2F")
    await server.stop()


@pytest_asyncio.fixture(
    params=[
        "model",
        pytest.param("socket", marks=pytest.mark.slow),
        pytest.param("rabbitmq", marks=pytest.mark.needs_servers),
    ]
)
async def connect(request: pytest.FixtureRequest, names: list[str]) -> AsyncIterator[Connect]:
    """Opens one more connection to the same broker, which is closed after the test."""
    stack = AsyncExitStack()
    if request.param == "socket":
        url = await stack.enter_async_context(served())
    else:
        url = os.environ.get("JARARACA_TEST_AMQP_URL", "")
    if request.param == "rabbitmq" and not url:
        pytest.skip("JARARACA_TEST_AMQP_URL names no RabbitMQ")
    vhost = VirtualHost(SystemClock())
    opened: list[Client] = []

    async def connect() -> Client:
        opened.append(ModelClient(vhost) if request.param == "model" else await WireClient.open(url))
        return opened[-1]

    yield connect
    for client in opened:
        await client.close()
    sweeper = await (last := await connect()).channel()
    for each in names:
        await sweeper.queue_delete(each)
        await sweeper.exchange_delete(each)
    await last.close()
    await stack.aclose()


@pytest_asyncio.fixture
async def client(connect: Connect) -> Client:
    return await connect()


@pytest_asyncio.fixture
async def channel(client: Client) -> Channel:
    return await client.channel()


@pytest_asyncio.fixture
async def put(connect: Connect) -> Put:
    """Publishes to a queue from a connection of its own, and returns once the broker has confirmed all of it."""
    publisher = await (await connect()).channel()
    await publisher.confirm_select()
    confirmed = sent = 0

    async def put(queue: str, *bodies: str | Envelope, exchange: str = "") -> None:
        nonlocal confirmed, sent
        for body in bodies:
            envelope = Envelope(body.encode(), persistent=False) if isinstance(body, str) else body
            await publisher.basic_publish(envelope, queue, exchange=exchange)
        sent += len(bodies)
        while confirmed < sent:
            event = await publisher.event()
            assert isinstance(event, Confirmed)
            confirmed = event.tag if event.multiple else confirmed + 1

    return put


@pytest.fixture(autouse=True)
def implementation(request: pytest.FixtureRequest, rabbitmq: Callable[[str], tuple[str, str]]) -> None:
    """Says what the test runs on."""
    kind = request.node.callspec.params["connect"]
    if kind == "rabbitmq":
        runs_on(request, "RabbitMQ", rabbitmq("services")[1])
    else:
        runs_on(request, {"model": "memory", "socket": "jararaca broker"}[kind])
