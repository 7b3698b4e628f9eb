"""What the tests of a broker work with: connections, names of their own, queues, and arrivals that are waited for.

Whoever inherits the suite overrides `new_broker`. What bears a name that `fresh` made is deleted after the test, so a
server that others use is left as it was. Waiting is waiting for something to arrive, never for time to pass.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import pytest_asyncio

from jararaca.adapters.system.chance import SystemChance
from jararaca.adapters.system.clock import SystemClock
from jararaca.errors import ChannelClosed, UsageError
from jararaca.ports.broker import Broker, Delivery, Envelope, Exchange, ExchangeType, Queue

PATIENCE = 10.0  # seconds
QUORUM = {"x-queue-type": "quorum"}

Name = Callable[[str], str]
Connect = Callable[[], Awaitable[Broker]]
MakeQueue = Callable[..., Awaitable[str]]
MakeExchange = Callable[..., Awaitable[str]]
Fill = Callable[[str, int], Awaitable[None]]
Take = Callable[[str], Awaitable[Delivery]]
Bodies = Callable[[str], Awaitable[list[bytes]]]
Inbox = asyncio.Queue[Delivery]
Arrival = Callable[[Inbox], Awaitable[Delivery]]
Happens = Callable[[asyncio.Event], Awaitable[None]]
Passes = Callable[[int], Awaitable[None]]
Gone = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
Grave = Callable[[], Awaitable[tuple[dict[str, str], Inbox]]]


class BrokerBench:
    """The fixtures of the suite. Those below `new_broker` use nothing but the port."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def new_broker(self) -> Callable[[], Broker]:
        """Override this: makes connections, not yet connected, that all lead to the same broker."""
        raise UsageError(
            f"{type(self).__name__} says not which broker is under contract. Override its fixture new_broker with one "
            "that returns a function, which makes one more connection at each call."
        )

    @pytest_asyncio.fixture
    async def connect(self, new_broker: Callable[[], Broker]) -> AsyncIterator[Connect]:
        """Opens one more connection, which is closed after the test."""
        opened: list[Broker] = []

        async def connect() -> Broker:
            opened.append(new_broker())
            await opened[-1].connect()
            return opened[-1]

        yield connect
        for broker in opened:
            await broker.close()

    @pytest_asyncio.fixture
    async def broker(self, connect: Connect) -> Broker:
        return await connect()

    @pytest_asyncio.fixture
    async def fresh(self, connect: Connect) -> AsyncIterator[Name]:
        """Makes names that nobody else uses."""
        names: list[str] = []

        def fresh(label: str) -> str:
            names.append(f"contract.{SystemChance().uuid().hex[:12]}.{label}")
            return names[-1]

        yield fresh
        sweeper = await connect()
        for name in names:
            await sweeper.delete_queue(name)
            await sweeper.delete_exchange(name)

    @pytest.fixture
    def queue(self, broker: Broker, fresh: Name) -> MakeQueue:
        """Declares a durable queue with these arguments, and tells its name."""

        async def queue(arguments: Mapping[str, Any] | None = None) -> str:
            return (await broker.declare_queue(Queue(fresh("queue"), arguments=arguments or {}))).name

        return queue

    @pytest.fixture
    def exchange(self, broker: Broker, fresh: Name) -> MakeExchange:
        """Declares an exchange of a type, and tells its name."""

        async def exchange(type_: ExchangeType, arguments: dict[str, Any] | None = None) -> str:
            name = fresh(type_)
            await broker.declare_exchange(Exchange(name, type_, arguments=arguments or {}))
            return name

        return exchange

    @pytest.fixture
    def fill(self, broker: Broker) -> Fill:
        """Publishes the bodies 0, 1, 2, ... to a queue, each confirmed before the next."""

        async def fill(queue: str, count: int) -> None:
            for number in range(count):
                await broker.publish(Envelope(b"%d" % number), exchange="", routing_key=queue)

        return fill

    @pytest.fixture
    def take(self, broker: Broker) -> Take:
        """Takes one message, which has to be there."""

        async def take(queue: str) -> Delivery:
            delivery = await broker.get(queue)
            assert delivery is not None
            return delivery

        return take

    @pytest.fixture
    def bodies(self, broker: Broker) -> Bodies:
        """Takes everything that is ready."""

        async def bodies(queue: str) -> list[bytes]:
            taken: list[bytes] = []
            while (delivery := await broker.get(queue)) is not None:
                taken.append(delivery.envelope.body)
                delivery.ack()
            return taken

        return bodies

    @pytest.fixture
    def arrival(self) -> Arrival:
        """Waits for the next delivery of a consumer whose `on_delivery` is `put_nowait` of that queue."""

        async def arrival(inbox: Inbox) -> Delivery:
            async with asyncio.timeout(PATIENCE):
                return await inbox.get()

        return arrival

    @pytest.fixture
    def happens(self) -> Happens:
        """Waits for an event."""

        async def happens(event: asyncio.Event) -> None:
            async with asyncio.timeout(PATIENCE):
                await event.wait()

        return happens

    @pytest.fixture
    def grave(self, broker: Broker, queue: MakeQueue) -> Grave:
        """Makes a queue for dead letters: the arguments that lead to it, and what arrives there."""

        async def grave() -> tuple[dict[str, str], Inbox]:
            name, inbox = await queue(), Inbox()
            await broker.consume(name, prefetch=100, on_delivery=inbox.put_nowait)
            return {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": name}, inbox

        return grave

    @pytest.fixture
    def passes(self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival) -> Passes:
        """Waits until so many milliseconds have passed for the broker: a message of that life has expired."""

        async def passes(milliseconds: int) -> None:
            arguments, letters = await grave()
            await broker.publish(
                Envelope(b"", expiration=str(milliseconds)), exchange="", routing_key=await queue(arguments)
            )
            await arrival(letters)

        return passes

    @pytest.fixture
    def gone(self) -> Gone:
        """Asks again and again until the answer is 404."""

        async def gone(ask: Callable[[], Awaitable[object]]) -> None:
            async with asyncio.timeout(PATIENCE):
                while await _answer(ask) != 404:
                    await SystemClock().sleep(0.02)

        return gone


async def _answer(ask: Callable[[], Awaitable[object]]) -> int | None:
    try:
        await ask()
    except ChannelClosed as refused:
        return refused.code
    return None


def told(envelope: Envelope) -> list[tuple[str, str, int]]:
    """Queue, reason and count of each death, newest first."""
    return [(death["queue"], death["reason"], death["count"]) for death in envelope.headers["x-death"]]
