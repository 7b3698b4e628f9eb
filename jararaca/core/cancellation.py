"""Telling a task that is asked to end from one in which a `CancelledError` turns up.

Whoever awaits something that was cancelled gets a `CancelledError` too. Unless the awaiting task itself was asked to
end, that is a failure like any other, and must not pass for a shutdown. Nor must what is left of a `TaskGroup`: up to
Python 3.12 one whose child fails while it waits for the others cancels its own task, and leaves that counted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from weakref import WeakSet

_asked: "WeakSet[asyncio.Task[Any]]" = WeakSet()


def ask_to_end(task: "asyncio.Task[Any]") -> None:
    """Cancel a task in a way that counts, also if what it runs swallows it."""
    _asked.add(task)
    task.cancel()


async def without_strays(call: Callable[[], Awaitable[None]], deadline: asyncio.Timeout) -> None:
    """Await what users wrote, within `deadline`; then forget cancellations of this task that nobody asked for."""
    try:
        await call()
    except asyncio.CancelledError:
        if deadline.expired():
            forget_strays(1)
        raise
    except BaseException:
        forget_strays(deadline.expired())
        raise
    forget_strays(deadline.expired())


def forget_strays(expected: int = 0) -> None:
    """Take back what is counted as a cancellation of this task although nobody asked it to end.

    To be called where no `CancelledError` is on its way. `expected` are those that the caller knows of.
    """
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        return
    while task.cancelling() > expected + (task in _asked):
        task.uncancel()


def is_asked_to_end() -> bool:
    """Whether somebody cancelled the running task: also if what it runs has swallowed the cancellation since."""
    return cancellations() > 0


def cancellations() -> int:
    """How often somebody cancelled the running task, less those that were taken back (`uncancel`)."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
