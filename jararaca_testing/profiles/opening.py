"""Opens the world of a profile around one test."""

import contextlib
import importlib
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from jararaca_testing.chance import SeededChance
from jararaca_testing.profiles.world import World
from jararaca_testing.run import Run
from jararaca_testing.servers import Servers


@contextlib.contextmanager
def open_world(
    run: Run, settings: Mapping[str, str], databases: Any, servers: Servers | None, chance: SeededChance, *, test: str
) -> Iterator[World]:
    """The surroundings of one test on the loop of its run, closed again at the end of the block.

    `settings` are the plugin's options, `databases` the SQLite databases of the whole run. On `servers` the world is
    real; without them it is the one of the memory profile. Everything random comes from `chance`; `test` is the test's
    id, for names on servers.
    """
    opened = (
        _memory(run.loop, settings, databases, chance)
        if servers is None
        else contextlib.nullcontext(_real(run.loop, settings, servers, chance, test))
    )
    with opened as world:
        try:
            yield world
        finally:
            if not world.close_at_once():
                run(world.close(), name="the end of the test")


@contextlib.contextmanager
def _memory(loop: Any, settings: Mapping[str, str], databases: Any, chance: SeededChance) -> Iterator[World]:
    from jararaca_testing.clock import VirtualClock
    from jararaca_testing.loop import VirtualLoop
    from jararaca_testing.profiles.memory import MemoryWorld
    from jararaca_testing.wallclock import started

    assert isinstance(loop, VirtualLoop)
    if settings["jararaca_wall_clock"] == "freezegun":
        _import_what_subclasses_date()
    with started(settings["jararaca_wall_clock"]) as wall:
        yield MemoryWorld(loop, VirtualClock(loop, wall=wall), databases, chance)


def _real(loop: Any, settings: Mapping[str, str], servers: Servers, chance: SeededChance, test: str) -> World:
    from jararaca_testing.profiles.real import RealWorld
    from jararaca_testing.realtime import RealTimeLoop

    assert isinstance(loop, RealTimeLoop)
    return RealWorld(loop, servers, chance, scale=float(settings["jararaca_time_scale"]), test=test)


def _import_what_subclasses_date() -> None:
    """FastAPI imports it at the first route with a model, and under freezegun's stand-in for `date` that fails."""
    with contextlib.suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("pydantic.v1")
