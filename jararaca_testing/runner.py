"""Runs the coroutines of one test, and of its fixtures, on one loop and in one context, whatever other plugins think.

Other plugins offer to run asynchronous tests as well. Each function here is what one pytest hook does for an item of
the harness, and each hands a synchronous function inward, so that nobody behind it sees a coroutine: a test of the
harness needs no marker, and tests that are not of the harness notice nothing.
"""

import asyncio
import contextlib
import contextvars
import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

import pytest

from jararaca_testing.items import is_coroutine
from jararaca_testing.items import is_harness as is_harness
from jararaca_testing.items import plain_items as plain_items

T = TypeVar("T")

LoopFactory = Callable[[], asyncio.AbstractEventLoop]
GRACE = 10.0
ROUNDS = 3

RUN: pytest.StashKey["Run"] = pytest.StashKey()
OPEN: pytest.StashKey[dict[pytest.Item, None]] = pytest.StashKey()
"""The items of a session whose runs have not ended."""

GRAVEYARD: list[asyncio.Task[Any]] = []
"""Tasks that refused to end: collecting them would run their `finally` blocks in the middle of another test."""


class Run:
    """One loop and one context for a test and all its function-scoped asynchronous fixtures."""

    def __init__(self, loop_factory: LoopFactory, *, name: str = "the test") -> None:
        self._runner = asyncio.Runner(loop_factory=loop_factory, debug=False)
        self._context = contextvars.copy_context()
        self._name = name
        self._said: tuple[type[AssertionError], ...] = ()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._runner.get_loop()

    def __call__(self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None) -> T:
        """Run to the end. What the loop found wrong (a deadlock, a hung thread) is raised at the line that awaits.

        Raises:
            UsageError: the loop is running, so that the coroutine can only be awaited.
        """
        _refuse_in_a_loop(coroutine)
        attend = getattr(self.loop, "attend", None)
        if attend is None:
            return self._run(coroutine)
        try:
            result: T = self._run(attend(coroutine, name=name or self._name))
        except BaseException as error:
            failure = self._take_failure()
            if failure is None:
                raise
            raise failure.with_traceback(error.__traceback__) from failure.__cause__ or _other(error, failure)
        failure = self._take_failure()
        if failure is not None:
            raise failure
        return result

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        # `Runner.run` would exchange the signal handlers each time, which costs more than most of what runs here.
        loop = self.loop
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
            self._runner.close()

    def _abandon(self) -> None:
        """Close the loop over tasks that will not end."""
        GRAVEYARD.extend(asyncio.all_tasks(self.loop))
        loop: Any = self.loop
        loop.give_up()
        with contextlib.suppress(AssertionError, RuntimeError):  # it is closed all the same, and all was said before
            self._runner.close()


def _refuse_in_a_loop(coroutine: Coroutine[Any, Any, Any]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    coroutine.close()
    from jararaca.errors import UsageError

    name = getattr(coroutine, "__qualname__", "this coroutine")
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


# -- the run of an item


def run_of(item: pytest.Item, loop_factory: LoopFactory) -> Run:
    """The item's run, made at the first call."""
    if RUN not in item.stash:
        item.stash[RUN] = Run(loop_factory, name=item.name)
        item.session.stash.setdefault(OPEN, {})[item] = None
    return item.stash[RUN]


def close_run(item: pytest.Item) -> None:
    """End the item's run, if it has one; to be called after its finalizers."""
    run = item.stash.get(RUN, None)
    if run is not None:
        del item.stash[RUN]
        del item.session.stash[OPEN][item]
        run.close()


def close_runs(session: pytest.Session) -> None:
    """End the runs of items that were interrupted: those are never torn down by themselves."""
    interrupted = session.stash.get(OPEN, None)
    for item in tuple(interrupted or ()):
        close_run(item)


# -- what the hooks do


def fixture_set_up(
    fixturedef: "pytest.FixtureDef[Any]", request: pytest.FixtureRequest, loop_factory: LoopFactory
) -> Generator[None, Any, Any]:
    """For `pytest_fixture_setup` of an item of ours: asynchronous fixtures of function scope run on the item's loop."""
    function: Any = fixturedef.func
    wrap = _wrapper_of(function)
    if wrap is None or fixturedef.scope != "function":
        return (yield)
    fixturedef.func = wrap(_bound(function, request), run_of(request.node, loop_factory))  # type: ignore[misc] # pytest has no seam
    try:
        return (yield)
    finally:
        fixturedef.func = function  # type: ignore[misc] # as above


def _wrapper_of(function: Any) -> Callable[[Any, Run], Any] | None:
    if inspect.isasyncgenfunction(function):
        return _from_generator
    return _from_coroutine if inspect.iscoroutinefunction(function) else None


def _bound(function: Any, request: pytest.FixtureRequest) -> Any:
    """A fixture written as a method belongs to the test's own instance, which is not the one it was collected from."""
    if request.instance is not None and inspect.ismethod(function):
        return function.__func__.__get__(request.instance)
    return function


def _from_coroutine(function: Any, run: Run) -> Any:
    @functools.wraps(function)
    def fixture(**arguments: Any) -> Any:
        return run(function(**arguments))

    return fixture


def _from_generator(function: Any, run: Run) -> Any:
    @functools.wraps(function)
    def fixture(**arguments: Any) -> Any:
        generator: AsyncGenerator[Any, None] = function(**arguments)
        yield run(_next(generator))
        run(_finish(generator, function.__qualname__))

    return fixture


async def _next(generator: AsyncGenerator[T, None]) -> T:
    return await anext(generator)


async def _finish(generator: AsyncGenerator[Any, None], name: str) -> None:
    try:
        await anext(generator)
    except StopAsyncIteration:
        return
    await generator.aclose()
    raise ValueError(f"the fixture {name} yielded twice; a fixture yields its value once")


def call_test(
    pyfuncitem: pytest.Function, loop_factory: LoopFactory, after: Callable[[], Coroutine[Any, Any, None]]
) -> Generator[None, Any, Any]:
    """For `pytest_pyfunc_call` of an item of ours, outermost: the test, or what Hypothesis calls, runs on its loop.

    So does `after`, each time that the body has passed.
    """
    if not is_coroutine(pyfuncitem.obj):
        return (yield)
    run = run_of(pyfuncitem, loop_factory)
    hypothesis = getattr(pyfuncitem.obj, "hypothesis", None)
    holder, attribute = (pyfuncitem, "obj") if hypothesis is None else (hypothesis, "inner_test")
    function = getattr(holder, attribute)

    @functools.wraps(function)
    def synchronous(*args: Any, **kwargs: Any) -> None:
        try:
            run(_followed(function(*args, **kwargs), after))
        except RuntimeError as error:
            _explain_other_loop(error, pyfuncitem)
            raise

    setattr(holder, attribute, synchronous)
    try:
        return (yield)
    finally:
        setattr(holder, attribute, function)


async def _followed(body: Coroutine[Any, Any, None], after: Callable[[], Coroutine[Any, Any, None]]) -> None:
    await body
    await after()


def _explain_other_loop(error: RuntimeError, item: pytest.Function) -> None:
    """Say which fixtures live on another loop, if that is what asyncio complains about."""
    if "different loop" not in str(error) and "different event loop" not in str(error):
        return
    definitions = [found[-1] for found in item._fixtureinfo.name2fixturedefs.values()]
    wider = [each for each in definitions if each.scope != "function" and _wrapper_of(inspect.unwrap(each.func))]
    for each in wider:
        error.add_note(
            f"The asynchronous fixture {each.argname!r} has the scope {each.scope!r}, so it lives on another loop than "
            "this test. Make it function-scoped, or let it hand out something that belongs to no loop."
        )
