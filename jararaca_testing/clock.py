"""The clock of a test: the application's `Clock` port, and the test's hands on it."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any
from zoneinfo import ZoneInfo

from jararaca_testing.loop import VirtualLoop
from jararaca_testing.timers import MICROSECONDS, span
from jararaca_testing.waiting import MAX_STEPS
from jararaca_testing.wallclock import EPOCH, WALL_BASE, WallClock

JumpListener = Callable[[datetime, datetime], Awaitable[None] | None]
"""Told the wall times at which the process went down and came up again."""

SetListener = Callable[[datetime], None]
"""Told the wall time that a test has set."""


@dataclass(frozen=True, slots=True)
class PendingTimer:
    """A timer that has not come due: the wall time, the seconds until then, and who armed it for what."""

    at: datetime
    seconds: float
    label: str


class VirtualClock:
    """Virtual wall time and elapsed time, moved by the test that holds it.

    It is the application's `Clock` as well. Wall time is the base plus the loop's time; `wall` is told of every change,
    so that `datetime.now()` in user code follows.
    """

    def __init__(self, loop: VirtualLoop, *, wall: WallClock | None = None, base: datetime = WALL_BASE) -> None:
        self._loop = loop
        self._wall = wall
        self._base = base - timedelta(microseconds=loop.microseconds)
        self._listeners: list[JumpListener] = []
        self._set_listeners: list[SetListener] = []
        self._sleepers: set[asyncio.Future[None]] = set()
        loop.on_move.append(self._tell)
        self._tell(loop.microseconds)

    # -- the port

    def now(self) -> datetime:
        return self._base + timedelta(microseconds=self._loop.microseconds)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)  # noqa: TID251 # this is the port that the ban names

    async def sleep_until(self, moment: datetime) -> None:
        while (left := (moment - self.now()).total_seconds()) > 0:
            waiter = self._loop.create_future()
            timer = self._loop.call_later(left, _wake, waiter)
            self._sleepers.add(waiter)
            try:
                await waiter
            finally:
                timer.cancel()
                self._sleepers.discard(waiter)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[Any]:
        return asyncio.timeout(seconds)

    # -- the test's hands

    async def advance(self, seconds: float = 0.0, *, max_steps: int = MAX_STEPS, **units: float) -> None:
        """Let time pass while the process is up: timer by timer, settling between one and the next.

        `seconds` and `units` (`minutes`, `hours`, `days`, ...) are those of `timedelta`.

        Raises:
            TypeError, ValueError: there is no such unit, or time would run backwards.
            NotSettled: the application took more than `max_steps` steps at one moment.
        """
        await self._loop.advance(span("advance", seconds, units), max_steps=max_steps)

    async def jump(self, seconds: float = 0.0, **units: float) -> None:
        """Let time pass while the process is down: nothing runs on the way, and what came due meanwhile is late.

        Listeners of `on_jump` are told before anything else happens; then the application settles.

        Raises:
            TypeError, ValueError: there is no such unit, or time would run backwards.
        """
        duration, before = span("jump", seconds, units), self.now()
        self._loop.leap(duration)
        for listener in self._listeners:
            told = listener(before, self.now())
            if inspect.isawaitable(told):
                await told
        await self._loop.settle()

    def set(self, moment: datetime, tz: str | None = None) -> None:
        """Change the wall time, in either direction. No timer moves, nothing fires, and it is not downtime.

        Who sleeps until some wall time sleeps on for as long as it takes from the new one.

        Args:
            moment: the new wall time; without a zone it is meant in `tz`, or in UTC.
            tz: the name of the local zone from now on, which user code sees in naive local times.
        """
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=ZoneInfo(tz or "UTC"))
        self._base = aware.astimezone(UTC) - timedelta(microseconds=self._loop.microseconds)
        if self._wall is not None and tz is not None:
            self._wall.change_zone(tz)
        self._tell(self._loop.microseconds)
        for waiter in tuple(self._sleepers):
            _wake(waiter)
        for listener in self._set_listeners:
            listener(self.now())

    def step(self, seconds: float) -> None:
        """Step the wall time, as a time server does that corrects a wrong clock: nobody is told. No timer moves."""
        self._base += timedelta(seconds=seconds)
        self._tell(self._loop.microseconds)

    def autojump(self) -> "Autojump":
        """From here on time moves by itself whenever everybody waits, with no limit to what the test may await.

        As `with clock.autojump():` it ends with the block.
        """
        return Autojump(self._loop)

    def next_timers(self) -> list[PendingTimer]:
        """What is due later, earliest first, with the names of those who wait for it."""
        now = self._loop.microseconds
        return [
            PendingTimer(
                at=self._base + timedelta(microseconds=timer.due),
                seconds=(timer.due - now) / MICROSECONDS,
                label=timer.label,
            )
            for timer in self._loop.timers()
        ]

    def on_jump(self, listener: JumpListener) -> None:
        """Be told when the process was down; see `JumpListener`."""
        self._listeners.append(listener)

    def on_set(self, listener: SetListener) -> Callable[[], None]:
        """Be told when a test changed the wall time, until what is returned is called; see `SetListener`."""
        self._set_listeners.append(listener)
        return lambda: self._set_listeners.remove(listener)

    def _tell(self, microseconds: int) -> None:
        if self._wall is not None:
            self._wall.move_to((self._base - EPOCH) // timedelta(microseconds=1) + microseconds)


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class Autojump:
    """Time that moves by itself, from the moment this is made; left as a context manager, it stands still again."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._before = loop.autojumps
        loop.autojumps = True

    def __enter__(self) -> "Autojump":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.autojumps = self._before
