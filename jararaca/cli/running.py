"""Runs an application and its runtimes until somebody asks the process to stop."""

import asyncio
import errno
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType

from jararaca.cli.exit_codes import CLEAN, CUT_SHORT, FAILURE
from jararaca.core.adoption import adopt_tasks
from jararaca.core.application import Application
from jararaca.core.ending import CANCEL_GRACE
from jararaca.core.lifecycle import TaskScope
from jararaca.core.runtimes import Runtime
from jararaca.core.shutdown import Shutdown

logger = logging.getLogger("jararaca.cli")

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LAST_MOMENT = 2.0
"""Seconds that a process has to end once everything is closed and work was cut, or a part has failed to stop: a thread
cannot be cancelled, and what was abandoned does not end."""


class AskedToStop(BaseException):
    """A signal came before there was anything to stop."""


def until_stopped(command: Callable[[], int]) -> int:
    """Run a command that lives until it is asked to stop; asked before it is up, it ends with 0 like one that was."""
    for each in SIGNALS:
        signal.signal(each, _raise)
    try:
        return command()
    except AskedToStop:
        return CLEAN


def _raise(_signal: int, _frame: FrameType | None) -> None:
    raise AskedToStop


def run(
    application: Application,
    make_runtimes: Callable[[], Sequence[Runtime]],
    *,
    on_started: Callable[[], None],
    connect: Callable[[], Awaitable[None]] | None = None,
) -> int:
    """Start everything in order; on the first signal stop it within the declared grace, at once on a second one.

    The process ends in bounded time after the first signal, whatever the application does about being cancelled.

    Args:
        make_runtimes: called when the application runs.
        on_started: called when every runtime serves.
        connect: awaited before runtimes are made; what it raises ends the process.

    Returns the exit code: 0, 124 when running work was cancelled, 1 when a part failed to stop.
    """
    try:
        return asyncio.run(Process(application).run(make_runtimes, on_started=on_started, connect=connect))
    except BrokenPipeError as error:  # which typer takes for a terminal that has gone, and says nothing
        raise ConnectionAbortedError(errno.ECONNABORTED, error.strerror) from error


class Process:
    """One application as the only thing that a process does."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._environment = application.environment
        self._asked = Shutdown()
        self._started: list[Runtime] = []
        self._tasks = TaskScope("process")
        self._cuts: list[asyncio.Task[bool]] = []
        self._is_pressed = False

    async def run(
        self,
        make_runtimes: Callable[[], Sequence[Runtime]],
        *,
        on_started: Callable[[], None],
        connect: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        """As the function of this name."""
        loop = asyncio.get_running_loop()
        adopt_tasks()
        for each in SIGNALS:
            # Never removed: a signal that comes while the loop is closed finds that everything has ended already.
            loop.add_signal_handler(each, self._on_signal)
        try:
            await self._asked.race(self._come_up(make_runtimes, connect))
            if not self._asked.is_requested:
                on_started()
                await self._environment.shutdown.wait()
                if not self._asked.is_requested:
                    self._tell(by="the application")
        finally:
            code = await self._go_down()
            if code != CLEAN:
                _end_even_if_something_hangs(code)
        return code

    async def _come_up(
        self, make_runtimes: Callable[[], Sequence[Runtime]], connect: Callable[[], Awaitable[None]] | None
    ) -> None:
        await self._application.start()
        if connect is not None:
            await connect()
        for runtime in make_runtimes():
            self._started.append(runtime)
            await runtime.start()

    def _on_signal(self) -> None:
        if not self._asked.is_requested:
            self._tell(by="a signal")
            self._asked.request()
            self._environment.shutdown.request()
            return
        logger.warning("asked to stop again: what still runs is cancelled")
        self._is_pressed = True
        self._application.at_once()
        for runtime in self._started:
            self._cuts.append(self._tasks.spawn(runtime.stop(0), name=f"stop {runtime.name} at once"))

    def _tell(self, *, by: str) -> None:
        """Say once what the stop waits for, and for how long."""
        waits: Counter[str] = Counter()
        for runtime in self._started:
            waits.update(runtime.under_way)
        extra = {"asked_by": by, "shutdown_grace": self._grace, **waits, "tasks": len(self._environment.tasks)}
        logger.info(
            "stopping: what runs has shutdown_grace seconds to end, and another signal cancels it at once", extra=extra
        )

    @property
    def _grace(self) -> float:
        return 0.0 if self._is_pressed else self._application.declaration.shutdown_grace

    async def _go_down(self) -> int:
        self._environment.shutdown.request()
        grace = self._grace
        stops = [self._tasks.spawn(each.stop(grace), name=f"stop {each.name}") for each in self._started]
        ends = [*await _ends(stops), *await _ends(self._cuts)]
        closing = self._application.stop(self._grace, patience=max(self._grace, CANCEL_GRACE))
        ends += await _ends([self._tasks.spawn(closing, name="stop the application")])
        if any(isinstance(end, Exception) for end in ends):
            return FAILURE
        return CLEAN if all(end is True for end in ends) else CUT_SHORT


async def _ends(tasks: Sequence["asyncio.Task[bool]"]) -> list[bool | BaseException]:
    """What each returned or raised; the scope of the tasks has logged what was raised."""
    return await asyncio.gather(*tasks, return_exceptions=True)


def _end_even_if_something_hangs(code: int) -> None:
    timer = threading.Timer(LAST_MOMENT, os._exit, [code])
    timer.daemon = True
    timer.start()
