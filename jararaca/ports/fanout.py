"""Hand bytes to every instance of an application; how websocket frames reach sockets of other processes."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol


class Fanout(Protocol):
    """Fire and forget between processes: who is not subscribed at the moment of a publish never sees it."""

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand `payload` to every present subscriber of `channel`, this process included.

        Raises:
            FanoutUnavailable: the backend cannot be reached.
        """
        ...

    def subscribe(self, *channels: str) -> AbstractAsyncContextManager[AsyncIterator[tuple[str, bytes]]]:
        """Yield `(channel, payload)` in the order of each publisher. Entered once the subscription is in effect.

        The iterator raises `FanoutUnavailable` when the backend is lost: what is published meanwhile is missed.
        """
        ...

    async def close(self) -> None: ...
