"""Callbacks that hold the event loop, told while they do, with the lines they are at.

A thread asks the loop for an answer ten times a second. What keeps the answer away is on the stack of the loop's
thread, where it is read. Time is counted in looks, so that a machine or process that stood still held nothing.
"""

import asyncio
import logging
import sys
import threading
import time
from types import FrameType

from jararaca.core.places import is_own

logger = logging.getLogger("jararaca.system")

PERIOD = 0.1  # seconds between two looks
STALL = 0.5  # seconds
A_MINUTE = 60.0
DEEPEST = 30
"""Lines of a stack that are told, from the innermost one."""


class ThreadedLoopWatch:
    """A `LoopWatch` in a thread of its own."""

    def __init__(self, *, period: float = PERIOD, stall: float = STALL) -> None:
        self._period = period
        self._limit = max(1, round(stall / period))
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = 0
        self._asked_at: float | None = None
        self._looks = 0
        self._minute = 0.0
        self._longest = (0.0, 0.0)  # in the minute at hand, and in the one before
        self.stalls = 0

    @property
    def lag(self) -> float:
        """See `LoopWatch`."""
        self._turn_the_page()
        return max(self._longest)

    def start(self) -> None:
        """Watch the running loop."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="jararaca loop watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join()
        self._asked_at, self._looks = None, 0

    def _run(self) -> None:
        while not self._stopping.wait(self._period):
            self._look()

    def _look(self) -> None:
        assert self._loop is not None
        if self._asked_at is None:
            self._asked_at, self._looks = time.monotonic(), 0
            try:
                self._loop.call_soon_threadsafe(self._answer)
            except RuntimeError:  # the loop is closed
                self._stopping.set()
            return
        self._looks += 1
        if self._looks == self._limit:
            self.stalls += 1
            stack = stack_of(self._watched)
            at = next((place for place in reversed(stack) if is_own(place)), None)
            facts = {"seconds": self._limit * self._period, "at": at, "stack": stack}
            logger.warning("a callback holds the event loop", extra=facts)

    def _answer(self) -> None:
        """Called by the loop, once it is free."""
        asked_at, looks = self._asked_at, self._looks
        if asked_at is None:  # it was stopped meanwhile
            return
        lag = min(time.monotonic() - asked_at, (looks + 1) * self._period)
        self._turn_the_page()
        self._longest = (max(self._longest[0], lag), self._longest[1])
        if looks >= self._limit:
            logger.warning("the event loop goes on", extra={"seconds": lag})
        self._asked_at = None

    def _turn_the_page(self) -> None:
        now = time.monotonic()
        if now - self._minute >= A_MINUTE:
            last = self._longest[0] if now - self._minute < 2 * A_MINUTE else 0.0
            self._minute, self._longest = now, (0.0, last)


def stack_of(thread: int) -> list[str]:
    """`file:line in function` for what a thread does below its event loop, innermost last."""
    frame: FrameType | None = sys._current_frames().get(thread)
    found: list[str] = []
    while frame is not None and frame.f_code.co_filename != asyncio.events.__file__ and len(found) < DEEPEST:
        found.append(f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}")
        frame = frame.f_back
    return found[::-1]
