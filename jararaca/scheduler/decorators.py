"""What a user writes on a method to have it run at set times."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar

from jararaca.core.metadata import attach, checked_text, named
from jararaca.errors import InvalidOption
from jararaca.scheduler.cron import CronExpression

M = TypeVar("M", bound=Callable[..., Any])
Misfire = Literal["skip", "once", "all"]
Dispatch = Literal["local", "broker"]


@dataclass(frozen=True, slots=True)
class Tick:
    """One firing, as the action sees it. Instants are in UTC.

    `scheduled_at` is when it was due, `fired_at` when it ran, `missed` how many earlier ticks it stands for.
    `fencing_token` grows with every holder of the action's lease: hand it to whoever must refuse a late writer. It is 0
    where runs may overlap.
    """

    action: str
    scheduled_at: datetime
    fired_at: datetime
    fencing_token: int
    missed: int


@dataclass(frozen=True, slots=True)
class ActionFact:
    """Left on a method by `ScheduledAction`."""

    cron: CronExpression
    allow_overlap: bool
    exclusive: bool
    timeout: float | None
    exception_handler: Callable[[BaseException, Tick], Any] | None
    name: str | None
    misfire: Misfire
    misfire_grace: float | None
    max_catch_up: int
    lease_ttl: float
    dispatch: Dispatch = "local"

    def check(self, where: str) -> None:
        """Find values that cannot work; `where` begins the sentence.

        Raises:
            InvalidOption: there is one.
        """
        for option in ("timeout", "misfire_grace", "lease_ttl"):
            seconds = getattr(self, option)
            if not _is_time(seconds) and (seconds is not None or option == "lease_ttl"):
                raise InvalidOption(f"{where}: {option}={seconds!r} must be a number of seconds, more than 0.")
        if self.name is not None and not _is_word(self.name):
            raise InvalidOption(f"{where}: name={self.name!r} names nothing. Leave it out, or write one.")
        if self.misfire not in ("skip", "once", "all"):
            raise InvalidOption(f"{where}: misfire={self.misfire!r} must be 'skip', 'once' or 'all'.")
        if self.dispatch not in ("local", "broker"):
            raise InvalidOption(f"{where}: dispatch={self.dispatch!r} must be 'local' or 'broker'.")
        if self.dispatch == "broker" and not self.exclusive:
            raise InvalidOption(
                f"{where}: exclusive=False fires on every scheduler, and dispatch='broker' sends a tick to one worker. "
                "Leave one of them out."
            )
        if not _is_count(self.max_catch_up):
            raise InvalidOption(
                f"{where}: max_catch_up={self.max_catch_up!r} must be a whole number of at least 1, or misfire 'skip'."
            )


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""


def ScheduledAction(  # noqa: N802 -- decorators read as the nouns they make of a method
    cron: str,
    allow_overlap: bool = False,
    exclusive: bool = True,
    timeout: float | None = None,
    exception_handler: Callable[[BaseException, Tick], Any] | None = None,
    *,
    name: str | None = None,
    tz: str | None = None,
    misfire: Misfire = "once",
    misfire_grace: float | None = None,
    max_catch_up: int = 100,
    lease_ttl: float = 30.0,
    dispatch: Dispatch = "local",
) -> Callable[[M], M]:
    """Run the method, a coroutine that takes nothing or a `Tick`, whenever `cron` matches.

    Args:
        cron, tz: five fields, or six with the seconds **last** (`* * * * * */3`), in an IANA zone (UTC by default).
        allow_overlap: whether a tick fires while the one before still runs; otherwise it is skipped for good.
        exclusive: whether one of the schedulers that share a store fires a tick; otherwise each does.
        timeout: seconds after which the method is cancelled and counts as failed.
        exception_handler: called with the error and the tick after the rollback, in a unit of work of its own.
        name: the stable identity of the action, by default `Class.method`; its watermark and lease carry it.
        misfire: `skip` ticks missed while the process was down or blocked, fire the latest `once`, or `all` in order.
        misfire_grace, max_catch_up: seconds after which a missed tick is dropped anyway; the most that `all` fires.
        lease_ttl: seconds after which another process that shares the store may take over from one that stood still.
        dispatch: `local` runs the method in the scheduler; `broker` publishes the tick, and one of the workers runs it,
            with what holds for messages: it is handed out again if its worker dies, and dead-lettered if it fails.

    Raises:
        InvalidCron: the expression does not parse, never matches, or names an unknown zone.
        InvalidOption: another argument has a value that cannot work; raised when the method is decorated, and names it.
    """
    if callable(cron):
        checked_text(cron, decorator="ScheduledAction", what="a cron expression such as '*/5 * * * *'")
    every = CronExpression(cron, tz)
    late = (misfire, misfire_grace, max_catch_up)
    fact = ActionFact(every, allow_overlap, exclusive, timeout, exception_handler, name, *late, lease_ttl, dispatch)

    def decorate(method: M) -> M:
        fact.check(f"@ScheduledAction({cron!r}) of {named(method)}")
        return attach(method, fact)

    return decorate
