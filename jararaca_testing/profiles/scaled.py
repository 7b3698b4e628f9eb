"""Time that runs faster than real time by a factor, for profiles whose servers live in real time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from jararaca.errors import UsageError
from jararaca.ports.broker import (
    Binding,
    Broker,
    BrokerState,
    Confirm,
    Delivery,
    Envelope,
    Exchange,
    Queue,
    QueueInfo,
    Subscription,
)
from jararaca_testing.timers import span

LATENCY = 0.05
"""Real seconds by which a server's timers may be late; `advance` allows for them."""

LONG_TIMEOUT = 5.0
LEAST_TIMEOUT = 2.0
"""Real seconds that timeouts of `LONG_TIMEOUT` and more have at least: they mean that a server does not answer, and on
a busy machine it takes its time. They may be late, never early."""

VIRTUAL_ONLY = frozenset({"autojump", "jump", "next_timers", "on_jump", "set"})


class ScaledClock:
    """A `Clock` on which one second takes `scale` real seconds. What it cannot do, it refuses: it does not lie.

    `longest` is how many real seconds one `advance` may take; afterwards it lets `rest` wait for what came due.
    """

    def __init__(self, scale: float, *, longest: float, rest: Callable[[], Awaitable[None]]) -> None:
        self._scale = scale
        self._longest = longest
        self.rest = rest
        self._real_start = time.monotonic()
        self._base = datetime.now(UTC)

    def now(self) -> datetime:
        return self._base + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._real_start) / self._scale

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._scale)

    async def sleep_until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:
            await self.sleep(left)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        if seconds is None:
            return asyncio.timeout(None)
        return asyncio.timeout(max(seconds * self._scale, LEAST_TIMEOUT if seconds >= LONG_TIMEOUT else 0.0))

    async def advance(self, seconds: float = 0.0, *, max_steps: int = 0, **units: float) -> None:  # noqa: ARG002 # real time passes, whatever the application does
        """Let time pass: the scaled remainder is really slept, and what comes due gets a moment to be handled.

        Raises:
            UsageError: it would take longer than the test's patience.
            TypeError, ValueError: there is no such unit, or time would run backwards.
        """
        duration = span("advance", seconds, units)
        real = duration * self._scale
        if real > self._longest:
            raise UsageError(
                f"clock.advance() by {duration:g} seconds would take {real:g} real seconds in this profile, and a test "
                f"may wait for {self._longest:g}. Mark it with @pytest.mark.virtual_only, or lower jararaca_time_scale "
                f"({self._scale:g})."
            )
        await asyncio.sleep(real + LATENCY)
        await self.rest()

    def __getattr__(self, name: str) -> Any:
        if name in VIRTUAL_ONLY:
            raise AttributeError(
                f"clock.{name} needs virtual time, which real servers have not. Mark the test with "
                "@pytest.mark.virtual_only."
            )
        raise AttributeError(f"the clock has no attribute {name!r}")


class ScaledBroker:
    """A broker whose delays are declared in scaled time, and that knows what was declared through it."""

    def __init__(self, broker: Broker, scale: float, made: "Made") -> None:
        self._broker = broker
        self._scale = scale
        self._made = made

    @property
    def state(self) -> BrokerState:
        return self._broker.state

    @property
    def lost(self) -> asyncio.Event:
        return self._broker.lost

    async def connect(self) -> None:
        await self._broker.connect()

    def publish(
        self, envelope: Envelope, *, exchange: str, routing_key: str, mandatory: bool = False
    ) -> "asyncio.Future[Confirm]":
        if envelope.expiration is not None:
            envelope = envelope._replace(expiration=str(self._scaled(int(envelope.expiration))))
        return self._broker.publish(envelope, exchange=exchange, routing_key=routing_key, mandatory=mandatory)

    async def flush(self) -> None:
        await self._broker.flush()

    async def consume(
        self, queue: str, *, prefetch: int, on_delivery: Callable[[Delivery], None], priority: int = 0
    ) -> Subscription:
        return await self._broker.consume(queue, prefetch=prefetch, on_delivery=on_delivery, priority=priority)

    async def get(self, queue: str) -> Delivery | None:
        return await self._broker.get(queue)

    async def declare_exchange(self, exchange: Exchange) -> None:
        self._made.exchanges[exchange.name] = None
        await self._broker.declare_exchange(exchange)

    async def declare_queue(self, queue: Queue) -> QueueInfo:
        self._made.queues[queue.name] = None
        return await self._broker.declare_queue(replace(queue, arguments=self._scaled_arguments(queue.arguments)))

    def _scaled_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        ttl = arguments.get("x-message-ttl")
        return {**arguments, **({} if ttl is None else {"x-message-ttl": self._scaled(ttl)})}

    def _scaled(self, milliseconds: int) -> int:
        return max(1, round(milliseconds * self._scale))

    async def inspect_exchange(self, name: str) -> None:
        await self._broker.inspect_exchange(name)

    async def inspect_queue(self, name: str) -> QueueInfo:
        return await self._broker.inspect_queue(name)

    async def bind(self, binding: Binding) -> None:
        await self._broker.bind(binding)

    async def unbind(self, binding: Binding) -> None:
        await self._broker.unbind(binding)

    async def purge(self, queue: str) -> int:
        return await self._broker.purge(queue)

    async def delete_queue(self, name: str) -> int:
        return await self._broker.delete_queue(name)

    async def delete_exchange(self, name: str) -> None:
        await self._broker.delete_exchange(name)

    async def close(self) -> None:
        await self._broker.close()


class Made:
    """What a test declared on a real broker, to be deleted after it."""

    def __init__(self) -> None:
        self.queues: dict[str, None] = {}
        self.exchanges: dict[str, None] = {}

    async def delete_from(self, broker: Broker) -> None:
        """Delete every queue and exchange, all at once, and forget them."""
        await asyncio.gather(
            *(broker.delete_queue(name) for name in self.queues),
            *(broker.delete_exchange(name) for name in self.exchanges),
        )
        self.queues.clear()
        self.exchanges.clear()
