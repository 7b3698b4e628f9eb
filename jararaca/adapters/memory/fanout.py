"""Fan-out within one process: what several running applications, or several tests of one, share in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jararaca.errors import FanoutUnavailable


class FanoutHub:
    """The meeting place: every `MemoryFanout` of one hub hears every other, as processes do on one server."""

    def __init__(self) -> None:
        self._subscriptions: dict[str, dict[Subscription, None]] = {}

    def join(self, subscription: "Subscription") -> None:
        """Begin to deliver to `subscription`, on each of its channels."""
        for channel in subscription.channels:
            self._subscriptions.setdefault(channel, {})[subscription] = None

    def leave(self, subscription: "Subscription") -> None:
        """Stop delivering to `subscription`; a channel without subscribers is forgotten."""
        for channel in subscription.channels:
            present = self._subscriptions.get(channel, {})
            present.pop(subscription, None)
            if not present:
                self._subscriptions.pop(channel, None)

    def deliver(self, channel: str, payload: bytes) -> None:
        """Hand `payload` to everybody who is subscribed at this moment."""
        for subscription in self._subscriptions.get(channel, ()):
            subscription.put(channel, payload)


class Subscription:
    """What arrives on some channels, in order. Waiting for the next item may be cancelled without losing one."""

    def __init__(self, channels: tuple[str, ...]) -> None:
        self.channels = frozenset(channels)
        self._queue: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._closed = False

    def put(self, channel: str, payload: bytes) -> None:
        self._queue.put_nowait((channel, payload))

    def close(self) -> None:
        """Let the iterator raise once it has yielded what was there before."""
        self._queue.put_nowait(None)

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        item = None if self._closed else await self._queue.get()
        if item is None:
            self._closed = True
            raise FanoutUnavailable("the fan-out was closed: nothing arrives on this subscription any more")
        return item


class MemoryFanout:
    """The `Fanout` of one instance of an application; instances that are given the same hub hear each other."""

    def __init__(self, hub: FanoutHub) -> None:
        self._hub = hub
        self._open: dict[Subscription, None] = {}
        self._closed = False

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand `payload` to every present subscriber of `channel`, this instance included.

        Raises:
            FanoutUnavailable: this fan-out was closed.
        """
        self._refuse_when_closed()
        self._hub.deliver(channel, bytes(payload))

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        """Yield `(channel, payload)` in order, from the moment the context is entered.

        Raises:
            FanoutUnavailable: from the iterator, once this fan-out is closed.
        """
        self._refuse_when_closed()
        subscription = Subscription(channels)
        self._open[subscription] = None
        self._hub.join(subscription)
        try:
            yield subscription
        finally:
            self._hub.leave(subscription)
            del self._open[subscription]

    async def close(self) -> None:
        """End this instance's subscriptions; others on the hub go on."""
        self._closed = True
        for subscription in list(self._open):
            self._hub.leave(subscription)
            subscription.close()

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise FanoutUnavailable("the fan-out was closed: make a new MemoryFanout on the same hub")
