"""One virtual day of an action every three seconds, against the least that any scheduler must do on the same loop.

The floor: per run one timer, one task, one timeout and one context variable. The same day in a test has everything
besides that the harness looks at.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any

from measuring import Stopwatch, chosen
from suites import run_test

from jararaca import Microservice, ScheduledAction
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.bootstrap.wiring import MemoryBrokers
from jararaca.core.application import Application
from jararaca.core.environment import Ports
from jararaca.scheduler.actions import collect_actions
from jararaca.scheduler.scheduler import SchedulerRuntime
from jararaca_testing.chance import SeededChance
from jararaca_testing.clock import VirtualClock
from jararaca_testing.loop import VirtualLoop

DAY = 86_400  # seconds

current: ContextVar[int] = ContextVar("current")
fired = 0


class Actions:
    @ScheduledAction("* * * * * */3", timeout=2.0)
    async def act(self) -> None:
        global fired  # noqa: PLW0603 -- the least that an action can do
        fired += 1


async def run_scheduler(controller: type[Any], *, seconds: int, runs: int) -> None:
    """Let time pass over the actions of a controller, each of which adds to `fired`."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    clock = VirtualClock(loop)
    store = MemoryScheduleStore(clock)
    ports = Ports(
        clock=clock,
        chance=SeededChance(0),
        broker=MemoryBrokers(clock),
        fanout=lambda: MemoryFanout(FanoutHub()),
        schedule_store=lambda _declared: store,
    )
    declaration = Microservice(controllers=[controller])
    application = Application(declaration, ports)
    await application.start()
    runtime = SchedulerRuntime(application, collect_actions(declaration), store)
    await runtime.start()
    watch = Stopwatch()
    await loop.advance(seconds)
    watch.print(runs)
    assert fired == runs, fired
    await runtime.stop(0)
    await application.stop()


async def body() -> None:
    global fired  # noqa: PLW0603 -- as above
    async with asyncio.timeout(2.0):
        fired += 1


async def run_floor(*periods: int, seconds: int, runs: int) -> None:
    """Let time pass over timers that do the least, one for each period."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    tasks: set[asyncio.Task[None]] = set()

    def fire(period: int, number: int) -> None:
        token = current.set(number)
        task = loop.create_task(body())
        current.reset(token)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        loop.call_at((number + 1) * period, fire, period, number + 1)

    for period in periods:
        loop.call_at(period, fire, period, 1)
    watch = Stopwatch()
    await loop.advance(seconds)
    watch.print(runs)
    assert fired == runs, fired


def run(variant: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run it in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(variant())


IN_A_TEST = """
    import pytest
    from jararaca import Microservice, ScheduledAction

    fired = []

    class Actions:
        @ScheduledAction("* * * * * */3", timeout=2.0)
        async def act(self) -> None:
            fired.append(None)

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(name="shop", controllers=[Actions])

    async def test_a_day(jararaca_app, clock, stopwatch):
        with stopwatch:
            await clock.advance(days=1)
        assert len(fired) == 28_800
"""


if __name__ == "__main__":
    variants: dict[str, Callable[[], None]] = {
        "scheduler": lambda: run(lambda: run_scheduler(Actions, seconds=DAY, runs=DAY // 3)),
        "bare floor": lambda: run(lambda: run_floor(3, seconds=DAY, runs=DAY // 3)),
        "in a test": lambda: run_test(IN_A_TEST, units=DAY // 3),
    }
    chosen(variants)()
