"""What takes a broker of one's own: one whose configuration is another, and one that is restarted."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import BrokerUnavailable, ChannelClosed
from jararaca.ports.broker import Binding, Broker, Confirm, Delivery, Envelope, Exchange, Queue
from jararaca_testing.contracts import proves, runs_on
from jararaca_testing.rabbitmq_node import RabbitMQNode, installed_program

pytestmark = pytest.mark.asyncio

PATIENCE = 60.0  # seconds
KINDS = {"classic": {}, "quorum": {"x-queue-type": "quorum"}}
IMPATIENT = (
    "[{rabbit, [{consumer_timeout, 1000}, {channel_tick_interval, 200}, "
    "{dead_letter_worker_publisher_confirm_timeout, 1000}]}]."
)
"""One second for an acknowledgement, not 30 minutes, and between two tries of a dead letter, not 3."""


class Node(RabbitMQNode):
    """A node that is `IMPATIENT`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, advanced=IMPATIENT)

    async def connected(self) -> RabbitMQBroker:
        """A connection, once the node answers."""
        broker = RabbitMQBroker(self.url, name="contract")
        async with asyncio.timeout(PATIENCE):
            while True:
                self.check()
                try:
                    await broker.connect()
                except BrokerUnavailable:
                    await SystemClock().sleep(0.1)
                else:
                    return broker


class MemoryNode:
    """The same of the model."""

    def __init__(self) -> None:
        self._host = VirtualHost(SystemClock())
        self.stop, self.start = self._host.stop, self._host.start

    async def connected(self) -> MemoryBroker:
        broker = MemoryBroker(self._host)
        await broker.connect()
        return broker


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    if installed_program() is None:
        pytest.skip("rabbitmq-server is not installed here, and one that others use cannot be configured")
    with Node(tmp_path) as node:
        yield node


@pytest.fixture(params=["memory", pytest.param("RabbitMQ", marks=pytest.mark.needs_servers)])
def restartable(request: pytest.FixtureRequest) -> Node | MemoryNode:
    if request.param == "memory":
        runs_on(request, "memory")
        return MemoryNode()
    runs_on(request, "RabbitMQ", request.getfixturevalue("rabbitmq")("services")[1])
    node: Node = request.getfixturevalue("node")
    return node


async def taken(broker: Broker, queue: str) -> list[bytes]:
    found = []
    while (delivery := await broker.get(queue)) is not None:
        found.append(delivery.envelope.body)
        delivery.ack()
    return found


async def got_again(broker: Broker, queue: str) -> Delivery:
    """What came back, over another channel than the one that is being closed."""
    while True:
        with suppress(ChannelClosed):
            if (delivery := await broker.get(queue)) is not None:
                return delivery
        await SystemClock().sleep(0.1)


@proves("RMQ-38")
@pytest.mark.needs_servers
async def test_who_takes_too_long_to_acknowledge_loses_the_channel(request: pytest.FixtureRequest, node: Node) -> None:
    """Of a consumer and of a get alike; the message returns."""
    broker = await node.connected()
    runs_on(request, "RabbitMQ", broker.server.rpartition(" ")[2])
    inbox: asyncio.Queue[Delivery] = asyncio.Queue()
    for queue in ("consumed", "got"):
        await broker.declare_queue(Queue(queue))
        await broker.publish(Envelope(b"1"), exchange="", routing_key=queue)
    subscription = await broker.consume("consumed", prefetch=1, on_delivery=inbox.put_nowait)
    async with asyncio.timeout(PATIENCE):
        held = [await inbox.get(), await broker.get("got")]
        await subscription.lost.wait()
        back = await got_again(broker, "got")
    assert back.redelivered
    assert [delivery.ack() for delivery in held if delivery is not None] == [False, False]
    assert await taken(broker, "consumed") == [b"1"]
    await broker.close()


@proves("RMQ-55")
@pytest.mark.needs_servers
async def test_a_dead_letter_is_offered_again_until_there_is_an_exchange_for_it(
    request: pytest.FixtureRequest, node: Node
) -> None:
    """With the strategy at-least-once; until then it is not ready, and has not left."""
    broker = await node.connected()
    runs_on(request, "RabbitMQ", broker.server.rpartition(" ")[2])
    safe = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish", "x-dead-letter-exchange": "late"}
    await broker.declare_queue(Queue("dying", arguments=KINDS["quorum"] | safe))
    await broker.declare_queue(Queue("box"))
    await broker.publish(Envelope(b"1"), exchange="", routing_key="dying")
    delivery = await broker.get("dying")
    assert delivery is not None
    delivery.reject(requeue=False)
    async with asyncio.timeout(PATIENCE):
        while (await broker.inspect_queue("dying")).ready:
            await SystemClock().sleep(0.1)
        await broker.declare_exchange(Exchange("late", "fanout"))
        await broker.bind(Binding("late", "box"))
        while not (found := await taken(broker, "box")):
            await SystemClock().sleep(0.1)
    assert found == [b"1"]
    await broker.close()


async def everything_declared(broker: Broker) -> None:
    """Two queues that last and one that does not, two exchanges alike, and a message of each sort in each queue."""
    for name, arguments in KINDS.items():
        await broker.declare_queue(Queue(name, arguments=arguments))
    await broker.declare_queue(Queue("passing", durable=False))
    await broker.declare_exchange(Exchange("lasting"))
    await broker.declare_exchange(Exchange("passing", durable=False))
    await broker.bind(Binding("lasting", "classic", "key"))
    for queue in (*KINDS, "passing"):
        for persistent in (True, False):
            body = b"persistent" if persistent else b"transient"
            await broker.publish(Envelope(body, persistent=persistent), exchange="", routing_key=queue)


async def is_there(ask: Callable[[str], Awaitable[object]], name: str) -> bool:
    try:
        await ask(name)
    except ChannelClosed as refused:
        return refused.code != 404
    return True


@proves("RMQ-66")
async def test_a_restart_leaves_what_is_durable_and_in_it_what_is_persistent(restartable: Node | MemoryNode) -> None:
    """A quorum queue keeps every message."""
    before = await restartable.connected()
    await everything_declared(before)
    restartable.stop()
    await before.close()
    restartable.start()
    after = await restartable.connected()
    assert await taken(after, "classic") == [b"persistent"]
    assert await taken(after, "quorum") == [b"persistent", b"transient"]
    assert not await is_there(after.inspect_queue, "passing")
    assert [await is_there(after.inspect_exchange, name) for name in ("lasting", "passing")] == [True, False]
    bound = await after.publish(Envelope(b"1"), exchange="lasting", routing_key="key", mandatory=True)
    assert bound == Confirm()
    await after.close()
