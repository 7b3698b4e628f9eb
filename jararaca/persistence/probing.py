"""Whether a database is there: asked when the application starts, and again for as long as it is known to be away."""

import asyncio
import logging

from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncEngine

from jararaca.core.disclosure import reason_of
from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope

logger = logging.getLogger("jararaca.persistence")

ANSWER_WITHIN = 5.0
"""Seconds for a connection."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before a database that is away is asked again; the pause doubles each time."""


class Probe:
    """Knows whether one database answers. It is asked nothing while it does, until `lost` says that it does not."""

    def __init__(self, environment: Environment, name: str, engine: AsyncEngine) -> None:
        self._clock = environment.clock
        self._name = name
        self._engine = engine
        self._tasks = TaskScope(f"probe of the database {name}")
        self._there = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether the database answered when it was asked last, and no session has said otherwise since."""
        return self._there.is_set()

    async def start(self) -> None:
        """Ask once, and go on asking in the background if there is no answer."""
        error = await self._asked()
        if error is not None:
            self._wait_for(error)

    def lost(self, error: BaseException) -> None:
        """A session could not reach the database."""
        if self._there.is_set():
            self._there.clear()
            self._wait_for(error)

    async def until_there(self) -> None:
        """Return once the database answers."""
        await self._there.wait()

    async def stop(self) -> None:
        """Ask nothing more."""
        await self._tasks.cancel()

    def _wait_for(self, error: BaseException) -> None:
        extra = {"connection": self._name, "error": type(error).__name__, "reason": reason_of(error)}
        logger.warning("a database is away; it is waited for", extra=extra)
        self._tasks.spawn(self._wait(), name=self._tasks.name)

    async def _wait(self) -> None:
        pause = FIRST_PAUSE
        while True:
            await self._clock.sleep(pause)
            if await self._asked() is None:
                break
            pause = min(2 * pause, LONGEST_PAUSE)
        logger.info("a database is there again", extra={"connection": self._name})

    async def _asked(self) -> Exception | None:
        """What kept the database from answering; None if it did, or is too busy to."""
        try:
            async with self._clock.timeout(ANSWER_WITHIN), self._engine.connect():
                pass  # a new connection was made, or the pool has asked one that it had
        except NoneFree:
            pass
        except Exception as error:  # noqa: BLE001 -- drivers raise their own classes while they connect
            return error
        self._there.set()
        return None
