"""Threads end in any order, and the loop takes what they bring in the order in which they began."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import anyio.to_thread
import pytest

from jararaca_testing.arrivals import PATIENCE, Arrivals
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run

Hop = Callable[..., Coroutine[Any, Any, Any]]

COUNT = 5  # no more than there are threads on a machine with one core


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(VirtualLoop)
    yield run
    run.close()


@pytest.mark.parametrize("hop", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_results_come_in_the_order_in_which_the_work_began(run: Run, hop: Hop) -> None:
    """Each thread waits for the next one, so that they end in the opposite order."""
    ends = [threading.Event() for _ in range(COUNT + 1)]
    ends[COUNT].set()
    order: list[int] = []

    def work(number: int) -> None:
        ends[number + 1].wait()
        ends[number].set()

    async def task(number: int) -> None:
        await hop(work, number)
        order.append(number)

    async def test() -> None:
        await asyncio.gather(*(task(number) for number in range(COUNT)))

    run(test())

    assert order == list(range(COUNT))


@pytest.mark.parametrize("hop", [asyncio.to_thread, anyio.to_thread.run_sync])
def test_a_result_comes_when_the_loop_has_nothing_else_to_do(run: Run, hop: Hop) -> None:
    """However soon the thread was through: what is ready goes first."""
    order: list[object] = []

    async def thread() -> None:
        await hop(int)
        order.append("thread")

    async def busy() -> None:
        for number in range(200):
            await asyncio.sleep(0)
            order.append(number)

    async def test() -> None:
        await asyncio.gather(thread(), busy())

    run(test())

    assert order == [*range(200), "thread"]


def test_a_thread_that_waits_for_what_a_younger_one_brings_holds_it_up_only_for_a_moment(run: Run) -> None:
    goes_on = threading.Event()

    async def younger() -> None:
        for _ in range(100):
            await asyncio.to_thread(int)
        goes_on.set()

    async def test() -> None:
        await asyncio.gather(asyncio.to_thread(goes_on.wait), younger())

    run(test())

    assert goes_on.is_set()


def test_a_loop_that_looks_out_for_a_thread_all_the_time_sees_it_come(run: Run) -> None:
    async def test() -> None:
        work = asyncio.get_running_loop().run_in_executor(None, int)
        while not work.done():
            await asyncio.sleep(0)

    run(test())


def test_what_a_thread_hands_over_in_the_middle_of_its_work_is_taken_too(run: Run) -> None:
    made: list[str] = []

    def work(loop: asyncio.AbstractEventLoop) -> int:
        loop.call_soon_threadsafe(made.append, "call")
        return asyncio.run_coroutine_threadsafe(asyncio.sleep(0, 7), loop).result()

    async def test() -> int:
        return await asyncio.to_thread(work, asyncio.get_running_loop())

    assert run(test()) == 7
    assert made == ["call"]


def test_a_call_that_its_thread_took_back_is_not_made(run: Run) -> None:
    """The loop's own thread is kept busy until that has happened."""
    made: list[str] = []
    took_back = threading.Event()

    def work(loop: asyncio.AbstractEventLoop) -> None:
        loop.call_soon_threadsafe(made.append, "call").cancel()
        took_back.set()

    async def test() -> None:
        loop = asyncio.get_running_loop()
        job = loop.run_in_executor(None, work, loop)
        took_back.wait()
        await job

    run(test())

    assert made == []


# -- the rule itself


def held(*works: str) -> Arrivals:
    arrivals = Arrivals()
    for work in works:
        arrivals.hold(work, partial(str, work))
    return arrivals


def test_older_work_gets_a_moment_to_come_back_and_then_never_again() -> None:
    arrivals = held("b")

    assert arrivals.take(["a", "b"], 10.0) == []
    assert arrivals.take(["a", "b"], 10.0 + PATIENCE / 2) == []
    assert [call() for call in arrivals.take(["a", "b"], 10.0 + PATIENCE)] == ["b"]

    arrivals.hold("c", partial(str, "c"))
    assert [call() for call in arrivals.take(["a", "c"], 11.0)] == ["c"]


def test_work_is_taken_one_by_one_and_all_at_once_only_on_request() -> None:
    arrivals = held("b", "a", "b")

    assert [call() for call in arrivals.take(["a", "b"], 0.0)] == ["a"]
    assert [call() for call in arrivals.take(["b"], 0.0)] == ["b", "b"]
    assert arrivals.take([], 0.0) == []
    assert [call() for call in held("a", "b").take_all()] == ["a", "b"]


def test_what_work_brings_that_nobody_counts_any_more_is_taken_all_the_same() -> None:
    assert [call() for call in held("a").take([], 0.0)] == ["a"]
