"""Random fault plans on a cluster: nothing confirmed is lost, nothing is done twice, and planted bugs are found."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from plan_service import Careful, Clockwork, Effect, Forgetful, Hasty, Job, service
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from jararaca import Microservice
from jararaca.errors import BrokerUnavailable
from jararaca_testing import (
    Cluster,
    Fault,
    PlannedFault,
    RunningApplication,
    fault_plans,
    fresh_cluster,
    plan_faults,
    total_queue,
)
from jararaca_testing.cluster.plans import CUTS, KINDS

EXAMPLES = settings().max_examples
DEEP = EXAMPLES > 100
"""As in `make deep`, which has a thousand plans in all; those with an outbox are dear, for it is polled each second."""

START = datetime(2026, 1, 1, 0, 0, 58)
"""So that the first ticks come while the faults of a plan are there."""

RECOVERED = 240
"""Seconds until the last fault of a plan is over, and what it has held up was tried again."""

pytestmark = [pytest.mark.slow, pytest.mark.virtual_only]

Plan = tuple[PlannedFault, ...]


async def survive(cluster: Cluster, plan: Plan, jobs: int) -> Counter[tuple[str, str]]:
    """Let a cluster work under a plan until everybody has recovered: how often it has done what, by whom."""
    app = cluster.application
    app.bus.expect_errors(Exception)
    app.bus.expect_leftover("tick.#", kind="dead-letter")  # an action is not tried again; jobs are, for long enough
    app.bus.expect_leftover("#", kind="staged")  # a relay may be told of a failure after another has sent the row
    await app.db.create_all(Effect.metadata)
    cluster.restarts = True
    plan_faults(cluster, plan)
    for number in range(jobs):
        with contextlib.suppress(BrokerUnavailable):
            await app.bus.publish(Job(number=number), "job.placed")
    if cluster.http or cluster.app:
        with contextlib.suppress(httpx.TransportError, OperationalError):
            await app.http.post("/jobs/100")
    await app.clock.advance(RECOVERED)
    await app.settle()
    async with app.db.session() as session:
        return Counter((each.by, each.of) for each in await session.scalars(select(Effect)))


def doubled(done: Counter[tuple[str, str]], *by: str) -> list[tuple[str, str]]:
    """What these have done more than once."""
    return [each for each, times in done.items() if times > 1 and each[0] in by]


def met(done: Counter[tuple[str, str]]) -> list[tuple[list[float], list[float]]]:
    """Runs of the action that must not overlap which began before the one before had ended."""
    runs = sorted([float(moment) for moment in of.split()] for by, of in done if by == "run")
    return [(earlier, later) for earlier, later in pairwise(runs) if later[0] < earlier[1]]


@contextlib.asynccontextmanager
async def examined(harness: RunningApplication, **replicas: int) -> AsyncIterator[Cluster]:
    """A cluster in a world of its own that begins at the same moment each time, so that an example repeats."""
    harness.clock.set(START)
    async with fresh_cluster(harness, **replicas) as cluster:
        yield cluster


class TestWithoutAnOutbox:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return service(Forgetful, Clockwork, delivery="after_commit")

    @pytest.mark.timeout(1_200)  # for hundreds of plans
    @settings(max_examples=960 if DEEP else 8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(plan=fault_plans("http-1", "worker-1", "scheduler-1"), jobs=st.integers(1, 4))
    async def test_nothing_that_was_confirmed_is_lost(self, harness: RunningApplication, plan: Plan, jobs: int) -> None:
        """With the gates of every test: each confirmed message is handled, and a tick fires once at most."""
        async with examined(harness, http=1, worker=1, scheduler=1) as cluster:
            done = await survive(cluster, plan, jobs)

            found = total_queue(cluster.application)
            found.demand_nothing_lost()
            assert found.waiting == []
            assert doubled(done, "remind", "sweep") == []
            assert met(done) == []

    @pytest.mark.parametrize("kind", sorted(KINDS.keys() - {*CUTS, "step clock", "kill before mark"}))
    async def test_every_fault_that_may_be_planned_befalls_somebody(
        self, harness: RunningApplication, kind: str
    ) -> None:
        """Plans show nothing of a kind that is never reached. There is a copy to make, of what has failed once."""
        async with examined(harness, app=1) as cluster:
            with cluster.faults.optional():
                cluster.faults.fail_commit("book")
            fault = KINDS[kind](cluster, cluster["app-1"], PlannedFault(kind, "app-1", 0, 5))
            await survive(cluster, (), 1)

            assert isinstance(fault, Fault)
            assert fault.reached == 1


class TestWithOutboxAndInbox:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return service(Careful, Clockwork, delivery="outbox", store="redis://127.0.0.1/0")

    @pytest.mark.timeout(1_200)
    @settings(max_examples=40 if DEEP else 3, deadline=None, suppress_health_check=list(HealthCheck))
    @given(plan=fault_plans("app-1", "app-2"), jobs=st.integers(1, 4))
    async def test_what_was_committed_is_done_once(self, harness: RunningApplication, plan: Plan, jobs: int) -> None:
        """Nor is anything lost that was committed and not confirmed yet, and no effect comes twice."""
        async with examined(harness, app=2) as cluster:
            done = await survive(cluster, plan, jobs)

            found = total_queue(cluster.application)
            found.demand_nothing_lost()
            assert found.waiting == []
            assert doubled(done, "place", "book", "hear", "remind", "count", "sweep") == []
            assert met(done) == []
            told = {of for by, of in done if by in ("place", "remind")}
            assert told <= {of for by, of in done if by == "book"} == {of for by, of in done if by == "hear"}


FIND = settings(
    max_examples=100,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)

Run = Callable[[Coroutine[Any, Any, bool]], bool]


class TestABugThatAcknowledgesBeforeItCommits:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return service(Hasty, delivery="after_commit")

    def test_it_is_found_and_made_small(self, harness: RunningApplication, jararaca_run: Run) -> None:
        """One fault between the two loses a message."""

        async def loses(plan: Plan) -> bool:
            async with examined(harness, worker=1) as cluster:
                await survive(cluster, plan, 1)
                return bool(total_queue(cluster.application).lost)

        plan = find(fault_plans("worker-1"), lambda plan: jararaca_run(loses(plan)), settings=FIND)

        assert 1 <= len(plan) <= 3
        assert {each.kind for each in plan} <= {"fail commit", "cut off from database", "kill before commit"}


class TestABugThatForgetsWhatItHasDone:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return service(Forgetful, delivery="outbox")

    def test_it_is_found_and_made_small(self, harness: RunningApplication, jararaca_run: Run) -> None:
        """An inbox is missing, so whatever lets a message come twice lets it have its effect twice."""

        async def doubles(plan: Plan) -> bool:
            async with examined(harness, worker=1) as cluster:
                return bool(doubled(await survive(cluster, plan, 1), "book", "hear"))

        plan = find(fault_plans("worker-1"), lambda plan: jararaca_run(doubles(plan)), settings=FIND)

        assert 1 <= len(plan) <= 3
