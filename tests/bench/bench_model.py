"""Publish, deliver and ack in the model of the broker: no codec, one queue, a window of 100.

The bare deque carries the same payload objects, one made for each message, to a consumer that does the same with them.
"""

import asyncio
from collections import deque

from deaf import DeafChannel, DeafConnection
from measuring import Stopwatch, chosen

from jararaca.adapters.memory.broker.session import AmqpConnection, AmqpDelivery
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.system.clock import SystemClock
from jararaca.ports.broker import Envelope, Queue

MESSAGES = 100_000
WINDOW = 100
BODY = b"x" * 100


class Consumer(DeafChannel):
    """Takes deliveries, to ack them in turn."""

    def __init__(self) -> None:
        self.came: deque[AmqpDelivery] = deque()

    def delivered(self, delivery: AmqpDelivery) -> None:
        self.came.append(delivery)


def payload(number: int) -> Envelope:
    return Envelope(BODY, content_type="application/json", message_id=str(number))


async def model() -> None:
    consumer = Consumer()
    channel = AmqpConnection(VirtualHost(SystemClock()), DeafConnection()).channel(1, consumer)
    channel.queue_declare(Queue("q"))
    channel.basic_qos(WINDOW)
    channel.basic_consume("q")
    came, read = consumer.came, 0
    watch = Stopwatch()
    for first in range(0, MESSAGES, WINDOW):
        for number in range(first, first + WINDOW):
            channel.basic_publish(payload(number), routing_key="q")
        while came:
            delivery = came.popleft()
            read += len(delivery.envelope.body)
            channel.basic_ack(delivery.delivery_tag)
    watch.print(MESSAGES)
    assert read == MESSAGES * len(BODY)


async def bare() -> None:
    queue: deque[Envelope] = deque()
    read = 0
    watch = Stopwatch()
    for first in range(0, MESSAGES, WINDOW):
        for number in range(first, first + WINDOW):
            queue.append(payload(number))
        while queue:
            read += len(queue.popleft().body)
    watch.print(MESSAGES)
    assert read == MESSAGES * len(BODY)


if __name__ == "__main__":
    asyncio.run(chosen({"model": model, "bare deque": bare})())
