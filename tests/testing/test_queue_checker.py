"""The total-queue checker: what became of every message that the broker confirmed."""

import asyncio

import httpx
import pytest
from counter_service import Booking, Job, Work, service
from sqlalchemy.exc import OperationalError

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca_testing import Bus, Cluster, Faults, RunningApplication, TestDatabases, TotalQueue, total_queue

pytestmark = [pytest.mark.virtual_only, pytest.mark.jararaca(allow=["leftovers", "dead-letters"])]


@MessageBusController()
class Readers:
    @IncomingHandler("job.hasty", name="hasty")
    async def hasty(self, message: Message[Job]) -> None:
        await message.ack(early=True)
        raise ConnectionError("after the acknowledgement")

    @IncomingHandler("job.refused", name="refused")
    async def refused(self, message: Message[Job]) -> None:
        raise ConnectionError("always")

    @IncomingHandler("job.put-off", name="put_off", auto_ack=False)
    async def put_off(self, message: Message[Job]) -> None:
        await message.retry(delay=600)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    jobs = service(Work())
    return Microservice(
        name="jobs",
        providers=jobs.providers,
        controllers=[*jobs.controllers, Readers],
        interceptors=jobs.interceptors,
    )


@pytest.fixture(autouse=True)
async def tables(db: TestDatabases) -> None:
    await db.create_all(Booking.metadata)


async def test_what_is_acknowledged_before_it_is_done_is_lost(bus: Bus, jararaca_app: RunningApplication) -> None:
    bus.expect_errors(ConnectionError)
    identity = await bus.publish(Job(number=1), "job.hasty")
    await jararaca_app.settle()

    found = total_queue(jararaca_app)
    assert found.lost == [(identity, "hasty")]
    with pytest.raises(
        AssertionError, match=f"1 of 1 confirmed messages are lost:\n  job.hasty {identity}, owed to hasty"
    ):
        found.demand_nothing_lost()


async def test_dead_letters_and_what_waits_are_not_lost(bus: Bus, jararaca_app: RunningApplication) -> None:
    bus.expect_errors(ConnectionError)
    dead = await bus.publish(Job(number=1), "job.refused")
    waits = await bus.publish(Job(number=2), "job.put-off")
    delayed = await bus.publish(Job(number=3), "job.placed", delay=60)
    await jararaca_app.settle()

    found = total_queue(jararaca_app)
    assert found.dead == [(dead, "refused")]
    assert sorted(found.waiting) == sorted([(waits, "put_off"), (delayed, "book")])
    found.demand_nothing_lost()


async def test_what_is_done_twice_is_counted(bus: Bus, jararaca_app: RunningApplication, faults: Faults) -> None:
    faults.duplicate("job.placed")
    identity = await bus.publish(Job(number=1), "job.placed")
    await jararaca_app.settle()

    found = total_queue(jararaca_app)
    assert found.doubled == [(identity, "book")]
    assert (found.confirmed, found.handled) == (3, 3)


def test_what_one_message_has_too_much_makes_up_for_no_other() -> None:
    """Dead letters of messages that were handled anyway, and effects that came twice, are no excuse for a lost one."""
    owed = [("1", "book"), ("2", "book"), ("3", "book"), ("4", "book")]
    found = TotalQueue.of(
        dict.fromkeys("1234", "job.placed"), owed, handled={owed[0]: 2}, dead={owed[0], owed[3]}, kept={owed[2]}
    )

    assert found.lost == [("2", "book")]
    assert (found.doubled, found.dead, found.waiting) == ([owed[0]], [owed[0], owed[3]], [owed[2]])


async def test_a_client_that_gives_up_takes_its_request_along(cluster: Cluster, http: httpx.AsyncClient) -> None:
    """As a server that notices that nobody waits any more."""
    await cluster(http=1)
    app = cluster.application
    slow = Work()
    ended: list[str] = []

    async def wait(_job: Job) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    slow.do = wait
    app.override[Work] = slow
    with pytest.raises(TimeoutError):
        async with app.clock.timeout(5):
            await http.get("/jobs/here")
    await app.settle()

    assert ended == ["cancelled"]


async def test_a_statement_on_a_lost_connection_fails_as_with_a_server(
    http: httpx.AsyncClient, faults: Faults, jararaca_app: RunningApplication
) -> None:
    """One request notices; the pool is new then."""
    await http.post("/jobs/1")
    await jararaca_app.settle()
    faults.fail_commit("POST /jobs/{number}", unknown=True)
    with pytest.raises(OperationalError, match="connection closed before the commit was answered"):
        await http.post("/jobs/2")

    assert (await http.post("/jobs/3")).status_code == 200
