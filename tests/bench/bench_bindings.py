"""Publish through exchanges with few bindings and with many, of which one matches. No routing key comes twice."""

import asyncio

from deaf import DeafChannel, DeafConnection
from measuring import Stopwatch, chosen

from jararaca.adapters.memory.broker.session import AmqpConnection
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.ports.broker import Envelope, Queue

MESSAGES = 20_000


async def publish(bindings: int) -> None:
    channel = AmqpConnection(VirtualHost(SystemClock()), DeafConnection()).channel(1, DeafChannel())
    channel.queue_declare(Queue("q"))
    channel.basic_consume("q", no_ack=True)
    for number in range(bindings):
        channel.queue_bind("q", "amq.topic", f"order.{number}.*.placed.#")
        channel.queue_bind("q", "amq.direct", f"order.{number}")
        channel.queue_bind("q", "amq.headers", "", {"type": "order", "number": number})
    watch = Stopwatch()
    for number in range(MESSAGES):
        one = number % bindings
        channel.basic_publish(Envelope(b"x"), exchange="amq.topic", routing_key=f"order.{one}.{number}.placed.eu")
        channel.basic_publish(Envelope(b"x"), exchange="amq.direct", routing_key=f"order.{one}")
        headers = {"type": "order", "number": one, "message": number}
        channel.basic_publish(Envelope(b"x", headers=headers), exchange="amq.headers", routing_key=str(number))
    watch.print(3 * MESSAGES)


async def few() -> None:
    await publish(10)


async def many() -> None:
    await publish(10_000)


if __name__ == "__main__":
    asyncio.run(chosen({"10,000 bindings": many, "10 bindings": few})())
