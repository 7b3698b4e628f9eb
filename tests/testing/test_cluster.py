"""Replicas of one application on one loop: killed, drained, cut off, and what the others make of it."""

import asyncio

import httpx
import pytest
from counter_service import Booking, Job, Jobs, Work, here, service
from sqlalchemy import select

from jararaca import Microservice, use_publisher
from jararaca.core.steps import Kind
from jararaca.errors import InvalidOption, UsageError
from jararaca_testing import Bus, Cluster, Cron, RunningApplication, TestDatabases, VirtualClock, WebSocketClient
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.virtual_only


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def jararaca_microservice(work: Work) -> Microservice:
    return service(work)


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all(Booking.metadata)


async def booked(db: TestDatabases) -> list[tuple[int, str]]:
    """What workers booked, and which of them."""
    async with db.session() as session:
        rows = await session.scalars(select(Booking).where(Booking.number > 0).order_by(Booking.id))
        return [(row.number, row.by) for row in rows]


class Gate:
    """Holds up whoever comes, until it is opened; `came` tells who did."""

    def __init__(self) -> None:
        self.came: list[str] = []
        self.after: list[str] = []
        self.opened = asyncio.Event()
        self.reached = asyncio.Event()

    async def __call__(self, _job: Job | None = None) -> None:
        self.came.append(here())
        self.reached.set()
        try:
            await self.opened.wait()
        finally:
            self.after.append(here())


async def test_requests_go_to_one_replica_after_the_other(cluster: Cluster, http: httpx.AsyncClient) -> None:
    await cluster(http=2)

    assert [(await http.get("/jobs/here")).json() for _ in range(3)] == ["http-1", "http-2", "http-1"]
    assert (await cluster.http[1].http.get("/jobs/here")).json() == "http-2"


@proves("F-7")
async def test_a_message_of_a_dead_worker_is_handled_by_the_survivor(
    cluster: Cluster, bus: Bus, db: TestDatabases, jararaca_app: RunningApplication, work: Work
) -> None:
    """One redelivery, with the attempt unchanged; what the dead one had not committed is gone."""
    gate = work.do = Gate()
    await cluster(worker=2)
    await bus.publish(Job(number=7), "job.placed")
    await gate.reached.wait()
    (victim,) = gate.came
    gate.reached.clear()

    await cluster[victim].kill()
    await gate.reached.wait()
    gate.opened.set()
    await jararaca_app.settle()

    survivor = gate.came[1]
    assert survivor != victim
    assert await booked(db) == [(7, survivor)]
    deliveries = [each for each in jararaca_app.ledger.of_kind(Kind.DELIVERY) if each.handler == "book"]
    assert [(each.attempt, each.facts["redelivered"]) for each in deliveries] == [(1, False), (1, True)]
    bus.handled("hear").one()
    assert gate.after == [survivor]


async def test_nothing_of_a_dead_replica_runs(
    cluster: Cluster, bus: Bus, clock: VirtualClock, db: TestDatabases, work: Work
) -> None:
    """Neither `finally` nor `except`, no timer and no callback, nor a task that was made before."""
    ran: list[str] = []
    reached = asyncio.Event()

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(1)
            except BaseException:
                ran.append("swallowed")
            else:
                ran.append("ticked")

    async def do(job: Job) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(5, ran.append, "timer")
        background = asyncio.create_task(stubborn())
        try:
            loop.call_soon(reached.set)
            await asyncio.shield(asyncio.sleep(1000))
        except BaseException:
            ran.append("except")
            raise
        finally:
            ran.append("finally")
            await use_publisher().publish(job, "job.booked")
            background.cancel()

    work.do = do
    await cluster(worker=1)
    await bus.publish(Job(number=1), "job.placed")
    await reached.wait()

    await cluster.worker[0].kill()
    await clock.advance(hours=1)

    assert ran == []
    bus.published("job.booked").none()
    assert await booked(db) == []
    bus.expect_leftover("job.placed")


async def test_what_was_to_be_called_soon_is_not_called_in_a_dead_replica(
    cluster: Cluster, bus: Bus, clock: VirtualClock, work: Work
) -> None:
    ran: list[str] = []

    async def do(_job: Job) -> None:
        asyncio.get_running_loop().call_soon(ran.append, "soon")
        cluster.worker[0].process.life.end()  # type: ignore[union-attr] # it lives
        await asyncio.Event().wait()

    work.do = do
    await cluster(worker=1)
    await bus.publish(Job(number=1), "job.placed")
    await clock.advance(minutes=1)

    assert ran == []
    bus.expect_leftover("job.placed")


async def test_clients_of_a_dead_server_see_1006_and_the_others_nothing(cluster: Cluster, ws: WebSocketClient) -> None:
    await cluster(http=2)
    async with ws.connect("/jobs/feed") as lost, ws.connect("/jobs/feed") as kept:
        await lost.send_text("hello")
        assert await lost.receive_text() == "hello at http-1"

        await cluster.http[0].kill()

        await lost.until_closed()
        assert lost.closed is not None
        assert lost.closed.code == 1006
        await kept.send_text("hello")
        assert await kept.receive_text() == "hello at http-2"


async def test_a_request_whose_server_dies_has_no_answer_and_the_next_one_is_refused(
    cluster: Cluster, http: httpx.AsyncClient, work: Work
) -> None:
    gate = work.do = Gate()
    await cluster(http=1)

    async def kill() -> None:
        await gate.reached.wait()
        await cluster.http[0].kill()

    async with asyncio.TaskGroup() as group:
        group.create_task(kill())
        with pytest.raises(httpx.RemoteProtocolError, match="http-1 died before it had answered"):
            await http.get("/jobs/here")

    with pytest.raises(httpx.ConnectError, match="no replica serves HTTP"):
        await http.get("/jobs/here")
    with pytest.raises(httpx.ConnectError, match="http-1 does not serve"):
        await cluster.http[0].http.get("/jobs/here")
    assert gate.after == []


async def test_a_websocket_to_a_dead_server_is_refused(cluster: Cluster) -> None:
    await cluster(http=1)
    await cluster.http[0].kill()

    with pytest.raises(ConnectionRefusedError):
        async with cluster.http[0].ws.connect("/jobs/feed"):
            pass


async def test_a_drained_worker_ends_what_it_has_begun(
    cluster: Cluster, bus: Bus, db: TestDatabases, jararaca_app: RunningApplication, work: Work
) -> None:
    gate = work.do = Gate()
    await cluster(worker=1)
    await bus.publish(Job(number=3), "job.placed")
    await gate.reached.wait()

    asyncio.get_running_loop().call_later(10, gate.opened.set)
    assert await cluster.worker[0].drain()

    assert await booked(db) == [(3, "worker-1")]
    assert not cluster.worker[0].is_running
    await cluster(worker=1)
    await jararaca_app.settle()
    assert str(bus.handled("hear").one().execution).startswith("worker-2-")


async def test_a_worker_that_has_no_time_gives_its_message_back(
    cluster: Cluster, bus: Bus, jararaca_app: RunningApplication, work: Work
) -> None:
    gate = work.do = Gate()
    await cluster(worker=1)
    await bus.publish(Job(number=3), "job.placed")
    await gate.reached.wait()

    assert not await cluster.worker[0].drain(grace=1)

    assert gate.after == ["worker-1"]
    gate.opened.set()
    await cluster(worker=1)
    await jararaca_app.settle()
    assert [each.outcome for each in bus.handled("book")] == ["cancelled", "ok"]


async def test_a_drained_server_says_goodbye_with_1001(cluster: Cluster, ws: WebSocketClient) -> None:
    await cluster(http=1)
    async with ws.connect("/jobs/feed") as feed:
        await cluster.http[0].drain()
        assert feed.closed is not None
        assert feed.closed.code == 1001


async def test_a_replica_that_is_started_again_knows_what_its_servers_know(
    cluster: Cluster, http: httpx.AsyncClient, db: TestDatabases, jararaca_app: RunningApplication
) -> None:
    await cluster(app=1)
    await http.post("/jobs/4")
    await jararaca_app.settle()
    await cluster.app[0].kill()

    await cluster.app[0].start()

    assert await booked(db) == [(4, "app-1")]
    assert (await http.get("/jobs/here")).json() == "app-1.2"
    assert cluster.app[0].deaths == 1
    with pytest.raises(UsageError, match="app-1 runs already"):
        await cluster.app[0].start()


@proves("F-80")
async def test_a_tick_fires_once_across_replicas_and_the_survivors_go_on(
    cluster: Cluster, cron: Cron, clock: VirtualClock
) -> None:
    await cluster(scheduler=3)
    await clock.advance(minutes=3)
    cron.fired(Jobs.count).times(3)

    await cluster.scheduler[0].kill()
    await cluster.scheduler[2].kill()
    await clock.advance(minutes=2)

    assert {each.execution.partition("-")[2][0] for each in cron.fired(Jobs.count).times(5)[3:] if each.execution} == {
        "2"
    }


@proves("F-79")
async def test_the_lease_of_a_dead_scheduler_expires_before_the_next_run(
    cluster: Cluster, cron: Cron, clock: VirtualClock, work: Work
) -> None:
    """Its lease of thirty seconds has ended when the next tick comes."""
    gate = Gate()
    work.tick = gate
    await cluster(scheduler=2)
    await clock.advance(seconds=70)
    (holder,) = gate.came
    gate.opened.set()

    await cluster[holder].kill()
    await clock.advance(minutes=1)

    assert len(gate.came) == 2
    assert gate.after == [gate.came[1]] != [holder]


async def test_an_action_is_fired_by_hand_on_a_replica(cluster: Cluster, cron: Cron) -> None:
    await cluster(worker=1)
    with pytest.raises(UsageError, match="scheduler=1"):
        await cron.fire(Jobs.count)
    await cluster(scheduler=1)

    assert (await cron.fire(Jobs.count)).outcome == "ok"


async def test_overrides_reach_every_replica(
    cluster: Cluster, jararaca_app: RunningApplication, http: httpx.AsyncClient, work: Work
) -> None:
    """Those that are there, and those that are to come."""
    asked: list[str] = []
    other = Work()

    async def do(_job: Job) -> None:
        asked.append(here())

    other.do = do
    await cluster(http=1)
    jararaca_app.override[Work] = other
    await cluster(http=1)
    await http.get("/jobs/here")
    await http.get("/jobs/here")

    assert asked == ["http-1", "http-2"]


async def test_a_clock_that_is_set_fires_nothing_late(cluster: Cluster, cron: Cron, clock: VirtualClock) -> None:
    await cluster(scheduler=1)
    clock.set(clock.now().replace(year=2030))
    await clock.advance(minutes=1)

    assert cron.fired(Jobs.count).one().facts["missed"] == 0


async def test_a_cluster_without_replicas_is_a_mistake(cluster: Cluster) -> None:
    with pytest.raises(InvalidOption, match="a cluster has replicas"):
        await cluster()
