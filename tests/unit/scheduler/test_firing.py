"""One firing: its unit of work, its limits, and how its end is recorded. Everything a user sees with the harness."""

import asyncio
import contextlib
from typing import ClassVar

import pytest
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice, ScheduledAction, use_publisher
from jararaca.core.context import Execution, current_execution, use_clock, use_unit_of_work
from jararaca.core.steps import Kind
from jararaca.errors import CommittedNotAnnounced, HandlerTimeout
from jararaca.scheduler.decorators import Tick
from jararaca_testing import Bus, RunningApplication, VirtualClock
from jararaca_testing.cron import Cron

pytestmark = [
    pytest.mark.virtual_only,
    pytest.mark.jararaca(allow=["unroutable"]),  # it is enough that something is published
]


class Report(BaseModel):
    text: str


class Breakage(Exception):
    pass


async def announce(error: BaseException, tick: Tick) -> None:
    await use_publisher().publish(Report(text=f"{error} at {tick.scheduled_at:%H:%M}"), topic="failed")


def announce_and_fail(error: BaseException, tick: Tick) -> None:
    raise ZeroDivisionError


def as_a_plain_function(error: BaseException, tick: Tick) -> None:
    Actions.seen.append(f"{error}, politely")


def look_around(error: BaseException, tick: Tick) -> None:
    Actions.seen.append(current_execution())


async def announcement_is_late() -> None:
    raise Breakage("after the commit")


@MessageBusController()
class Actions:
    seen: ClassVar[list[object]] = []

    @ScheduledAction("0 1 * * *")
    async def works(self, tick: Tick) -> None:
        self.seen.append(tick)
        await use_publisher().publish(Report(text="done"), topic="report")

    @ScheduledAction("0 2 * * *", exception_handler=announce)
    async def breaks(self) -> None:
        await use_publisher().publish(Report(text="never true"), topic="report")
        raise Breakage("it broke")

    @ScheduledAction("0 3 * * *", timeout=10, exception_handler=announce)
    async def takes_too_long(self) -> None:
        await use_clock().sleep(11)

    @ScheduledAction("0 4 * * *", timeout=10)
    async def swallows_its_cancellation(self) -> None:
        try:
            await use_clock().sleep(11)
        except asyncio.CancelledError:
            self.seen.append("cancelled")

    @ScheduledAction("0 5 * * *", timeout=10)
    async def has_a_timeout_of_its_own(self) -> None:
        async with use_clock().timeout(1):
            await use_clock().sleep(2)

    @ScheduledAction("0 6 * * *", exception_handler=announce)
    async def is_not_announced(self) -> None:
        use_unit_of_work().after_commit(announcement_is_late)

    @ScheduledAction("0 7 * * *")
    async def rolls_back(self) -> None:
        use_unit_of_work().set_rollback_only("it was a drill")

    @ScheduledAction("0 8 * * *", exception_handler=announce_and_fail)
    async def breaks_twice(self) -> None:
        raise Breakage("it broke")

    @ScheduledAction("30 8 * * *", exception_handler=as_a_plain_function)
    async def breaks_politely(self) -> None:
        raise Breakage("it broke")

    @ScheduledAction("0 9 * * *", name="nine", tz="America/Sao_Paulo")
    async def renamed(self) -> None:
        self.seen.append(current_execution().trigger)

    @ScheduledAction("0 10 * * *", exception_handler=look_around)
    async def looks_around_and_breaks(self) -> None:
        self.seen.append(current_execution())
        raise Breakage("it broke")

    @ScheduledAction("0 11 * * *")
    async def is_heard_by_nobody(self) -> None:
        await use_publisher().publish(Report(text="lost"), topic="unheard", message_id="report-1", mandatory=True)

    @IncomingHandler("failed")
    async def on_failed(self, message: Message[Report]) -> None:
        self.seen.append(message.payload().text)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    Actions.seen.clear()
    return Microservice(controllers=[Actions])


async def outcome(application: RunningApplication, clock: VirtualClock, hour: float) -> tuple[str | None, str | None]:
    """What became of the only tick of this hour: the action and the outcome."""
    await clock.advance(hours=hour, seconds=-1)
    before = len(application.ledger.of_kind(Kind.TICK))
    await clock.advance(minutes=1)
    ticks = application.ledger.of_kind(Kind.TICK)[before:]
    assert len(ticks) == 1
    return ticks[0].handler, ticks[0].outcome


async def test_an_action_is_given_its_tick_and_publishes_with_its_commit(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    start = clock.now()
    assert await outcome(jararaca_app, clock, 1) == ("Actions.works", "ok")

    (tick,) = Actions.seen
    assert isinstance(tick, Tick)
    assert (tick.action, tick.fencing_token, tick.missed) == ("Actions.works", 1, 0)
    assert (tick.scheduled_at - start).total_seconds() == (tick.fired_at - start).total_seconds() == 3600
    bus.published("report", text="done").one()


async def test_a_failed_action_rolls_back_and_its_exception_handler_has_a_unit_of_work_of_its_own(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(Breakage)
    assert await outcome(jararaca_app, clock, 2) == ("Actions.breaks", "error")

    bus.published("report", text="never true").none()
    assert Actions.seen[-1] == "it broke at 02:00"


async def test_an_action_that_takes_too_long_is_cancelled_and_handled(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(HandlerTimeout, Breakage)
    assert await outcome(jararaca_app, clock, 3) == ("Actions.takes_too_long", "timeout")

    assert str(Actions.seen[-1]).startswith("Actions.takes_too_long ran longer than 10 s")


async def test_an_action_that_swallows_its_cancellation_has_timed_out_as_well(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(HandlerTimeout, Breakage)
    assert await outcome(jararaca_app, clock, 4) == ("Actions.swallows_its_cancellation", "timeout")

    assert Actions.seen[-1] == "cancelled"


async def test_a_timeout_inside_of_an_action_is_an_error_like_others(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage)

    assert await outcome(jararaca_app, clock, 5) == ("Actions.has_a_timeout_of_its_own", "error")


async def test_what_fails_after_the_commit_is_recorded_as_published_failed_and_nobody_compensates(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)
    await clock.advance(hours=5, minutes=30)
    Actions.seen.clear()

    assert await outcome(jararaca_app, clock, 0.5) == ("Actions.is_not_announced", "published_failed")
    assert Actions.seen == []


async def test_what_was_committed_and_not_announced_is_logged_with_the_ids_of_its_messages(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever reads the log can publish them by hand."""
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)
    await clock.advance(hours=10, minutes=30)
    caplog.clear()

    assert await outcome(jararaca_app, clock, 0.5) == ("Actions.is_heard_by_nobody", "published_failed")
    (logged,) = (record for record in caplog.records if record.name == "jararaca.scheduler")
    assert (logged.levelname, logged.message) == ("ERROR", "a scheduled action failed")
    assert (vars(logged)["action"], vars(logged)["message_ids"]) == ("Actions.is_heard_by_nobody", ("report-1",))


async def test_an_exception_handler_belongs_to_the_story_of_the_run_that_failed(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)

    assert await outcome(jararaca_app, clock, 10) == ("Actions.looks_around_and_breaks", "error")
    run, handler = Actions.seen[-2:]
    assert isinstance(run, Execution)
    assert isinstance(handler, Execution)
    assert (handler.correlation_id, handler.cause) == (run.correlation_id, run.id)
    assert handler.id != run.id


async def test_a_run_that_asked_for_a_rollback_is_recorded_as_rolled_back(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)

    assert await outcome(jararaca_app, clock, 7) == ("Actions.rolls_back", "rolled back")


async def test_an_exception_handler_that_fails_is_logged(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)

    assert await outcome(jararaca_app, clock, 8) == ("Actions.breaks_twice", "error")
    assert "an exception handler failed" in caplog.text


async def test_an_exception_handler_may_be_a_plain_function(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)

    assert await outcome(jararaca_app, clock, 8.5) == ("Actions.breaks_politely", "error")
    assert Actions.seen[-1] == "it broke, politely"


async def test_a_name_and_a_zone_are_those_of_the_action(
    jararaca_app: RunningApplication, clock: VirtualClock, bus: Bus
) -> None:
    """Nine in Sao Paulo is twelve in UTC."""
    bus.expect_errors(TimeoutError, HandlerTimeout, Breakage, CommittedNotAnnounced)

    assert await outcome(jararaca_app, clock, 12) == ("nine", "ok")


class TestGroups:
    """Of tasks that fail: up to Python 3.12 they leave a cancellation counted that nobody asked for."""

    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice(controllers=[GroupActions])

    async def test_an_action_that_goes_on_after_one_still_has_its_timeout(
        self, jararaca_app: RunningApplication, cron: Cron
    ) -> None:
        jararaca_app.bus.expect_errors(HandlerTimeout)

        await cron.fire(GroupActions.goes_on)

        assert [record.outcome for record in cron.fired()] == ["timeout"]


async def _break() -> None:
    await use_clock().sleep(0.01)
    raise Breakage("of a task")


@MessageBusController()
class GroupActions:
    @ScheduledAction("0 1 * * *", timeout=10)
    async def goes_on(self) -> None:
        with contextlib.suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(_break())
        await use_clock().sleep(11)
