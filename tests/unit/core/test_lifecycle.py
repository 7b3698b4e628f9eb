"""Tasks with parents, and context managers that are left where they were entered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from jararaca.core.lifecycle import Host, TaskScope

pytestmark = pytest.mark.asyncio


async def forever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None: ...


async def fail() -> None:
    raise ValueError("no")


async def test_drain_waits_for_tasks_that_end_by_themselves() -> None:
    scope = TaskScope("test")
    scope.spawn(nothing(), name="short")

    assert await scope.drain(1)
    assert len(scope) == 0


async def test_drain_cancels_what_does_not_end_within_the_grace() -> None:
    scope = TaskScope("test")
    task = scope.spawn(forever(), name="long")

    assert not await scope.drain(0.001)
    assert task.cancelled()


async def test_cancel_says_how_many_were_running() -> None:
    scope = TaskScope("test")
    for name in ("a", "b"):
        scope.spawn(forever(), name=name)

    assert await scope.cancel() == 2
    assert await scope.cancel() == 0


async def test_a_failing_task_is_reported_and_leaves_its_siblings_alone(caplog: pytest.LogCaptureFixture) -> None:
    reported: list[BaseException] = []
    scope = TaskScope("test", on_failure=reported.append)
    sibling = scope.spawn(forever(), name="sibling")
    failing = scope.spawn(fail(), name="failing")
    await asyncio.wait([failing])

    assert [str(error) for error in reported] == ["no"] == [str(error) for error in scope.failures]
    assert not sibling.done()
    assert "a background task failed" in caplog.text
    await scope.cancel()


async def test_a_host_leaves_in_the_task_that_entered() -> None:
    tasks: list[object] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        tasks.append(asyncio.current_task())
        yield
        tasks.append(asyncio.current_task())

    host = Host(opened, name="host")
    await host.start()
    await host.stop()
    await host.stop()

    assert tasks[0] is tasks[1] is not asyncio.current_task()


async def test_what_fails_to_enter_is_raised_by_start() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        raise ValueError("no")
        yield

    host = Host(broken, name="host")
    with pytest.raises(ValueError, match="no"):
        await host.start()
    await host.stop()


async def test_what_fails_to_leave_is_raised_by_stop() -> None:
    @asynccontextmanager
    async def broken() -> AsyncIterator[None]:
        yield
        raise ValueError("no")

    host = Host(broken, name="host")
    await host.start()
    with pytest.raises(ValueError, match="no"):
        await host.stop()


async def test_a_cancelled_start_leaves_nothing_open() -> None:
    log: list[str] = []

    @asynccontextmanager
    async def slow() -> AsyncIterator[None]:
        try:
            await forever()
            yield
        finally:
            log.append("left")

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await Host(slow, name="host").start()

    assert log == ["left"]
