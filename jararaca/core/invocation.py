"""One handler call: scope, unit of work, interceptors, commit. Every room goes through here.

`in_unit_of_work` is the innermost piece; `invoke` answers with an `Outcome`, a value, and runs again what the database
gave up for another transaction. HTTP sets its execution earlier and uses the inner piece alone.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from jararaca.core.cancellation import is_asked_to_end
from jararaca.core.conflicts import FIRST_PAUSE, MOST_REPEATS, conflict_of
from jararaca.core.container import Scope
from jararaca.core.context import Execution, Trigger, current_execution, enter, leave
from jararaca.core.environment import Environment
from jararaca.core.unit_of_work import State, UnitOfWork, Watch
from jararaca.errors import UsageError

T = TypeVar("T")

logger = logging.getLogger("jararaca.core")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """How an invocation ended. `error` is what was raised; `committed` says whether its effects stand.

    Committed with an error: the commit stands, but messages or frames that should follow it were not sent.
    Neither: the body asked for a rollback and returned.
    """

    value: T | None
    error: BaseException | None
    committed: bool


def new_execution(
    environment: Environment,
    trigger: Trigger,
    *,
    correlation_id: str | None = None,
    cause: str | None = None,
    causation_id: str | None = None,
    hops: int = 0,
    traceparent: str | None = None,
) -> Execution:
    """An execution with an identity of its own, which is its correlation too unless one is handed on."""
    identity = environment.next_execution_id()
    correlation_id = correlation_id or identity
    return tuple.__new__(
        Execution,
        (environment, trigger, identity, correlation_id, cause, causation_id, hops, traceparent, None, None),
    )


async def invoke(execution: Execution, call: Callable[[], Awaitable[T]], watch: Watch | None = None) -> Outcome[T]:
    """Run `call` in a unit of work of `execution` and say how it ended. Only being cancelled is raised.

    If the database ends it with a deadlock or a failed serialization, it is run again, up to three times after short
    pauses: everything in it anew, from its sessions and what it staged to the objects that were built for it. `watch`
    looks after each of the runs.
    """
    outcome, repeatable = await _run(execution, call, watch)
    repeats = 0
    while repeatable and outcome.error is not None and repeats < MOST_REPEATS and not is_asked_to_end():
        state = conflict_of(outcome.error)
        if state is None:
            break
        repeats += 1
        logger.warning(
            "the database gave a unit of work up for another one; it is run again",
            extra={"trigger": execution.trigger.name, "execution": execution.id, "sqlstate": state, "run": repeats + 1},
        )
        environment = execution.environment
        longest = FIRST_PAUSE * 2 ** (repeats - 1)
        await environment.clock.sleep(longest * (1.0 - environment.chance.random()))
        outcome, repeatable = await _run(execution, call, watch)
    return outcome


async def _run(execution: Execution, call: Callable[[], Awaitable[T]], watch: Watch | None) -> tuple[Outcome[T], bool]:
    """How one run ended, and whether nothing of it stands."""
    work = UnitOfWork(execution.environment.steps, execution)
    work.watch = watch
    try:
        value = await in_unit_of_work(execution, call, work)
    except asyncio.CancelledError as error:
        if is_asked_to_end():
            raise
        stray = UsageError(
            f"something around {execution.trigger.name} (a hook, an interceptor, the end of a provider) let the "
            "CancelledError of something it awaited escape, though nobody cancelled it. Catch it where that is awaited."
        )
        stray.__cause__ = error
        return Outcome(None, stray, work.state is State.COMMITTED), False
    except Exception as error:  # noqa: BLE001 -- a failure is an outcome; whoever triggered it decides what follows
        return Outcome(None, error, work.state is State.COMMITTED), not work.stands
    return Outcome(value, None, work.state is State.COMMITTED), False


async def in_unit_of_work(execution: Execution, call: Callable[[], Awaitable[T]], work: UnitOfWork | None = None) -> T:
    """Run `call` in a fresh scope and unit of work; commit if it returns, roll back and raise if it raises.

    `work` is a unit of work that nobody used yet, for those who look at it afterwards.
    """
    environment = execution.environment
    work = work or UnitOfWork(environment.steps, execution)
    work.task = asyncio.current_task()
    scope = Scope(environment.container)
    inner = execution.within(work, scope)
    token = enter(inner)
    failure: BaseException | None = None
    try:
        try:
            result = await (_intercepted(inner, call) if environment.interceptors else call())
        except BaseException:
            await work.rollback()
            raise
        if not work.commits_at_once():
            await work.commit()
    except BaseException as error:
        failure = error
        raise
    else:
        return result
    finally:
        try:
            await scope.close(failure)
        finally:
            leave(token)


async def _intercepted(execution: Execution, call: Callable[[], Awaitable[T]]) -> T:
    async with _intercepting(execution):
        return await call()


@asynccontextmanager
async def _intercepting(execution: Execution) -> AsyncIterator[None]:
    failure: BaseException | None = None
    has_begun = False
    async with AsyncExitStack() as stack:
        for interceptor in execution.environment.interceptors:
            await stack.enter_async_context(interceptor.intercept(execution))
        has_begun = True
        try:
            yield
        except BaseException as error:
            failure = error
            raise
    if not has_begun:
        raise UsageError("an interceptor swallowed what another one raised on entering. Let exceptions pass.")
    if failure is not None:
        raise failure


@asynccontextmanager
async def unit_of_work() -> AsyncIterator[UnitOfWork]:
    """Open an independent transaction: committed at the end of the block, rolled back if the block raises.

    Inside, `use_session()` gives the session of this unit of work, and what is published or sent waits for its commit.

    Raises:
        OutsideExecution: nothing is being handled here.
        CommittedNotAnnounced: at the end of the block; the commit stands.
    """
    execution = current_execution("unit_of_work()")
    async with opened_unit_of_work(execution) as work:
        yield work


@asynccontextmanager
async def opened_unit_of_work(execution: Execution) -> AsyncIterator[UnitOfWork]:
    """A unit of work of `execution` as a block, for those who have no body to hand over."""
    environment = execution.environment
    work = UnitOfWork(environment.steps, execution)
    work.task = asyncio.current_task()
    async with AsyncExitStack() as stack:
        scope = environment.container.open_scope()
        inner = execution.within(work, scope)
        stack.callback(leave, enter(inner))
        stack.push_async_exit(_closing(scope.close))
        try:
            async with _intercepting(inner):
                yield work
        except BaseException:
            await work.rollback()
            raise
        await work.commit()


def _closing(close: Callable[[BaseException | None], Awaitable[None]]) -> Any:
    async def exit_scope(_kind: Any, error: BaseException | None, _traceback: Any) -> bool:
        await close(error)
        return False

    return exit_scope
