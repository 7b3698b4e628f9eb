"""Tasks that have a parent, and things that start in order and stop in reverse."""

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from jararaca.core.cancellation import ask_to_end

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

    async def drain(self, grace: float) -> bool:
        """Wait up to `grace` seconds for the tasks to end, then cancel the rest. True if none had to be cancelled."""
        if self._tasks and grace > 0:
            await asyncio.wait(self._tasks, timeout=grace)
        return await self.cancel() == 0

    async def cancel(self) -> int:
        """Cancel every task and wait until each has ended. Returns how many were running."""
        victims = sorted(self._tasks, key=lambda task: task.get_name())
        for task in victims:
            ask_to_end(task)
        if victims:
            await asyncio.wait(victims)
        return len(victims)


class Host:
    """Holds async context managers open in a task of its own, so that each is left in the task that entered it."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[Any]], *, name: str) -> None:
        self._opened = opened
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def start(self) -> None:
        """Enter; what entering raises is raised here, after what was entered before was left again."""
        entered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stop = asyncio.Event()  # a new one: an event belongs to the loop it was first awaited on
        self._task = asyncio.create_task(self._hold(entered), name=self._name)
        try:
            await asyncio.wait([self._task, entered], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])
            raise
        if not entered.done():
            task, self._task = self._task, None
            await task

    async def _hold(self, entered: asyncio.Future[None]) -> None:
        async with self._opened():
            entered.set_result(None)
            await self._stop.wait()

    async def stop(self) -> None:
        """Leave, and raise what leaving raised. No effect when not started."""
        task, self._task = self._task, None
        if task is not None:
            self._stop.set()
            await task
