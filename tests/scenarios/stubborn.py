"""Work that does not do as it is told."""

import asyncio

from jararaca_testing import VirtualClock


class Stubborn:
    """Swallows its cancellations until `release`; `cancelled` are the times at which they came."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._released = asyncio.Event()
        self.cancelled: list[float] = []

    async def wait(self) -> None:
        while not self._released.is_set():
            try:
                await self._released.wait()
            except asyncio.CancelledError:
                self.cancelled.append(self._clock.monotonic())

    async def release(self) -> None:
        """Let it end, and whatever waits for that go on."""
        self._released.set()
        await self._clock.advance(seconds=1)
