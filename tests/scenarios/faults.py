"""Steps at which something goes wrong, and what is in the tables of an outbox."""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import Table, select

from jararaca.adapters.sql.tables import inbox, outbox
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind, Step
from jararaca_testing import RunningApplication


class Fault:
    """Does something right before a step that fits, `times` times; a test asks afterwards whether it `was_reached`."""

    def __init__(
        self, kind: Kind, do: Callable[[], Awaitable[None] | None], *, times: int = 1, **facts: object
    ) -> None:
        self._kind = kind
        self._do = do
        self._left = times
        self._facts = facts
        self.reached = 0

    def observe(self, step: Step) -> Awaitable[None] | None:
        fits = step.kind is self._kind and step.phase == "before" and self._facts.items() <= dict(step.facts).items()
        if not fits or not self._left:
            return None
        self._left -= 1
        self.reached += 1
        return self._do()

    def among(self, environment: Environment) -> "Fault":
        """Let it happen in this application."""
        environment.steps.add(self)
        return self


def failing(error: BaseException) -> Callable[[], None]:
    """Raise, in place of what was about to happen."""

    def fail() -> None:
        raise error

    return fail


async def rows_of(app: RunningApplication, table: Table = outbox) -> list[Any]:
    """What is in the table of an outbox, or of an inbox."""
    async with app.db.session() as session:
        return list(await session.execute(select(table)))


async def remembered(app: RunningApplication) -> int:
    """How many messages the inbox knows."""
    return len(await rows_of(app, inbox))
