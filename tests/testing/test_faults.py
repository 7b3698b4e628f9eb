"""Faults between an application and its servers: each does what it says, and one that is never reached is told."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from counter_service import Booking, Job, Jobs, Work, service
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from jararaca import Microservice, use_publisher
from jararaca.core.steps import Kind
from jararaca.errors import BrokerUnavailable, InvalidOption, UsageError
from jararaca_testing import (
    Bus,
    Cluster,
    Cron,
    Faults,
    Record,
    RunningApplication,
    TestDatabases,
    VirtualClock,
)
from jararaca_testing.contracts import proves
from jararaca_testing.faults.attaching import attach

pytestmark = pytest.mark.virtual_only


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def jararaca_microservice(work: Work) -> Microservice:
    return service(work)


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases, faults: Faults) -> None:
    await db.create_all(Booking.metadata)


async def booked(db: TestDatabases) -> list[int]:
    async with db.session() as session:
        return sorted(await session.scalars(select(Booking.number).where(Booking.number > 0)))


def deliveries(app: RunningApplication, handler: str = "book") -> list[Record]:
    return [each for each in app.ledger.of_kind(Kind.DELIVERY) if each.handler == handler]


async def test_a_dropped_publish_reaches_nobody_and_its_publisher_waits_for_nothing(
    faults: Faults, bus: Bus, db: TestDatabases
) -> None:
    fault = faults.drop("job.placed")

    with pytest.raises(BrokerUnavailable, match="did not confirm within 5 s"):
        await bus.publish(Job(number=1), "job.placed")

    assert fault.reached == 1
    bus.handled("book").none()


async def test_a_dropped_announcement_brings_the_message_back(
    faults: Faults, bus: Bus, jararaca_app: RunningApplication
) -> None:
    """Committed and not announced: the delivery is requeued, at least once."""
    bus.expect_errors(Exception)
    faults.drop("job.booked")
    await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()

    assert [each.facts["redelivered"] for each in deliveries(jararaca_app)] == [False, True]
    bus.handled("hear").one()


async def test_a_lost_confirm_leaves_the_message_where_it_was_to_go(faults: Faults, bus: Bus) -> None:
    faults.lose_confirm("job.placed")

    with pytest.raises(BrokerUnavailable):
        await bus.publish(Job(number=1), "job.placed")

    bus.handled("book").one()


async def test_a_duplicate_has_the_same_message_id(
    faults: Faults, bus: Bus, db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    faults.duplicate("job.*")
    identity = await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()

    assert [each.message_id for each in bus.handled("book").times(2)] == [identity] * 2
    assert await booked(db) == [1, 1]


async def test_a_delayed_delivery_is_on_its_way_meanwhile(
    faults: Faults, bus: Bus, jararaca_app: RunningApplication
) -> None:
    faults.delay("job.placed", by=3, after=1)
    await bus.publish(Job(number=1), "job.placed")
    await bus.publish(Job(number=2), "job.placed")
    await jararaca_app.settle()

    assert [(each.payload.number, each.at) for each in bus.handled("book")] == [(1, 0), (2, 3)]


async def test_two_messages_swap_their_places(faults: Faults, bus: Bus, jararaca_app: RunningApplication) -> None:
    faults.reorder("job.placed")
    for number in (1, 2, 3):
        await bus.publish(Job(number=number), "job.placed")
    await jararaca_app.settle()

    assert [each.payload.number for each in bus.handled("book")] == [2, 1, 3]


async def test_a_message_that_nothing_overtakes_comes_after_a_second(
    faults: Faults, bus: Bus, jararaca_app: RunningApplication
) -> None:
    faults.reorder("job.placed")
    await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()

    assert bus.handled("book").one().at == 1


@proves("F-6")
@pytest.mark.parametrize(
    ("moment", "handled", "redelivered"),
    [("publish", 1, [False]), ("confirm", 2, [True, False]), ("delivery", 2, [True, False]), ("ack", 2, [False, True])],
)
async def test_a_lost_connection_loses_nothing(
    faults: Faults,
    bus: Bus,
    clock: VirtualClock,
    jararaca_app: RunningApplication,
    moment: str,
    handled: int,
    redelivered: list[bool],
) -> None:
    """What is not confirmed is sent again, what is not acknowledged comes again.

    One connection bears publishes and deliveries, so a delivery that is lost takes the confirm along.
    """
    faults.disconnect(moment, "job.placed")  # type: ignore[arg-type] # one of its moments
    await bus.publish(Job(number=1), "job.placed")
    await clock.advance(minutes=1)

    bus.handled("book").times(handled)
    assert [each.facts["redelivered"] for each in deliveries(jararaca_app)] == redelivered


@proves("F-11")
async def test_a_commit_that_fails_leaves_nothing(
    faults: Faults, http: httpx.AsyncClient, bus: Bus, db: TestDatabases
) -> None:
    """No row and no message."""
    faults.fail_commit()

    with pytest.raises(OperationalError, match="lets this commit fail"):
        await http.post("/jobs/1")

    async with db.session() as session:
        assert list(await session.scalars(select(Booking))) == []
    bus.published("job.placed").none()


async def test_a_commit_without_an_answer_stands(
    faults: Faults, bus: Bus, clock: VirtualClock, db: TestDatabases
) -> None:
    """Who commits does not know, and does it again."""
    bus.expect_errors(OperationalError)
    faults.fail_commit("book", unknown=True)
    await bus.publish(Job(number=1), "job.placed")
    await clock.advance(minutes=1)

    assert await booked(db) == [1]
    assert bus.dead_lettered("job.placed").one().reason == "error"


async def test_a_partition_from_the_broker_ends_when_it_is_healed(
    faults: Faults, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    with faults.partition("broker"):
        with pytest.raises(BrokerUnavailable):
            await bus.publish(Job(number=1), "job.placed")
        await clock.advance(minutes=1)
    await clock.advance(minutes=1)

    await bus.publish(Job(number=2), "job.placed")
    await jararaca_app.settle()
    assert [each.payload.number for each in bus.handled("book")] == [2]


async def test_a_partition_from_the_database_fails_what_needs_it(
    faults: Faults, http: httpx.AsyncClient, jararaca_app: RunningApplication
) -> None:
    await http.post("/jobs/1")
    await jararaca_app.settle()
    partition = faults.partition("database")
    with pytest.raises(OperationalError):
        await http.post("/jobs/2")
    partition.heal()

    assert (await http.post("/jobs/3")).status_code == 200


async def test_a_partition_from_the_store_keeps_exclusive_actions_from_firing(
    faults: Faults, cron: Cron, clock: VirtualClock
) -> None:
    with faults.partition("store"):
        await clock.advance(minutes=2)
        cron.fired(Jobs.count).none()
        cron.skipped(Jobs.count).times(2)
    await clock.advance(minutes=1)

    cron.fired(Jobs.count).one()


@proves("F-83")
async def test_a_step_of_the_clock_fires_no_tick_twice(faults: Faults, cron: Cron, clock: VirtualClock) -> None:
    """Nobody is told that the clock was wrong."""
    await clock.advance(minutes=2)
    faults.step_clock(-90)
    await clock.advance(minutes=3)

    fired = [each.facts["scheduled_at"] for each in cron.fired(Jobs.count)]
    assert len(fired) == len(set(fired)) == 3


@pytest.mark.parametrize(
    "declare",
    [
        lambda faults: faults.disconnect("nowhere"),
        lambda faults: faults.delay(by=0),
        lambda faults: faults.drop(after=-1),
        lambda faults: faults.duplicate(times=0),
        lambda faults: faults.partition(),
        lambda faults: faults.partition("moon"),
    ],
)
async def test_what_cannot_be_is_refused_where_it_is_declared(
    faults: Faults, declare: Callable[[Faults], object]
) -> None:
    with pytest.raises(InvalidOption):
        declare(faults)


# -- in a cluster


async def test_one_replica_is_cut_off_and_the_other_takes_over(
    cluster: Cluster, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    await cluster(worker=2)
    with cluster.worker[0].partition("broker"):
        for number in range(4):
            await bus.publish(Job(number=number), "job.placed")
        await clock.advance(seconds=30)

    assert {str(each.execution)[:8] for each in bus.handled("book").times(4)} == {"worker-2"}


async def test_a_replica_dies_where_it_is_told_to(
    cluster: Cluster, faults: Faults, bus: Bus, db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    """After its commit and before its acknowledgement, so that the other one does it again."""
    await cluster(worker=1)
    faults.kill(cluster.worker[0], "ack", "book")
    await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()
    assert not cluster.worker[0].is_running

    await cluster(worker=1)
    await jararaca_app.settle()

    assert await booked(db) == [1, 1]
    assert [each.execution for each in bus.handled("book")][1:] == ["worker-2-1"]


@pytest.mark.parametrize(
    ("at", "phase", "rows"),
    [
        ("commit", "before", [1]),
        ("commit", "after", [1, 1]),
        ("publish", "before", [1, 1]),
        ("confirm", "before", [1, 1]),
    ],
)
async def test_what_a_dead_replica_has_committed_is_there(
    cluster: Cluster,
    faults: Faults,
    bus: Bus,
    db: TestDatabases,
    jararaca_app: RunningApplication,
    at: str,
    phase: str,
    rows: list[int],
) -> None:
    cluster.restarts = True
    await cluster(worker=1)
    faults.kill(cluster.worker[0], at, "job.booked" if at in ("publish", "confirm") else "book", phase=phase)  # type: ignore[arg-type] # one of its phases
    await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()

    assert cluster.worker[0].deaths == 1
    assert await booked(db) == rows
    assert len(bus.handled("hear")) == (2 if at == "confirm" else 1)


@proves("F-40")
async def test_what_a_dead_replica_sent_into_a_wait_comes_back(
    cluster: Cluster, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication, work: Work
) -> None:
    """The time of a wait is the broker's, whoever lives or dies."""

    async def later(job: Job) -> None:
        await use_publisher().publish(job, "job.booked", delay=5)

    work.do = later
    await cluster(worker=1)
    await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()
    await cluster.worker[0].kill()
    await cluster(worker=1)
    bus.handled("hear").times(1)

    await clock.advance(seconds=5)
    bus.handled("hear").times(2)


@proves("F-89")
async def test_a_scheduler_that_dies_after_its_claim_has_lost_that_tick(
    cluster: Cluster, faults: Faults, cron: Cron, clock: VirtualClock
) -> None:
    """A claimed tick whose process dies is not run again: at most once."""
    await cluster(scheduler=2)
    for replica in cluster.scheduler:
        faults.kill(replica, "claim", phase="after")
    await clock.advance(minutes=1)
    cluster.restarts = True
    assert [each.is_running for each in cluster.scheduler].count(True) == 0
    cron.fired(Jobs.count).none()

    await cluster.scheduler[0].start()
    await clock.advance(minutes=1)
    cron.fired(Jobs.count).one()


async def test_the_clock_of_one_replica_is_wrong(
    cluster: Cluster, faults: Faults, cron: Cron, clock: VirtualClock
) -> None:
    """The other one fires each tick first, and the late one finds it claimed."""
    await cluster(scheduler=2)
    faults.step_clock(-20, on=cluster.scheduler[0])
    await clock.advance(timedelta(minutes=5).total_seconds() + 30)

    fired = cron.fired(Jobs.count).times(5)
    assert {str(each.execution)[:11] for each in fired} == {"scheduler-2"}


async def test_a_boundary_that_there_is_not_is_refused(cluster: Cluster, faults: Faults) -> None:
    await cluster(worker=1)
    with pytest.raises(InvalidOption, match="Did you mean 'commit'"):
        faults.kill(cluster.worker[0], "comit")
    with pytest.raises(InvalidOption, match="no process dies after publish"):
        faults.kill(cluster.worker[0], "publish", phase="after")


async def test_a_held_message_of_a_dead_replica_is_not_waited_for(
    cluster: Cluster, faults: Faults, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    await cluster(worker=1)
    faults.delay("job.placed", by=30)
    await bus.publish(Job(number=1), "job.placed")
    await clock.sleep(1)
    await cluster.worker[0].kill()
    await jararaca_app.settle()
    assert jararaca_app.clock.monotonic() < 5

    await cluster.worker[0].start()
    await jararaca_app.settle()
    bus.handled("book").one()


# -- reached or not


def test_a_fault_that_was_never_reached_fails_the_test(run: Callable[..., pytest.RunResult]) -> None:
    """H6: it names the fault, and the line that declared it."""
    result = run(
        """
        async def test_orders(http, faults):
            faults.drop("order.paid")
            await http.post("/orders", json={"id": 1})

        async def test_partition(http, faults):
            with faults.partition("store"):
                pass

        async def test_reached(http, faults, jararaca_app):
            faults.delay("order.placed", by=1)
            await http.post("/orders", json={"id": 1})
        """
    )

    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*unreached-faults: drop of order.paid was never reached*",
            '*declared at *test_storefront.py:* in test_orders: faults.drop("order.paid")*',
            "*unreached-faults: partition('store') was never reached*",
        ]
    )


async def test_faults_and_clusters_are_of_the_memory_profile(faults: Faults) -> None:
    elsewhere: Any = SimpleNamespace(databases=object())

    with pytest.raises(UsageError, match="virtual_only"):
        attach(elsewhere, faults.process("app", "app"))
