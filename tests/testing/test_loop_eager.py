"""Tasks that start at once, which Python has since 3.12: on a virtual loop they are what they are elsewhere."""

import asyncio
import sys
from typing import Any

import pytest

from jararaca_testing.errors import Deadlock
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.run import Run

pytestmark = pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has eager tasks since Python 3.12")


def run_eagerly(scenario: Any) -> Any:
    """Run a scenario whose application asks for eager tasks."""
    run = Run(VirtualLoop)

    async def test() -> Any:
        asyncio.get_running_loop().set_task_factory(getattr(asyncio, "eager_task_factory", None))
        return await scenario()

    try:
        return run(test())
    finally:
        run.close()


def test_they_run_to_their_first_wait_when_they_are_created() -> None:
    log: list[str] = []

    async def work() -> None:
        log.append("begun")
        await asyncio.sleep(2)
        log.append("ended")

    async def scenario() -> float:
        task = asyncio.create_task(work())
        log.append("created")
        await task
        return asyncio.get_running_loop().time()

    assert run_eagerly(scenario) == 2.0
    assert log == ["begun", "created", "ended"]


def test_they_keep_the_order_of_birth_in_sets() -> None:
    order: list[int] = []

    async def work(number: int) -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            order.append(number)

    async def scenario() -> None:
        async with asyncio.timeout(1), asyncio.TaskGroup() as group:
            for number in range(150):
                group.create_task(work(number))

    with pytest.raises(TimeoutError):
        run_eagerly(scenario)
    assert order == list(range(150))


def test_settling_and_advancing_are_exact() -> None:
    async def scenario() -> tuple[int, float]:
        done: list[int] = []

        async def work(depth: int) -> None:
            await asyncio.sleep(0)
            done.append(depth)
            if depth:
                asyncio.create_task(work(depth - 1)).add_done_callback(lambda _task: done.append(-depth))

        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        asyncio.create_task(work(20))  # noqa: RUF006 # settling is what waits for it
        await loop.settle()
        settled = len(done)
        await loop.advance(5)
        return settled, loop.time()

    assert run_eagerly(scenario) == (41, 5.0)


def test_a_deadlock_shows_them_and_where_they_were_created() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    async def scenario() -> None:
        await asyncio.create_task(wait(), name="eager")

    with pytest.raises(
        Deadlock, match=r"eager\n.*in .*wait: await.*\n.*that nobody has set\n    created at .*scenario"
    ):
        run_eagerly(scenario)


def test_a_factory_of_the_users_own_is_used_as_it_is() -> None:
    made: list[str] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def work() -> None: ...

    async def scenario() -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        await asyncio.create_task(work())

    run_eagerly(scenario)
    assert made[0] == "work"
