"""A broker that forgets its consumers, and says nothing of it: what a network between the two can come to."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from jararaca.core.environment import Ports
from jararaca.ports.broker import Broker, Delivery, Subscription
from jararaca_testing.profiles.world import World


class Unaware:
    """A subscription that is not told of its end."""

    def __init__(self, subscription: Subscription) -> None:
        self.real = subscription
        self.cancelled = asyncio.Event()
        self.lost = subscription.lost

    async def cancel(self) -> None:
        await self.real.cancel()
        self.cancelled.set()

    async def close(self) -> None:
        await self.real.close()


class ForgetfulBroker:
    """A `Broker` that forgets what consumes when it is told to; else it is the one that it stands for."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._subscriptions: list[Unaware] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._broker, name)

    async def consume(
        self, queue: str, *, prefetch: int, on_delivery: Callable[[Delivery], None], priority: int = 0
    ) -> Subscription:
        real = await self._broker.consume(queue, prefetch=prefetch, on_delivery=on_delivery, priority=priority)
        self._subscriptions.append(Unaware(real))
        return self._subscriptions[-1]

    async def forget(self) -> None:
        """Nobody consumes any more, and nobody is told."""
        for subscription in self._subscriptions:
            await subscription.real.cancel()


class ForgetfulWorld:
    """A world whose brokers may forget; the latest of them is `broker`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.brokers: list[ForgetfulBroker] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    @property
    def ports(self) -> Ports:
        return replace(self._world.ports, broker=self._make, polls=True)

    def _make(self, url: str, *, heartbeat: int, name: str) -> Any:
        self.brokers.append(ForgetfulBroker(self._world.ports.broker(url, heartbeat=heartbeat, name=name)))
        return self.brokers[-1]
