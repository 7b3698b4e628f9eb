"""Crashes at every durable boundary: a scenario runs once to find them, and once for each, with a process dead there.

    async def nothing_is_lost(app): ...

    @crash_everywhere(invariant=nothing_is_lost)
    async def test_orders(app):
        await app.http.post("/orders", json={"id": 1})
        await app.settle()

The process in which the boundary is dies there and is started again at once. What the scenario is told of the crash by
its own client ends it; then everything that is due for a while comes about, and the invariant is asked.
"""

import functools
import inspect
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from jararaca.errors import InvalidOption
from jararaca_testing.cluster.cluster import Cluster, fresh_cluster
from jararaca_testing.errors import CrashesFound, NowhereToCrash
from jararaca_testing.faults.boundaries import PHASES, Boundary
from jararaca_testing.faults.process import Process
from jararaca_testing.harness import RunningApplication
from jararaca_testing.options import option
from jararaca_testing.websocket import WebSocketClosed

Scenario = Callable[..., Awaitable[None]]
Invariant = Callable[[RunningApplication], Awaitable[None]]

RECOVERY = 60.0
SEEN_BY_CLIENTS = (httpx.TransportError, ConnectionError, WebSocketClosed)
"""How clients of the scenario learn that a process has died."""

PROCESSES = {"http": 1, "worker": 1, "scheduler": 1}


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """A boundary that the scenario comes to: the `number` of all, counted from 1, and which time it comes to it."""

    number: int
    boundary: Boundary
    time: int = 1

    def __str__(self) -> str:
        return f"{self.boundary}" + ("" if self.time == 1 else f", time {self.time}")


@dataclass(frozen=True, slots=True)
class Crash:
    """What became of the invariant when a process died at a point; `failure` is None if it held."""

    point: CrashPoint
    failure: Exception | None


@dataclass(frozen=True, slots=True)
class Crashes:
    """Every crash that was tried, in the order of the points."""

    tried: Sequence[Crash] = field(default_factory=list)

    @property
    def broken(self) -> list[Crash]:
        """Those after which the invariant did not hold."""
        return [crash for crash in self.tried if crash.failure is not None]

    def demand(self, name: str, repeat: str) -> None:
        """Fail if there are some.

        Raises:
            CrashesFound: the text names each boundary, and how to repeat one of them; the first failure is its cause.
        """
        broken = self.broken
        if not broken:
            return
        lines = [
            f"{name}: of {len(self.tried)} crashes, {len(broken)} break the invariant.",
            *(line for crash in broken for line in _lines(crash)),
            f"To run one of them only, with its timeline: {repeat}{broken[0].point.number}",
        ]
        raise CrashesFound("\n".join(lines), points=tuple(str(each.point) for each in broken)) from broken[0].failure


def _lines(crash: Crash) -> Iterator[str]:
    said = str(crash.failure).splitlines() or [""]
    yield f"  {crash.point.number:>3}  dead {str(crash.point).partition(' ')[2]} (in {crash.point.boundary.role}):"
    yield f"       {type(crash.failure).__name__}: {said[0]}"


async def explore_crashes(
    harness: RunningApplication,
    scenario: Scenario,
    invariant: Invariant,
    *,
    processes: dict[str, int] | None = None,
    recovery: float = RECOVERY,
    only: int | None = None,
) -> Crashes:
    """Run `scenario` once, and once more for each boundary that it comes to, with the process dead there.

    Args:
        harness: the fixture of that name; no application of the test runs.
        scenario: called with the application; what it asserts has to hold with a crash as well.
        invariant: called with the application after each run, when it has come to rest.
        processes: how many replicas of each role; one server, one worker and one scheduler unless given.
        recovery: seconds in which retries, leases and reconnects come about, before the invariant is asked.
        only: the number of the only boundary at which to crash.

    Raises:
        Exception: what the run without a crash raised: a scenario has to work before it can be broken.
        NowhereToCrash: it comes to no boundary, so that nothing can be shown.
        InvalidOption: `only` is the number of no boundary.
    """
    replicas = dict(processes or PROCESSES)
    explorer = _Explorer(harness, scenario, invariant, replicas, recovery)
    points = await explorer.record()
    if not points:
        raise NowhereToCrash(_nothing_reached(getattr(scenario, "__name__", "the scenario"), replicas))
    if only is not None:
        if not 1 <= only <= len(points):
            raise InvalidOption(f"there is no boundary {only}: this scenario comes to {len(points)}, counted from 1.")
        points = [points[only - 1]]
    return Crashes([await explorer.crash_at(point) for point in points])


def _nothing_reached(name: str, replicas: dict[str, int]) -> str:
    running = ", ".join(f"{role}={count}" for role, count in replicas.items())
    return (
        f"{name}: no replica of {running} came to a boundary ({', '.join(PHASES)}), so none could die at one, and "
        "nothing is shown. Let the scenario make them commit, publish, handle a message or fire an action, and start "
        "the replicas that do: @crash_everywhere(..., http=1, worker=1)."
    )


class _Explorer:
    """Runs one scenario again and again, from the same moment of the wall time and with the same chance."""

    def __init__(
        self,
        harness: RunningApplication,
        scenario: Scenario,
        invariant: Invariant,
        processes: dict[str, int],
        recovery: float,
    ) -> None:
        self._harness = harness
        self._scenario = scenario
        self._invariant = invariant
        self._processes = processes
        self._recovery = recovery
        self._start = harness.clock.now()

    async def record(self) -> list[CrashPoint]:
        """The points that a run without a crash comes to, in order."""
        points: list[CrashPoint] = []
        times: Counter[Boundary] = Counter()

        def note(_process: Process, boundary: Boundary) -> bool:
            times[boundary] += 1
            points.append(CrashPoint(len(points) + 1, boundary, times[boundary]))
            return False

        await self._run(note, lambda: False)
        return points

    async def crash_at(self, point: CrashPoint) -> Crash:
        """Run with a process dead at that point."""
        left = [point.time]

        def kill(_process: Process, boundary: Boundary) -> bool:
            left[0] -= boundary == point.boundary
            return boundary == point.boundary and left[0] == 0

        try:
            await self._run(kill, lambda: left[0] <= 0)
            assert left[0] <= 0, "it was not reached again: the scenario does not do the same each time"
        except Exception as error:  # noqa: BLE001 -- reported together with the others
            return Crash(point, error)
        return Crash(point, None)

    async def _run(self, watch: Callable[[Process, Boundary], bool], has_crashed: Callable[[], bool]) -> None:
        self._harness.clock.set(self._start)
        async with fresh_cluster(self._harness, **self._processes) as cluster:
            cluster.restarts = True
            cluster.faults.watches.append(watch)
            try:
                await self._scenario(cluster.application)
            except SEEN_BY_CLIENTS:
                if not has_crashed():
                    raise
            await self._recover(cluster)
            cluster.faults.watches.remove(watch)
            await self._invariant(cluster.application)

    async def _recover(self, cluster: Cluster) -> None:
        await cluster.application.settle()
        await cluster.application.clock.advance(self._recovery)
        await cluster.application.settle()


def crash_everywhere(
    *, invariant: Invariant, recovery: float = RECOVERY, **processes: int
) -> Callable[[Scenario], Callable[..., Awaitable[None]]]:
    """Make a test out of a scenario: the invariant holds wherever a process dies. See `explore_crashes`.

    The scenario's first parameter is the application, further ones are fixtures that do not start one. `processes` says
    how many replicas there are of each role, as `cluster(http=1, worker=2)` does.
    """

    def decorate(scenario: Scenario) -> Callable[..., Awaitable[None]]:
        _application, *others = inspect.signature(scenario).parameters.values()

        async def test(request: pytest.FixtureRequest, jararaca_harness: RunningApplication, **given: Any) -> None:
            __tracebackhide__ = True
            only = option(request.config, "jararaca_crash_at")
            crashes = await explore_crashes(
                jararaca_harness,
                functools.wraps(scenario)(functools.partial(scenario, **given)),
                invariant,
                processes=processes,
                recovery=recovery,
                only=int(only) if only else None,
            )
            crashes.demand(scenario.__name__, f"pytest {request.node.nodeid} --jararaca-crash-at=")

        parameters = list(inspect.signature(test).parameters.values())[:2]
        functools.update_wrapper(test, scenario)
        del test.__dict__["__wrapped__"]  # the fixtures are those of the test, not those of the scenario
        kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in others]
        test.__signature__ = inspect.Signature([*parameters, *kept])  # type: ignore[attr-defined] # what pytest reads
        return test

    return decorate
