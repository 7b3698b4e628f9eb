"""The virtual loop, through what a test does with it."""

import asyncio
import gc
import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca_testing.errors import NotSettled
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(lambda: VirtualLoop(hang_limit=5.0))
    yield run
    run.close()


def virtual() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_time_begins_at_zero_and_stands_still_while_work_is_ready(run: Run) -> None:
    async def scenario() -> list[float]:
        moments = [virtual().time()]
        for _turn in range(100):
            await asyncio.sleep(0)
        return [*moments, virtual().time()]

    assert run(scenario()) == [0.0, 0.0]


def test_a_sleep_of_the_test_takes_exactly_its_virtual_time(run: Run) -> None:
    async def scenario() -> float:
        await asyncio.sleep(12.5)
        return virtual().time()

    assert run(scenario()) == 12.5


def test_settling_moves_no_time_for_tasks_that_merely_sleep(run: Run) -> None:
    """A retry that is due later, or a cron tick, is no reason to wait."""

    async def scenario() -> tuple[bool, float]:
        sleeper = asyncio.create_task(asyncio.sleep(1))
        await virtual().settle()
        return sleeper.done(), virtual().time()

    assert run(scenario()) == (False, 0.0)


def test_settling_runs_everything_that_is_ready_first(run: Run) -> None:
    async def scenario() -> int:
        hops = 0

        async def hop() -> None:
            nonlocal hops
            for _hop in range(500):
                await asyncio.sleep(0)
                hops += 1

        task = asyncio.create_task(hop())
        await virtual().settle()
        assert task.done()
        return hops

    assert run(scenario()) == 500


def test_settling_lets_time_pass_for_what_is_being_handled(run: Run) -> None:
    """A handler may sleep; what comes due on the way runs, what comes due later does not."""

    async def scenario() -> tuple[float, list[str]]:
        loop, seen = virtual(), []

        async def handle() -> None:
            with loop.activity("billing.charge attempt 1"):
                await asyncio.sleep(10)
                seen.append("handled")

        tasks = [asyncio.create_task(handle())]
        loop.call_later(5, seen.append, "on the way")
        loop.call_later(11, seen.append, "later")
        await loop.settle()
        assert all(task.done() for task in tasks)
        return loop.time(), seen

    assert run(scenario()) == (10.0, ["on the way", "handled"])


def test_settling_past_its_bound_names_what_still_moves(run: Run) -> None:
    async def scenario() -> NotSettled:
        loop = virtual()
        loop.waiting.explain.append(lambda: ["order.placed was published by its own handler"])
        loop.call_later(61, lambda: None)
        with loop.activity("billing.charge attempt 1"), pytest.raises(NotSettled) as refusal:
            await loop.settle(within=60)
        return refusal.value

    refusal = run(scenario())
    assert refusal.moving == ("billing.charge attempt 1",)
    assert "still moving: billing.charge attempt 1" in str(refusal)
    assert "it goes on at t=61.000 only" in str(refusal)
    assert "published by its own handler" in str(refusal)


def test_settling_is_refused_at_once_when_nothing_can_end_an_activity(run: Run) -> None:
    async def scenario() -> float:
        with virtual().activity("stuck"), pytest.raises(NotSettled, match="nothing is left that could end it"):
            await virtual().settle()
        return virtual().time()

    assert run(scenario()) == 0.0


def test_settling_asks_others_what_still_moves(run: Run) -> None:
    """The broker knows of ready messages that no task waits for yet."""

    async def scenario() -> float:
        loop, ready = virtual(), ["1 message in billing"]
        loop.waiting.busy.append(lambda: ready)
        loop.call_later(3, ready.clear)
        await loop.settle()
        return loop.time()

    assert run(scenario()) == 3.0


def test_settling_counts_the_steps_of_the_application(run: Run) -> None:
    """A handler that republishes for ever is found after a bounded number of steps."""

    async def scenario() -> str:
        loop, steps = virtual(), [0]
        loop.waiting.steps = lambda: steps[0]

        async def republish() -> None:
            while True:
                await asyncio.sleep(0)
                steps[0] += 1

        cycle = asyncio.create_task(republish())
        with pytest.raises(NotSettled) as refusal:
            await loop.settle(max_steps=100)
        cycle.cancel()
        return str(refusal.value)

    assert "more than 100 steps" in run(scenario())


def test_an_activity_may_be_ended_twice(run: Run) -> None:
    async def scenario() -> None:
        activity = virtual().activity("a request")
        activity.end()
        activity.end()
        await virtual().settle()

    run(scenario())


def test_advancing_runs_timer_by_timer_and_meets_the_target_exactly(run: Run) -> None:
    async def scenario() -> tuple[list[float], float]:
        loop, moments = virtual(), []

        async def tick() -> None:
            while True:
                await asyncio.sleep(3600)
                moments.append(loop.time())

        ticker = asyncio.create_task(tick())
        await loop.advance(2 * 3600)
        ticker.cancel()
        return moments, loop.time()

    assert run(scenario()) == ([3600.0, 7200.0], 7200.0)


def test_what_a_timer_sets_off_is_settled_before_the_next(run: Run) -> None:
    async def scenario() -> list[str]:
        loop = virtual()
        seen: list[str] = []

        async def chain() -> None:
            await asyncio.sleep(1)
            for _hop in range(10):
                await asyncio.sleep(0)
            await asyncio.to_thread(seen.append, "the end of the first")

        task = asyncio.create_task(chain())
        loop.call_later(1.000001, seen.append, "the second")
        await loop.advance(2)
        assert task.done()
        return seen

    assert run(scenario()) == ["the end of the first", "the second"]


def test_two_advances_at_once_each_end_at_their_own_target(run: Run) -> None:
    async def scenario() -> list[float]:
        async def until(seconds: float) -> float:
            await virtual().advance(seconds)
            return virtual().time()

        return list(await asyncio.gather(until(5), until(2)))

    assert run(scenario()) == [5.0, 2.0]


def test_advancing_is_bounded_in_steps_at_each_moment(run: Run) -> None:
    async def scenario() -> None:
        loop, steps = virtual(), [0]
        loop.waiting.steps = lambda: steps[0]

        async def work(number: int) -> None:
            while True:
                await asyncio.sleep(1)
                steps[0] += number

        async with asyncio.TaskGroup() as group:
            modest = group.create_task(work(60))
            await loop.advance(10, max_steps=100)
            modest.cancel()
            greedy = group.create_task(work(200))
            with pytest.raises(NotSettled, match="more than 100 steps"):
                await loop.advance(10, max_steps=100)
            greedy.cancel()

    run(scenario())


def test_time_cannot_advance_backwards(run: Run) -> None:
    async def scenario() -> None:
        with pytest.raises(ValueError, match=r"use clock.set\(\)"):
            await virtual().advance(-1)

    run(scenario())


def test_an_advance_that_is_given_up_leaves_no_trace(run: Run) -> None:
    async def scenario() -> float:
        task = asyncio.create_task(virtual().advance(100))
        await asyncio.sleep(0)
        task.cancel()
        await virtual().settle()
        await virtual().advance(1)
        return virtual().time()

    assert run(scenario()) == 1.0


@given(
    start=st.floats(min_value=0, max_value=3e9),
    delays=st.lists(st.floats(min_value=1e-6, max_value=1e7), min_size=1, max_size=8),
)
def test_a_timer_is_due_when_time_has_advanced_by_its_own_delay(start: float, delays: list[float]) -> None:
    """Also after ninety years, where a float of seconds has lost more than a microsecond of its precision."""

    async def scenario() -> None:
        loop = virtual()
        fired: list[float] = []
        loop.leap(start)
        for delay in delays:
            loop.call_later(delay, fired.append, delay)
            await loop.advance(delay)
            assert fired[-1] == delay

    run = Run(VirtualLoop)
    run(scenario())
    run.close()


def test_a_timer_is_not_due_a_microsecond_early(run: Run) -> None:
    async def scenario() -> list[str]:
        fired: list[str] = []
        virtual().call_later(0.000003, fired.append, "due")
        await virtual().advance(0.000002)
        return fired

    assert run(scenario()) == []


def test_a_timer_at_infinity_is_no_timer(run: Run) -> None:
    """Some libraries arm timers at infinity to mean never."""

    async def scenario() -> list[object]:
        virtual().call_at(math.inf, lambda: None)
        await virtual().settle()
        await virtual().advance(1)
        return list(virtual().timers())

    assert run(scenario()) == []


def test_timers_are_listed_with_the_names_of_those_who_wait(run: Run) -> None:
    async def scenario() -> list[tuple[int, str]]:
        async def limited() -> None:
            async with asyncio.timeout(7):
                await asyncio.Event().wait()

        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(asyncio.sleep(9), name="ledger"),
                group.create_task(limited(), name="billing"),
            ]
            await virtual().settle()
            found = [(timer.due, timer.label) for timer in virtual().timers()]
            for task in tasks:
                task.cancel()
        return found

    assert run(scenario()) == [(7_000_000, "billing (timeout)"), (9_000_000, "ledger (sleep)")]


def test_a_timer_armed_outside_of_tasks_is_listed_by_its_callback(run: Run) -> None:
    async def scenario() -> list[str]:
        handle = virtual().call_later(1, print, "never")
        labels = [timer.label for timer in virtual().timers()]
        virtual().call_soon(lambda: virtual().call_later(2, gc.collect))
        handle.cancel()
        await virtual().settle()
        return labels + [timer.label for timer in virtual().timers()]

    assert run(scenario()) == ["the test (print)", "collect"]


def timer_handles() -> int:
    """How many there are in this process, those of other tests included."""
    gc.collect()
    return sum(isinstance(thing, asyncio.TimerHandle) for thing in gc.get_objects())


def test_cancelled_timers_are_forgotten(run: Run) -> None:
    """A timeout around each of very many requests must not pile up."""

    async def scenario() -> int:
        before = timer_handles()
        for _request in range(5_000):
            async with asyncio.timeout(1_000):
                await asyncio.sleep(0)
        return timer_handles() - before

    assert run(scenario()) < 1_500


def test_leaping_runs_what_came_due_late_and_together(run: Run) -> None:
    async def scenario() -> list[tuple[str, float]]:
        loop = virtual()
        seen: list[tuple[str, float]] = []

        def note(name: str) -> None:
            seen.append((name, loop.time()))

        for name, delay in (("second", 20), ("first", 10), ("later", 40)):
            loop.call_later(delay, note, name)
        loop.leap(30)
        await loop.settle()
        return seen

    assert run(scenario()) == [("first", 30.0), ("second", 30.0)]


def test_listeners_are_told_each_new_time(run: Run) -> None:
    async def scenario() -> list[int]:
        moments: list[int] = []
        virtual().on_move.append(moments.append)
        virtual().call_later(1, lambda: None)
        await virtual().advance(2)
        await virtual().advance(0)
        return moments

    assert run(scenario()) == [1_000_000, 2_000_000]
