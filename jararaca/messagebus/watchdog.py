"""Finds consumers that a broker has forgotten: the connection lives, nothing is said, and no message ever comes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from jararaca.errors import BrokerError, ChannelClosed, ServerUnavailable
from jararaca.ports.broker import Broker
from jararaca.ports.clock import Clock

logger = logging.getLogger("jararaca.messagebus")

LOOK_EVERY = 2.0
"""Seconds between two looks at a queue from which nothing comes: two of them find what is wrong within five."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How a consumer stands: how many deliveries it ever had, and whether the broker might give it one more now."""

    arrived: int
    has_room: bool


class Watchdog:
    """Watches one consumer. As long as messages come it asks nothing of the broker."""

    def __init__(self, broker: Broker, clock: Clock, queue: str, flow: Callable[[], Flow]) -> None:
        self._broker = broker
        self._clock = clock
        self._queue = queue
        self._flow = flow

    async def silence(self) -> str:
        """Return once the broker does not know the consumer any more, with what shows it."""
        before = self._flow()
        is_suspected = False
        while True:
            await self._clock.sleep(LOOK_EVERY)
            now = self._flow()
            if now.arrived != before.arrived:
                before, is_suspected = now, False
                continue
            ready, reason = await self._look()
            if reason is not None:
                return reason
            passed_over = ready > 0 and now.has_room and self._flow() == now
            if passed_over and is_suspected:
                return f"{ready} messages are ready, and none comes"
            is_suspected = passed_over

    async def _look(self) -> tuple[int, str | None]:
        """How many messages are ready, and why nobody can have them."""
        try:
            info = await self._broker.inspect_queue(self._queue)
        except ChannelClosed as refusal:
            return 0, "the queue does not exist" if refusal.code == 404 else None
        except (ServerUnavailable, BrokerError):
            return 0, None  # whoever keeps the connection up finds out
        return info.ready, None if info.consumers else "the queue has no consumer"
