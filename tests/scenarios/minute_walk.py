"""An oracle for cron in zones: the specification, minute by minute, with no arithmetic that could go wrong."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)


class Calendar(Protocol):
    """What an expression means. One whose hour or minute is a wildcard or a step follows elapsed time."""

    @property
    def follows_elapsed_time(self) -> bool: ...
    def matches(self, local: datetime) -> bool: ...


def walk(calendar: Calendar, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Which instants after `start` and up to `end`, both on a whole minute, fire."""
    instant = start
    while instant < end:
        before = instant.astimezone(zone).replace(tzinfo=None)
        instant += MINUTE
        local = instant.astimezone(zone)
        skipped = int((local.replace(tzinfo=None) - before) / MINUTE) - 1
        absent = [before + MINUTE * (1 + index) for index in range(skipped)]
        if calendar.follows_elapsed_time:
            fires = calendar.matches(local)
        else:
            fires = (calendar.matches(local) and local.fold == 0) or any(calendar.matches(each) for each in absent)
        if fires:
            yield instant
