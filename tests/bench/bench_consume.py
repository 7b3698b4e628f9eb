"""Twenty thousand small messages from a quorum queue, prefetch 100, to a handler that does nothing."""

import asyncio
import os
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage
from measuring import Stopwatch, chosen
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import system_ports
from jararaca.messagebus.config import MessageBusConfig

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
    asyncio.run(chosen({"worker": ours, "aio-pika": bare, "FastStream": faststream})())
