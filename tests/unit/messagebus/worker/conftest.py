"""A worker on the in-memory broker, in virtual time, with everything that happens on record."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio
from pydantic import BaseModel

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.core.application import Application
from jararaca.core.context import use_unit_of_work
from jararaca.core.environment import Ports
from jararaca.core.lifecycle import TaskScope
from jararaca.core.microservice import Microservice
from jararaca.core.steps import Kind, Step
from jararaca.core.unit_of_work import Rank
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.decorators import IncomingHandler, MessageBusController
from jararaca.messagebus.handlers import collect_handlers
from jararaca.messagebus.messages import Message
from jararaca.messagebus.worker import WorkerRuntime
from jararaca.ports.broker import Envelope
from jararaca_testing.chance import SeededChance
from jararaca_testing.clock import VirtualClock
from jararaca_testing.loop import VirtualLoop

QUEUE = "app.Orders.handle"
BODY = b'{"id": 1}'


class Order(BaseModel):
    id: int


Body = Callable[[Message[Order]], Awaitable[None]]


class Rig:
    """`log` tells in order what the unit of work, the handler and the broker saw."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.clock = VirtualClock(loop)
        self.vhost = VirtualHost(self.clock)
        self.brokers: list[MemoryBroker] = []
        self.log: list[str] = []
        self.steps: list[Step] = []
        self.messages: list[Message[Any]] = []
        self.outside = MemoryBroker(self.vhost)
        hub = FanoutHub()
        self.ports = Ports(
            clock=self.clock,
            chance=SeededChance("worker"),
            broker=self._broker,
            fanout=lambda: MemoryFanout(hub),
            schedule_store=lambda _declared: MemoryScheduleStore(self.clock),
        )
        self.tasks = TaskScope("test")
        self.fails: dict[str, BaseException] = {}

    def _broker(self, url: str, *, heartbeat: int, name: str) -> MemoryBroker:
        self.brokers.append(MemoryBroker(self.vhost))
        return self.brokers[-1]

    def observe(self, step: Step) -> None:
        self.steps.append(step)
        if step.kind is Kind.SETTLE and step.phase == "after":
            self.log.append(str(step.facts["verb"]))

    def controller(self, body: Body, **options: Any) -> type:
        """`Orders.handle`, listening to `order.*`, which enlists the rig's participant and then runs `body`."""
        rig = self

        @MessageBusController()
        class Orders:
            @IncomingHandler("order.*", **options)
            async def handle(self, message: Message[Order]) -> None:
                rig.messages.append(message)
                use_unit_of_work().enlist("rig", Recorder(rig))
                await body(message)

        return Orders

    async def serve(self, controller: type, config: MessageBusConfig | None = None) -> WorkerRuntime:
        """Start an application with this one controller, and its worker."""
        declaration = Microservice(controllers=[controller])
        config = config or MessageBusConfig()
        self.application = Application(declaration, self.ports)
        self.unobserve = self.application.environment.steps.add(self)
        handlers = collect_handlers(declaration)
        await self.application.start()
        self.connection = BusConnection(
            self.application.environment, name="default", url="memory://", config=config, handlers=handlers
        )
        await self.connection.start(wait=True)
        self.worker = WorkerRuntime(self.application.environment, handlers, self.connection, config)
        await self.worker.start()
        return self.worker

    async def run(self, body: Body, **options: Any) -> None:
        """Serve `body`, publish one message to `order.placed`, and let everything come to rest."""
        await self.serve(self.controller(body, **options))
        await self.publish()
        await self.settle()

    async def publish(self, body: bytes = BODY, *, topic: str = "order.placed", **properties: Any) -> None:
        """Publish as a foreign producer would."""
        await self.outside.connect()
        envelope = Envelope(body, **{"message_id": "m-1", **properties})
        await self.outside.publish(envelope, exchange="jararaca.events", routing_key=topic)

    async def settle(self) -> None:
        await self.loop.settle()

    async def ready(self, queue: str = QUEUE) -> int:
        await self.outside.connect()
        return (await self.outside.inspect_queue(queue)).ready

    async def dead_letters(self) -> list[Envelope]:
        """Everything in the handler's dead letters; it stays there."""
        await self.outside.connect()
        found = []
        while (delivery := await self.outside.get(f"{QUEUE}.dlq")) is not None:
            found.append(delivery.envelope)
        return found

    def facts(self, kind: Kind, phase: str = "after") -> list[Mapping[str, Any]]:
        return [step.facts for step in self.steps if step.kind is kind and step.phase == phase]

    def settlements(self) -> list[tuple[str, str | None]]:
        return [(facts["verb"], facts["reason"]) for facts in self.facts(Kind.SETTLE)]

    async def close(self) -> None:
        await self.worker.stop(0)
        await self.connection.stop()
        await self.application.stop()
        await self.outside.close()


class Recorder:
    """A participant that records its phases, and fails where the rig says so."""

    rank = Rank.MESSAGES

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def prepare(self) -> None:
        self._phase("prepare")

    async def commit(self) -> None:
        self._phase("commit")

    async def rollback(self) -> None:
        self._phase("rollback")

    async def after_commit(self) -> None:
        self._phase("announce")

    def _phase(self, name: str) -> None:
        self._rig.log.append(name)
        if (error := self._rig.fails.get(name)) is not None:
            raise error


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"virtual": VirtualLoop}


@pytest_asyncio.fixture
async def idle() -> AsyncIterator[Rig]:
    """A rig that serves nothing; whoever starts something stops it."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    rig = Rig(loop)
    yield rig
    await rig.outside.close()


@pytest_asyncio.fixture
async def rig(idle: Rig) -> AsyncIterator[Rig]:
    """A rig that is taken down after the test."""
    yield idle
    await idle.close()
