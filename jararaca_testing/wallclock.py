"""The wall time that user code reads with `datetime.now()`, `date.today()` or `time.time()`, made to follow a test's.

One small port with two backends. `time-machine` is the default: it costs microseconds, is absent between tests, and
leaves `monotonic` and `perf_counter` alone. `freezegun` serves where the other has no wheel: it is started once, since
starting is slow, and answers real time between tests; its classes stay visible.
"""

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WALL_BASE = datetime(2026, 1, 1, tzinfo=UTC)
BACKENDS = ("time-machine", "freezegun")


class WallClock(Protocol):
    """What the process believes the time and the local zone to be, between `start` and `stop`."""

    def start(self) -> None:
        """Begin at `WALL_BASE`, in UTC."""
        ...

    def stop(self) -> None:
        """Give the process its own time and zone back."""
        ...

    def move_to(self, microseconds: int) -> None:
        """Be at a moment: microseconds since the epoch."""
        ...

    def change_zone(self, name: str) -> None:
        """Be in another local zone."""
        ...


def wall_clock(backend: str) -> WallClock:
    """The backend of that name, not started.

    Raises:
        ValueError: there is no such backend.
        ModuleNotFoundError: it is not installed.
    """
    if backend == "time-machine":
        return TimeMachine()
    if backend == "freezegun":
        return Freezegun()
    raise ValueError(f"jararaca_wall_clock = {backend}: there is no such backend. Choose {' or '.join(BACKENDS)}.")


@contextlib.contextmanager
def started(backend: str) -> Iterator[WallClock]:
    """A started backend for the length of a block."""
    wall = wall_clock(backend)
    wall.start()
    try:
        yield wall
    finally:
        wall.stop()


class LocalZone:
    """The zone of the process, kept in its environment."""

    def __init__(self) -> None:
        self._before: str | None = None
        self._changed = False

    def change(self, name: str) -> None:
        if not self._changed:
            self._before, self._changed = os.environ.get("TZ"), True
        if os.environ.get("TZ") != name and not (name == "UTC" and _is_utc()):
            os.environ["TZ"] = name
            _apply_zone()

    def restore(self) -> None:
        if not self._changed:
            return
        self._changed = False
        if self._before == os.environ.get("TZ"):
            return
        if self._before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = self._before
        _apply_zone()


def _is_utc() -> bool:
    """Whether the process is in UTC of its own accord: no variable says otherwise, and the system says so."""
    return "TZ" not in os.environ and time.tzname == ("UTC", "UTC")


def _apply_zone() -> None:
    if hasattr(time, "tzset"):  # Windows has none: there only the backends know the zone
        time.tzset()


class TimeMachine:
    """The wall time by time-machine; it moves by shifts, which are exact in microseconds."""

    def __init__(self) -> None:
        import time_machine

        self._travel = time_machine.travel(WALL_BASE.timestamp(), tick=False)
        self._traveller: Any = None
        self._now = 0
        self._zone = LocalZone()

    def start(self) -> None:
        self._zone.change("UTC")
        self._traveller = self._travel.start()
        self._now = _microseconds(WALL_BASE)

    def stop(self) -> None:
        self._travel.stop()
        self._zone.restore()

    def move_to(self, microseconds: int) -> None:
        if microseconds != self._now:
            self._traveller.shift(timedelta(microseconds=microseconds - self._now))
            self._now = microseconds

    def change_zone(self, name: str) -> None:
        self._zone.change(name)


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


class Freezegun:
    """The wall time by freezegun, through a time source of our own in a freeze that lasts as long as the process."""

    def __init__(self) -> None:
        from jararaca_testing.freezing import frozen_source

        self._source = frozen_source()
        self._zone = LocalZone()

    def start(self) -> None:
        self._zone.change("UTC")
        self._source.move_to(WALL_BASE)

    def stop(self) -> None:
        self._zone.restore()
        self._source.release()

    def move_to(self, microseconds: int) -> None:
        self._source.move_to(EPOCH + timedelta(microseconds=microseconds))

    def change_zone(self, name: str) -> None:
        self._zone.change(name)
        self._source.zone_changed()
