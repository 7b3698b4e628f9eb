"""An action with `dispatch="broker"` in one process: its ticks are messages, with all that holds for those."""

import pytest
from pydantic import BaseModel

from jararaca import (
    AIOPikaConnectionFactory,
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    MessageBusPublisherInterceptor,
    Microservice,
    ProviderSpec,
    ScheduledAction,
    use_publisher,
)
from jararaca.core.context import Trigger, enter, leave, use_clock
from jararaca.errors import HandlerTimeout
from jararaca.scheduler.config import SchedulerConfig
from jararaca.scheduler.decorators import Tick
from jararaca.scheduler.dispatch import ScheduledTick
from jararaca_testing import Bus, RunningApplication, VirtualClock
from jararaca_testing.contracts import proves
from jararaca_testing.cron import Cron


class Said(BaseModel):
    text: str


async def say(text: str) -> None:
    await use_publisher().publish(Said(text=text), topic="said")


async def explain(error: BaseException, tick: Tick) -> None:
    await say(f"{type(error).__name__} at {tick.scheduled_at:%H:%M}")


class Actions:
    @ScheduledAction("0 1 * * *", dispatch="broker")
    async def greet(self, tick: Tick) -> None:
        await say(f"{tick.action} {tick.scheduled_at:%H:%M} {tick.fencing_token}")

    @ScheduledAction("0 2 * * *", dispatch="broker", exception_handler=explain)
    async def fail(self) -> None:
        await say("never")
        raise ValueError("no")

    @ScheduledAction("0 3 * * *", dispatch="broker", timeout=5.0, name="slow.one")
    async def take_long(self) -> None:
        await use_clock().sleep(60.0)

    @ScheduledAction("0 4 * * *", dispatch="broker", misfire_grace=60.0)
    async def hurry(self) -> None:
        await say("in time")

    @ScheduledAction("0 5 * * *", dispatch="broker", misfire="all")
    async def make_up(self, tick: Tick) -> None:
        await say(f"{tick.scheduled_at:%d}")


def with_outbox() -> Microservice:
    database = AIOSQAConfig("default", "postgresql+asyncpg://app.example/app")
    return Microservice(
        providers=[ProviderSpec(SchedulerConfig, use_value=SchedulerConfig(store_url="database://default"))],
        controllers=[Actions],
        interceptors=[
            AIOSqlAlchemySessionInterceptor(database),
            MessageBusPublisherInterceptor(AIOPikaConnectionFactory("memory://"), delivery="outbox"),
        ],
    )


@pytest.fixture(params=[Microservice(controllers=[Actions]), with_outbox()], ids=["direct", "outbox"])
def jararaca_microservice(request: pytest.FixtureRequest) -> Microservice:
    declaration: Microservice = request.param
    return declaration


@pytest.fixture(autouse=True)
def nobody_listens(jararaca_app: RunningApplication) -> None:
    jararaca_app.bus.expect_leftover("said", kind="unroutable")


def said(bus: Bus) -> list[str]:
    return [record.payload.text for record in bus.published("said")]


async def test_a_tick_is_a_message_to_the_action(cron: Cron, bus: Bus, jararaca_app: RunningApplication) -> None:
    fired = await cron.fire(Actions.greet)
    await jararaca_app.settle()

    assert fired.outcome == "dispatched"
    assert bus.handled("Actions.greet").one().outcome == "ok"
    assert said(bus)[0].startswith("Actions.greet ")


@proves("F-89")
@pytest.mark.virtual_only
@proves("F-89")
async def test_a_failure_is_dead_lettered_and_told_to_its_exception_handler(bus: Bus, clock: VirtualClock) -> None:
    """As with messages, nothing of it leaves; there is a record of it, and somebody can send it back."""
    bus.expect_errors(ValueError)
    await clock.advance(hours=2.5)

    assert said(bus) == ["Actions.greet 01:00 1", "ValueError at 02:00"]
    assert bus.dead_lettered("tick.app.Actions.fail").one().reason == "error"


@pytest.mark.virtual_only
async def test_a_time_limit_is_that_of_its_messages(bus: Bus, clock: VirtualClock) -> None:
    bus.expect_errors(ValueError, HandlerTimeout)
    await clock.advance(hours=2.5)
    bus.dead_lettered("tick.app.Actions.fail").one()
    await clock.advance(hours=1)

    assert bus.dead_lettered("tick.app.slow.one").one().reason == "timeout"


@pytest.mark.virtual_only
async def test_what_has_waited_for_longer_than_its_grace_is_not_run(
    cron: Cron, bus: Bus, jararaca_app: RunningApplication
) -> None:
    """It stood in the queue, because no worker ran."""
    late = ScheduledTick(jararaca_app.clock.now().replace(year=2025))
    token = enter(jararaca_app.application.execution(Trigger("manual", "test")))
    try:
        await use_publisher().publish(late, topic=f"tick.{jararaca_app.environment.name}.Actions.hurry")
    finally:
        leave(token)
    await jararaca_app.settle()

    assert said(bus) == []
    assert bus.handled("Actions.hurry").one().outcome == "ok"
    cron.skipped(Actions.hurry).one()


@pytest.mark.virtual_only
async def test_missed_ticks_are_published_in_order(bus: Bus, clock: VirtualClock) -> None:
    bus.expect_errors(ValueError, HandlerTimeout)
    bus.expect_leftover("tick.app.Actions.fail", kind="dead-letter")
    bus.expect_leftover("tick.app.slow.one", kind="dead-letter")
    await clock.jump(days=3)

    assert [text for text in said(bus) if len(text) == 2] == ["01", "02", "03"]


@proves("F-81")
@pytest.mark.virtual_only
@proves("F-81")
@pytest.mark.parametrize("jararaca_microservice", [with_outbox()], indirect=True)
async def test_with_an_outbox_a_tick_that_travels_twice_runs_once(
    bus: Bus, jararaca_app: RunningApplication, clock: VirtualClock
) -> None:
    """The inbox knows it by its message id."""
    await clock.advance(hours=1.5)
    ran = bus.handled("Actions.greet").one()
    again = ScheduledTick(jararaca_app.clock.now().replace(hour=1, minute=0))
    topic = f"tick.{jararaca_app.environment.name}.Actions.greet"
    token = enter(jararaca_app.application.execution(Trigger("manual", "test")))
    try:
        await use_publisher().publish(again, topic=topic, message_id=ran.message_id)
    finally:
        leave(token)
    await clock.advance(seconds=5)

    assert said(bus) == ["Actions.greet 01:00 1"]
    assert [record.outcome for record in bus.handled("Actions.greet")] == ["ok", "duplicate"]
