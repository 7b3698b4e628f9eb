"""`dispatch="broker"`: schedulers publish ticks, workers run them, and what holds for messages holds for ticks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from replicas import Replica, Replicas

from jararaca import (
    Microservice,
    ProviderSpec,
    ScheduledAction,
)
from jararaca.core.context import current_execution, use_clock
from jararaca.core.steps import Kind, Step
from jararaca.scheduler.config import SchedulerConfig
from jararaca.scheduler.decorators import Tick
from jararaca_testing.contracts import proves
from jararaca_testing.profiles.world import World


class Runs:
    """What actions note: who began, and with what."""

    def __init__(self) -> None:
        self.ticks: list[Tick] = []
        self.instances: list[str] = []
        self.failures: list[tuple[BaseException, Tick]] = []
        self.ended = 0

    def begin(self, tick: Tick) -> None:
        self.ticks.append(tick)
        self.instances.append(current_execution().environment.instance)


class Short:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    @ScheduledAction("* * * * * */6", dispatch="broker")
    async def act(self, tick: Tick) -> None:
        self._runs.begin(tick)


class Slow:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    @ScheduledAction("* * * * * */12", dispatch="broker")
    async def act(self, tick: Tick) -> None:
        self._runs.begin(tick)
        await use_clock().sleep(20.0)
        self._runs.ended += 1


class Overlapping:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    @ScheduledAction("* * * * * */3", dispatch="broker", allow_overlap=True)
    async def act(self, tick: Tick) -> None:
        self._runs.begin(tick)
        await use_clock().sleep(5.0)


class Seldom:
    @ScheduledAction("* * * * * */30", dispatch="broker", lease_ttl=6.0)
    async def act(self) -> None: ...


class Minutely:
    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    @ScheduledAction("* * * * *", dispatch="broker", lease_ttl=6.0)
    async def act(self, tick: Tick) -> None:
        self._runs.begin(tick)
        if len(self._runs.ticks) == 1:
            await asyncio.Event().wait()


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
async def replicas_of(runs: Runs, jararaca_world: World) -> AsyncIterator[Callable[..., Replicas]]:
    """The processes of an application with one controller, whose schedulers and workers share a Redis."""
    made: list[Replicas] = []

    def replicas_of(controller: type, *interceptors: Any) -> Replicas:
        config = SchedulerConfig(store_url="redis://redis.example/")
        declaration = Microservice(
            providers=[ProviderSpec(Runs, use_value=runs), ProviderSpec(SchedulerConfig, use_value=config)],
            controllers=[controller],
            interceptors=interceptors,
        )
        made.append(Replicas(declaration, jararaca_world))
        return made[-1]

    yield replicas_of
    for replicas in made:
        await replicas.stop()


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@proves("F-80")
async def test_a_tick_of_any_scheduler_runs_once_on_a_worker(replicas_of: Callable[..., Replicas], runs: Runs) -> None:
    """It says when it was due, and its message is named after that."""
    replicas = replicas_of(Short)
    await replicas.start(2)
    (worker,) = await replicas.start(is_worker=True)

    await replicas.until(lambda: len(runs.ticks) == 5)

    ticks = [tick.scheduled_at for tick in runs.ticks]
    assert ticks == [ticks[0] + timedelta(seconds=6 * number) for number in range(5)]
    assert set(runs.instances) == {worker.application.environment.instance}
    assert len(replicas.outcomes("dispatched")) == 5
    assert replicas.message_ids == [
        f"cron:{worker.application.environment.owned('Short.act')}:{tick.isoformat()}" for tick in ticks
    ]


@proves("F-79")
async def test_runs_do_not_overlap_whoever_receives_their_ticks(
    replicas_of: Callable[..., Replicas], runs: Runs
) -> None:
    """Every second tick meets the run of the one before and is skipped for good."""
    replicas = replicas_of(Slow)
    await replicas.start(2, is_worker=True)

    await replicas.until(lambda: runs.ended == 3)

    starts = [tick.scheduled_at for tick in runs.ticks][:3]
    assert starts == [starts[0] + timedelta(seconds=24 * number) for number in range(3)]
    assert len(replicas.outcomes("skipped")) >= 2
    assert [tick.fencing_token for tick in runs.ticks] == sorted({tick.fencing_token for tick in runs.ticks})


async def test_runs_that_may_overlap_do(replicas_of: Callable[..., Replicas], runs: Runs) -> None:
    replicas = replicas_of(Overlapping)
    await replicas.start(is_worker=True)

    await replicas.until(lambda: len(runs.ticks) == 3)

    ticks = [tick.scheduled_at for tick in runs.ticks]
    assert ticks == [ticks[0] + timedelta(seconds=3 * number) for number in range(3)]
    assert {tick.fencing_token for tick in runs.ticks} == {0}


@proves("F-89")
async def test_a_tick_whose_worker_dies_is_run_again_by_another_one(
    replicas_of: Callable[..., Replicas], runs: Runs
) -> None:
    """The broker hands it out again, and it waits for the lease of its own dead run to end."""
    replicas = replicas_of(Minutely)
    (first,) = await replicas.start(is_worker=True)
    await replicas.until(lambda: runs.ticks)
    await replicas.start(is_worker=True)
    await first.kill()

    await replicas.until(lambda: len(runs.ticks) == 2)

    dead, alive = runs.ticks
    assert alive.scheduled_at == dead.scheduled_at
    assert alive.fencing_token > dead.fencing_token
    assert alive.fired_at - dead.fired_at < timedelta(seconds=30)


async def test_ticks_wait_for_the_first_worker(replicas_of: Callable[..., Replicas], runs: Runs) -> None:
    """Their queue is declared by every process of the application."""
    replicas = replicas_of(Minutely)
    await replicas.start()
    await replicas.until(lambda: replicas.outcomes("dispatched"))

    await replicas.start(is_worker=True)
    await replicas.until(lambda: runs.ticks)

    assert runs.ticks[0].scheduled_at == replicas.outcomes("dispatched")[0].scheduled_at


async def test_a_worker_that_cannot_ask_the_store_tries_again(replicas_of: Callable[..., Replicas], runs: Runs) -> None:
    """It would not know who else runs."""
    replicas = replicas_of(Minutely)
    await replicas.start()
    (worker,) = await replicas.start(is_worker=True)
    worker.cut()
    await replicas.until(lambda: replicas.outcomes("dispatched"))
    await replicas.clock.sleep(2.0)
    assert runs.ticks == []

    worker.mend()
    await replicas.until(lambda: runs.ticks)

    assert runs.ticks[0].scheduled_at == replicas.outcomes("dispatched")[0].scheduled_at


class Obstacle:
    """Stands before the publishes of a process: the first fails, or waits for ever."""

    def __init__(self, *, waits: bool = False) -> None:
        self._waits = waits
        self.met = 0

    async def observe_before(self) -> None:
        if self._waits:
            await asyncio.Event().wait()
        raise ConnectionError("the broker does not take it")

    def observe(self, step: Step) -> Awaitable[None] | None:
        if step.kind is not Kind.PUBLISH or step.phase != "before" or self.met:
            return None
        self.met += 1
        return self.observe_before()


async def test_a_tick_that_the_broker_does_not_take_is_tried_again(replicas_of: Callable[..., Replicas]) -> None:
    replicas = replicas_of(Seldom)
    (scheduler,) = await replicas.start()
    scheduler.application.environment.steps.add(Obstacle())

    await replicas.until(lambda: replicas.outcomes("dispatched"))

    (failed,), (tick,) = replicas.outcomes("not dispatched"), replicas.outcomes("dispatched")
    assert tick.scheduled_at == failed.scheduled_at
    assert 1.0 <= tick.at - failed.at < 15.0


async def test_a_scheduler_that_stops_leaves_what_it_has_not_published_to_others(
    replicas_of: Callable[..., Replicas],
) -> None:
    replicas = replicas_of(Seldom)
    (scheduler,) = await replicas.start()
    await replicas.start()
    obstacle = Obstacle(waits=True)
    scheduler.application.environment.steps.add(obstacle)
    await replicas.until(lambda: obstacle.met or replicas.outcomes("dispatched"))
    await scheduler.stop()

    await replicas.until(lambda: replicas.outcomes("dispatched"))

    assert replicas.outcomes("dispatched")[0].replica == 1


async def published_by_another_one(replicas: Replicas, die: Callable[[Replica], None]) -> list[str]:
    """The message ids under which the second tick travelled; its scheduler died over it."""
    (first,) = await replicas.start()
    await replicas.until(lambda: replicas.outcomes("dispatched"))
    die(first)
    await replicas.until(lambda: replicas.outcomes("store unavailable"))
    await replicas.start()
    await replicas.until(lambda: [each for each in replicas.outcomes("dispatched") if each.replica == 1])
    tick = replicas.outcomes("store unavailable")[0].scheduled_at
    return [each for each in replicas.message_ids if each.endswith(tick.isoformat())]


@proves("F-81")
async def test_a_tick_that_a_dying_scheduler_did_not_publish_is_published_by_another_one(
    replicas_of: Callable[..., Replicas],
) -> None:
    """Once its lease has ended."""
    replicas = replicas_of(Seldom)

    ids = await published_by_another_one(replicas, Replica.dies_before_it_publishes)

    assert len(ids) == 1
    assert len(replicas.outcomes("not dispatched")) == 1


@proves("F-81")
async def test_a_tick_that_a_dying_scheduler_did_not_mark_travels_again_under_the_same_id(
    replicas_of: Callable[..., Replicas],
) -> None:
    """So that an inbox can tell."""
    first, second = await published_by_another_one(replicas_of(Seldom), Replica.dies_before_it_claims)

    assert first == second
