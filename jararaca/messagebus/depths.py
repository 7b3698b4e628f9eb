"""How many dead letters there are, whoever made them: a broker gives messages up as well, and tells nobody of it."""

from collections.abc import Sequence

from jararaca.core.measures import Measure
from jararaca.errors import BrokerError, ServerUnavailable
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.dead_letters import DeadLetters
from jararaca.messagebus.declaring import ANSWER_WITHIN
from jararaca.messagebus.topology import Listener

LOOK_EVERY = 30.0
"""Seconds between two looks at the queues of dead letters; there is one request for each handler."""


class DeadLetterDepths:
    """Counts the dead letters of each handler now and then, without taking one.

    `measure` shows what was there at the latest look, and nothing of a handler of which the broker did not tell: its
    queue of dead letters does not exist, or there was no connection.
    """

    def __init__(self, connection: BusConnection, handlers: Sequence[Listener]) -> None:
        self._connection = connection
        self._letters = {handler.name: DeadLetters(connection, handler) for handler in handlers}
        self._depths: dict[str, float] = {}
        self.measure = Measure(
            "dead_letters_waiting",
            "Dead letters of a handler, as the broker counted them latest, whoever made them",
            "handler",
            lambda: self._depths,
        )

    async def keep(self) -> None:
        """Look again and again. Returns only when cancelled."""
        while True:
            self._depths = await self._look()
            await self._connection.environment.clock.sleep(LOOK_EVERY)

    async def _look(self) -> dict[str, float]:
        depths: dict[str, float] = {}
        if not self._connection.ready:
            return depths
        try:
            for name, letters in self._letters.items():
                async with self._connection.environment.clock.timeout(ANSWER_WITHIN):
                    count = await letters.count()
                if count is not None:
                    depths[name] = float(count)
        except (ServerUnavailable, BrokerError, TimeoutError):
            pass  # whoever keeps the connection up finds out; the next look is soon
        return depths
