"""`MessageBusWorker`: the worker as one object to start and to stop."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.adapters.system.chance import SystemChance
from jararaca.adapters.system.clock import SystemClock
from jararaca.core.application import Application
from jararaca.core.context import use_clock
from jararaca.core.environment import Ports
from jararaca.core.microservice import Microservice
from jararaca.errors import BrokerUnavailable, NotConfigured, UsageError
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.handlers import collect_handlers
from jararaca.messagebus.messages import Message
from jararaca.messagebus.worker import MessageBusWorker

if TYPE_CHECKING:
    from tests.unit.messagebus.worker.conftest import Rig

IN_MEMORY = MessageBusConfig(url="memory://")


async def ten_seconds(message: Message[Any]) -> None:
    await use_clock().sleep(10)


def application(rig: "Rig") -> Application:
    made = Application(Microservice(controllers=[rig.controller(ten_seconds)], shutdown_grace=25), rig.ports)
    made.environment.steps.add(rig)
    return made


@pytest.mark.asyncio
async def test_it_runs_until_it_is_stopped_and_lets_attempts_end(idle: "Rig") -> None:
    worker = MessageBusWorker(application(idle), IN_MEMORY)
    running = idle.tasks.spawn(worker.start_async(), name="worker")
    await idle.settle()
    await idle.publish()
    await idle.settle()
    stopping = idle.tasks.spawn(worker.stop(), name="stop")
    await idle.loop.advance(10)
    await stopping
    assert await running is True
    assert idle.settlements() == [("ack", None)]


@pytest.mark.asyncio
async def test_stopping_it_again_cancels_at_once(idle: "Rig") -> None:
    worker = MessageBusWorker(application(idle), IN_MEMORY)
    running = idle.tasks.spawn(worker.start_async(), name="worker")
    await idle.settle()
    await idle.publish()
    await idle.settle()
    stopping = idle.tasks.spawn(worker.stop(20), name="stop")
    await idle.settle()
    await worker.stop()
    await stopping
    assert await running is False
    assert idle.settlements() == [("requeue", "cancelled")]
    assert idle.loop.time() == 0.0


@pytest.mark.asyncio
async def test_stopping_what_does_not_run_returns(idle: "Rig") -> None:
    await MessageBusWorker(application(idle), IN_MEMORY).stop()


@pytest.mark.asyncio
async def test_it_cannot_run_twice_at_once(idle: "Rig") -> None:
    worker = MessageBusWorker(application(idle), IN_MEMORY)
    running = idle.tasks.spawn(worker.start_async(), name="worker")
    await idle.settle()
    with pytest.raises(UsageError, match="runs already"):
        await worker.start_async()
    await worker.stop()
    await running


@pytest.mark.asyncio
async def test_it_uses_the_connection_that_the_application_offers(idle: "Rig") -> None:
    made = application(idle)
    shared = BusConnection(
        made.environment,
        name="default",
        url="memory://",
        config=IN_MEMORY,
        handlers=collect_handlers(made.declaration),
    )
    made.environment.offer(BusKey("default"), shared)
    await shared.start(wait=True)
    worker = MessageBusWorker(made, MessageBusConfig())
    running = idle.tasks.spawn(worker.start_async(), name="worker")
    await idle.settle()
    await worker.stop()
    await running
    assert len(idle.brokers) == 1
    assert shared.ready
    await shared.stop()


@pytest.mark.asyncio
async def test_without_a_broker_to_go_to_it_says_what_to_set(idle: "Rig") -> None:
    with pytest.raises(NotConfigured, match="Set JARARACA_BROKER_URL"):
        await MessageBusWorker(application(idle), MessageBusConfig()).start_async()


@pytest.mark.asyncio
async def test_a_broker_that_stays_away_for_a_minute_is_an_error(idle: "Rig") -> None:
    idle.vhost.stop()
    running = asyncio.gather(MessageBusWorker(application(idle), IN_MEMORY).start_async(), return_exceptions=True)
    await idle.loop.advance(62)
    (error,) = await running
    assert isinstance(error, BrokerUnavailable)


def test_starting_it_synchronously_brings_a_loop_along_and_raises_what_went_wrong() -> None:
    clock = SystemClock()
    ports = Ports(
        clock=clock,
        chance=SystemChance(),
        broker=lambda url, *, heartbeat, name: MemoryBroker(VirtualHost(clock)),
        fanout=lambda: MemoryFanout(FanoutHub()),
        schedule_store=lambda _declared: MemoryScheduleStore(clock),
    )
    with pytest.raises(NotConfigured):
        MessageBusWorker(Application(Microservice(), ports), MessageBusConfig()).start_sync()
