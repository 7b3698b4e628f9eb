"""Random fault plans on a cluster: nothing that was confirmed is lost, and a bug that loses something is found."""

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
from counter_service import Booking, Job
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    RestController,
    use_publisher,
    use_session,
)
from jararaca.errors import BrokerUnavailable
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing import (
    Cluster,
    PlannedFault,
    RunningApplication,
    fault_plans,
    fresh_cluster,
    plan_faults,
    total_queue,
)

PERSISTENT = RetryPolicy(max_attempts=20, first_delay=1.0, max_delay=8.0)
EXAMPLES = settings().max_examples
FEW = EXAMPLES if EXAMPLES > 100 else 10  # all of them in `make deep`

# What a plan breaks may be given up, or be left; everything else holds. A thousand worlds make the collection of
# garbage slow, which is no callback's fault.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.virtual_only,
    pytest.mark.jararaca(allow=["dead-letters", "unroutable", "leftovers", "loop-stall"]),
]


@RestController("/jobs")
class Counter:
    @Post("/{number}")
    async def place(self, number: int) -> None:
        use_session().add(Booking(number=-number, by="counter"))
        await use_publisher().publish(Job(number=number), "job.placed")


@MessageBusController()
class Careful:
    @IncomingHandler("job.placed", name="book", retry=PERSISTENT)
    async def book(self, message: Message[Job]) -> None:
        use_session().add(Booking(number=message.payload().number, by="careful"))
        await use_publisher().publish(message.payload(), "job.booked")

    @IncomingHandler("job.booked", name="hear", retry=PERSISTENT)
    async def hear(self, message: Message[Job]) -> None: ...


@MessageBusController()
class Hasty:
    """The planted bug: it acknowledges before it commits."""

    @IncomingHandler("job.placed", name="book", retry=PERSISTENT)
    async def book(self, message: Message[Job]) -> None:
        await message.ack(early=True)
        use_session().add(Booking(number=message.payload().number, by="hasty"))


def jobs_of(handlers: type) -> Microservice:
    database = AIOSQAConfig("default", "sqlite+aiosqlite:///plans.sqlite3")
    interceptors = [AIOSqlAlchemySessionInterceptor(database)]
    return Microservice(name="jobs", controllers=[Counter, handlers], interceptors=interceptors)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return jobs_of(Careful)


async def survive(cluster: Cluster, plan: tuple[PlannedFault, ...], jobs: int) -> None:
    """Let a cluster work under a plan, until all of it is over and everybody has recovered."""
    app = cluster.application
    app.bus.expect_errors(Exception)
    await app.db.create_all(Booking.metadata)
    cluster.restarts = True
    plan_faults(cluster, plan)
    for number in range(jobs):
        with contextlib.suppress(BrokerUnavailable):
            await app.bus.publish(Job(number=number), "job.placed")
    if cluster.http:
        with contextlib.suppress(httpx.TransportError, OperationalError):
            await app.http.post("/jobs/100")
    await app.clock.advance(minutes=5)
    await app.settle()


@pytest.mark.timeout(1_200)  # for a thousand plans
@settings(max_examples=FEW, deadline=None, suppress_health_check=list(HealthCheck))
@given(plan=fault_plans("http-1", "worker-1", "worker-2"), jobs=st.integers(1, 4))
async def test_nothing_that_was_confirmed_is_lost(
    harness: RunningApplication, plan: tuple[PlannedFault, ...], jobs: int
) -> None:
    """Under any plan, with the gates of every test: each confirmed message is handled, or is a dead letter."""
    async with fresh_cluster(harness, http=1, worker=2) as cluster:
        await survive(cluster, plan, jobs)

        found = total_queue(cluster.application)
        found.demand_nothing_lost()
        assert found.waiting == []


class TestAPlantedBug:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return jobs_of(Hasty)

    def test_it_is_found_and_made_small(
        self, harness: RunningApplication, jararaca_run: Callable[[Coroutine[Any, Any, bool]], bool]
    ) -> None:
        """It acknowledges before it commits, so one fault between the two loses a message."""

        async def loses(plan: tuple[PlannedFault, ...]) -> bool:
            async with fresh_cluster(harness, worker=1) as cluster:
                await survive(cluster, plan, 1)
                return bool(total_queue(cluster.application).lost)

        few = settings(
            max_examples=100,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        plan = find(fault_plans("worker-1"), lambda plan: jararaca_run(loses(plan)), settings=few)

        assert 1 <= len(plan) <= 3
        assert {each.kind for each in plan} <= {"fail commit", "cut off from database", "kill before commit"}
