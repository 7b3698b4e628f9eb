"""The adapter against RabbitMQ itself, through a link that can be cut; JARARACA_TEST_AMQP_URL names the server."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable

import aiormq
import pytest
import pytest_asyncio
from pamqp.commands import Basic
from yarl import URL

from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.errors import BrokerUnavailable, LoginRefused
from jararaca.ports.broker import BrokerState, Confirm, Delivery, Envelope, Queue
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.needs_servers


class Link:
    """A relay between the adapter and the server."""

    def __init__(self) -> None:
        self.port = 0
        self._writers: list[asyncio.StreamWriter] = []

    def relay_to(self, host: str, port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection(host, port)
            self._writers += [writer, far_writer]
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

        return relay

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
def url() -> URL:
    url = os.environ.get("JARARACA_TEST_AMQP_URL")
    if url is None:
        pytest.skip("JARARACA_TEST_AMQP_URL names no RabbitMQ")
    return URL(url)


@pytest_asyncio.fixture
async def link(url: URL) -> AsyncIterator[Link]:
    link = Link()
    listener = await asyncio.start_server(link.relay_to(url.host or "", url.port or 5672), "127.0.0.1", 0)
    link.port = listener.sockets[0].getsockname()[1]
    yield link
    link.cut()
    listener.close()
    await listener.wait_closed()


@pytest_asyncio.fixture
async def broker(url: URL, link: Link) -> AsyncIterator[RabbitMQBroker]:
    broker = RabbitMQBroker(str(url.with_host("127.0.0.1").with_port(link.port)))
    await broker.connect()
    yield broker
    await broker.close()


@pytest_asyncio.fixture
async def queue(url: URL) -> AsyncIterator[str]:
    admin = RabbitMQBroker(str(url))
    await admin.connect()
    name = f"unit.{os.urandom(5).hex()}"
    await admin.declare_queue(Queue(name))
    yield name
    await admin.delete_queue(name)
    await admin.close()


@pytest.mark.asyncio
async def test_the_server_introduces_itself(broker: RabbitMQBroker) -> None:
    assert broker.server.startswith("RabbitMQ ")
    await broker.close()
    with pytest.raises(BrokerUnavailable):
        _ = broker.server


@pytest.mark.asyncio
async def test_a_cut_link_loses_the_connection_and_no_message(link: Link, broker: RabbitMQBroker, queue: str) -> None:
    inbox: asyncio.Queue[Delivery] = asyncio.Queue()
    await broker.publish(Envelope(b"1"), exchange="", routing_key=queue)
    subscription = await broker.consume(queue, prefetch=1, on_delivery=inbox.put_nowait)
    async with asyncio.timeout(10):
        held = await inbox.get()
        link.cut()
        await broker.lost.wait()
    assert (broker.state, subscription.lost.is_set(), held.ack()) == (BrokerState.LOST, True, False)
    with pytest.raises(BrokerUnavailable):
        await broker.publish(Envelope(b"2"), exchange="", routing_key=queue)
    await broker.connect()
    await broker.consume(queue, prefetch=1, on_delivery=inbox.put_nowait)
    async with asyncio.timeout(10):
        again = await inbox.get()
    assert (again.envelope.body, again.redelivered) == (b"1", True)
    assert await broker.publish(Envelope(b"2"), exchange="", routing_key=queue) == Confirm()


@pytest.mark.asyncio
async def test_unconfirmed_publishes_of_a_cut_link_fail(link: Link, broker: RabbitMQBroker, queue: str) -> None:
    """None of them is left waiting, and none is reported as taken that was not."""
    await broker.publish(Envelope(b"first"), exchange="", routing_key=queue)
    futures = [broker.publish(Envelope(bytes(1_000)), exchange="", routing_key=queue) for _ in range(2_000)]
    link.cut()
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {Confirm, BrokerUnavailable}
    assert isinstance(outcomes[-1], BrokerUnavailable)


class DeeplyNested(Basic.Properties):
    """Properties whose only header is 2,000 lists in each other; no client library writes that by itself."""

    def marshal(self) -> bytes:
        value = b"V"
        for _ in range(2_000):
            value = b"A" + len(value).to_bytes(4, "big") + value
        field = b"\x04deep" + value
        return b"\x20\x00" + len(field).to_bytes(4, "big") + field


async def publish_deeply_nested(url: URL, queue: str) -> None:
    connection = await aiormq.connect(url)
    channel = await connection.channel()
    await channel.basic_publish(b"deep", routing_key=queue, properties=DeeplyNested())
    await connection.close()


@proves("F-24")
@pytest.mark.asyncio
async def test_headers_that_nobody_can_read_keep_no_consumer_from_settling(
    url: URL, broker: RabbitMQBroker, queue: str
) -> None:
    """What could not be settled would hold its place in the window for ever."""
    inbox: asyncio.Queue[Delivery] = asyncio.Queue()
    subscription = await broker.consume(queue, prefetch=1, on_delivery=inbox.put_nowait)
    await publish_deeply_nested(url, queue)
    await broker.publish(Envelope(b"next"), exchange="", routing_key=queue)
    async with asyncio.timeout(10):
        deep = await inbox.get()
        assert (deep.envelope.body, deep.envelope.headers, deep.ack()) == (b"deep", {}, True)
        assert (await inbox.get()).envelope.body == b"next"
    await subscription.close()


@proves("F-24")
@pytest.mark.asyncio
async def test_headers_that_nobody_can_read_can_be_taken_one_by_one(
    url: URL, broker: RabbitMQBroker, queue: str
) -> None:
    await publish_deeply_nested(url, queue)
    deep = await broker.get(queue)
    assert deep is not None
    assert (deep.envelope.body, dict(deep.envelope.headers), deep.ack()) == (b"deep", {}, True)


@proves("F-45")
@pytest.mark.asyncio
async def test_a_wrong_password_is_refused(url: URL) -> None:
    with pytest.raises(LoginRefused, match="403 ACCESS_REFUSED") as caught:
        await RabbitMQBroker(str(url.with_password("sesame"))).connect()
    assert "sesame" not in f"{caught.value!r} {caught.value.__cause__!r}"


@proves("F-45")
@pytest.mark.asyncio
async def test_a_wrong_virtual_host_is_refused(url: URL) -> None:
    with pytest.raises(LoginRefused, match="530 NOT_ALLOWED"):
        await RabbitMQBroker(str(url.with_path("/no-such-host"))).connect()


@proves("F-45")
@pytest.mark.asyncio
async def test_tls_where_there_is_none_is_refused(url: URL) -> None:
    with pytest.raises(LoginRefused, match="TLS with the broker"):
        await RabbitMQBroker(str(url.with_scheme("amqps"))).connect()


def test_messages_travel_on_uvloop(url: URL) -> None:
    uvloop = pytest.importorskip("uvloop")
    name = f"unit.{os.urandom(5).hex()}"

    async def travel() -> bytes:
        broker = RabbitMQBroker(str(url))
        inbox: asyncio.Queue[Delivery] = asyncio.Queue()
        async with asyncio.timeout(20):
            await broker.connect()
            await broker.declare_queue(Queue(name))
            await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
            await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
            delivery = await inbox.get()
        assert delivery.ack()
        await broker.delete_queue(name)
        await broker.close()
        return delivery.envelope.body

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(travel()) == b"1"
