"""An application with a broker connection and handlers that nobody runs, on the in-memory broker, in virtual time."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.core.application import Application
from jararaca.core.context import Execution, Trigger, enter, leave
from jararaca.core.environment import Environment, Ports
from jararaca.core.invocation import Outcome, invoke
from jararaca.core.microservice import Microservice
from jararaca.core.steps import Kind, Step
from jararaca.errors import BrokerUnavailable
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.ports.broker import Delivery, Exchange, Queue, QueueInfo
from jararaca_testing.chance import SeededChance
from jararaca_testing.clock import VirtualClock
from jararaca_testing.loop import VirtualLoop

T = TypeVar("T")


@dataclass(frozen=True)
class Handler:
    name: str
    topic: str
    longest_wait: float = 0.0


BILLING = Handler("Billing.charge", "order.placed")


class FaultyBroker(MemoryBroker):
    """A broker that fails to connect with the first error of `failures`, or hangs in the requests named in `hangs`."""

    def __init__(self, vhost: VirtualHost, failures: list[BaseException], hangs: set[str]) -> None:
        super().__init__(vhost)
        self._failures = failures
        self._hangs = hangs
        self._gone = defaultdict(lambda: self.lost, connect=asyncio.Event())

    async def connect(self) -> None:
        await self._hang("connect")
        for error in self._failures[:1]:
            del self._failures[0]
            raise error
        await super().connect()

    async def declare_exchange(self, exchange: Exchange) -> None:
        await self._hang("declare_exchange")
        await super().declare_exchange(exchange)

    async def declare_queue(self, queue: Queue) -> QueueInfo:
        await self._hang("declare_queue")
        return await super().declare_queue(queue)

    async def close(self) -> None:
        await self._hang("close")
        await super().close()

    async def _hang(self, request: str) -> None:
        for _named in self._hangs & {request}:
            await self._gone[request].wait()
            raise BrokerUnavailable("lost before the broker answered")


class Rig:
    """`failures` and `hangs` are what the next connections run into; `steps` is everything that was told."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.vhost = VirtualHost(self.clock)
        self.outside = MemoryBroker(self.vhost)
        self.failures: list[BaseException] = []
        self.hangs: set[str] = set()
        self.asked: list[tuple[str, int, str]] = []
        self.steps: list[Step] = []
        self.stops: list[Callable[[], Awaitable[object]]] = []
        hub = FanoutHub()
        self.ports = Ports(
            clock=self.clock,
            chance=SeededChance("publishing"),
            broker=self._broker,
            fanout=lambda: MemoryFanout(hub),
            schedule_store=lambda _declared: MemoryScheduleStore(self.clock),
        )
        self.application = Application(Microservice(name="shop"), self.ports)
        self.environment: Environment = self.application.environment
        self.environment.steps.add(self)

    def _broker(self, url: str, *, heartbeat: int, name: str) -> MemoryBroker:
        self.asked.append((url, heartbeat, name))
        return FaultyBroker(self.vhost, self.failures, self.hangs)

    def observe(self, step: Step) -> None:
        self.steps.append(step)

    def facts(self, kind: Kind, phase: str = "after") -> list[Mapping[str, Any]]:
        return [step.facts for step in self.steps if step.kind is kind and step.phase == phase]

    def handler(self, name: str, topic: str) -> Handler:
        return Handler(name, topic)

    def connection(
        self, *handlers: Handler, name: str = "default", config: MessageBusConfig | None = None, **options: Any
    ) -> BusConnection:
        """A connection that is offered to the application and not started."""
        connection = BusConnection(
            self.environment,
            name=name,
            url="amqp://guest:s3cret@broker:5672/vhost?heartbeat=1",
            config=config or MessageBusConfig(),
            handlers=handlers or (BILLING,),
            **options,
        )
        self.environment.offer(BusKey(name), connection)
        self.stops.append(connection.stop)
        return connection

    async def connected(self, *handlers: Handler, **options: Any) -> BusConnection:
        connection = self.connection(*handlers, **options)
        await connection.start(wait=True)
        return connection

    async def in_execution(self, call: Callable[[], Awaitable[T]], **fields: Any) -> T:
        """Run `call` where something is handled, but no unit of work is open."""
        token = enter(self.execution(**fields))
        try:
            return await call()
        finally:
            leave(token)

    async def in_unit_of_work(self, call: Callable[[], Awaitable[T]], **fields: Any) -> Outcome[T]:
        return await invoke(self.execution(**fields), call)

    def execution(self, **fields: Any) -> Execution:
        return self.application.execution(Trigger("manual", "test"))._replace(**fields)

    async def received(self, queue: str = "shop.Billing.charge") -> list[Delivery]:
        """Everything that is ready in a queue; it is taken out."""
        await self.outside.connect()
        found = []
        while (delivery := await self.outside.get(queue)) is not None:
            delivery.ack()
            found.append(delivery)
        return found

    async def close(self) -> None:
        self.hangs.clear()
        for stop in self.stops:
            await stop()
        await self.outside.close()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    rig = Rig(loop)
    yield rig
    await rig.close()
