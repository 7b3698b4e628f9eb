"""The loop of tests on real servers: what hangs fails with a dump, and whoever watches can fail the test."""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from jararaca_testing import PatienceSpent
from jararaca_testing.errors import HandlerFailed, UnfinishedTasks
from jararaca_testing.realtime import RealTimeLoop
from jararaca_testing.run import Run


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(lambda: RealTimeLoop(patience=0.05), name="test_it")
    yield run
    loop_of(run).patience = 10.0  # what is left may end in its own time, however busy the machine is
    run.close()


def loop_of(run: Run) -> RealTimeLoop:
    loop = run.loop
    assert isinstance(loop, RealTimeLoop)
    return loop


async def wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_a_test_that_awaits_too_long_fails_with_a_dump(run: Run) -> None:
    with pytest.raises(PatienceSpent) as error:
        run(wait_for_ever())

    headline, *lines = str(error.value).splitlines()
    assert headline.startswith("The test has waited for 0.05 real seconds.")
    assert "jararaca_patience" in headline
    assert lines[0] == "  test_it"
    assert lines[-2].endswith("waits for an asyncio.Event that nobody has set")
    assert lines[-1].startswith("    created at ")


def test_patience_is_for_each_await_and_ends_with_the_test(run: Run) -> None:
    async def patient() -> str:
        for _turn in range(4):
            await asyncio.sleep(0.02)
        return "done"

    assert [run(patient()), run(patient())] == ["done", "done"]


def test_whoever_watches_can_fail_the_test_where_it_waits(run: Run) -> None:
    cause = KeyError("the cause")
    failure = HandlerFailed("a handler failed")
    failure.__cause__ = cause
    answers: list[bool] = []

    def fail(with_failure: AssertionError) -> None:
        answers.append(loop_of(run).fail(with_failure))

    async def watched() -> None:
        for each in (failure, HandlerFailed("too late")):
            loop_of(run).call_soon(fail, each)
        await wait_for_ever()

    with pytest.raises(HandlerFailed, match="a handler failed") as error:
        run(watched())

    assert error.value.__cause__ is cause
    assert answers == [True, False]
    assert loop_of(run).fail(failure) is False


def test_a_test_that_does_not_unwind_is_left(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jararaca_testing.realtime.UNWINDING", 0.05)

    async def stubborn() -> None:
        try:
            await wait_for_ever()
        finally:
            await wait_for_ever()

    with pytest.raises(PatienceSpent):
        run(stubborn())


async def refuse_to_end() -> None:
    while True:
        try:
            await wait_for_ever()
        except asyncio.CancelledError:
            continue


def test_tasks_that_refuse_to_end_do_not_keep_the_run_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("realtime.UNWINDING", 0.05), ("run.GRACE", 0.01)):
        monkeypatch.setattr(f"jararaca_testing.{name}", seconds)
    run = Run(lambda: RealTimeLoop(patience=5))
    tasks: list[asyncio.Task[Any]] = []

    async def leave_behind(coroutine: Coroutine[Any, Any, None]) -> None:
        tasks.append(asyncio.create_task(coroutine, name="stubborn"))
        await asyncio.sleep(0)

    run(leave_behind(refuse_to_end()))

    with pytest.raises(UnfinishedTasks, match="stubborn"):
        run.close()
