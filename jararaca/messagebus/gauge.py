"""How far an outbox is behind."""

import logging

from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca.ports.outbox import Outbox, Stock

logger = logging.getLogger("jararaca.messagebus")

BEHIND = 60.0
"""Seconds after which a row that waits is worth a warning; also the least time between two readings."""


class Gauge:
    """Reads the stock of the outbox of one connection, and warns of rows that have waited for long.

    `stock` is what was there at the last reading; those who look on are told as well.
    """

    def __init__(self, environment: Environment, outbox: Outbox, connection: str) -> None:
        self._environment = environment
        self._outbox = outbox
        self._connection = connection
        self._read_at: float | None = None
        self.stock = Stock(0, 0, None)

    async def read(self, *, something_waits: bool) -> None:
        """Read if something waits, but not twice within a minute, and once more when nothing does any more."""
        now = self._environment.clock.monotonic()
        is_recent = self._read_at is not None and now - self._read_at < BEHIND
        if is_recent if something_waits else not self.stock.waiting:
            return
        self._read_at = now
        self.stock = await self._outbox.stock()
        facts = {
            "connection": self._connection,
            "waiting": self.stock.waiting,
            "parked": self.stock.parked,
            "oldest_seconds": self.oldest_seconds,
        }
        if self._environment.steps.observers:
            self._environment.steps.after(Kind.OUTBOX, self, outcome="stock", **facts)
        if self.oldest_seconds >= BEHIND:
            logger.warning("messages in the outbox have waited for long", extra=facts)

    @property
    def oldest_seconds(self) -> float:
        """How long the oldest row has waited that was there at the last reading; 0.0 if none was."""
        oldest = self.stock.oldest
        return 0.0 if oldest is None else (self._environment.clock.now() - oldest).total_seconds()
