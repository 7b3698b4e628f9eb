"""A worker whose RabbitMQ is not there yet, is killed, or has no memory left."""

import asyncio
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from effects import Effects
from own_node import OwnNode
from processes import Process
from pydantic import BaseModel

from jararaca import Microservice
from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
from jararaca.adapters.system.clock import SystemClock
from jararaca.bootstrap.wiring import system_ports
from jararaca.errors import BrokerUnavailable
from jararaca.messagebus.config import MessageBusConfig
from jararaca.ports.broker import Envelope
from jararaca_testing.contracts import proves
from jararaca_testing.rabbitmq_node import installed_program

pytestmark = [pytest.mark.needs_servers, pytest.mark.processes, pytest.mark.timeout(300)]

APP = """
import asyncio

from jararaca import *
from pydantic import BaseModel

class Order(BaseModel):
    id: int

@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await asyncio.sleep(0.5)
        print(f"handled {message.payload().id}.")

app = Microservice(name="shop", controllers=[C])
"""


BOOKING = """
import asyncio, os

from jararaca import *
from pydantic import BaseModel
from sqlalchemy import text

class Order(BaseModel):
    id: int

@MessageBusController()
class C:
    @IncomingHandler("order.placed", idempotent=True)
    async def handle(self, message: Message[Order]) -> None:
        await use_session().execute(text("INSERT INTO booked VALUES (:what)"), {"what": str(message.payload().id)})
        await asyncio.sleep(0.5)
        print(f"handled {message.payload().id}.")

app = Microservice(
    name="shop",
    controllers=[C],
    interceptors=[
        AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", os.environ["DATABASE"])),
        MessageBusPublisherInterceptor(AIOPikaConnectionFactory("amqp://"), delivery="outbox"),
    ],
)
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[OwnNode]:
    """A RabbitMQ that has not been started."""
    (tmp_path / "node").mkdir()
    if installed_program() is None:
        pytest.skip("rabbitmq-server is not installed here, and one that others use cannot be killed")
    node = OwnNode(tmp_path / "node")
    yield node
    node.stop()


@pytest.fixture
def worker(tmp_path: Path, start: Callable[..., Any], node: OwnNode) -> Any:
    (tmp_path / "app.py").write_text(APP)
    return start("jararaca", "worker", "app:app", "--url", node.url, "--wait-for-broker", "120")


async def publish(broker: RabbitMQBroker, numbers: range) -> None:
    """Publish orders; each is confirmed by a queue."""
    for number in numbers:
        envelope = Envelope(b'{"id": %d}' % number, message_id=f"m-{number}")
        await broker.publish(envelope, exchange="jararaca.events", routing_key="order.placed", mandatory=True)


def published(node: OwnNode, numbers: range) -> None:
    async def run() -> None:
        broker = await node.connected()
        await publish(broker, numbers)
        await broker.close()

    asyncio.run(run())


@proves("F-44")
def test_a_worker_that_is_there_before_its_broker_waits_for_it(node: OwnNode, worker: Any) -> None:
    worker.until("the broker cannot be reached", times=2)

    node.start()
    worker.until("consuming")
    published(node, range(1))

    worker.until("handled 0.")
    worker.ask(signal.SIGTERM)
    assert worker.end() == 0
    attempts = [line for line in worker.lines if "the broker cannot be reached" in line]
    assert [re.search(r"attempt=(\d+)", line)[1] for line in attempts] == [  # type: ignore[index]
        str(number) for number in range(1, len(attempts) + 1)
    ]


@proves("F-1")
def test_a_broker_that_is_killed_in_the_middle_of_a_batch_loses_nothing_and_doubles_nothing(
    tmp_path: Path, start: Callable[..., Any], node: OwnNode, database_url: str
) -> None:
    """Every message that it confirmed is handled; what was committed and not acknowledged comes again, and the inbox
    knows it."""
    effects = Effects(database_url, "booked")
    (tmp_path / "app.py").write_text(BOOKING)
    words = ("worker", "app:app", "--url", node.url, "--wait-for-broker", "120")
    worker = start("jararaca", *words, environment={"DATABASE": database_url})
    node.start()
    worker.until("consuming")
    published(node, range(200))
    worker.until("handled ", times=50)

    node.kill()
    worker.until("the connection to the broker was lost")
    node.start()
    clock = SystemClock()
    asyncio.run(closed(node))
    is_back = clock.monotonic()
    worker.until("connected to the broker", times=2)

    assert clock.monotonic() - is_back <= 10.0
    for number in range(200):
        worker.until(f"handled {number}.")
    worker.ask(signal.SIGTERM)
    assert worker.end() == 0
    assert effects.counted("booked") == {str(number): 1 for number in range(200)}


async def closed(node: OwnNode) -> None:
    """Return once the node answers."""
    await (await node.connected()).close()


class Own:
    """The world outside of this process, as `Process` wants it."""

    def __init__(self) -> None:
        self.ports = system_ports()


class Order(BaseModel):
    id: int


@proves("F-35")
def test_while_an_alarm_blocks_publishers_what_handlers_get_is_handled(node: OwnNode, worker: Any) -> None:
    node.start()
    worker.until("consuming")
    world: Any = Own()

    async def alarm() -> None:
        shop = Process(Microservice(name="shop"), world, MessageBusConfig(url=node.url))
        await shop.start()
        for number in range(40):
            await shop.publish(Order(id=number), "order.placed")

        node.control("set_vm_memory_high_watermark", "0.0001")
        with pytest.raises(BrokerUnavailable, match="blocks publishes"):
            await shop.publish(Order(id=40), "order.placed", timeout=5.0)
        assert shop.environment.readiness() == {"broker default": False}
        await asyncio.to_thread(worker.until, "handled 39.")

        node.control("set_vm_memory_high_watermark", "0.6")
        await shop.publish(Order(id=41), "order.placed", timeout=60.0)
        assert shop.environment.readiness() == {"broker default": True}
        await shop.stop()

    asyncio.run(alarm())
    worker.until("handled 41.")


IMPATIENT = "[{rabbit, [{consumer_timeout, 1000}, {channel_tick_interval, 200}]}]."
"""A second for an acknowledgement, not 30 minutes."""

LATE = """
import asyncio

from jararaca import *
from pydantic import BaseModel

class Order(BaseModel):
    id: int

again = asyncio.Event()

@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        if message.redelivered:
            print("it came again.")
            again.set()
        else:
            await again.wait()

app = Microservice(name="shop", controllers=[C])
"""


@proves("F-31")
def test_a_broker_with_less_patience_than_a_handler_gives_its_message_again_and_the_worker_goes_on(
    tmp_path: Path, start: Callable[..., Any]
) -> None:
    """Its configuration cannot be asked for, so that no start can know of it."""
    if installed_program() is None:
        pytest.skip("rabbitmq-server is not installed here, and one that others use cannot be configured")
    (tmp_path / "node").mkdir()
    (tmp_path / "app.py").write_text(LATE)
    with OwnNode(tmp_path / "node", advanced=IMPATIENT) as node:
        worker = start("jararaca", "worker", "app:app", "--url", node.url, "--wait-for-broker", "120")
        worker.until("consuming")
        published(node, range(1))

        worker.until("a consumer lost its channel")
        worker.until("it came again.")
        worker.until("a settlement came after its channel was lost")
        worker.ask(signal.SIGTERM)
        assert worker.end() == 0
