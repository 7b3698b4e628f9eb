"""The section "Scheduled Routine" of the specification: a body of five seconds, every three."""

import pytest

from jararaca.core.steps import Kind
from jararaca_testing import Bus, RunningApplication, VirtualClock

pytestmark = pytest.mark.jararaca(app="tasks_app:app", allow=["unsettled"])


@pytest.mark.virtual_only
async def test_a_five_second_body_fires_at_3_skips_6_and_fires_at_9(
    jararaca_app: RunningApplication, clock: VirtualClock
) -> None:
    await clock.advance(seconds=10)

    ticks = [(round(tick.at), tick.until, tick.outcome) for tick in jararaca_app.ledger.of_kind(Kind.TICK)]
    assert ticks == [(3, 8.0, "ok"), (6, 6.0, "skipped")]
    assert [round(run.at) for run in jararaca_app.ledger.begun(Kind.TICK)] == [3, 9]


@pytest.mark.virtual_only
async def test_the_action_publishes_its_task(bus: Bus, clock: VirtualClock) -> None:
    await clock.advance(seconds=8)

    assert bus.published("task").one().payload.data.name.startswith("task-")
