"""Tasks and sockets that outlive the application, each with the line that made it."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

from jararaca_testing.dump import describe, stack_of
from jararaca_testing.gates.findings import Finding, origin
from jararaca_testing.gates.names import OPEN_SOCKETS, PENDING_TASKS
from jararaca_testing.tasks import OrderedTask

END_IT = "Await it, or cancel and await it when what started it ends; a TaskGroup does both."
CLOSE_IT = "Close the client or the server there, best with `async with`."


def pending_tasks(loop: asyncio.AbstractEventLoop) -> Iterator[Finding]:
    """The project's own tasks that run and that nobody has cancelled, in the order of their making."""
    made: Iterable[OrderedTask[Any]] = getattr(loop.get_task_factory(), "of_project", ())
    for task in sorted(made, key=hash):
        if not task.done() and not task.cancelling():
            _name, *standing = (line.strip() for line in describe(task, stack_of(task)))
            lines = (*origin("created", task.origin), *standing)
            yield Finding(PENDING_TASKS, f"the task {task.get_name()} still runs", lines, END_IT)


def open_sockets(loop: asyncio.AbstractEventLoop) -> Iterator[Finding]:
    """What the loop still listens to."""
    for what, place in getattr(loop, "open_sockets", dict)().items():
        yield Finding(OPEN_SOCKETS, f"{what} is open", origin("opened", place), CLOSE_IT)
