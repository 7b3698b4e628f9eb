"""A callback that holds the loop is told while it does: here each waits until it was."""

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry

from jararaca import Microservice, PrometheusInterceptor
from jararaca.adapters.system.loop_watch import ThreadedLoopWatch, stack_of
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import system_ports
from jararaca.messagebus.config import MessageBusConfig
from jararaca_testing.contracts import proves

PATIENCE = 60.0  # seconds, on a machine that is busy
HOLDS, GOES_ON = "a callback holds the event loop", "the event loop goes on"

pytestmark = pytest.mark.asyncio


class Told(logging.Handler):
    """What the watch said of `hold`; a machine that is busy may hold the loop as well."""

    def __init__(self) -> None:
        super().__init__()
        self.record: logging.LogRecord | None = None
        self.seconds: float | None = None
        self.held = threading.Event()
        self.over = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        facts = vars(record)
        if record.msg == HOLDS and any(place.endswith(" in hold") for place in facts["stack"]):
            self.record = record
            self.held.set()
        elif record.msg == GOES_ON and self.held.is_set():
            self.seconds = facts["seconds"]
            self.over.set()


@pytest.fixture
def told() -> Iterator[Told]:
    logger, handler = logging.getLogger("jararaca.system"), Told()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def watch() -> Iterator[ThreadedLoopWatch]:
    watch = ThreadedLoopWatch(period=0.005, stall=0.02)
    yield watch
    watch.stop()


def hold(told: Told) -> None:
    """Hold the loop until the watch has said so."""
    assert told.held.wait(PATIENCE)


@proves("F-28")
async def test_a_callback_that_holds_the_loop_is_told_with_the_line_it_is_at(
    watch: ThreadedLoopWatch, told: Told
) -> None:
    watch.start()

    hold(told)
    async with asyncio.timeout(PATIENCE):
        await told.over.wait()

    facts = vars(told.record)
    assert facts["at"].startswith(f"{__file__}:")
    assert not any("asyncio/base_events" in place for place in facts["stack"])
    assert told.seconds is not None
    assert watch.lag >= told.seconds > 0.0
    assert facts["seconds"] == pytest.approx(0.02)
    assert watch.stalls >= 1


@pytest.mark.slow
@proves("F-28")
async def test_the_numbers_are_shown_as_metrics_and_the_stack_is_logged_of_an_application(told: Told) -> None:
    registry = CollectorRegistry()
    declaration = Microservice(name="shop", interceptors=[PrometheusInterceptor(registry=registry)])
    assembly = assemble(declaration, system_ports(), MessageBusConfig(), needs_broker=False)
    await assembly.application.start()
    try:
        hold(told)
        async with asyncio.timeout(PATIENCE):
            await told.over.wait()
        lag = registry.get_sample_value("jararaca_loop_lag_seconds", {"app": "shop"})
        stalls = registry.get_sample_value("jararaca_loop_stalls_total", {"app": "shop"})
    finally:
        await assembly.application.stop()

    assert lag is not None
    assert lag >= 0.5
    assert stalls is not None
    assert stalls >= 1


async def test_a_watch_that_was_stopped_says_nothing_more_and_starts_again(
    watch: ThreadedLoopWatch, told: Told
) -> None:
    watch.stop()
    watch.start()
    watch.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "jararaca loop watch"]

    watch.start()
    hold(told)


async def test_a_loop_that_is_closed_ends_its_watch(watch: ThreadedLoopWatch) -> None:
    other = asyncio.new_event_loop()

    async def begin() -> threading.Thread:
        watch.start()
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "jararaca loop watch"]
        return thread

    def run() -> threading.Thread:
        thread = other.run_until_complete(begin())
        other.close()
        return thread

    thread = await asyncio.to_thread(run)
    await asyncio.to_thread(thread.join, PATIENCE)
    assert not thread.is_alive()


async def test_a_thread_that_is_gone_does_nothing() -> None:
    assert stack_of(-1) == []
