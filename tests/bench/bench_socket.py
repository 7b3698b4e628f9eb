"""Twenty thousand small messages from aio-pika to a broker and back: ours behind its socket, and RabbitMQ."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractIncomingMessage
from measuring import Stopwatch, chosen

RABBITMQ = os.environ.get("JARARACA_TEST_AMQP_URL", "amqp://guest:guest@localhost/")
MESSAGES = 20_000
AT_A_TIME = 1_000
PREFETCH = 100
NAME = f"bench{uuid4().hex[:12]}"
QUORUM: Any = {"x-queue-type": "quorum"}


@contextmanager
def ours() -> Iterator[str]:
    """The address of `jararaca broker` in a process of its own."""
    command = [sys.executable, "-m", "jararaca", "broker", "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
    broker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert broker.stdout is not None
    yield next(line.split()[-1] for line in broker.stdout if "AMQP" in line)
    broker.send_signal(signal.SIGTERM)
    broker.communicate()


@contextmanager
def rabbitmq() -> Iterator[str]:
    yield RABBITMQ


async def measure(url: str) -> None:
    """Publish with confirms, a thousand under way; then consume, each message acked on its own."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(NAME, durable=True, arguments=QUORUM)
        await channel.set_qos(PREFETCH)
        done = asyncio.Event()
        handled = 0

        async def handle(message: AbstractIncomingMessage) -> None:
            nonlocal handled
            await message.ack()
            handled += 1
            if handled == MESSAGES:
                done.set()

        watch = Stopwatch()
        for _ in range(MESSAGES // AT_A_TIME):
            await asyncio.gather(*(publish(channel, NAME) for _ in range(AT_A_TIME)))
        await queue.consume(handle)
        await done.wait()
        watch.print(MESSAGES)
        await channel.queue_delete(NAME)


async def publish(channel: Any, queue: str) -> None:
    message = aio_pika.Message(b"x" * 180, message_id=uuid4().hex, delivery_mode=aio_pika.DeliveryMode.PERSISTENT)
    await channel.default_exchange.publish(message, routing_key=queue)


if __name__ == "__main__":
    with chosen({"jararaca broker": ours, "RabbitMQ": rabbitmq})() as address:
        asyncio.run(measure(address))
