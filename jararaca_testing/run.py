"""The run of one test: its loop, its context, and the end of both.

A run lasts from the first asynchronous fixture of a test to the end of its finalizers. Most tests leave nothing on
their loop, and then it is closed at once; otherwise what is left is ended first, with the patience that it takes.
"""

import asyncio
import contextlib
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
GRACE = 10.0
ROUNDS = 3

GRAVEYARD: list[asyncio.Task[Any]] = []
"""Tasks that refused to end: collecting them would run their `finally` blocks in the middle of another test."""


class Run:
    """One loop and one context for a test and all its function-scoped asynchronous fixtures."""

    def __init__(self, loop_factory: LoopFactory, *, name: str = "the test") -> None:
        self._loop_factory = loop_factory
        self._loop: asyncio.AbstractEventLoop | None = None
        self._context = contextvars.copy_context()
        self._name = name
        self._said: tuple[type[AssertionError], ...] = ()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, made when it is first asked for."""
        loop = self._loop
        if loop is None:
            loop = self._loop = self._loop_factory()
            loop.set_debug(False)
        return loop

    def __call__(self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None) -> T:
        """Run to the end. What the loop found wrong (a deadlock, a hung thread) is raised at the line that awaits.

        Raises:
            UsageError: the loop is running, so that the coroutine can only be awaited.
        """
        try:
            refuse_in_a_loop(getattr(coroutine, "__qualname__", "this coroutine"))
        except Exception:
            coroutine.close()
            raise
        loop = self.loop
        attend = getattr(loop, "attend", None)
        if attend is None:
            return self._run(loop, coroutine)
        try:
            result: T = self._run(loop, attend(coroutine, name=name or self._name))
        except BaseException as error:
            failure = self._take_failure()
            if failure is None:
                raise
            raise failure.with_traceback(error.__traceback__) from failure.__cause__ or _other(error, failure)
        failure = self._take_failure()
        if failure is not None:
            raise failure
        return result

    def _run(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
        # `Runner.run` would exchange the signal handlers each time, which costs more than most of what runs here.
        return loop.run_until_complete(loop.create_task(coroutine, context=self._context))

    def _take_failure(self) -> AssertionError | None:
        loop: Any = self.loop
        failure: AssertionError | None = loop.failure
        loop.failure = None
        if failure is not None:
            self._said += (type(failure),)
        return failure

    def close(self) -> None:
        """End what still runs, then the loop.

        Raises:
            UnfinishedTasks: tasks swallow their cancellation; they are never stepped again.
            HungThread: a thread does not come back.
        """
        loop = self._loop
        if loop is None or _holds_nothing(loop):
            if loop is not None:
                loop.close()
            return
        try:
            refusing = self(_end_tasks(), name="the end of the test")
            if refusing:
                self(self.loop.shutdown_asyncgens(), name="the end of the test")
        except AssertionError:
            self._abandon()
            raise
        if refusing:
            self._abandon()
            raise _unfinished(refusing)
        with contextlib.suppress(*self._said):
            self._close(loop)

    def _abandon(self) -> None:
        """Close the loop over tasks that will not end."""
        GRAVEYARD.extend(asyncio.all_tasks(self.loop))
        loop: Any = self.loop
        loop.give_up()
        with contextlib.suppress(AssertionError, RuntimeError):  # it is closed all the same, and all was said before
            self._close(loop)

    def _close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel what is left, end generators and threads, and close the loop, as asyncio does."""
        runner = asyncio.Runner(loop_factory=lambda: loop, debug=False)
        runner.get_loop()
        runner.close()


def _holds_nothing(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether nothing has to be ended before a loop can be closed. False for a loop that does not say so."""
    is_bare = getattr(loop, "is_bare", None)
    return is_bare is not None and is_bare() and not asyncio.all_tasks(loop)


def refuse_in_a_loop(name: str) -> None:
    """See to it that something can be run to its end here.

    Raises:
        UsageError: a loop is running.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    from jararaca.errors import UsageError

    raise UsageError(
        f"{name} cannot be run to its end from here, where a loop is running already. Await what was given to "
        "jararaca_run(...), and name fixtures in the arguments of an asynchronous test rather than asking for them "
        "with request.getfixturevalue()."
    )


def _unfinished(refusing: list[asyncio.Task[Any]]) -> AssertionError:
    from jararaca_testing.errors import UnfinishedTasks

    names = tuple(task.get_name() for task in refusing)
    return UnfinishedTasks(
        f"These tasks swallow their cancellation and outlived the test: {', '.join(names)}. "
        "Let CancelledError pass through every `except`.",
        names=names,
    )


def _other(error: BaseException, failure: BaseException) -> BaseException | None:
    """What else went wrong while the test unwound."""
    return None if error is failure or isinstance(error, asyncio.CancelledError) else error


async def _end_tasks() -> list[asyncio.Task[Any]]:
    """Cancel everything that still runs, a few times. Returns those that refuse to end."""
    running: list[asyncio.Task[Any]] = []
    for _round in range(ROUNDS):
        running = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if not running:
            break
        for task in running:
            task.cancel()
        done, _refusing = await asyncio.wait(running, timeout=GRACE)
        for task in done:
            _report(task)
    return [task for task in running if not task.done()]


def _report(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        context = {"message": "a task failed while the test ended", "exception": error, "task": task}
        task.get_loop().call_exception_handler(context)
