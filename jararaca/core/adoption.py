"""Tasks that users start while something is handled, known to whoever handles it.

asyncio tells nobody which tasks a coroutine has started. A task factory is asked for each of them, in the context of
whoever starts it, and so the unit of work at hand can be told.
"""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from jararaca.core.context import current_execution_or_none
from jararaca.core.places import is_own

T = TypeVar("T")

_ASYNCIO = asyncio.__path__[0]


class AdoptingFactory:
    """A task factory that lets the unit of work at hand know of tasks that the application's own code starts.

    Those that a library starts are the library's: it may keep them for longer than one message, and end them itself.
    `make` is the factory that was there before, or None.
    """

    def __init__(self, make: Any) -> None:
        self._make = make

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T], **options: Any) -> Any:
        task = asyncio.Task(coro, loop=loop, **options) if self._make is None else self._make(loop, coro, **options)
        execution = current_execution_or_none()
        work = execution.unit_of_work if execution is not None else None
        if work is not None and work.watch is not None and options.get("context") is None:
            place = _own_place()
            if place is not None:
                work.watch.adopt(task, place)
        return task


def adopt_tasks() -> None:
    """Let units of work of the running loop know of their tasks from now on; a second time has no effect."""
    loop = asyncio.get_running_loop()
    factory: Any = loop.get_task_factory()
    if not isinstance(factory, AdoptingFactory):
        adopting: Any = AdoptingFactory(factory)
        loop.set_task_factory(adopting)


def _own_place() -> str | None:
    """Where the application's own code asks for a task; None if somebody else does."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_ASYNCIO):
        frame = frame.f_back
    code = frame.f_code
    return f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}" if is_own(code.co_filename) else None
