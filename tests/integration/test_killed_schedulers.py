"""Schedulers on servers that are killed at each gate of a tick: how often it has its effect, and how it goes on."""

import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from effects import Effects
from gated_service import PERIOD

from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.needs_servers, pytest.mark.timeout(300)]

SCENARIOS = Path(__file__).parents[1] / "scenarios"
NEXT = timedelta(seconds=PERIOD)


@pytest.fixture
def process(start: Callable[..., Any], rabbit: Any, redis_url: str, database_url: str) -> Iterator[Callable[..., Any]]:
    """Starts a scheduler or a worker of the service; what it leaves on the servers is deleted."""

    def process(command: str, application: str, *, gate: str = "") -> Any:
        environment = {
            "GATE": gate,
            "NAME": rabbit.name,
            "DATABASE": database_url,
            "JARARACA_CONCURRENCY": "1",
            "JARARACA_EXCHANGE": rabbit.exchange,
            "JARARACA_BROKER_URL": rabbit.url,
            "JARARACA_SCHEDULE_STORE_URL": redis_url,
        }
        return start("jararaca", command, f"gated_service:{application}", folder=SCENARIOS, environment=environment)

    yield process
    rabbit.clean("tick")
    with redis.Redis.from_url(redis_url) as client:
        for key in client.scan_iter(f"jararaca.schedule:{{{rabbit.name}.*"):
            client.delete(key)


@pytest.fixture
def effects(database_url: str) -> Effects:
    return Effects(database_url, "booked")


def handled(worker: Any, times: int) -> list[datetime]:
    """The first ticks that a worker has handled, once there are so many."""
    worker.until("attempt ok cron:", times=times)
    ok = [line for line in worker.lines if line.startswith("attempt ok cron:")]
    return [datetime.fromisoformat(line.split(":", 2)[2]) for line in ok[:times]]


def ends_of(worker: Any, tick: datetime) -> list[str]:
    """How the deliveries of a tick ended, in order."""
    words = [line.split() for line in worker.lines if line.startswith("attempt ")]
    return [outcome for _, outcome, message_id in words if message_id.endswith(tick.isoformat())]


@proves("F-81")
@pytest.mark.parametrize(
    ("application", "gate", "ends"),
    [
        ("ticks_without_outbox", "after the lease", ["ok"]),
        ("ticks_without_outbox", "before publish", ["ok"]),
        ("ticks_without_outbox", "before the claim", ["ok", "duplicate"]),
        ("ticks_without_outbox", "after the claim", ["ok"]),
        ("ticks", "before commit", ["ok"]),
        ("ticks", "before the claim", ["ok", "duplicate"]),
    ],
)
def test_a_tick_that_travels_has_its_effect_once_wherever_its_scheduler_is_killed(
    process: Callable[..., Any], effects: Effects, application: str, gate: str, ends: list[str]
) -> None:
    """Killed before the publish, the next scheduler publishes it; between confirm and claim, the inbox takes both for
    one. With an outbox its row is of the commit, and here it has left before the claim."""
    worker = process("worker", "ticks")
    worker.until("consuming")
    victim = process("scheduler", application, gate=gate)
    worker.until("attempt ok cron:")
    victim.until("at the gate")
    victim.until("confirmed cron:", times=1 + (gate.endswith("the claim")))
    victim.ask(signal.SIGKILL)
    victim.end()

    heir = process("scheduler", application)
    first, killed, following = handled(worker, 3)
    heir.ask(signal.SIGTERM)
    assert heir.end() == 0
    worker.ask(signal.SIGTERM)
    assert worker.end() == 0

    assert [killed - first, following - killed] == [NEXT, NEXT]
    assert ends_of(worker, killed) == ends
    assert set(effects.counted("booked").values()) == {1}
    assert effects.counted("booked").keys() >= {each.isoformat() for each in (first, killed, following)}


@proves("F-89")
@pytest.mark.parametrize(
    ("gate", "before", "after"),
    [
        ("before the claim", 0, 1),
        ("after the claim", 0, 0),
        ("after the lease", 0, 0),
        ("before commit", 0, 0),
        ("after commit", 1, 1),
    ],
)
def test_a_tick_has_its_effect_at_most_once_wherever_its_scheduler_is_killed(
    process: Callable[..., Any], effects: Effects, gate: str, before: int, after: int
) -> None:
    """Once it is claimed nobody fires it again; before, the next scheduler makes up for it. Later ones fire."""
    victim = process("scheduler", "staying", gate=gate)
    victim.until("at the gate")
    victim.ask(signal.SIGKILL)
    victim.end()
    first = victim.until("booked").split()[1]
    killed = (datetime.fromisoformat(first) + NEXT).isoformat()
    left = effects.counted("booked")

    heir = process("scheduler", "staying")
    heir.until("booked", times=1 + (after - before))
    heir.ask(signal.SIGTERM)
    assert heir.end() == 0

    assert left == {first: 1, **({killed: 1} if before else {})}
    assert effects.counted("booked")[killed] == after
    assert set(effects.counted("booked").values()) == {1}
    assert max(effects.counted("booked")) > killed
