"""Lives that end as processes do that are killed: not one instruction of theirs runs afterwards.

Cancelling is not enough: a cancelled task runs its `finally` blocks, and may swallow the cancellation. So every task of
a life is driven through `_stepped`, which never steps it again once the life has ended, whatever is thrown at it; what
is suspended stays so. Timers and callbacks are let through by the loop only while their life lasts.

A task belongs to the life in whose context it was made, and so does what it makes itself.
"""

import asyncio
import contextvars
import ctypes
import functools
import inspect
import types
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, TypeVar
from weakref import WeakSet

from jararaca.adapters.memory.broker.timers import Alarm
from jararaca.core.lifecycle import TaskScope
from jararaca_testing.dump import expecting

T = TypeVar("T")

LIFE: ContextVar["Life | None"] = ContextVar("jararaca_testing_life", default=None)
"""Whose code runs here; None for the test's own."""


class Life:
    """One life, from the first task of it to `end`. `on_end` is called at its end, before anything else of it ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_over = False
        self.on_end: list[Callable[[], None]] = []
        self._scope = TaskScope(name)
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._generators: WeakSet[Any] = WeakSet()

    def spawn(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start a task of this life."""
        return self._scope.spawn(coroutine, name=name, context=self._context())

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function as code of this life."""
        return self._context().run(function, *args)

    def _context(self) -> contextvars.Context:
        context = contextvars.copy_context()
        context.run(LIFE.set, self)
        return context

    def adopt(self, task: "asyncio.Task[Any]", coroutine: Coroutine[Any, Any, Any]) -> None:
        """A task was made that runs `coroutine` as `mortal`."""
        self._tasks[task] = None

        def ended(done: "asyncio.Task[Any]") -> None:
            self._tasks.pop(done, None)
            if _is_untouched(coroutine):  # the task was cancelled before it had begun
                coroutine.close()

        task.add_done_callback(ended, context=contextvars.Context())  # an empty one: called also when it is over

    def remember(self, generator: Any) -> None:
        """An asynchronous generator was begun, which is not to be finalized once this life is over."""
        self._generators.add(generator)

    def end(self) -> None:
        """From here on nothing of it runs. A second time has no effect.

        Called by the life's own code it returns to it: let that code await `silence()` at once.
        """
        if self.is_over:
            return
        self.is_over = True
        for listener in self.on_end:
            listener()
        for generator in tuple(self._generators):
            _bury(generator)
        for task in tuple(self._tasks):
            task.cancel()

    async def ended(self) -> None:
        """Return once every task of it counts as cancelled, after `end`; for others to await."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))

    def run(self, callback: Callable[..., object], *args: Any) -> None:
        """Call back unless it is over."""
        if not self.is_over:
            callback(*args)


def life_in(context: contextvars.Context | None) -> Life | None:
    """Whose code runs in a context; None stands for the present one."""
    return LIFE.get() if context is None else context.get(LIFE)


def of_the_living(callback: Callable[..., object], context: contextvars.Context | None) -> Callable[..., object]:
    """A callback that does nothing once the life is over in whose context it is to run.

    The steps of tasks are let through: without them no task would end. So are the alarms of the broker in memory, which
    is another process, although it arms them where a client of it runs.
    """
    life = life_in(context)
    if life is None or isinstance(callback, Alarm) or isinstance(getattr(callback, "__self__", None), asyncio.Future):
        return callback
    return functools.partial(life.run, callback)


async def silence() -> None:
    """Return never: where a life has ended by its own hand."""
    await expecting(asyncio.get_running_loop().create_future(), "nothing: its process is dead")


async def mortal(coroutine: Coroutine[Any, Any, T], life: Life) -> T:
    """Run `coroutine` for as long as `life` lasts; then it counts as cancelled, and is suspended for ever."""
    return await _stepped(coroutine, life)


@types.coroutine
def _stepped(coroutine: Coroutine[Any, Any, T], life: Life) -> Generator[Any, Any, T]:
    value: Any = None
    error: BaseException | None = None
    while True:
        if life.is_over:
            _bury(coroutine)
            raise asyncio.CancelledError(f"{life.name} is dead")
        try:
            step = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            result: T = stop.value
            return result
        value = error = None
        try:
            value = yield step
        except BaseException as thrown:  # noqa: BLE001 # whatever it is, it is the coroutine's
            error = thrown


def _is_untouched(coroutine: Any) -> bool:
    return inspect.iscoroutine(coroutine) and inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED


def _bury(suspended: Any) -> None:
    """Keep what is suspended for as long as the interpreter lives: collecting it would run its `finally` blocks."""
    if not _is_untouched(suspended):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(suspended))
