"""Virtual time stands still for as long as a thread may still act on the loop, and no longer."""

import asyncio
import concurrent.futures
import functools
import operator
import threading
import time
from collections.abc import Callable, Iterator

import anyio
import anyio.to_thread
import pytest

from jararaca_testing.errors import HungThread
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run
from jararaca_testing.threads import CountingLoop, count_worker_threads, label_of
from jararaca_testing.workers import DaemonThreads

BRIEFLY = 0.02


@pytest.fixture
def run() -> Iterator[Run]:
    run = Run(lambda: VirtualLoop(hang_limit=5.0))
    yield run
    run.close()


def virtual() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


async def in_asyncio_thread(func: Callable[..., object], *args: object) -> None:
    await asyncio.to_thread(func, *args)


async def in_executor(func: Callable[..., object], *args: object) -> None:
    await virtual().run_in_executor(None, func, *args)


async def in_anyio_thread(func: Callable[..., object], *args: object) -> None:
    await anyio.to_thread.run_sync(func, *args)


HOPS = [in_asyncio_thread, in_executor, in_anyio_thread]


@pytest.mark.parametrize("hop", HOPS)
def test_no_timeout_comes_due_while_a_thread_works(run: Run, hop: object) -> None:
    async def scenario() -> float:
        assert callable(hop)
        async with asyncio.timeout(0.001):
            await hop(time.sleep, BRIEFLY)
        return virtual().time()

    assert run(scenario()) == 0.0


@pytest.mark.parametrize("hop", HOPS)
def test_settling_waits_for_a_thread_and_for_what_its_result_sets_off(run: Run, hop: object) -> None:
    async def scenario() -> list[str]:
        seen: list[str] = []

        async def work() -> None:
            assert callable(hop)
            await hop(time.sleep, BRIEFLY)
            await asyncio.sleep(0)
            await hop(seen.append, "in the thread")
            seen.append("after it")

        task = asyncio.create_task(work())
        await virtual().settle()
        assert task.done()
        return seen

    assert run(scenario()) == ["in the thread", "after it"]


def test_a_thread_counts_to_its_own_end_although_nobody_awaits_it_any_more(run: Run) -> None:
    """A cancelled await does not stop a thread, which may still call back."""

    async def scenario() -> list[str]:
        seen: list[str] = []
        loop, started = virtual(), threading.Event()

        def work() -> None:
            started.set()
            time.sleep(BRIEFLY)
            loop.call_soon_threadsafe(seen.append, "called back")

        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        started.wait()
        task.cancel()
        await loop.settle()
        return seen

    assert run(scenario()) == ["called back"]


def test_an_anyio_thread_that_is_abandoned_counts_to_its_own_end(run: Run) -> None:
    async def scenario() -> list[str]:
        seen: list[str] = []
        started = threading.Event()

        def work() -> None:
            started.set()
            time.sleep(BRIEFLY)
            seen.append("ended")

        async with anyio.create_task_group() as group:
            group.start_soon(functools.partial(anyio.to_thread.run_sync, work, abandon_on_cancel=True))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await in_asyncio_thread(started.wait)
            group.cancel_scope.cancel()
        await virtual().settle()
        return seen

    assert run(scenario()) == ["ended"]


def test_a_job_that_is_cancelled_before_a_thread_took_it_is_not_counted_for_ever(run: Run) -> None:
    async def scenario() -> tuple[str, ...]:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = virtual().run_in_executor(pool, time.sleep, BRIEFLY)
            second = virtual().run_in_executor(pool, time.sleep, 60)
            second.cancel()
            await first
            await virtual().settle()
        return virtual().outside_work()

    assert run(scenario()) == ()


def test_an_anyio_job_that_is_cancelled_before_it_began_is_not_counted_for_ever(run: Run) -> None:
    async def scenario() -> tuple[str, ...]:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.to_thread.run_sync(time.sleep, 60)
        await virtual().settle()
        return virtual().outside_work()

    assert run(scenario()) == ()


def test_waiting_for_a_place_in_a_limiter_is_not_outside_work(run: Run) -> None:
    """Whoever holds the place may need time to pass before it is given back."""

    async def scenario() -> float:
        limiter = anyio.CapacityLimiter(1)

        async def hold() -> None:
            async with limiter:
                await asyncio.sleep(10)

        async with asyncio.TaskGroup() as group:
            group.create_task(hold())
            await asyncio.sleep(0)
            await anyio.to_thread.run_sync(time.sleep, 0, limiter=limiter)
        return virtual().time()

    assert run(scenario()) == 10.0


def test_a_limiter_bounds_threads_as_it_does_elsewhere(run: Run) -> None:
    async def scenario() -> int:
        limiter, running, most = anyio.CapacityLimiter(2), [0], [0]
        lock = threading.Lock()

        def work() -> None:
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            time.sleep(BRIEFLY / 4)
            with lock:
                running[0] -= 1

        async with asyncio.TaskGroup() as group:
            for _job in range(8):
                group.create_task(anyio.to_thread.run_sync(work, limiter=limiter))
        return most[0]

    assert run(scenario()) == 2


def test_results_and_errors_of_threads_come_back(run: Run) -> None:
    async def scenario() -> list[object]:
        results: list[object] = [await asyncio.to_thread(sum, [1, 2]), await anyio.to_thread.run_sync(len, "abc")]
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(operator.truediv, 1, 0)
        with pytest.raises(ZeroDivisionError):
            await anyio.to_thread.run_sync(operator.truediv, 1, 0)
        return results

    assert run(scenario()) == [3, 3]


def test_many_jobs_share_a_bounded_number_of_threads(run: Run) -> None:
    async def scenario() -> tuple[int, int]:
        names = await asyncio.gather(*(asyncio.to_thread(_name_of_this_thread) for _job in range(200)))
        return len(names), len(set(names))

    jobs, threads = run(scenario())
    assert jobs == 200
    assert threads <= 36


def _name_of_this_thread() -> str:
    time.sleep(0.0001)
    return threading.current_thread().name


def test_an_executor_of_the_user_is_used_and_ended(run: Run) -> None:
    async def scenario() -> str:
        virtual().set_default_executor(concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="theirs"))
        return await asyncio.to_thread(_name_of_this_thread)

    assert run(scenario()).startswith("theirs")


def test_a_job_in_another_process_is_counted(run: Run) -> None:
    async def scenario() -> tuple[int, float]:
        with concurrent.futures.ProcessPoolExecutor(1) as pool:
            async with asyncio.timeout(0.001):
                return await virtual().run_in_executor(pool, abs, -3), virtual().time()

    assert run(scenario()) == (3, 0.0)


def test_a_hung_thread_fails_the_test_naming_it_and_its_place() -> None:
    release = threading.Event()

    def wait_for_ever() -> None:
        release.wait()

    run = Run(lambda: VirtualLoop(hang_limit=0.1))
    with pytest.raises(HungThread) as failure:
        run(asyncio.to_thread(wait_for_ever))
    release.set()
    run.close()
    assert "wait_for_ever" in failure.value.names[0]
    assert "now at" in failure.value.names[0]
    assert "For 0.1 real seconds there was no sign of life" in str(failure.value)


def test_a_thread_that_hangs_for_ever_holds_up_neither_the_end_of_the_test_nor_the_next() -> None:
    release = threading.Event()

    run = Run(lambda: VirtualLoop(hang_limit=0.1))
    with pytest.raises(HungThread):
        run(asyncio.to_thread(release.wait))
    run.close()

    async def scenario() -> float:
        await asyncio.sleep(1)
        return virtual().time()

    following = Run(VirtualLoop)
    assert following(scenario()) == 1.0
    following.close()
    release.set()


def test_a_thread_left_behind_is_waited_for_at_the_end_of_the_test() -> None:
    seen: list[str] = []

    def work() -> None:
        time.sleep(BRIEFLY)
        seen.append("ended")

    async def scenario() -> None:
        virtual().run_in_executor(None, work)

    run = Run(VirtualLoop)
    run(scenario())
    run.close()
    assert seen == ["ended"]


def test_a_thread_left_hanging_fails_the_end_of_the_test() -> None:
    release = threading.Event()

    async def scenario() -> None:
        virtual().run_in_executor(None, release.wait)

    run = Run(lambda: VirtualLoop(hang_limit=0.05))
    run(scenario())
    with pytest.raises(HungThread, match="wait"):
        run.close()
    release.set()


def test_a_task_that_hangs_on_a_thread_is_given_up_at_the_end_of_the_test() -> None:
    release = threading.Event()

    async def export() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(release.wait)

    async def scenario() -> asyncio.Task[None]:
        task = asyncio.create_task(export(), name="billing.export")
        await asyncio.sleep(0)
        return task

    run = Run(lambda: VirtualLoop(hang_limit=0.05))
    task = run(scenario())  # held, for the loop holds it weakly
    with pytest.raises(HungThread) as failure:
        run.close()
    release.set()
    assert task.get_name() in str(failure.value)


def test_jobs_that_no_thread_has_taken_can_be_cancelled_with_the_pool() -> None:
    release, pool = threading.Event(), DaemonThreads(most=1)
    first, second = pool.submit(release.wait), pool.submit(release.wait)
    while not first.running():
        pass
    pool.shutdown(wait=False, cancel_futures=True)
    release.set()
    assert first.result() is True
    assert second.cancelled()


def test_a_driver_call_is_counted_by_its_label(run: Run) -> None:
    async def scenario() -> tuple[tuple[str, ...], float]:
        loop, answered = virtual(), asyncio.Event()
        threading.Timer(BRIEFLY, loop.call_soon_threadsafe, [answered.set]).start()
        with loop.outside("a call of some driver"):
            during = loop.outside_work()
            async with asyncio.timeout(0.001):
                await answered.wait()
        return during + loop.outside_work(), loop.time()

    assert run(scenario()) == (("a call of some driver",), 0.0)


def test_other_loops_keep_their_worker_threads() -> None:
    count_worker_threads()
    count_worker_threads()

    async def scenario() -> tuple[int, bool]:
        return await anyio.to_thread.run_sync(len, "abc"), isinstance(asyncio.get_running_loop(), CountingLoop)

    assert asyncio.run(scenario()) == (3, False)


def test_a_missing_seam_in_anyio_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from anyio._backends._asyncio import AsyncIOBackend

    monkeypatch.setattr(AsyncIOBackend, "run_sync_in_worker_thread", None)
    with pytest.raises(RuntimeError, match="Install an older anyio"):
        count_worker_threads()


def test_a_call_is_labelled_by_what_is_really_called() -> None:
    import contextvars

    context = contextvars.copy_context()
    assert label_of(functools.partial(context.run, time.sleep, 1)) == "time.sleep"
    assert label_of(functools.partial(_name_of_this_thread)).endswith("._name_of_this_thread")
    assert label_of(operator.itemgetter(1)) == "operator.operator.itemgetter(1)"
