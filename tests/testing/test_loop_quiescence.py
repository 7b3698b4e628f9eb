"""Whatever an application mixes of tasks, threads and timers, settling is exact: nothing is missed, no time passes."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import anyio.to_thread
from hypothesis import given
from hypothesis import strategies as st

from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run

WORK = st.sampled_from(["to_thread", "executor", "anyio", "abandoned", "chain", "group", "spawn"])
TRUTH = "what was begun, and has to be ended by the time that everything is settled"


class Mix:
    """Counts what it begins and what ends, by effects alone."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.begun: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, kind: str, hops: int) -> None:
        self.begun[kind] += 1
        work: Callable[[int], Coroutine[Any, Any, None]] = getattr(self, kind)
        self._tasks.append(asyncio.create_task(work(hops)))

    def _end(self, kind: str) -> None:
        with self._lock:
            self.ended[kind] += 1

    def _block(self, kind: str, hops: int) -> None:
        threading.Event().wait(hops / 20_000)
        self._end(kind)

    async def to_thread(self, hops: int) -> None:
        await asyncio.to_thread(self._block, "to_thread", hops)

    async def executor(self, hops: int) -> None:
        for _hop in range(hops):
            await asyncio.sleep(0)
        await self.loop.run_in_executor(None, self._block, "executor", hops)

    async def anyio(self, hops: int) -> None:
        await anyio.to_thread.run_sync(self._block, "anyio", hops)

    async def abandoned(self, hops: int) -> None:
        """Nobody awaits the thread, which acts on the loop at its end."""
        begun = threading.Event()

        def work() -> None:
            begun.set()
            threading.Event().wait(hops / 20_000)
            self.loop.call_soon_threadsafe(self._end, "abandoned")

        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        begun.wait()
        task.cancel()

    async def chain(self, hops: int) -> None:
        for _hop in range(hops):
            await asyncio.sleep(0)
        self._end("chain")

    async def group(self, hops: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _child in range(hops):
                group.create_task(asyncio.sleep(0))
        self._end("group")

    async def spawn(self, hops: int) -> None:
        await self.chain(hops)
        self.ended["chain"] -= 1
        self.start("anyio", hops)
        self._end("spawn")


@given(works=st.lists(st.tuples(WORK, st.integers(0, 20)), min_size=1, max_size=8))
def test_settling_is_exact_whatever_is_mixed(works: list[tuple[str, int]]) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        mix = Mix(loop)
        fired: list[str] = []
        loop.call_later(0.000001, fired.append, "a timer")
        for kind, hops in works:
            mix.start(kind, hops)
        await loop.settle()
        assert mix.ended == mix.begun, TRUTH
        assert (fired, loop.time()) == ([], 0.0)
        await loop.advance(0.000001)
        assert fired == ["a timer"]

    run = Run(VirtualLoop)
    run(scenario())
    run.close()


@given(works=st.lists(st.tuples(WORK, st.integers(0, 20)), min_size=1, max_size=8))
def test_no_timeout_comes_due_for_threads_under_autojump(works: list[tuple[str, int]]) -> None:
    """Time moves by itself there, but not while anybody works."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.autojumps = True
        mix = Mix(loop)
        async with asyncio.timeout(0.001):
            for kind, hops in works:
                mix.start(kind, hops)
            await loop.settle()
        assert mix.ended == mix.begun, TRUTH

    run = Run(VirtualLoop)
    run(scenario())
    run.close()
