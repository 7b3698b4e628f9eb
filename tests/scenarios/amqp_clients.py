"""A client of AMQP 0-9-1 that says one thing to two brokers: the model (`amqp_model`) and a server (`amqp_wire`).

What comes without being asked for is in `Channel.events`, in order. What a method is refused with is raised by its call
if AMQP has an answer to it, and told by `Channel.closed` or `Client.closed` in any case.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Envelope, Exchange, Queue, QueueInfo

PATIENCE = 10.0  # seconds
Table = Mapping[str, Any]
NONE: Table = {}


@dataclass(frozen=True)
class Refusal:
    """Why the broker closed a channel or connection."""

    code: int
    text: str
    method: tuple[int, int]


@dataclass(frozen=True)
class Delivered:
    consumer_tag: str
    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    envelope: Envelope

    @property
    def body(self) -> bytes:
        return self.envelope.body


@dataclass(frozen=True)
class Got:
    tag: int
    redelivered: bool
    exchange: str
    routing_key: str
    envelope: Envelope
    ready: int

    @property
    def body(self) -> bytes:
        return self.envelope.body


@dataclass(frozen=True)
class Bounced:
    code: int
    text: str
    exchange: str
    routing_key: str
    envelope: Envelope


@dataclass(frozen=True)
class Confirmed:
    tag: int
    multiple: bool
    accepted: bool


@dataclass(frozen=True)
class Cancelled:
    consumer_tag: str


Event = Delivered | Bounced | Confirmed | Cancelled


class Ending:
    """The end of a channel or connection, if the broker is its author."""

    def __init__(self) -> None:
        self.refusal: asyncio.Future[Refusal] = asyncio.get_running_loop().create_future()

    def refused(self, refusal: Refusal) -> None:
        if not self.refusal.done():
            self.refusal.set_result(refusal)

    async def closed(self) -> Refusal:
        """Wait until the broker closes this, and tell why."""
        async with asyncio.timeout(PATIENCE):
            return await asyncio.shield(self.refusal)


class Channel(Ending, ABC):
    """The methods of AMQP, by the names that `AmqpChannel` gives them."""

    def __init__(self) -> None:
        super().__init__()
        self.events: asyncio.Queue[Event] = asyncio.Queue()

    @abstractmethod
    async def call(self, method: str, *args: Any, **options: Any) -> Any:
        """Send one method, and wait for its answer if it has one."""

    async def event(self) -> Event:
        """Wait for the next thing that comes without being asked for."""
        async with asyncio.timeout(PATIENCE):
            return await self.events.get()

    async def delivery(self) -> Delivered:
        """Wait for the next thing to come, which must be a delivery."""
        event = await self.event()
        assert isinstance(event, Delivered), event
        return event

    async def deliveries(self, count: int) -> list[Delivered]:
        return [await self.delivery() for _ in range(count)]

    async def exchange_declare(self, exchange: Exchange, *, passive: bool = False) -> None:
        await self.call("exchange_declare", exchange, passive=passive)

    async def exchange_delete(self, name: str, *, if_unused: bool = False) -> None:
        await self.call("exchange_delete", name, if_unused=if_unused)

    async def exchange_bind(self, destination: str, source: str, key: str = "", arguments: Table = NONE) -> None:
        await self.call("exchange_bind", destination, source, key, arguments)

    async def exchange_unbind(self, destination: str, source: str, key: str = "", arguments: Table = NONE) -> None:
        await self.call("exchange_unbind", destination, source, key, arguments)

    async def queue_declare(self, queue: Queue, *, passive: bool = False) -> QueueInfo:
        info: QueueInfo = await self.call("queue_declare", queue, passive=passive)
        return info

    async def queue_bind(self, queue: str, exchange: str, key: str = "", arguments: Table = NONE) -> None:
        await self.call("queue_bind", queue, exchange, key, arguments)

    async def queue_unbind(self, queue: str, exchange: str, key: str = "", arguments: Table = NONE) -> None:
        await self.call("queue_unbind", queue, exchange, key, arguments)

    async def queue_purge(self, queue: str) -> int:
        count: int = await self.call("queue_purge", queue)
        return count

    async def queue_delete(self, queue: str, *, if_unused: bool = False, if_empty: bool = False) -> int:
        count: int = await self.call("queue_delete", queue, if_unused=if_unused, if_empty=if_empty)
        return count

    async def basic_qos(self, count: int, *, prefetch_size: int = 0, global_: bool = False) -> None:
        await self.call("basic_qos", count, prefetch_size=prefetch_size, global_=global_)

    async def basic_consume(
        self,
        queue: str = "",
        *,
        consumer_tag: str = "",
        no_ack: bool = False,
        exclusive: bool = False,
        arguments: Table = NONE,
    ) -> str:
        options = {"consumer_tag": consumer_tag, "no_ack": no_ack, "exclusive": exclusive, "arguments": arguments}
        tag: str = await self.call("basic_consume", queue, **options)
        return tag

    async def basic_cancel(self, consumer_tag: str) -> str:
        tag: str = await self.call("basic_cancel", consumer_tag)
        return tag

    async def basic_get(self, queue: str = "", *, no_ack: bool = False) -> Got | None:
        got: Got | None = await self.call("basic_get", queue, no_ack=no_ack)
        return got

    async def got(self, queue: str = "") -> Got:
        """Get one message, which must be there."""
        got = await self.basic_get(queue)
        assert got is not None
        return got

    async def basic_publish(
        self,
        body: bytes | Envelope,
        routing_key: str = "",
        *,
        exchange: str = "",
        mandatory: bool = False,
        immediate: bool = False,
    ) -> None:
        envelope = body if isinstance(body, Envelope) else Envelope(body)
        options = {"exchange": exchange, "routing_key": routing_key, "mandatory": mandatory, "immediate": immediate}
        await self.call("basic_publish", envelope, **options)

    async def basic_ack(self, tag: int, *, multiple: bool = False) -> None:
        await self.call("basic_ack", tag, multiple=multiple)

    async def basic_nack(self, tag: int, *, multiple: bool = False, requeue: bool = True) -> None:
        await self.call("basic_nack", tag, multiple=multiple, requeue=requeue)

    async def basic_reject(self, tag: int, *, requeue: bool = True) -> None:
        await self.call("basic_reject", tag, requeue=requeue)

    async def basic_recover(self, *, requeue: bool) -> None:
        await self.call("basic_recover", requeue=requeue)

    async def confirm_select(self) -> None:
        await self.call("confirm_select")

    async def tx_select(self) -> None:
        await self.call("tx_select")

    async def tx_commit(self) -> None:
        await self.call("tx_commit")

    async def tx_rollback(self) -> None:
        await self.call("tx_rollback")

    async def flow(self, active: bool) -> bool:
        went_on: bool = await self.call("flow", active)
        return went_on

    async def close(self) -> None:
        await self.call("close")


class Client(Ending, ABC):
    """One connection."""

    @abstractmethod
    async def channel(self) -> Channel: ...

    @abstractmethod
    async def close(self) -> None: ...


def refusal_of(error: ChannelClosed | ConnectionClosed) -> Refusal:
    return Refusal(error.code, error.text, (error.class_id, error.method_id))


WITHOUT_ANSWER = ("basic_publish", "basic_ack", "basic_nack", "basic_reject")
