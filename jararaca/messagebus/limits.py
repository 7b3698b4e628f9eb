"""How long an attempt may take.

The limit of a handler covers its body, the hooks before the commit, and their preparation: all that can be undone. A
commit that has begun is never cut short, because nobody would know what became of it. What follows the commit has a
limit of its own, and so has an exception handler. All of them together stay below the time after which the broker gives
the message to somebody else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from jararaca.core.cancellation import cancellations, forget_strays, is_asked_to_end, without_strays
from jararaca.core.context import Execution
from jararaca.core.invocation import Outcome, invoke
from jararaca.core.leftovers import Leftovers
from jararaca.errors import HandlerTimeout, UsageError
from jararaca.messagebus.config import CONSUMER_TIMEOUT
from jararaca.messagebus.redaction import without_values
from jararaca.ports.clock import Clock

logger = logging.getLogger("jararaca.messagebus")


def seconds_after(limit: float) -> float:
    """Seconds for each of what may follow a body of this limit: its announcements, or its exception handler and those
    of that one. A third of what is left, so that a third remains for commits and the settlement.
    """
    return (CONSUMER_TIMEOUT - limit) / 3


class TimeLimit:
    """Runs calls of one kind in units of work of their own, each for at most `seconds` until its commit.

    One limit is for all runs of a call. `where` is what runs, and `remedy` what to do about a limit that was exceeded.
    `after` bounds what follows a commit.
    """

    def __init__(self, clock: Clock, seconds: float, *, after: float, where: str, remedy: str) -> None:
        self._clock = clock
        self._seconds = seconds
        self._after = after
        self._where = where
        self._remedy = remedy

    async def invoke(self, execution: Execution, call: Callable[[], Awaitable[None]]) -> Outcome[None]:
        """How the call ended; `HandlerTimeout` if it was cut short, whatever it made of that.

        What it started and did not await has ended too.

        Raises:
            CancelledError: the task was asked to end before all of it was over: also if the call made something else of
                that.
        """
        watch = _Watch(self)
        committed = False
        try:
            outcome = await self._invoke(execution, call, watch)
            committed = outcome.committed
        finally:
            if watch.leftovers is not None:
                await watch.leftovers.end(watch.seconds_left() if committed else 0.0)
        return outcome

    async def _invoke(
        self, execution: Execution, call: Callable[[], Awaitable[None]], watch: "_Watch"
    ) -> Outcome[None]:
        try:
            async with self._clock.timeout(self._seconds) as deadline:
                watch.keep(deadline)
                outcome = await invoke(execution, lambda: self._body(call, watch), watch)
        except TimeoutError as error:  # the deadline's own: whatever the call raises is in the outcome
            return Outcome(None, self.exceeded(error), False)
        if outcome.committed:
            return outcome
        forget_strays()
        if is_asked_to_end():
            raise asyncio.CancelledError from outcome.error
        if deadline.expired() and not isinstance(outcome.error, HandlerTimeout):
            return Outcome(None, self.exceeded(outcome.error), False)
        return outcome

    async def _body(self, call: Callable[[], Awaitable[None]], watch: "_Watch") -> None:
        await watch.begin()
        try:
            await without_strays(call, watch.deadline)
        except asyncio.CancelledError as error:
            if is_asked_to_end():
                raise
            raise UsageError(
                f"{self._where} let the CancelledError of something it awaited escape, though nobody cancelled "
                "the handler itself. Catch it where that is awaited."
            ) from error
        watch.check()

    def exceeded(self, cause: BaseException | None) -> HandlerTimeout:
        """What a call ends with that was cut short."""
        error = HandlerTimeout(f"{self._where} ran longer than {self._seconds:g} s and was cancelled. {self._remedy}")
        error.__cause__ = cause
        return error

    def leftovers(self) -> Leftovers:
        """Of one call, which has started nothing yet."""
        return Leftovers(self._clock, logger, {"handler": self._where}, without_values)

    def announcing(self) -> AbstractAsyncContextManager[Any]:
        """Bounds what follows the commits."""
        return self._clock.timeout(self._after)


class _Watch:
    """Keeps a call that swallowed its cancellation from committing, and the deadline from cutting a commit short."""

    __slots__ = ("_limit", "_until", "announcing", "deadline", "leftovers")

    def __init__(self, limit: TimeLimit) -> None:
        self._limit = limit
        self.announcing = limit.announcing
        self.leftovers: Leftovers | None = None

    def keep(self, deadline: Any) -> None:
        """This is the deadline of all runs."""
        self.deadline = deadline
        self._until = deadline.when()

    def seconds_left(self) -> float:
        """Until the deadline as it was set first."""
        return float(self._until - asyncio.get_running_loop().time())

    def adopt(self, task: "asyncio.Task[Any]", place: str) -> None:
        if self.leftovers is None:
            self.leftovers = self._limit.leftovers()
        self.leftovers.adopt(task, place)

    async def begin(self) -> None:
        """Begin one of several runs: what an earlier one has started ends, and all have one deadline."""
        if self.deadline.when() is None:  # its commit failed
            self.deadline.reschedule(self._until)
        if self.leftovers is not None:
            await self.leftovers.end(0.0)

    def check(self) -> None:
        """Raise what the call has not let pass: what it did afterwards does not count."""
        is_over = self.deadline.expired()
        forget_strays(is_over)
        if cancellations() > is_over:  # the deadline's own is not taken back before its end
            raise asyncio.CancelledError
        if is_over:
            raise self._limit.exceeded(None)

    def committing(self) -> None:
        self.check()
        self.deadline.reschedule(None)
