"""freezegun, started once for the whole process, with a time source that answers real time between tests.

Starting it costs milliseconds for every thousand modules loaded, so it is never stopped. What makes it bearable: the
monotonic clocks are put back, pytest's and Hypothesis' own clocks are left out, and between tests every answer is real.
What remains visible is that `datetime.datetime` is freezegun's class, and that time-machine will not start beside it.
"""

import functools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun import api

IGNORED = ["_pytest.timing", "hypothesis", "_hypothesis"]
MONOTONIC = ("monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
EVERYBODY = ("",)
"""An ignore list that every module's name starts with."""


class Moment(api.real_datetime):
    """A time in UTC, as freezegun's `datetime.now` and `localtime` can use it in a local zone.

    They add one and the same offset to local times and to aware ones, so it is taken out again where a zone is put in;
    and they know the zone's offset without summer time, so subtracting it answers with the real local time.
    """

    offset = timedelta(0)

    def replace(self, *args: Any, **fields: Any) -> Any:  # one form of the call is changed
        shifted = _plain(self) - self.offset if fields.keys() == {"tzinfo"} else _plain(self)
        return shifted.replace(*args, **fields)

    def __sub__(self, other: Any) -> Any:
        return _plain(self) + self.offset


def _plain(moment: datetime) -> datetime:
    return api.real_datetime(
        moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second, moment.microsecond
    )


def _moment(utc: datetime, offset: timedelta) -> Moment:
    moment = Moment(utc.year, utc.month, utc.day, utc.hour, utc.minute, utc.second, utc.microsecond)
    moment.offset = offset
    return moment


class FrozenSource:
    """What freezegun asks for the time: a moment that a test has moved to, or, after `release`, the real one."""

    def __init__(self) -> None:
        freezer = api.freeze_time("2026-01-01", ignore=IGNORED)
        freezer.start()
        self._place = len(api.freeze_factories) - 1
        self._ignored = api.ignore_lists[self._place]
        self._now: datetime | None = None
        self._frozen: Moment | None = None
        api.freeze_factories[self._place] = self  # type: ignore[call-overload] # it calls whatever is there
        _put_monotonic_clocks_back(freezer)
        _replace(freezer, {api.real_time_ns: self._time_ns})
        self.release()

    def _time_ns(self) -> int:
        """Exact, where freezegun goes over a float, whose steps are 238 ns in our days."""
        if self._frozen is None:
            return api.real_time_ns()
        return (api.fake_time_ns() + 500) // 1_000 * 1_000

    def __call__(self) -> Moment:
        return self._frozen or _moment(api.real_datetime.now(UTC), api.tz_offsets[self._place])

    def move_to(self, now: datetime) -> None:
        self._now = now
        api.ignore_lists[self._place] = self._ignored
        self.zone_changed()

    def release(self) -> None:
        """Answer real time, in the process's own zone."""
        self._now = self._frozen = None
        api.ignore_lists[self._place] = EVERYBODY
        self.zone_changed()

    def zone_changed(self) -> None:
        """The local zone of the process is another one."""
        offset = _local_offset(self._now)
        api.tz_offsets[self._place] = offset
        self._frozen = None if self._now is None else _moment(self._now, offset)


def _local_offset(now: datetime | None) -> timedelta:
    seconds = api.real_localtime(None if now is None else int(now.timestamp())).tm_gmtoff
    return timedelta(seconds=seconds)


def _put_monotonic_clocks_back(freezer: Any) -> None:
    real = [getattr(api, f"real_{name}") for name in MONOTONIC]
    _replace(freezer, {function: function for function in real})


def _replace(freezer: Any, functions: Mapping[Any, Any]) -> None:
    """Let every module call these functions for those of the standard library that freezegun replaced."""
    import time

    for original, function in functions.items():
        setattr(time, original.__name__, function)
    for module, attribute, original in freezer.undo_changes:
        if original in functions:
            setattr(module, attribute, functions[original])


@functools.cache
def frozen_source() -> FrozenSource:
    """The one source of this process; freezegun starts with the first call."""
    return FrozenSource()
