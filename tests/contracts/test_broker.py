"""The brokers of this project under contract: the model in memory and behind a socket, and RabbitMQ."""

import socket
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from jararaca import Microservice
from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.amqpserver.server import AmqpServer
from jararaca.ports.broker import Binding, Broker, Exchange, QueueInfo
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import BrokerContract, proves, runs_on
from jararaca_testing.contracts.broker.bench import QUORUM, Fill, MakeQueue, Name, Take
from jararaca_testing.contracts.broker.dead_letters import AT_LEAST_ONCE

NewBroker = Callable[[], Broker]


@pytest.mark.virtual_only
class TestMemoryBroker(BrokerContract):
    """In virtual time, so that what takes long costs nothing."""

    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice(name="contract")

    @pytest.fixture
    def new_broker(self, request: pytest.FixtureRequest, jararaca_clock: VirtualClock) -> NewBroker:
        runs_on(request, "memory")
        host = VirtualHost(jararaca_clock)
        return lambda: MemoryBroker(host)

    @proves("RMQ-38")
    async def test_who_takes_too_long_to_acknowledge_loses_the_channel(
        self, broker: Broker, queue: MakeQueue, fill: Fill, take: Take, jararaca_clock: VirtualClock
    ) -> None:
        """Half an hour and a minute, which is how often the server looks."""
        name = await queue()
        await fill(name, 1)
        subscription = await broker.consume(name, prefetch=1, on_delivery=lambda _: None)
        await jararaca_clock.advance(minutes=30, seconds=-1)
        held = not subscription.lost.is_set()
        await jararaca_clock.advance(seconds=62)
        assert (held, subscription.lost.is_set()) == (True, True)
        assert (await take(name)).redelivered

    @proves("RMQ-55")
    async def test_a_dead_letter_is_offered_again_until_there_is_an_exchange_for_it(
        self, broker: Broker, queue: MakeQueue, fresh: Name, fill: Fill, take: Take, jararaca_clock: VirtualClock
    ) -> None:
        """Every three minutes, with the strategy at-least-once."""
        late, box = fresh("late"), await queue()
        name = await queue(QUORUM | AT_LEAST_ONCE | {"x-dead-letter-exchange": late})
        await fill(name, 1)
        (await take(name)).reject(requeue=False)
        await broker.declare_exchange(Exchange(late, "fanout"))
        await broker.bind(Binding(late, box))
        await jararaca_clock.advance(179)
        assert (await broker.inspect_queue(name), await broker.get(box)) == (QueueInfo(name, 0, 0), None)
        await jararaca_clock.advance(1)
        assert (await take(box)).envelope.body == b"0"


@pytest.mark.processes
class TestServedBroker(BrokerContract):
    """The real adapter, on the model behind a socket."""

    @pytest_asyncio.fixture
    async def url(self, request: pytest.FixtureRequest) -> AsyncIterator[str]:
        runs_on(request, "jararaca broker")
        server = AmqpServer(SystemClock())
        await server.start(socket.create_server(("127.0.0.1", 0)))
        yield server.url()
        await server.stop()

    @pytest.fixture
    def new_broker(self, url: str) -> NewBroker:
        return lambda: RabbitMQBroker(url, name="contract")


class TestRabbitMQBroker(BrokerContract):
    @pytest.fixture(
        params=[
            pytest.param("services", marks=pytest.mark.needs_servers),
            pytest.param("containers", marks=pytest.mark.needs_docker),
        ]
    )
    def new_broker(self, request: pytest.FixtureRequest, rabbitmq: Callable[[str], tuple[str, str]]) -> NewBroker:
        url, version = rabbitmq(request.param)
        runs_on(request, "RabbitMQ", version)
        return lambda: RabbitMQBroker(url, name="contract")
