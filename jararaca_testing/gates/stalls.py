"""Callbacks that hold the loop, found by a thread that looks now and then at what the loop's thread is doing.

The loop itself only counts its turns. The watch sleeps, and while a test runs it wakes fifty times a second: a turn
that is the same as last time is looked into, so the callback that holds it is known with its lines, and the processor
time of the thread between two looks is its. Time is not counted that is nobody's fault: importing, collecting garbage,
a debugger, the harness's own work such as SQLite in the loop, and what the test itself does between two awaits. A
machine that is too busy to let the watch look is not counted either: wall time is counted in looks, and one look adds
no more processor time than a few of its periods, since a virtual machine that stands still calls that processor time.
"""

import asyncio
import contextlib
import gc
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from types import FrameType
from typing import Any

from jararaca_testing.gates.findings import Finding
from jararaca_testing.gates.names import LOOP_STALL
from jararaca_testing.origins import Place, Side, place_of, side_of
from jararaca_testing.pulse import Pulse

PERIOD = 0.02
A_WHILE = 25
"""Looks in vain before the watch sleeps: a thread that is woken for every test costs more than one that looks."""

MOST_OF_A_LOOK = 2 * PERIOD
CPU_LIMIT = 0.1
WALL_LIMIT = 1.0
TRACED = 4
"""How many times as long code may take that is traced, for coverage or by a debugger."""

EVENTS = asyncio.events.__file__
IMPORTING = "<frozen importlib"
NOT_COUNTED = ("bdb.py", "pdb.py", "pydevd.py", "debugpy", "fakeredis")
ADVICE = "Await what can be awaited, or run it in a thread: await asyncio.to_thread(...)."


@dataclass(frozen=True, slots=True)
class Look:
    """What the loop's thread did at one moment: for which callback, at which line, and whether that counts."""

    callback: object
    place: Place
    counts: bool


@dataclass(slots=True, eq=False)
class Held:
    """How long one callback has held the loop, as far as that was seen; `places` are the lines, by looks."""

    callback: object
    seen_at: float
    cpu: float = 0.0
    looks: int = 0
    places: Counter[Place] = field(default_factory=Counter)

    def add(self, look: Look, cpu_clock: float) -> None:
        """Another look at the same callback, at this processor time of its thread."""
        if look.counts:
            self.cpu += min(max(cpu_clock - self.seen_at, 0.0), MOST_OF_A_LOOK)
            self.looks += 1
            self.places[look.place] += 1
        self.seen_at = cpu_clock

    def exceeds(self, *, slowness: int, period: float = PERIOD) -> bool:
        """Whether it is a stall, for code that is slowed down by tracing so many times."""
        return self.cpu > CPU_LIMIT * slowness or self.looks * period > WALL_LIMIT * slowness

    def finding(self, period: float = PERIOD) -> Finding:
        """The stall in words: where it was most of the time."""
        ((place, _looks),) = self.places.most_common(1)
        what = f"{place.code.co_qualname} held the loop for {self.cpu:.2f} s of CPU, {self.looks * period:.2f} s in all"
        return Finding(LOOP_STALL, what, (f"at {place}",), ADVICE)


def look_at(frame: FrameType | None) -> Look | None:
    """What a thread does, by its innermost frame; None if it runs no callback, or none that can be seen."""
    place: Place | None = None
    counts = True
    is_served = False
    innermost = frame
    while frame is not None:
        code = frame.f_code
        side = side_of(code)
        if code.co_filename.startswith(IMPORTING) or any(part in code.co_filename for part in NOT_COUNTED):
            counts = False
        if place is None and side is Side.PROJECT:
            place = place_of(frame)
        elif side is Side.FRAMEWORK:
            is_served = True
        elif side is Side.HARNESS and not is_served and (place is None or code.co_name == "noticed"):
            counts = False  # its own work, or that of the test itself
        if code.co_name == "_run" and code.co_filename == EVENTS:
            assert innermost is not None
            return Look(frame, place or place_of(innermost), counts)
        frame = frame.f_back
    return None


@lru_cache(maxsize=1)
def warm_up(_modules: int) -> None:
    """Do beforehand what a library does at the first use of what was imported: its first user is not to blame.

    It is done once for each number of modules that there are.
    """
    orm = sys.modules.get("sqlalchemy.orm")
    if orm is not None:
        with contextlib.suppress(Exception):  # it is raised again where the mappers are used
            orm.configure_mappers()


class Collected:
    """Processor seconds that went into collecting garbage in one thread."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._began = 0.0

    def __call__(self, phase: str, _info: dict[str, Any]) -> None:
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.seconds += time.thread_time() - self._began


class Watched:
    """The loop of one test, run by the thread that makes this."""

    def __init__(self, pulse: Pulse) -> None:
        self.pulse = pulse
        self.collected = Collected()
        self.slowness = TRACED if is_traced() else 1
        self.stalls: list[Held] = []
        self._thread = threading.get_ident()
        self._turn = -1
        self._held: Held | None = None
        clock_of = getattr(time, "pthread_getcpuclockid", None)
        self._clock = clock_of(self._thread) if clock_of is not None else None

    def frame(self) -> FrameType | None:
        """Where the loop's thread stands."""
        return sys._current_frames().get(self._thread)

    def cpu(self) -> float:
        """Processor seconds of the loop's thread; where a system tells only those of the whole process, those."""
        spent = time.clock_gettime(self._clock) if self._clock is not None else time.process_time()
        return spent - self.collected.seconds

    def look(self) -> None:
        """Called now and then, from another thread."""
        if self.pulse.turns != self._turn:
            self._turn, self._held = self.pulse.turns, None
            return
        look, held = look_at(self.frame()), self._held
        if look is None:
            return
        if held is None or held.callback is not look.callback:
            self._held = Held(look.callback, self.cpu())
            return
        held.add(look, self.cpu())
        if held.exceeds(slowness=self.slowness) and held not in self.stalls:
            self.stalls.append(held)

    def findings(self) -> list[Finding]:
        """The stalls so far; the frames that belong to them are let go."""
        self._held = None
        stalls, self.stalls = self.stalls, []
        return [stall.finding() for stall in stalls]


def is_traced() -> bool:
    """Whether a debugger or a measurement of coverage slows this thread down."""
    monitoring = getattr(sys, "monitoring", None)
    tools = [] if monitoring is None else [monitoring.get_tool(number) for number in range(6)]
    return sys.gettrace() is not None or any(tools)


class StallWatch:
    """The thread that looks, one for a whole run. It sleeps once no test of the harness has run for a while."""

    def __init__(self) -> None:
        self._watched: Watched | None = None
        self._is_on = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, watched: Watched) -> None:
        """Watch a loop of this thread until `end`."""
        self._watched = watched
        gc.callbacks.append(watched.collected)
        if self._thread is None or not self._thread.is_alive():  # a forked process has none
            self._thread = threading.Thread(target=self._run, name="jararaca stall watch", daemon=True)
            self._thread.start()
        if not self._is_on.is_set():
            self._is_on.set()

    def end(self, watched: Watched) -> None:
        """Watch it no longer."""
        self._watched = None
        gc.callbacks.remove(watched.collected)

    def _run(self) -> None:
        pause = threading.Event()
        idle = 0
        while True:
            self._is_on.wait()
            pause.wait(PERIOD)
            watched = self._watched
            if watched is not None:
                idle = 0
                watched.look()
            elif idle < A_WHILE:
                idle += 1
            else:
                self._is_on.clear()
                if self._watched is not None:  # it came in between
                    self._is_on.set()


STALL_WATCH = StallWatch()
