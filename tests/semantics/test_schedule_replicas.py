"""Several schedulers of one application: who fires, who does not, and who goes on when one dies.

Each test runs on every kind of store that schedulers can share.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from itertools import pairwise

import pytest
from replicas import Ended, Replicas

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    Microservice,
    ProviderSpec,
    ScheduledAction,
)
from jararaca.core.adoption import adopt_tasks
from jararaca.core.context import use_clock
from jararaca.scheduler.config import SchedulerConfig
from jararaca_testing import VirtualClock
from jararaca_testing.contracts import proves
from jararaca_testing.profiles.world import World

STORES = {
    "shared": None,  # what the profile has where nothing is declared: one store in memory
    "redis": "redis://redis.example/",
    "own database": "database://default",
    "another database": "postgresql+asyncpg://database.example/ticks",
}


class Short:
    """Its runs may overlap, so that nothing but the claim decides who fires."""

    @ScheduledAction("* * * * * *", allow_overlap=True)
    async def act(self) -> None: ...


class Slow:
    @ScheduledAction("* * * * * */12", lease_ttl=24.0)
    async def act(self) -> None:
        await use_clock().sleep(20.0)


class Leaving:
    """As slow as `Slow`, in a task that it does not await."""

    @ScheduledAction("* * * * * */12", lease_ttl=24.0)
    async def act(self) -> None:
        asyncio.ensure_future(use_clock().sleep(20.0))  # noqa: TID251, RUF006 -- what users write


class Endless:
    @ScheduledAction("* * * * * */15", lease_ttl=12.0)
    async def act(self) -> None:
        await asyncio.Event().wait()


class Daily:
    @ScheduledAction("0 6 * * *")
    async def act(self) -> None: ...


@pytest.fixture(params=list(STORES))
def url(request: pytest.FixtureRequest) -> str | None:
    return STORES[request.param]


@pytest.fixture
async def replicas_of(url: str | None, jararaca_world: World) -> AsyncIterator[Callable[[type], Replicas]]:
    """The schedulers of an application with one controller."""
    made: list[Replicas] = []

    def replicas_of(controller: type) -> Replicas:
        declaration = Microservice(
            providers=[ProviderSpec(SchedulerConfig, use_value=SchedulerConfig(store_url=url))],
            controllers=[controller],
            interceptors=[
                AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "postgresql+asyncpg://app.example/app"))
            ],
        )
        made.append(Replicas(declaration, jararaca_world))
        return made[-1]

    yield replicas_of
    for replicas in made:
        await replicas.stop()


async def ticks_of(replicas: Replicas, count: int) -> list[Ended]:
    """What was fired, in order of the ticks, once at least `count` of them are over."""
    last = timedelta(seconds=count - 1)
    fired = replicas.ended
    await replicas.until(lambda: fired and fired[-1].scheduled_at - fired[0].scheduled_at >= last, within=2.0 * count)
    await replicas.stop(grace=10.0)
    assert len(replicas.outcomes()) == len(fired)
    return sorted(fired, key=lambda ended: ended.scheduled_at)


@proves("F-80")
async def test_each_tick_fires_once(replicas_of: Callable[[type], Replicas]) -> None:
    """Five schedulers wake up at the same second, every second."""
    replicas = replicas_of(Short)
    await replicas.start(5)

    fired = await ticks_of(replicas, 25)

    assert_each_fired_once(fired)


@proves("F-80")
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("url", ["own database"], indirect=True)
async def test_each_of_a_thousand_ticks_fires_once(replicas_of: Callable[[type], Replicas]) -> None:
    replicas = replicas_of(Short)
    await replicas.start(5)

    fired = await ticks_of(replicas, 1000)

    assert_each_fired_once(fired)


def assert_each_fired_once(fired: list[Ended]) -> None:
    """No tick fired twice, and none is missing but those for which another one stands, on a machine that is late."""
    steps = [after.scheduled_at - before.scheduled_at for before, after in pairwise(fired)]
    assert min(steps) >= timedelta(seconds=1)
    assert all(step <= timedelta(seconds=1 + ended.missed) for step, ended in zip(steps, fired[1:], strict=True))


@proves("F-79")
async def test_a_run_keeps_every_replica_from_running(replicas_of: Callable[[type], Replicas]) -> None:
    """It is longer than its period, so every second tick is skipped, whoever claims it."""
    replicas = replicas_of(Slow)
    await replicas.start(3)

    await replicas.until(lambda: len(replicas.outcomes()) == 4)

    runs, skipped = replicas.outcomes(), replicas.outcomes("skipped")
    starts = [run.scheduled_at for run in runs]
    assert starts == [starts[0] + timedelta(seconds=24 * number) for number in range(4)]
    assert [each.scheduled_at - timedelta(seconds=12) for each in skipped][:3] == starts[:3]
    assert [run.token for run in runs] == sorted({run.token for run in runs})


@pytest.fixture
async def adopting() -> AsyncIterator[None]:
    """Tasks are adopted as in a process; the harness has them fail the test instead."""
    loop = asyncio.get_running_loop()
    factory = loop.get_task_factory()
    adopt_tasks()
    yield
    loop.set_task_factory(factory)


@proves("F-79", "F-47")
@pytest.mark.usefixtures("adopting")
async def test_a_task_of_a_run_keeps_every_replica_from_running(replicas_of: Callable[[type], Replicas]) -> None:
    """Until it ends the run has not: its lease is held, and renewed."""
    replicas = replicas_of(Leaving)
    await replicas.start(2)

    await replicas.until(lambda: len(replicas.outcomes()) == 2)

    (first, second), skipped = replicas.outcomes(), replicas.outcomes("skipped")
    assert second.scheduled_at == first.scheduled_at + timedelta(seconds=24)
    assert skipped[0].scheduled_at == first.scheduled_at + timedelta(seconds=12)


@proves("F-79", "F-89")
async def test_another_replica_goes_on_once_the_lease_of_a_dead_one_has_ended(
    replicas_of: Callable[[type], Replicas],
) -> None:
    """It gives nothing back, and the ticks until then are skipped. The next run has a larger token."""
    replicas = replicas_of(Slow)
    (first,) = await replicas.start()
    await replicas.until(lambda: len(replicas.begun) == 2)
    await replicas.start()
    died_at = replicas.clock.monotonic()
    await first.kill()

    await replicas.until(lambda: len(replicas.outcomes()) == 2)

    before, run = replicas.outcomes()
    assert (before.replica, run.replica) == (0, 1)
    assert run.token > before.token + 1  # the one in between is the dead one's
    assert run.scheduled_at > before.scheduled_at + timedelta(seconds=24)  # so is that tick: it is not fired again
    assert 36.0 <= run.at - died_at < 24.0 + 12.0 + 20.0 + 10.0  # lease, wait for a tick, run, and a moment


@proves("F-82")
async def test_a_replica_that_is_cut_off_ends_its_run_before_another_one_begins(
    replicas_of: Callable[[type], Replicas],
) -> None:
    """It cannot renew its lease, so it stops in time."""
    replicas = replicas_of(Endless)
    (first,) = await replicas.start()
    await replicas.until(lambda: replicas.begun)
    await replicas.start()
    first.cut()

    await replicas.until(lambda: len(replicas.begun) == 2)

    assert replicas.begun == [0, 1]
    assert [ended.replica for ended in replicas.outcomes("lease lost")] == [0]


async def test_what_nobody_fired_is_fired_once_by_whoever_comes(replicas_of: Callable[[type], Replicas]) -> None:
    """The watermark is in the store, not in a process."""
    replicas = replicas_of(Short)
    (first,) = await replicas.start()
    await replicas.until(replicas.outcomes)
    await first.stop()
    fired = len(replicas.ended)
    await replicas.clock.sleep(10.0)

    await replicas.start(2)
    await replicas.until(lambda: len(replicas.ended) > fired + 2)  # the other one's next tick may be over sooner

    late = min(replicas.ended[fired:], key=lambda ended: ended.scheduled_at)
    assert late.scheduled_at == replicas.ended[fired - 1].scheduled_at + timedelta(seconds=late.missed + 1)
    assert late.missed >= 8


@proves("F-87")
async def test_the_first_start_has_nothing_to_catch_up_with(replicas_of: Callable[[type], Replicas]) -> None:
    replicas = replicas_of(Short)
    started_at = replicas.clock.now()
    await replicas.start(2)

    await replicas.until(lambda: replicas.ended)

    assert replicas.ended[0].scheduled_at > started_at
    assert replicas.ended[0].missed == 0


@pytest.mark.virtual_only
async def test_a_tick_comes_again_after_the_test_has_set_the_clock_back(
    replicas_of: Callable[[type], Replicas], clock: VirtualClock
) -> None:
    """Whatever store is declared, the time of a test begins where the test says; without this, nothing would fire."""
    replicas = replicas_of(Daily)
    (replica,) = await replicas.start()
    await clock.advance(days=3)
    assert replica.scheduler is not None
    clock.set(clock.now() - timedelta(days=2))
    replica.scheduler.rebase()

    await clock.advance(days=1)

    assert [f"{ended.scheduled_at:%d}" for ended in replicas.outcomes()] == ["01", "02", "03", "02"]


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()
