"""A hundred messages: one unit of work that stages them, against a hundred awaited publishes of aio-pika.

Both publish persistent messages to a topic exchange to which one quorum queue is bound: what a service publishes goes
to the queues of its handlers, and those are quorum queues unless it says otherwise. The same with a queue that is not
durable shows the clients without the broker's disk.
"""

import asyncio
import os
from functools import partial
from typing import Any
from uuid import uuid4

import aio_pika
from measuring import Stopwatch, chosen
from pydantic import BaseModel

from jararaca import Microservice, use_publisher
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import system_ports
from jararaca.core.context import Trigger
from jararaca.core.invocation import in_unit_of_work
from jararaca.messagebus.config import MessageBusConfig

URL = os.environ.get("JARARACA_TEST_AMQP_URL", "amqp://guest:guest@localhost/")
MESSAGES = 100
ROUNDS = 20
QUORUM: dict[str, Any] = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
TRANSIENT: dict[str, Any] = {"durable": False}


class Placed(BaseModel):
    id: int
    note: str = "x" * 120


async def ours(queue: dict[str, Any]) -> None:
    exchange = f"bench.{uuid4().hex}"
    config = MessageBusConfig(url=URL, exchange=exchange)
    assembly = assemble(Microservice(name="bench"), system_ports(), config, needs_broker=True)
    application = assembly.application
    await application.start()

    async def publish() -> None:
        publisher = use_publisher()
        for number in range(MESSAGES):
            await publisher.publish(Placed(id=number), topic="bench.placed")

    await bind(exchange, queue)
    await in_unit_of_work(application.execution(Trigger("manual", "bench")), publish)
    watch = Stopwatch()
    for _ in range(ROUNDS):
        await in_unit_of_work(application.execution(Trigger("manual", "bench")), publish)
    watch.print(MESSAGES * ROUNDS)
    await application.stop()
    await delete(exchange)


async def awaited(queue: dict[str, Any]) -> None:
    name = f"bench.{uuid4().hex}"
    connection = await aio_pika.connect(URL)
    channel = await connection.channel()
    exchange = await channel.declare_exchange(name, "topic", durable=True)
    await bind(name, queue)

    async def publish() -> None:
        for number in range(MESSAGES):
            body = Placed(id=number).model_dump_json().encode()
            message = aio_pika.Message(body, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
            await exchange.publish(message, routing_key="bench.placed", mandatory=False)

    await publish()
    watch = Stopwatch()
    for _ in range(ROUNDS):
        await publish()
    watch.print(MESSAGES * ROUNDS)
    await connection.close()
    await delete(name)


async def bind(exchange: str, arguments: dict[str, Any]) -> None:
    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(exchange, **arguments)
        await queue.bind(exchange, routing_key="bench.#")


async def delete(exchange: str) -> None:
    async with await aio_pika.connect(URL) as connection:
        channel = await connection.channel()
        await channel.queue_delete(exchange)
        await channel.exchange_delete(exchange)


if __name__ == "__main__":
    asyncio.run(
        chosen(
            {
                "one unit of work": partial(ours, QUORUM),
                "aio-pika awaited": partial(awaited, QUORUM),
                "one unit of work, transient": partial(ours, TRANSIENT),
                "aio-pika awaited, transient": partial(awaited, TRANSIENT),
            }
        )()
    )
