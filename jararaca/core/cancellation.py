"""Telling a task that is asked to end from one in which a `CancelledError` turns up.

Whoever awaits something that was cancelled gets a `CancelledError` too. Unless the awaiting task itself was asked to
end, that is a failure like any other, and must not pass for a shutdown.
"""

import asyncio


def is_asked_to_end() -> bool:
    """Whether somebody cancelled the running task: also if what it runs has swallowed the cancellation since."""
    return cancellations() > 0


def cancellations() -> int:
    """How often somebody cancelled the running task, less those that were taken back (`uncancel`)."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()
