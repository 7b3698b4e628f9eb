"""What is noted about ticks, whoever runs them."""

import logging

from jararaca.core.context import Execution
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca.errors import ScheduleStoreUnavailable
from jararaca.scheduler.actions import ActionSpec
from jararaca.scheduler.decorators import Tick
from jararaca.scheduler.misfire import Due

logger = logging.getLogger("jararaca.scheduler")


class Records:
    """Makes ticks of one action and notes how they ended."""

    __slots__ = ("_environment", "action")

    def __init__(self, environment: Environment, action: ActionSpec) -> None:
        self._environment = environment
        self.action = action

    def tick(self, due: Due, token: int) -> Tick:
        """What the action is given when it fires now."""
        return Tick(self.action.name, due.scheduled_at, self._environment.clock.now(), token, due.missed)

    def claim(self, due: Due, *, claimed: bool) -> None:
        """Note whether this scheduler was the first to claim a tick, and if so, for how many others it stands."""
        if claimed and due.missed:
            extra = {"action": self.action.name, "scheduled_at": due.scheduled_at.isoformat(), "missed": due.missed}
            logger.info("ticks were missed: one run stands for them", extra=extra)
        steps = self._environment.steps
        if steps.observers:
            steps.after(Kind.CLAIM, due, action=self.action.name, outcome="claimed" if claimed else "lost")

    def end(
        self, tick: Tick, outcome: str, execution: Execution | None = None, error: BaseException | None = None
    ) -> None:
        """Note how a tick ended, or that it did not fire."""
        steps = self._environment.steps
        if steps.observers:
            facts = {"action": self.action.name, "outcome": outcome, "exception": error}
            steps.after(Kind.TICK, tick, execution, scheduled_at=tick.scheduled_at, missed=tick.missed, **facts)

    def store_is_away(self, due: Due, error: ScheduleStoreUnavailable) -> None:
        """Note that a tick did not fire, because the store could not be asked."""
        logger.error(
            "the schedule store is not available: the action did not fire",
            extra={"action": self.action.name, "scheduled_at": due.scheduled_at.isoformat(), "reason": str(error)},
        )
        self.end(self.tick(due, 0), "store unavailable")

    def skip(self, due: Due, why: str) -> None:
        """Note that a tick does not fire, and never will."""
        logger.info("a tick was skipped", extra={"action": self.action.name, "reason": why})
        self.end(self.tick(due, 0), "skipped")
