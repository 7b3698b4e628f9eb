"""Tasks that an action does not await, in a scheduler as it runs: under the harness they fail the test instead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, ClassVar

import pytest

from jararaca import ScheduledAction
from jararaca.core.adoption import adopt_tasks
from jararaca.core.context import use_clock
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.virtual_only

LATE = "tasks outlive the handler that started them; they are cancelled. Await them, or start them elsewhere"
FAILED = "a task that a handler had not awaited failed"

Start = Callable[..., Awaitable[Any]]


class Minutely:
    """Starts `work` and returns, or raises `error`."""

    tasks: ClassVar[list["asyncio.Task[None]"]] = []
    error: ClassVar[Exception | None] = None

    async def work(self) -> None:
        await use_clock().sleep(20)

    def start(self) -> None:
        self.tasks.append(asyncio.ensure_future(self.work()))  # noqa: TID251 -- what users write

    @ScheduledAction("* * * * *", timeout=45.0)
    async def act(self) -> None:
        self.start()
        await use_clock().sleep(10)
        if self.error is not None:
            raise self.error


class Endless(Minutely):
    async def work(self) -> None:
        await asyncio.Event().wait()


class Failing(Minutely):
    async def work(self) -> None:
        await super().work()
        raise LookupError("nobody asked")


class Broken(Endless):
    error = LookupError("the action")


class Patient(Endless):
    """Has no limit."""

    @ScheduledAction("* * * * * 0", lease_ttl=30.0)
    async def act(self) -> None:
        self.start()


class Conflict(Exception):
    sqlstate = "40001"


class RunAgain(Endless):
    """Loses a serialization at its first run."""

    runs: ClassVar[list[bool]] = []

    @ScheduledAction("* * * * *", timeout=45.0)
    async def act(self) -> None:
        self.runs.append(any(task.done() for task in self.tasks))
        self.start()
        await use_clock().sleep(1)
        if len(self.runs) == 1:
            raise Conflict


class Announcing(Endless):
    """Starts one more when it has failed."""

    @ScheduledAction("* * * * *", timeout=45.0, exception_handler=lambda _error, _tick: Announcing().start())
    async def act(self) -> None:
        raise LookupError("the action")


@pytest.fixture(autouse=True)
async def _adopting() -> AsyncIterator[None]:
    """Tasks are adopted as in a process."""
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    adopt_tasks()
    Minutely.tasks.clear()
    RunAgain.runs.clear()
    yield
    loop.set_task_factory(factory)


def said(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.getMessage() == message]


@proves("F-47")
async def test_a_run_ends_with_the_tasks_that_it_has_started(
    start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = await start(Minutely)

    await clock.advance(seconds=110)

    assert scheduler.ticks == [(80.0, "ok")]
    assert scheduler.begun == [60.0]
    assert said(caplog, LATE) == []


@proves("F-47")
async def test_at_the_timeout_of_the_action_they_are_cancelled_and_their_line_is_named(
    start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The effects of the run stand: it had returned in time."""
    scheduler = await start(Endless)

    await clock.advance(seconds=110)

    assert scheduler.ticks == [(105.0, "ok")]
    assert Endless.tasks[0].cancelled()
    (record,) = said(caplog, LATE)
    assert (record["levelname"], record["action"]) == ("WARNING", "Endless.act")
    (place,) = record["started"]
    assert place.startswith(f"{__file__}:")


async def test_those_of_an_action_that_failed_are_cancelled_at_once(start: Start, clock: VirtualClock) -> None:
    """What it began was rolled back, and is not to go on."""
    scheduler = await start(Broken)

    await clock.advance(seconds=71)

    assert scheduler.ticks == [(70.0, "error")]
    assert Broken.tasks[0].cancelled()


async def test_what_one_raises_is_told(start: Start, clock: VirtualClock, caplog: pytest.LogCaptureFixture) -> None:
    scheduler = await start(Failing)

    await clock.advance(seconds=90)

    assert scheduler.ticks == [(80.0, "ok")]
    (record,) = said(caplog, FAILED)
    assert (record["action"], record["exc_info"][0]) == ("Failing.act", LookupError)


async def test_without_a_timeout_they_have_all_the_time_until_the_scheduler_stops(
    start: Start, clock: VirtualClock
) -> None:
    """As the action itself has. No other run begins meanwhile: the lease is kept."""
    scheduler = await start(Patient)
    await clock.advance(seconds=310)
    assert [outcome for _at, outcome in scheduler.ticks] == ["skipped"] * 4

    assert await scheduler.runtime.stop(0) is False

    assert scheduler.ticks[-1] == (310.0, "cancelled")
    assert Patient.tasks[0].cancelled()


async def test_those_of_a_run_that_is_given_up_end_before_the_next_one(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(RunAgain)

    await clock.advance(seconds=110)

    assert RunAgain.runs == [False, True]
    assert scheduler.ticks == [(105.0, "ok")]


async def test_those_of_an_exception_handler_have_as_long(start: Start, clock: VirtualClock) -> None:
    scheduler = await start(Announcing)

    await clock.advance(seconds=104)
    assert scheduler.ticks == [(60.0, "error")]
    assert not Announcing.tasks[0].done()

    await clock.advance(seconds=2)
    assert Announcing.tasks[0].cancelled()
