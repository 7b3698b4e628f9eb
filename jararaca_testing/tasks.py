"""Tasks that behave the same in every run, and a way to know when one of them goes on."""

import asyncio
import itertools
import sys
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar
from weakref import WeakSet

from jararaca_testing.mortality import life_in, mortal
from jararaca_testing.origins import Place, Side, side_of

T = TypeVar("T")

DEPTH = 12
"""Callers of a task's creation that are looked at: from the framework that made it out to the code that asked."""

CALLED_BY_LOOP = asyncio.Handle._run.__code__
"""Beyond is what runs the loop; it asked for nothing."""


class OrderedTask(asyncio.Task[T]):
    """A task that hashes by birth, so that a set of tasks iterates in the same order in every run.

    asyncio keeps tasks in sets where order shows: `asyncio.wait`, the abort of a `TaskGroup`, the end of a loop.
    `created` is the nearest line of the project's own code that led to its creation, if it is near; `origin` is the
    same for tasks that the project created itself, and None for those that the framework makes of its own accord.
    """

    def __init__(
        self,
        coro: Coroutine[Any, Any, T],
        *,
        birth: int,
        created: Place | None = None,
        is_framework: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> None:
        self.birth = birth
        self.created = created
        self.origin = None if is_framework else created
        super().__init__(coro, name=name or f"Task-{birth}", **options)

    def set_name(self, value: object) -> None:
        if value is not None:  # Python 3.13 names the tasks of a factory "None" where nobody gave a name
            super().set_name(value)

    def __hash__(self) -> int:
        return self.birth

    def __eq__(self, other: object) -> bool:
        return self is other


class OrderedTasks:
    """The task factory of one loop; births are counted from one in each, so no test depends on those before it.

    `of_project` are the tasks that code of the project created, as long as somebody keeps them.

    `options` go to every task, such as `eager_start=True`.
    """

    def __init__(self, **options: Any) -> None:
        self.births = itertools.count(1)
        self._options = options
        self.of_project: WeakSet[OrderedTask[Any]] = WeakSet()

    def start_over(self) -> None:
        """Count births from one again, for another example that is to be as if it were the first."""
        self.births = itertools.count(1)

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, T], **options: Any) -> OrderedTask[T]:
        if self._options:
            options |= self._options
        life = life_in(options.get("context"))
        run = coro if life is None else mortal(coro, life)
        created, is_framework = _creation(sys._getframe(1))
        task = OrderedTask(
            run, birth=next(self.births), created=created, is_framework=is_framework, loop=loop, **options
        )
        if life is not None:
            life.adopt(task, coro)
        if task.origin is not None:
            self.of_project.add(task)
        return task


def _creation(frame: types.FrameType | None) -> tuple[Place | None, bool]:
    """The nearest line of the project that led here, and whether the framework stands between. Lines are noted, never
    frames, which would keep alive what they hold.
    """
    is_framework = False
    for _step in range(DEPTH):
        if frame is None or (code := frame.f_code) is CALLED_BY_LOOP:
            break
        side = side_of(code)
        if side is Side.PROJECT:
            return Place(code, frame.f_lineno), is_framework
        is_framework = is_framework or side is Side.FRAMEWORK
        frame = frame.f_back
    return None, is_framework


@types.coroutine
def noticed(coroutine: Coroutine[Any, Any, T], notice: Callable[[], None]) -> Generator[Any, Any, T]:
    """Run `coroutine` unchanged, calling `notice` each time before it goes on."""
    value: Any = None
    error: BaseException | None = None
    while True:
        notice()
        try:
            step = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            result: T = stop.value
            return result
        value = error = None
        try:
            value = yield step
        except GeneratorExit:  # whoever collects a task that never ended has closed the coroutine, or is about to
            coroutine.close()
            raise
        except BaseException as thrown:  # noqa: BLE001 # whatever it is, it is the coroutine's
            error = thrown
