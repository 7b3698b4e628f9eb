"""A server that does what a test says: silence, loss, alarms and refusals on command."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pamqp.frame
import pytest_asyncio
from pamqp import commands as amqp

from jararaca.adapters.rabbitmq.broker import RabbitMQBroker

Frame = Any
PROPERTIES: Any = {"capabilities": {"publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True}}


class ScriptedServer:
    """Answers every request as RabbitMQ would when all is well, unless `answers` says otherwise."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: asyncio.Queue[tuple[int, Frame]] = asyncio.Queue()
        self.reading = asyncio.Event()
        self.reading.set()
        self.answers: dict[str, list[Frame]] = {
            "Connection.StartOk": [amqp.Connection.Tune(channel_max=2047, frame_max=131_072, heartbeat=60)],
            "Connection.Open": [amqp.Connection.OpenOk()],
            "Connection.Close": [amqp.Connection.CloseOk()],
            "Channel.Open": [amqp.Channel.OpenOk()],
            "Channel.Close": [amqp.Channel.CloseOk()],
            "Confirm.Select": [amqp.Confirm.SelectOk()],
            "Basic.Qos": [amqp.Basic.QosOk()],
            "Basic.Consume": [amqp.Basic.ConsumeOk(consumer_tag="jararaca")],
            "Basic.Cancel": [amqp.Basic.CancelOk(consumer_tag="jararaca")],
            "Queue.Purge": [amqp.Queue.PurgeOk(message_count=4)],
            "Queue.Delete": [amqp.Queue.DeleteOk(message_count=5)],
            "Queue.Bind": [amqp.Queue.BindOk()],
            "Queue.Unbind": [amqp.Queue.UnbindOk()],
            "Exchange.Declare": [amqp.Exchange.DeclareOk()],
            "Exchange.Delete": [amqp.Exchange.DeleteOk()],
            "Exchange.Bind": [amqp.Exchange.BindOk()],
            "Exchange.Unbind": [amqp.Exchange.UnbindOk()],
            "Queue.Declare": [amqp.Queue.DeclareOk(queue="q", message_count=0, consumer_count=0)],
        }
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        try:
            await reader.readexactly(8)
            start = amqp.Connection.Start(server_properties=PROPERTIES, mechanisms="PLAIN", locales="en_US")
            self.send(0, start)
            while True:
                await self.reading.wait()
                head = await reader.readexactly(7)
                rest = await reader.readexactly(int.from_bytes(head[3:], "big") + 1)
                _, channel, frame = pamqp.frame.unmarshal(head + rest)
                self.seen.put_nowait((channel, frame))
                self.send(channel, *self.answers.get(frame.name, []))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def send(self, channel: int, *frames: Frame) -> None:
        self._writers[-1].write(b"".join(pamqp.frame.marshal(frame, channel) for frame in frames))

    async def saw(self, name: str) -> tuple[int, Frame]:
        """Channel and frame of the next method of this name."""
        async with asyncio.timeout(5):
            while (seen := await self.seen.get())[1].name != name:
                pass
            return seen

    def drop(self) -> None:
        """Cut every connection, as a failing network would."""
        for writer in self._writers:
            writer.transport.abort()


@pytest_asyncio.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    scripted = ScriptedServer()
    listener = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.port = listener.sockets[0].getsockname()[1]
    yield scripted
    scripted.reading.set()
    scripted.drop()
    listener.close()
    await listener.wait_closed()


@pytest_asyncio.fixture
async def broker(server: ScriptedServer) -> AsyncIterator[RabbitMQBroker]:
    broker = RabbitMQBroker(f"amqp://user:sesame@127.0.0.1:{server.port}/vhost", timeout=1.0, name="me")
    await broker.connect()
    yield broker
    await broker.close()
