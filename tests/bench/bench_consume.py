"""Twenty thousand small messages from a quorum queue, prefetch 100, to a handler that does nothing."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from measuring import Stopwatch, chosen
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import system_ports
from jararaca.core.context import current_execution
from jararaca.messagebus import consumer
from jararaca.messagebus.attempt import Attempts
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.consumed import Consumed

URL = os.environ.get("JARARACA_TEST_AMQP_URL", "amqp://guest:guest@localhost/")
MESSAGES = 20_000
PREFETCH = 100
NAME = f"bench{uuid4().hex[:12]}"
QUORUM: Any = {"x-queue-type": "quorum"}


class Placed(BaseModel):
    id: int
    note: str = "x" * 150


class Counter:
    """Ends the measurement with the last message."""

    def __init__(self) -> None:
        self.handled = 0
        self.done = asyncio.Event()

    def count(self) -> None:
        self.handled += 1
        if self.handled == MESSAGES:
            self.done.set()


counter = Counter()


@MessageBusController()
class Handlers:
    @IncomingHandler("bench.placed", name="placed")
    async def placed(self, message: Message[Placed]) -> None:
        counter.count()


async def fill(channel: AbstractChannel, queue: str) -> None:
    """Put every message into the queue, many at a time."""
    body = Placed(id=1).model_dump_json().encode()
    for _ in range(MESSAGES // 1000):
        await asyncio.gather(
            *(
                channel.default_exchange.publish(
                    aio_pika.Message(body, message_id=uuid4().hex, delivery_mode=aio_pika.DeliveryMode.PERSISTENT),
                    routing_key=queue,
                )
                for _ in range(1000)
            )
        )


async def ours() -> None:
    config = MessageBusConfig(url=URL, exchange=NAME, concurrency=PREFETCH)
    declaration = Microservice(name=NAME, controllers=[Handlers])
    assembly = assemble(declaration, system_ports(), config, needs_broker=True)
    await assembly.application.start()
    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        await fill(channel, f"{NAME}.placed")
        worker = assembly.worker()
        watch = Stopwatch()
        await worker.start()
        await counter.done.wait()
        watch.print(MESSAGES)
        await worker.stop(1)
        await assembly.application.stop()
        for queue in (f"{NAME}.placed", f"{NAME}.placed.dlq"):
            await channel.queue_delete(queue)
        await channel.exchange_delete(NAME)


class Unsettled(Attempts):
    """Payload, unit of work, time limit and handler as `Attempts` has them, and then a bare acknowledgement.

    It leaves out what settlement consists of: what the handler decides about a message, the rule of what follows, its
    retries and dead letters, its record, and the care that nothing is settled twice. The payload is checked as ever.
    """

    async def run(self, consumed: Consumed) -> None:
        payload = self._intake.open(consumed.delivery.envelope, consumed.marks)
        message = Message(payload, consumed, will_retry=False, acknowledge=self._settler.acknowledge_early)

        async def call() -> None:
            scope = current_execution().scope
            assert scope is not None
            controller: Any = await scope.resolve(self._handler.controller)
            await getattr(controller, self._handler.method)(message)

        await self._limit.invoke(self._execution(consumed), call)
        consumed.settled = True  # for the consumer, which gives back what was cancelled before it began
        consumed.delivery.ack()


async def bare_acknowledgement() -> None:
    """The same worker, whose consumers run deliveries without settlement."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(consumer, "Attempts", Unsettled)
        await ours()


async def bare() -> None:
    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(NAME, durable=True, arguments=QUORUM)
        await fill(channel, NAME)
        await channel.set_qos(PREFETCH)

        async def handle(message: AbstractIncomingMessage) -> None:
            Placed.model_validate_json(message.body)
            await message.ack()
            counter.count()

        watch = Stopwatch()
        await queue.consume(handle)
        await counter.done.wait()
        watch.print(MESSAGES)
        await channel.queue_delete(NAME)


async def faststream() -> None:
    from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

    broker = RabbitBroker(URL, default_channel=Channel(prefetch_count=PREFETCH), logger=None)
    declared = RabbitQueue(NAME, queue_type=QueueType.QUORUM, durable=True)

    @broker.subscriber(declared)
    async def handle(message: Placed) -> None:
        counter.count()

    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        await channel.declare_queue(NAME, durable=True, arguments=QUORUM)
        await fill(channel, NAME)
        watch = Stopwatch()
        await broker.start()
        await counter.done.wait()
        watch.print(MESSAGES)
        await broker.stop()
        await channel.queue_delete(NAME)


if __name__ == "__main__":
    variants = {
        "worker": ours,
        "worker, bare acknowledgement": bare_acknowledgement,
        "aio-pika": bare,
        "FastStream": faststream,
    }
    asyncio.run(chosen(variants)())
