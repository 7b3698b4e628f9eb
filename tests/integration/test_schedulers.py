"""Schedulers that share a store on a real server: three side by side, one that is killed, one that stands still."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy.ext.asyncio import create_async_engine

from jararaca.adapters.sql.tables import metadata
from jararaca.adapters.system.clock import SystemClock
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.needs_servers

LEASE = 3.0  # seconds; as in the application
APP = """
import asyncio
import os

from jararaca import *
from jararaca.scheduler.decorators import Tick

class Together:
    @ScheduledAction("* * * * * *")
    async def fire(self, tick: Tick) -> None:
        print(f"fired {tick.scheduled_at.isoformat()} {tick.missed}")

    @ScheduledAction("* * * * * *", exclusive=False)
    async def live(self) -> None:
        print("lives")

class Endless:
    @ScheduledAction("* * * * * *", lease_ttl=3.0)
    async def run(self, tick: Tick) -> None:
        print(f"begun {tick.fencing_token}")
        try:
            await asyncio.Event().wait()
        finally:
            print(f"ended {tick.fencing_token}")

class Travelling:
    @ScheduledAction("* * * * * */10", lease_ttl=3.0, dispatch="broker")
    async def run(self, tick: Tick) -> None:
        print(f"begun {tick.fencing_token} {tick.scheduled_at.isoformat()}")
        if os.environ["HANGS"]:
            await asyncio.Event().wait()

travelling = Microservice(name=os.environ["NAME"], controllers=[Travelling])
together = Microservice(name=os.environ["NAME"], controllers=[Together])
endless = Microservice(name=os.environ["NAME"], controllers=[Endless], shutdown_grace=0.1)
"""


async def create_tables(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    await engine.dispose()


@pytest.fixture(params=["redis", "postgres"])
def store_url(request: pytest.FixtureRequest, rabbit: Any) -> Iterator[str]:
    """An empty store that goes with the test."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("database_url")
        asyncio.run(create_tables(url))
        yield url
        return
    url = request.getfixturevalue("redis_url")
    yield url
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter(f"jararaca.schedule:{{{rabbit.name}.*"):
            client.delete(key)


@pytest.fixture
def scheduler(tmp_path: Path, start: Callable[..., Any], rabbit: Any, store_url: str) -> Callable[..., Any]:
    """Starts one more scheduler, or another process, of one of the applications above."""

    def scheduler(application: str, command: str = "scheduler", *, hangs: bool = False) -> Any:
        (tmp_path / "app.py").write_text(APP)
        environment = {
            "HANGS": "yes" if hangs else "",
            "NAME": rabbit.name,
            "JARARACA_EXCHANGE": rabbit.exchange,
            "JARARACA_BROKER_URL": rabbit.url,
            "JARARACA_SCHEDULE_STORE_URL": store_url,
        }
        return start("jararaca", command, f"app:{application}", environment=environment)

    return scheduler


def told(child: Any, word: str) -> list[str]:
    """What it printed after a word."""
    return [line.partition(" ")[2] for line in child.lines if line.startswith(f"{word} ")]


@proves("F-80")
def test_three_schedulers_fire_each_tick_once(scheduler: Callable[..., Any]) -> None:
    children = [scheduler("together") for _ in range(3)]
    for child in children:
        child.until("lives", times=10)
    for child in children:
        child.ask(signal.SIGTERM)
    assert [child.end() for child in children] == [0, 0, 0]

    fired = sorted(line.split() for child in children for line in told(child, "fired"))
    ticks = [datetime.fromisoformat(tick) for tick, _missed in fired]
    reached = [ticks[0] - timedelta(seconds=1), *ticks]  # a tick that stands for others that were late counts for them
    steps = [int((tick - before).total_seconds()) for before, tick in zip(reached, ticks, strict=False)]
    assert len(set(ticks)) == len(ticks) >= 8
    assert steps == [1 + int(missed) for _tick, missed in fired]


@proves("F-79")
def test_when_a_scheduler_is_killed_another_one_takes_over_after_its_lease(scheduler: Callable[..., Any]) -> None:
    """Nothing is given back, and nobody waits for longer than the lease and the next tick."""
    clock = SystemClock()
    first = scheduler("endless")
    first.until("begun")
    second = scheduler("endless")
    second.until("firing")

    first.ask(signal.SIGKILL)
    killed_at = clock.monotonic()
    second.until("begun")
    waited = clock.monotonic() - killed_at

    assert int(told(second, "begun")[0]) > int(told(first, "begun")[0])
    assert LEASE / 2 < waited < LEASE + 1.0 + 2.0  # two seconds for a machine that is busy


@proves("F-82")
def test_a_scheduler_that_stood_still_for_longer_than_its_lease_ends_its_run(scheduler: Callable[..., Any]) -> None:
    """Another one runs by then, with a larger token, by which others can tell them apart."""
    first = scheduler("endless")
    first.until("begun")
    second = scheduler("endless")
    second.until("firing")

    first.ask(signal.SIGSTOP)
    second.until("begun")
    first.ask(signal.SIGCONT)
    first.until("ended")

    assert int(told(second, "begun")[0]) > int(told(first, "begun")[0])
    assert told(second, "ended") == []
    second.ask(signal.SIGTERM)
    assert second.end() == 124  # its run had to be cancelled


@pytest.fixture
def travelling(rabbit: Any) -> Iterator[None]:
    """Removes what an application of travelling ticks leaves on the broker."""
    yield
    rabbit.clean("Travelling.run")
    rabbit.clean_waits()


@proves("F-89")
@pytest.mark.usefixtures("travelling")
@proves("F-89")
def test_a_tick_whose_worker_is_killed_runs_on_another_one(scheduler: Callable[..., Any]) -> None:
    """The broker hands it out again, and the lease of the dead run has to end first."""
    first = scheduler("travelling", "worker", hangs=True)
    first.until("consuming")
    scheduler("travelling").until("firing")
    first.until("begun")
    second = scheduler("travelling", "worker")
    second.until("consuming")

    first.ask(signal.SIGKILL)

    token, tick = told(first, "begun")[0].split()
    again = second.until(tick)
    assert int(again.split()[1]) > int(token)
