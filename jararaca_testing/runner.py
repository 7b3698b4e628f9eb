"""Runs the coroutines of one test, and of its fixtures, on one loop and in one context, whatever other plugins think.

Other plugins offer to run asynchronous tests as well. Each function here is what one pytest hook does for an item of
the harness, and each hands a synchronous function inward, so that nobody behind it sees a coroutine: a test of the
harness needs no marker, and tests that are not of the harness notice nothing.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, TypeVar

import pytest

from jararaca_testing.items import is_coroutine
from jararaca_testing.items import is_harness as is_harness
from jararaca_testing.items import plain_items as plain_items
from jararaca_testing.run import LoopFactory, Run

T = TypeVar("T")

RUN: pytest.StashKey[Run] = pytest.StashKey()
OPEN: pytest.StashKey[dict[pytest.Item, None]] = pytest.StashKey()
"""The items of a session whose runs have not ended."""


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
