"""One subscription on a Redis server: it lasts as long as its connection, and says when that has ended."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any

from redis.asyncio.client import PubSub

UNANSWERED_PINGS = 2


class RedisSubscription:
    """Yields `(channel, payload)`. Waiting for the next may be cancelled without losing one.

    redis-py heals a lost subscription by itself and reports nothing, so what was published in the gap would be missed
    without a trace. Here an interrupted subscription is over: its connection does not retry, a confirmation that
    comes after the first ones betrays a reconnect, and a server that stays silent is asked for a sign of life.

    Args:
        pubsub: fresh, over a connection that neither decodes nor retries; its owner closes it.
        prefix: stands before every channel on the server.
        ping_interval: seconds of silence before a question; two without an answer end the subscription.
        explaining: a context that raises `FanoutUnavailable` instead of the driver's errors.
    """

    def __init__(
        self,
        pubsub: PubSub,
        *,
        prefix: str,
        ping_interval: float,
        explaining: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._pubsub = pubsub
        self._prefix = prefix
        self._ping_interval = ping_interval
        self._explaining = explaining
        self._arrived: deque[tuple[str, bytes]] = deque()
        self._waiting: asyncio.Timeout | None = None
        self._unanswered = 0
        self._is_over = False

    async def start(self, channels: tuple[str, ...]) -> None:
        """Subscribe, and return when the server has confirmed every channel.

        Raises:
            FanoutUnavailable: the server cannot be reached, or does not confirm within a ping interval.
        """
        names = {f"{self._prefix}{channel}".encode() for channel in channels}
        with self._explaining():
            await self._pubsub.subscribe(*names)
            while names:
                message = await self._read()
                if message is None:
                    raise TimeoutError(f"no confirmation within {self._ping_interval:g} s")
                if message["type"] == "subscribe":
                    names.discard(message["channel"])
                else:
                    self._take(message)

    def end(self) -> None:
        """Let whoever waits for the next item, now or later, get `FanoutUnavailable`."""
        if self._waiting is not None and not self._is_over:
            self._waiting.reschedule(0)
        self._is_over = True

    def __aiter__(self) -> AsyncIterator[tuple[str, bytes]]:
        return self

    async def __anext__(self) -> tuple[str, bytes]:
        while not self._arrived:
            with self._explaining():
                if self._is_over:
                    raise ConnectionError("the subscription is over; subscribe anew")
                await self._receive()
        return self._arrived.popleft()

    async def _receive(self) -> None:
        try:
            message = await self._read()
            if message is None:
                await self._ask_for_a_sign_of_life()
            else:
                self._unanswered = 0
                self._take(message)
        except Exception:
            self._is_over = True
            raise

    async def _read(self) -> dict[str, Any] | None:
        """The next message of any kind, or None after a ping interval of silence."""
        try:
            async with asyncio.timeout(None) as self._waiting:
                message: dict[str, Any] | None = await self._pubsub.get_message(timeout=self._ping_interval)
                return message
        except TimeoutError as error:
            raise ConnectionError("it was closed") from error
        finally:
            self._waiting = None

    async def _ask_for_a_sign_of_life(self) -> None:
        if self._unanswered == UNANSWERED_PINGS:
            raise TimeoutError(f"no answer for {self._ping_interval * (UNANSWERED_PINGS + 1):g} s")
        self._unanswered += 1
        await self._pubsub.ping()

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            raise ConnectionError("the connection was lost in between, and messages with it")
        if message["type"] == "message":
            channel = message["channel"].decode().removeprefix(self._prefix)
            self._arrived.append((channel, message["data"]))
