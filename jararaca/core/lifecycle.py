"""Tasks that have a parent, and things that start in order and stop in reverse."""

import asyncio
import contextvars
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from jararaca.core.ending import Ending, ToldEnding

T = TypeVar("T")

logger = logging.getLogger("jararaca.core")


async def take_down(cause: BaseException, undo: Callable[[], Awaitable[object]]) -> None:
    """Take down what had come up before a start failed with `cause`, which the caller raises.

    What `undo` raises is logged, and becomes a note on `cause`: the first error is the one to solve.
    """
    try:
        await undo()
    except Exception as later:
        failures: list[BaseException] = []
        link: BaseException | None = later
        while link is not None and link is not cause and link not in failures:
            failures.append(link)
            link = link.__context__
        for failure in reversed(failures):
            said = str(failure).partition("\n")[0]
            cause.add_note(f"Taking down what had come up failed too: {type(failure).__name__}: {said}")
        logger.exception("taking down what had come up failed, after the start had")


def name_task(name: str) -> None:
    """Call the running task something else, because it has begun something else."""
    task = asyncio.current_task()
    assert task is not None
    task.set_name(name)


class TaskScope:
    """The parent of tasks. It may be used and drained from different tasks, as start and stop of a runtime are.

    A task that fails is logged, remembered in `failures`, and reported to `on_failure`; its siblings go on.
    """

    def __init__(self, name: str, *, on_failure: Callable[[BaseException], None] | None = None) -> None:
        self.name = name
        self.failures: list[BaseException] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(
        self, coroutine: Coroutine[Any, Any, T], *, name: str, context: contextvars.Context | None = None
    ) -> asyncio.Task[T]:
        """Start a task under this parent."""
        task = asyncio.create_task(coroutine, name=name, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        self.failures.append(error)
        logger.error("a background task failed", exc_info=error, extra={"scope": self.name, "task": task.get_name()})
        if self._on_failure is not None:
            self._on_failure(error)

    def running(self) -> Mapping[asyncio.Task[Any], str]:
        """The tasks that have not ended, and their names."""
        return {task: task.get_name() for task in sorted(self._tasks, key=lambda task: task.get_name())}

    async def drain(self, grace: float) -> bool:
        """Wait up to `grace` seconds for the tasks to end, then cancel the rest. True if none had to be cancelled."""
        return await Ending("tasks", self.running, logger).within(grace)

    async def cancel(self) -> int:
        """Cancel every task and wait until each has ended, or was abandoned. Returns how many were running.

        One that swallows its cancellation is cancelled again after five seconds, and abandoned after five more, which
        is logged with the place where it stands.
        """
        victims = len(self._tasks)
        await self.drain(0)
        return victims


class Host:
    """Holds async context managers open in a task of its own, so that each is left in the task that entered it."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Any]], *, name: str) -> None:
        self._opened = opened
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._ending: Ending | None = None
        self._abandoned = False

    async def start(self) -> None:
        """Enter; what entering raises is raised here, after what was entered before was left again.

        Cancelled meanwhile, it takes back what was entered in bounded time; see `stop`.
        """
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()  # a new one: an event belongs to the loop it was first awaited on
        self._abandoned = False
        self._task = asyncio.create_task(self._hold(entered), name=self._name)
        try:
            await asyncio.wait([self._task, entered], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task, self._task = self._task, None
            self._stop.set()  # for one that swallows the cancellation, and enters
            await self._ended(task, Ending, 0)
            raise
        if not entered.done():
            task, self._task = self._task, None
            await task

    async def _hold(self, entered: asyncio.Future[None]) -> None:
        async with self._opened():
            entered.set_result(None)
            await self._stop.wait()

    async def stop(self, within: float = math.inf) -> bool:
        """Leave, and raise what leaving raised. No effect when not started.

        What has not left `within` so many seconds is cancelled, cancelled again, and abandoned with its stack in the
        log. True if it was left without that, and no start had to be abandoned.
        """
        task, self._task = self._task, None
        if task is None:
            return not self._abandoned
        self._stop.set()
        try:
            clean = await self._ended(task, ToldEnding, within)
        except asyncio.CancelledError:
            await self._ended(task, ToldEnding, 0)
            raise
        if task.done() and (clean or not task.cancelled()):
            await task
        return clean

    def at_once(self) -> None:
        """Let a start that was cancelled, or a stop, wait no longer: what does not leave is cancelled."""
        if self._ending is not None:
            self._ending.at_once()

    async def _ended(self, task: asyncio.Task[None], ending: type[Ending], within: float) -> bool:
        def running() -> Mapping[asyncio.Task[Any], str]:
            return {} if task.done() else {task: self._name}

        self._ending = ending("lifecycles", running, logger)
        try:
            return await self._ending.within(within)
        finally:
            self._ending = None
            self._abandoned = not task.done()
