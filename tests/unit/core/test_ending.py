"""Work ends within its grace, or is cancelled, or is abandoned: whatever it does, whoever waits for it goes on."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from stubborn import Stubborn

from jararaca import Microservice
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.core.application import Application
from jararaca.core.container import Container
from jararaca.core.ending import Ending, ToldEnding
from jararaca.core.lifecycle import Host, TaskScope
from jararaca_testing import VirtualClock

pytestmark = pytest.mark.virtual_only

logger = logging.getLogger("jararaca.test")


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@pytest.fixture
async def stubborn(clock: VirtualClock) -> AsyncIterator[Stubborn]:
    stubborn = Stubborn(clock)
    yield stubborn
    await stubborn.release()


@pytest.fixture
def tasks() -> TaskScope:
    return TaskScope("test")


@pytest.fixture
def stops() -> TaskScope:
    return TaskScope("stops")


async def test_what_ends_within_the_grace_is_not_cancelled(tasks: TaskScope, clock: VirtualClock) -> None:
    tasks.spawn(clock.sleep(3), name="work")

    assert await Ending("tasks", tasks.running, logger).within(10) is True
    assert clock.monotonic() == 3.0


async def test_what_obeys_is_cancelled_once_and_named(
    tasks: TaskScope, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("b", "a"):
        tasks.spawn(clock.sleep(1000), name=name)

    assert await ToldEnding("tasks", tasks.running, logger).within(10) is False

    assert clock.monotonic() == 10.0
    (told,) = caplog.records
    assert (told.levelname, told.getMessage()) == ("WARNING", "tasks are cancelled by the shutdown")
    assert told.__dict__["tasks"] == ["a", "b"]


async def test_what_does_not_obey_is_cancelled_again_and_abandoned_with_its_stack(
    tasks: TaskScope, clock: VirtualClock, stubborn: Stubborn, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.spawn(stubborn.wait(), name="work")

    assert await Ending("tasks", tasks.running, logger).within(2) is False

    assert (stubborn.cancelled, clock.monotonic()) == ([2.0, 7.0], 12.0)
    (told,) = caplog.records
    assert (told.levelname, told.getMessage()) == ("ERROR", "tasks do not end; they are abandoned")
    assert told.__dict__["tasks"] == ["work"]
    assert [place.rpartition(" in ")[2] for place in told.__dict__["stacks"][0]] == ["Stubborn.wait", "Event.wait"]


async def test_whoever_insists_is_one_step_further_each_time(
    tasks: TaskScope, stops: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    """A grace that nobody wants to wait for is over, and so is the time to obey."""
    tasks.spawn(stubborn.wait(), name="work")
    ending = Ending("tasks", tasks.running, logger)
    stopping = stops.spawn(ending.within(1000), name="stop")

    for _ in range(3):
        await clock.advance(seconds=1)
        ending.at_once()

    assert await stopping is False
    assert (stubborn.cancelled, clock.monotonic()) == ([1.0, 2.0, 3.0], 3.0)


async def test_insisting_before_anybody_waits_is_not_forgotten(
    tasks: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    tasks.spawn(stubborn.wait(), name="work")
    tasks.spawn(clock.sleep(1000), name="obeys")
    await clock.advance(seconds=1)
    ending = Ending("tasks", tasks.running, logger)

    ending.at_once()

    assert await ending.within(1000) is False
    assert (stubborn.cancelled, clock.monotonic()) == ([1.0, 6.0], 11.0)


async def test_a_scope_waits_no_longer_than_that_for_what_it_cancels(
    tasks: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    tasks.spawn(stubborn.wait(), name="work")
    await clock.advance(seconds=0)

    assert await tasks.cancel() == 1
    assert clock.monotonic() == 10.0


class Lifecycle:
    """A lifecycle that waits for a stubborn one where it is told to; `log` is what it did."""

    def __init__(self, stubborn: Stubborn, *, enters: bool) -> None:
        self._stubborn = stubborn
        self._waits = {True: stubborn.wait, False: _nothing}
        self._enters = enters
        self.log: list[str] = []

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        await self._waits[self._enters]()
        self.log.append("entered")
        yield
        await self._waits[not self._enters]()
        self.log.append("left")


async def _nothing() -> None: ...


def application(lifecycle: Lifecycle) -> Application:
    return Application(Microservice(interceptors=[lifecycle], shutdown_grace=20), embedded_ports())


async def test_a_lifecycle_that_does_not_leave_is_abandoned_where_it_stands(
    clock: VirtualClock, stubborn: Stubborn, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(Lifecycle(stubborn, enters=False))
    await app.start()

    assert await app.stop(patience=3) is False

    assert (stubborn.cancelled, clock.monotonic()) == ([3.0, 8.0], 13.0)
    (told,) = [each for each in caplog.records if each.getMessage() == "lifecycles do not end; they are abandoned"]
    (stack,) = told.__dict__["stacks"]
    assert [place.rpartition(" in ")[2] for place in stack][-3:] == [
        "Lifecycle.lifecycle",
        "Stubborn.wait",
        "Event.wait",
    ]


async def test_a_lifecycle_has_less_time_to_leave_when_somebody_insists(
    stops: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    app = application(Lifecycle(stubborn, enters=False))
    await app.start()
    app.environment.tasks.spawn(clock.sleep(1000), name="background")
    stopping = stops.spawn(app.stop(patience=1000), name="stop")
    await clock.advance(seconds=1)

    app.at_once()

    assert await stopping is False
    assert stubborn.cancelled == [6.0, 11.0]


async def test_a_lifecycle_that_leaves_when_somebody_insists_is_cancelled_then(
    stops: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    app = application(Lifecycle(stubborn, enters=False))
    await app.start()
    stopping = stops.spawn(app.stop(), name="stop")
    await clock.advance(seconds=1)

    app.at_once()

    assert await stopping is False
    assert stubborn.cancelled == [1.0, 6.0]


async def test_a_start_whose_lifecycle_swallows_its_cancellation_is_abandoned(
    stops: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    app = application(Lifecycle(stubborn, enters=True))
    starting = stops.spawn(app.start(), name="start")
    await clock.advance(seconds=1)
    starting.cancel()
    await asyncio.wait([starting])

    assert await app.stop() is False
    assert (stubborn.cancelled, clock.monotonic()) == ([1.0, 6.0], 11.0)


async def test_a_lifecycle_that_enters_although_the_start_was_cancelled_is_left_again(
    stops: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    lifecycle = Lifecycle(stubborn, enters=True)
    app = application(lifecycle)
    starting = stops.spawn(app.start(), name="start")
    await clock.advance(seconds=1)
    starting.cancel()
    await clock.advance(seconds=1)

    await stubborn.release()

    assert starting.cancelled()
    assert await app.stop() is True
    assert lifecycle.log == ["entered", "left"]


async def test_whoever_gives_a_stop_up_has_cancelled_it(
    stops: TaskScope, clock: VirtualClock, stubborn: Stubborn
) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        yield
        await stubborn.wait()

    host = Host(opened, name="host")
    await host.start()
    stopping = stops.spawn(host.stop(), name="stop")
    await clock.advance(seconds=1)
    stopping.cancel()
    await asyncio.wait([stopping])

    assert stopping.cancelled()
    assert (stubborn.cancelled, clock.monotonic()) == ([1.0, 6.0], 11.0)
