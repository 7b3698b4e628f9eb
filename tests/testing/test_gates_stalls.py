"""Callbacks that hold the loop: what is counted, for whom, and what is nobody's fault."""

import asyncio
import bdb
import gc
import selectors
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Column, Integer, Table, orm
from sqlalchemy.exc import InvalidRequestError

from jararaca_testing.gates.stalls import (
    CPU_LIMIT,
    MOST_OF_A_LOOK,
    PERIOD,
    TRACED,
    Collected,
    Held,
    Look,
    StallWatch,
    Watched,
    is_traced,
    look_at,
    warm_up,
)
from jararaca_testing.origins import FRAMEWORK, HARNESS, Place
from jararaca_testing.pulse import Pulse, PulsingSelector

HERE = Place(look_at.__code__, 1)
ELSEWHERE = Place(look_at.__code__, 2)
EVENTS = asyncio.events.__file__


def stack(*frames: tuple[str, str]) -> Any:
    """Frames as they stand on each other, innermost first: pairs of a file and a function."""
    outer: Any = None
    for path, name in reversed(frames):
        code = compile("0", path, "exec").replace(co_name=name, co_qualname=name)
        outer = SimpleNamespace(f_code=code, f_lineno=1, f_back=outer)
    return outer


PROJECT, LIBRARY = "/project/shop.py", f"{sysconfig.get_path('purelib')}/library.py"
HANDLER, RUN = (PROJECT, "charge"), (EVENTS, "_run")
ROUTE = (f"{FRAMEWORK}presentation/execution_route.py", "handle")
SERVED = (f"{HARNESS}http.py", "__call__")
TEST, NOTICED = ("/project/test_shop.py", "test_it"), (f"{HARNESS}tasks.py", "noticed")


@pytest.mark.parametrize(
    ("frames", "counts", "place"),
    [
        ([HANDLER, ROUTE, RUN], True, "charge"),
        ([(LIBRARY, "hash"), HANDLER, ROUTE, RUN], True, "charge"),
        ([HANDLER, RUN], True, "charge"),
        ([HANDLER, ROUTE, SERVED, TEST, NOTICED, RUN], True, "charge"),
        ([(LIBRARY, "encode"), ROUTE, SERVED, TEST, NOTICED, RUN], True, "test_it"),
        ([TEST, NOTICED, RUN], False, "test_it"),
        ([(LIBRARY, "compare"), TEST, NOTICED, RUN], False, "test_it"),
        ([(f"{HARNESS}sqlite_driver.py", "execute"), HANDLER, ROUTE, RUN], False, "charge"),
        ([("<frozen importlib._bootstrap>", "_find"), HANDLER, ROUTE, RUN], False, "charge"),
        ([(PROJECT, "<module>"), ("<frozen importlib._bootstrap>", "_load"), HANDLER, ROUTE, RUN], False, "<module>"),
        ([(bdb.__file__, "wait"), HANDLER, ROUTE, RUN], False, "charge"),
        ([(LIBRARY.replace("library", "fakeredis/core"), "execute"), HANDLER, ROUTE, RUN], False, "charge"),
    ],
)
def test_a_look_counts_unless_it_is_nobodys_fault(frames: list[tuple[str, str]], counts: bool, place: str) -> None:
    look = look_at(stack(*frames))

    assert look is not None
    assert look.counts is counts
    assert look.place.code.co_name == place


def test_a_look_knows_the_callback_by_its_outermost_frame() -> None:
    run = stack(RUN)
    inner = SimpleNamespace(f_code=compile("0", PROJECT, "exec"), f_lineno=1, f_back=run)
    look = look_at(inner)  # type: ignore[arg-type] # as frames are

    assert look is not None
    assert look.callback is run


@pytest.mark.parametrize(
    "frames", [[], [HANDLER, TEST], [(selectors.__file__, "select"), (f"{HARNESS}loop.py", "select")]]
)
def test_between_callbacks_there_is_nothing_to_see(frames: list[tuple[str, str]]) -> None:
    """The loop may stand still because it is not run at all, as between two examples of a property."""
    assert look_at(stack(*frames)) is None


def test_processor_time_between_two_looks_at_one_callback_is_its() -> None:
    held = Held(None, seen_at=10.0)
    held.add(Look(None, HERE, counts=True), 10.03)
    held.add(Look(None, HERE, counts=True), 10.06)
    assert not held.exceeds(slowness=1)

    held.add(Look(None, ELSEWHERE, counts=True), 10.09)
    held.add(Look(None, ELSEWHERE, counts=True), 10.10)
    held.add(Look(None, ELSEWHERE, counts=True), 10.12)

    assert held.exceeds(slowness=1)
    assert not held.exceeds(slowness=TRACED)
    finding = held.finding()
    assert finding.what == "look_at held the loop for 0.12 s of CPU, 0.10 s in all"
    assert finding.lines == (f"at {ELSEWHERE}",)


def test_time_that_does_not_count_is_left_out() -> None:
    held = Held(None, seen_at=10.0)
    held.add(Look(None, HERE, counts=True), 10.03)
    held.add(Look(None, HERE, counts=False), 19.0)
    held.add(Look(None, HERE, counts=True), 19.04)

    assert held.cpu == pytest.approx(0.07)
    assert held.looks == 2


def test_a_machine_that_stood_still_for_a_while_makes_no_stall() -> None:
    """A virtual machine calls the time processor time in which it was not run."""
    held = Held(None, seen_at=10.0)
    held.add(Look(None, HERE, counts=True), 10.43)
    held.add(Look(None, HERE, counts=True), 10.44)

    assert held.cpu == pytest.approx(MOST_OF_A_LOOK + 0.01)
    assert not held.exceeds(slowness=1)


def test_a_callback_that_waits_is_counted_in_looks() -> None:
    """A machine too busy to let the watch look does not make a stall out of one."""
    held = Held(None, seen_at=10.0)
    for _look in range(round(1 / PERIOD)):
        held.add(Look(None, HERE, counts=True), 10.0)
    assert not held.exceeds(slowness=1)

    held.add(Look(None, HERE, counts=True), 10.0)
    assert held.exceeds(slowness=1)


class Scripted(Watched):
    """A loop whose frames and processor time a test says."""

    def __init__(self, pulse: Pulse) -> None:
        super().__init__(pulse)
        self.spent = 0.0
        self.stands: Any = stack(HANDLER, ROUTE, RUN)

    def frame(self) -> FrameType | None:
        found: FrameType | None = self.stands
        return found

    def cpu(self) -> float:
        return self.spent


@pytest.fixture
def pulse() -> Pulse:
    return Pulse()


@pytest.fixture
def watched(pulse: Pulse) -> Scripted:
    watched = Scripted(pulse)
    watched.slowness = 1
    return watched


def looks(watched: Scripted, number: int, between: Callable[[], object] = lambda: None) -> None:
    for _look in range(number):
        watched.look()
        watched.spent += CPU_LIMIT / 3
        between()


def test_a_turn_that_does_not_end_is_a_stall_told_once(watched: Scripted) -> None:
    looks(watched, 10)

    assert [finding.gate for finding in watched.findings()] == ["loop-stall"]
    assert watched.findings() == []


def test_a_loop_that_turns_is_none(watched: Scripted, pulse: Pulse) -> None:
    def turn() -> None:
        pulse.turns += 1

    looks(watched, 10, turn)

    assert watched.findings() == []


def test_many_callbacks_in_one_turn_are_none(watched: Scripted) -> None:
    def another() -> None:
        watched.stands = stack(HANDLER, ROUTE, RUN)

    looks(watched, 10, another)

    assert watched.findings() == []


def test_a_thread_that_is_gone_is_none(watched: Scripted) -> None:
    watched.stands = None
    looks(watched, 10)

    assert watched.findings() == []


def test_garbage_is_not_the_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    collected = Collected()
    seconds = iter([1.0, 1.25, 2.0, 2.5])
    monkeypatch.setattr(time, "thread_time", lambda: next(seconds))

    for phase in ("start", "stop", "start", "stop"):
        collected(phase, {})

    assert collected.seconds == 0.75


def test_where_a_system_cannot_tell_a_threads_time_the_processs_is_taken(
    monkeypatch: pytest.MonkeyPatch, pulse: Pulse
) -> None:
    monkeypatch.delattr(time, "pthread_getcpuclockid", raising=False)
    monkeypatch.setattr(time, "process_time", lambda: 7.0)

    assert Watched(pulse).cpu() == 7.0


def test_mappers_are_configured_beforehand_and_who_breaks_them_hears_of_it_later() -> None:
    registry = orm.registry()

    class Broken:
        pass

    table = Table("broken", registry.metadata, Column("id", Integer, primary_key=True))
    mapper = registry.map_imperatively(Broken, table, properties={"other": orm.relationship("Nobody")})
    warm_up(-1)
    with pytest.raises(InvalidRequestError, match="Nobody"):
        orm.configure_mappers()
    registry.dispose()

    assert mapper.class_ is Broken


def test_a_tracer_makes_everything_slow() -> None:
    def trace(frame: FrameType, event: str, argument: Any) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        assert is_traced()
    finally:
        sys.settrace(before)


def test_the_watch_looks_while_it_is_told_to_and_leaves_nothing_behind(pulse: Pulse) -> None:
    looked = threading.Event()

    class Noting(Watched):
        def look(self) -> None:
            looked.set()

    watch = StallWatch()
    callbacks = list(gc.callbacks)
    watched = Noting(pulse)
    watch.begin(watched)
    assert looked.wait(10)

    watch.end(watched)
    assert gc.callbacks == callbacks


def test_a_real_selector_has_a_pulse() -> None:
    selector = PulsingSelector()
    selector.select(0)
    selector.select(0)
    selector.close()

    assert selector.pulse.turns == 2
