"""Crashes at every boundary: all of them are found, and the window that the promise admits is among them."""

from collections.abc import Callable, Sequence

import pytest
from counter_service import Booking, Job, Work, service
from sqlalchemy import select

from jararaca import Microservice
from jararaca.core.context import use_clock
from jararaca.errors import InvalidOption
from jararaca_testing import CrashesFound, NowhereToCrash, RunningApplication, crash_everywhere, explore_crashes
from jararaca_testing.crashes import Crash

pytestmark = pytest.mark.virtual_only


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def jararaca_microservice(work: Work) -> Microservice:
    return service(work)


async def place(app: RunningApplication) -> None:
    """One job, over HTTP."""
    await app.db.create_all(Booking.metadata)
    await app.http.post("/jobs/1")
    await app.settle()


async def numbers(app: RunningApplication) -> list[int]:
    async with app.db.session() as session:
        return sorted(await session.scalars(select(Booking.number)))


async def what_was_placed_is_booked(app: RunningApplication) -> None:
    found = await numbers(app)
    assert -1 not in found or 1 in found, "a job was placed and is not booked"


async def whatever(_app: RunningApplication) -> None: ...


def boundaries(crashes: Sequence[Crash]) -> list[str]:
    return [str(each.point) for each in crashes]


async def test_every_durable_boundary_is_found(harness: RunningApplication) -> None:
    crashes = await explore_crashes(harness, place, whatever, processes={"http": 1, "worker": 1}, recovery=1.0)

    assert sorted(boundaries(crashes.tried)) == [
        "http after commit POST /jobs/{number}",
        "http before commit POST /jobs/{number}",
        "http before confirm job.placed",
        "http before publish job.placed",
        "worker after commit book",
        "worker before ack book",
        "worker before ack hear",
        "worker before commit book",
        "worker before confirm job.booked",
        "worker before publish job.booked",
    ]
    assert crashes.broken == []


async def test_without_an_outbox_the_window_between_commit_and_publish_is_found(harness: RunningApplication) -> None:
    """The test that the test works: SEMANTICS admits that what is committed may be lost there, and only there."""
    crashes = await explore_crashes(harness, place, what_was_placed_is_booked, processes={"http": 1, "worker": 1})

    assert boundaries(crashes.broken) == [
        "http after commit POST /jobs/{number}",
        "http before publish job.placed",
    ]
    with pytest.raises(CrashesFound, match=r"of 10 crashes, 2 break the invariant.*\n.*2 +dead after commit") as found:
        crashes.demand("test_it", "pytest test_it --jararaca-crash-at=")
    assert "a job was placed and is not booked" in str(found.value)
    assert "--jararaca-crash-at=2" in str(found.value)


async def publish_only(app: RunningApplication) -> None:
    await app.db.create_all(Booking.metadata)
    await app.bus.publish(Job(number=1), "job.placed")
    await app.settle()


async def it_is_booked(app: RunningApplication) -> None:
    assert set(await numbers(app)) == {1}
    assert app.bus.handled("hear").count >= 1


@crash_everywhere(invariant=it_is_booked, app=1)
async def test_a_confirmed_message_survives_every_crash(app: RunningApplication) -> None:
    await publish_only(app)


@crash_everywhere(invariant=it_is_booked, worker=2)
async def test_a_scenario_takes_fixtures(app: RunningApplication, tmp_path: object) -> None:
    assert tmp_path
    await publish_only(app)


async def each_minute_fires_once_at_most_and_they_go_on(app: RunningApplication) -> None:
    minutes = [round(firing.at / 60) for firing in app.cron.fired()]
    assert len(minutes) == len(set(minutes))
    assert minutes[-1] >= 2


@crash_everywhere(invariant=each_minute_fires_once_at_most_and_they_go_on, scheduler=2, recovery=120.0)
async def test_schedulers_die_around_their_claims(app: RunningApplication) -> None:
    await app.clock.advance(60)


async def test_every_boundary_of_a_scheduler_is_found_and_it_dies_there(
    harness: RunningApplication, work: Work
) -> None:
    """What was claimed and did not end is missing, what was not is caught up: so it did die at each of them."""
    fired: list[list[int]] = []

    async def work_for_longer_than_a_third_of_the_lease() -> None:
        await use_clock().sleep(15.0)

    async def a_minute_and_a_half(app: RunningApplication) -> None:
        await app.clock.advance(90)

    async def note(app: RunningApplication) -> None:
        fired.append([round(firing.at / 60) for firing in app.cron.fired() if firing.outcome == "ok"])

    work.tick = work_for_longer_than_a_third_of_the_lease
    crashes = await explore_crashes(harness, a_minute_and_a_half, note, processes={"scheduler": 1}, recovery=60.0)

    assert crashes.broken == []
    name = "jobs.Jobs.count"
    assert list(zip(boundaries(crashes.tried), fired[1:], strict=True)) == [
        (f"scheduler before claim {name}", [2]),
        (f"scheduler after claim {name}", [2]),
        (f"scheduler before lease {name}", [2]),  # to take it
        (f"scheduler after lease {name}", [2]),
        (f"scheduler before lease {name}, time 2", [2]),  # to renew it
        (f"scheduler after lease {name}, time 2", [2]),
        (f"scheduler before lease {name}, time 3", [1, 2]),  # to give it up
        (f"scheduler after lease {name}, time 3", [1, 2]),
        (f"scheduler before claim {name}, time 2", [1, 2]),  # the next process catches up
        (f"scheduler after claim {name}, time 2", [1]),
        (f"scheduler before lease {name}, time 4", [1]),
        (f"scheduler after lease {name}, time 4", [1]),
        (f"scheduler before lease {name}, time 5", [1]),
        (f"scheduler after lease {name}, time 5", [1]),
        (f"scheduler before lease {name}, time 6", [1, 2]),
        (f"scheduler after lease {name}, time 6", [1, 2]),
    ]


async def test_a_scenario_that_comes_to_no_boundary_fails(harness: RunningApplication) -> None:
    async def idle(_app: RunningApplication) -> None: ...

    with pytest.raises(NowhereToCrash, match=r"idle: no replica of worker=2 came to a boundary.*worker=1"):
        await explore_crashes(harness, idle, whatever, processes={"worker": 2})


async def test_only_one_boundary_is_tried_if_it_is_asked_for(harness: RunningApplication) -> None:
    crashes = await explore_crashes(harness, publish_only, it_is_booked, processes={"worker": 1}, only=2)

    assert boundaries(crashes.tried) == ["worker after commit book"]
    with pytest.raises(InvalidOption, match="there is no boundary 99"):
        await explore_crashes(harness, publish_only, it_is_booked, processes={"worker": 1}, only=99)


async def test_a_scenario_that_does_not_work_is_not_broken_further(harness: RunningApplication) -> None:
    async def broken(_app: RunningApplication) -> None:
        raise ConnectionError("of its own")

    with pytest.raises(ConnectionError, match="of its own"):
        await explore_crashes(harness, broken, whatever)


async def test_a_scenario_that_does_something_else_each_time_is_told_so(harness: RunningApplication) -> None:
    runs: list[int] = []

    async def fickle(app: RunningApplication) -> None:
        runs.append(1)
        if len(runs) == 1:
            await publish_only(app)

    crashes = await explore_crashes(harness, fickle, whatever, processes={"worker": 1}, recovery=0)

    assert {str(crash.failure).partition(":")[0] for crash in crashes.tried} == {"it was not reached again"}


def test_a_test_in_which_nobody_can_die_is_told_what_to_do(run: Callable[..., pytest.RunResult]) -> None:
    result = run(
        """
        from jararaca_testing import crash_everywhere

        async def whatever(app): ...

        @crash_everywhere(invariant=whatever)
        async def test_nothing(app): ...
        """
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*NowhereToCrash: test_nothing: no replica of http=1, worker=1, scheduler=1 came to *"]
    )


def test_a_failure_names_the_boundary_and_how_to_run_it_again(run: Callable[..., pytest.RunResult]) -> None:
    tests = """
        from jararaca_testing import crash_everywhere

        async def charged_once(app):
            assert app.bus.handled("charge").count == 1

        @crash_everywhere(invariant=charged_once, http=1, worker=1)
        async def test_orders(app):
            await app.http.post("/orders", json={"id": 1})
            await app.settle()
        """
    result = run(tests)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*test_orders: of * crashes, * break the invariant.",
            "*dead before publish order.placed (in http):",
            "*AssertionError: *",
            "*--jararaca-crash-at=1*",
        ]
    )

    again = run(tests, "--jararaca-crash-at=2")
    again.stdout.fnmatch_lines(["*of 1 crashes, 1 break*", "*  2  dead before ack * (in worker):*"])

    assert "is not the number of a boundary" in run(tests, "--jararaca-crash-at=x").stderr.str()
