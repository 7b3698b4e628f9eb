"""One handler call: scope, unit of work, interceptors, commit, and what is left of each when something fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from jararaca import Microservice, ProviderSpec
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.context import (
    Execution,
    Trigger,
    current_execution,
    current_execution_or_none,
    enter,
    leave,
    use_unit_of_work,
)
from jararaca.core.invocation import Outcome, in_unit_of_work, invoke, opened_unit_of_work, unit_of_work
from jararaca.core.lifecycle import TaskScope
from jararaca.core.unit_of_work import State, UnitOfWork
from jararaca.errors import CommittedNotAnnounced, OutsideExecution, UsageError

pytestmark = pytest.mark.asyncio


class Resource:
    """Lives for one unit of work, and writes down how it ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []


ENDS: list[str] = []


async def resource() -> AsyncIterator[Resource]:
    ENDS.clear()
    found = Resource()
    try:
        yield found
    except BaseException as error:
        ENDS.append(type(error).__name__)
        raise
    ENDS.append("closed")


@pytest.fixture
def execution() -> Execution:
    providers = [ProviderSpec(Resource, use_factory=resource, scope="uow")]
    return Application(Microservice(providers=providers), embedded_ports()).execution(Trigger("manual", "test"))


async def succeed() -> str:
    scope = current_execution().scope
    assert scope is not None
    await scope.resolve(Resource)
    return "value"


async def fail() -> str:
    await succeed()
    raise ValueError("no")


async def ask_for_rollback() -> str:
    use_unit_of_work().set_rollback_only("on second thought")
    return await succeed()


async def fail_afterwards() -> str:
    def hook() -> None:
        raise ConnectionError("gone")

    use_unit_of_work().after_commit(hook)
    return await succeed()


async def test_success_is_a_committed_value(execution: Execution) -> None:
    assert await invoke(execution, succeed) == Outcome("value", None, committed=True)
    assert ENDS == ["closed"]


async def test_a_failure_is_an_uncommitted_error(execution: Execution) -> None:
    outcome = await invoke(execution, fail)

    assert (outcome.value, str(outcome.error), outcome.committed) == (None, "no", False)
    assert ENDS == ["ValueError"]


async def test_a_rollback_that_was_asked_for_is_an_uncommitted_value(execution: Execution) -> None:
    assert await invoke(execution, ask_for_rollback) == Outcome("value", None, committed=False)


async def test_what_fails_after_the_commit_is_a_committed_error(execution: Execution) -> None:
    outcome = await invoke(execution, fail_afterwards)

    assert isinstance(outcome.error, CommittedNotAnnounced)
    assert outcome.committed is True


async def test_an_invocation_can_be_run_again(execution: Execution) -> None:
    assert [(await invoke(execution, succeed)).value for _ in range(2)] == ["value", "value"]


async def test_cancellation_rolls_back_and_passes(execution: Execution) -> None:
    works: list[UnitOfWork] = []

    async def hang() -> None:
        works.append(use_unit_of_work())
        await succeed()
        await asyncio.Event().wait()

    tasks = TaskScope("test")
    invoking = tasks.spawn(invoke(execution, hang), name="invocation")
    await asyncio.wait([invoking], timeout=0.01)
    await tasks.cancel()

    assert invoking.cancelled()
    assert works[0].state is State.ROLLED_BACK
    assert ENDS == ["CancelledError"]


async def stray() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("phase", ["before_commit", "after_rollback", "body"])
async def test_a_cancelled_error_of_something_that_was_awaited_is_a_failure(execution: Execution, phase: str) -> None:
    """Nobody cancelled the task itself, so it would look like a shutdown where there is none."""

    async def call() -> None:
        await {"before_commit": _hooked_before_commit, "after_rollback": _hooked_after_rollback, "body": stray}[phase]()

    outcome = await invoke(execution, call)

    assert not outcome.committed
    assert isinstance(outcome.error, {"after_rollback": ValueError}.get(phase, UsageError))


async def _hooked_before_commit() -> None:
    use_unit_of_work().before_commit(stray)


async def _hooked_after_rollback() -> None:
    use_unit_of_work().after_rollback(stray)
    raise ValueError("the reason for the rollback")


async def test_after_the_commit_it_means_that_something_was_not_announced(execution: Execution) -> None:
    async def call() -> None:
        use_unit_of_work().after_commit(stray)

    outcome = await invoke(execution, call)

    assert outcome.committed
    assert isinstance(outcome.error, CommittedNotAnnounced)


async def test_in_a_unit_of_work_values_are_returned_and_errors_raised(execution: Execution) -> None:
    assert await in_unit_of_work(execution, succeed) == "value"
    with pytest.raises(ValueError, match="no"):
        await in_unit_of_work(execution, fail)
    assert current_execution_or_none() is None


async def test_the_context_is_left_although_a_disposal_fails() -> None:
    async def stubborn() -> AsyncIterator[Resource]:
        yield Resource()
        raise OSError("cannot close")

    providers = [ProviderSpec(Resource, use_factory=stubborn, scope="uow")]
    app = Application(Microservice(providers=providers), embedded_ports())

    with pytest.raises(OSError, match="cannot close"):
        await in_unit_of_work(app.execution(Trigger("manual", "test")), succeed)
    assert current_execution_or_none() is None


# units of work opened by hand


async def test_a_block_commits_at_its_end(execution: Execution) -> None:
    async with opened_unit_of_work(execution) as work:
        await succeed()

    assert (work.state, ENDS, current_execution_or_none()) == (State.COMMITTED, ["closed"], None)


async def test_a_block_that_raises_is_rolled_back(execution: Execution) -> None:
    works: list[UnitOfWork] = []

    async def failing() -> None:
        async with opened_unit_of_work(execution) as work:
            works.append(work)
            await fail()

    with pytest.raises(ValueError, match="no"):
        await failing()
    assert (works[0].state, ENDS) == (State.ROLLED_BACK, ["ValueError"])


async def test_a_block_needs_an_execution_around_it(execution: Execution) -> None:
    with pytest.raises(OutsideExecution, match=r"unit_of_work\(\) works only"):
        await unit_of_work().__aenter__()

    token = enter(execution)
    async with unit_of_work() as work:
        assert use_unit_of_work() is work
    leave(token)


# interceptors

Body = Callable[[Execution, Callable[[], Awaitable[Any]]], Awaitable[Any]]


async def through_in_unit_of_work(execution: Execution, call: Callable[[], Awaitable[Any]]) -> Any:
    return await in_unit_of_work(execution, call)


async def through_a_block(execution: Execution, call: Callable[[], Awaitable[Any]]) -> Any:
    async with opened_unit_of_work(execution):
        return await call()


both_ways = pytest.mark.parametrize("run", [through_in_unit_of_work, through_a_block])


class Noting:
    """An interceptor that writes down what it sees, and does as it is told."""

    def __init__(self, log: list[str], name: str, *, swallows: bool = False) -> None:
        self.log, self.name, self.swallows = log, name, swallows

    def intercept(self, ctx: Execution) -> "Noting":
        assert ctx.open_unit_of_work is not None
        return self

    async def __aenter__(self) -> None:
        self.log.append(f"{self.name} in")

    async def __aexit__(self, _kind: Any, error: BaseException | None, _traceback: Any) -> bool:
        self.log.append(f"{self.name} out {error}")
        return self.swallows


class Failing(Noting):
    async def __aenter__(self) -> None:
        await super().__aenter__()
        raise LookupError(self.name)


def intercepted(*interceptors: Noting) -> Execution:
    declaration = Microservice(interceptors=interceptors, providers=[ProviderSpec(Resource, use_value=Resource())])
    return Application(declaration, embedded_ports()).execution(Trigger("manual", "test"))


@both_ways
async def test_interceptors_are_entered_in_order_and_left_in_reverse(run: Body) -> None:
    log: list[str] = []

    assert await run(intercepted(Noting(log, "first"), Noting(log, "second")), succeed) == "value"
    assert log == ["first in", "second in", "second out None", "first out None"]


@both_ways
async def test_an_interceptor_cannot_swallow_what_the_body_raises(run: Body) -> None:
    log: list[str] = []

    with pytest.raises(ValueError, match="no"):
        await run(intercepted(Noting(log, "first"), Noting(log, "second", swallows=True)), fail)
    assert log[-2:] == ["second out no", "first out None"]


@both_ways
async def test_what_an_interceptor_raises_on_entering_stops_the_body(run: Body) -> None:
    log: list[str] = []

    with pytest.raises(LookupError, match="second"):
        await run(intercepted(Noting(log, "first"), Failing(log, "second")), succeed)
    assert log == ["first in", "second in", "first out second"]


@both_ways
async def test_an_interceptor_that_swallows_what_another_raised_on_entering_is_told(run: Body) -> None:
    log: list[str] = []

    with pytest.raises(UsageError, match="swallowed what another one raised"):
        await run(intercepted(Noting(log, "first", swallows=True), Failing(log, "second")), succeed)
