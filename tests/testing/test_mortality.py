"""Lives on a loop: what they leave suspended stays so, also when the loop ends."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jararaca_testing.loop import VirtualLoop
from jararaca_testing.mortality import LIFE, Life


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


def test_generators_and_tasks_of_the_dead_are_not_finalized_with_the_loop() -> None:
    """The end of a loop closes what is left on it, which would run the `finally` blocks of the dead."""
    ran: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            ran.append("generator")

    async def live() -> None:
        try:
            async for _number in numbers():
                await forever()
        finally:
            ran.append("task")

    async def main() -> None:
        life = Life("a life")
        task = life.spawn(live(), name="live")
        for _turn in range(3):
            await asyncio.sleep(0)
        life.end()
        life.end()  # a second time has no effect
        await life.ended()
        assert task.cancelled()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())

    assert ran == []


def test_what_was_never_begun_is_closed_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    async def main() -> None:
        life = Life("a life")
        task = life.spawn(forever(), name="never begun")
        life.end()
        await life.ended()
        late = life.spawn(forever(), name="too late")
        await asyncio.wait([late])
        assert task.cancelled()
        assert late.cancelled()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())

    assert not recwarn.list


def test_a_task_that_a_life_makes_belongs_to_it() -> None:
    seen: list[Life | None] = []

    async def inner() -> None:
        seen.append(LIFE.get())
        await forever()

    async def main() -> None:
        life = Life("a life")
        assert life.call(LIFE.get) is life

        async def outer() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(inner())

        life.spawn(outer(), name="outer")
        for _turn in range(3):
            await asyncio.sleep(0)
        assert seen == [life]
        assert LIFE.get() is None
        assert not life.is_over
        life.end()
        await life.ended()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())
