"""When a time zone changes its offset, as a table of spans.

Python tells the offset of an instant, not the next change of it. So the offset is sampled twice a day and each change
is narrowed down to its second, once per zone and stretch of time. (Two changes within half a day would be missed;
no zone has had such since 1970.)
"""

from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from jararaca.errors import InvalidCron

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STRETCH = 128 * 86400
SAMPLE = 43200
LOOK_BACK = 2 * 86400
"""A change may repeat up to a day of local time, so a table starts before the stretch that it is for."""


class Span(NamedTuple):
    """Instants from `start` to before `end` with one `offset` to UTC; all in seconds, instants since 1970.

    `jump` is how far the local time jumped at `start`: forward over times that do not exist if positive, back into
    times that occur twice if negative.
    """

    start: int
    end: int
    offset: int
    jump: int


def known_zone(name: str, text: str) -> str | None:
    """The name itself if there is such a zone, and None for UTC.

    Raises:
        InvalidCron: there is none; the message proposes the closest name.
    """
    if name in ("UTC", "Etc/UTC"):
        return None
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        closest = get_close_matches(str(name), available_timezones(), n=1, cutoff=0.6)
        hint = f"The closest name is {closest[0]!r}." if closest else "Names look like 'Europe/Berlin'."
        raise InvalidCron(f"cron expression {text!r}: tz={name!r} is not a known time zone. {hint}") from error
    return name


@lru_cache(maxsize=4096)
def spans(zone: str, stretch: int) -> tuple[Span, ...]:
    """The spans that cover stretch number `stretch`, which starts at `stretch * STRETCH`, and a little before it."""
    info = ZoneInfo(zone)
    end = (stretch + 1) * STRETCH
    start = stretch * STRETCH - LOOK_BACK
    offset, jump = _offset(info, start), 0
    found = []
    for sample in range(start, end, SAMPLE):
        following = min(sample + SAMPLE, end - 1)
        if (changed := _offset(info, following)) != offset:
            at = _moment_of_change(info, sample, following)
            found.append(Span(start, at, offset, jump))
            start, jump, offset = at, changed - offset, changed
    return (*found, Span(start, end, offset, jump))


def _offset(info: ZoneInfo, instant: int) -> int:
    offset = (EPOCH + timedelta(seconds=instant)).astimezone(info).utcoffset()
    assert offset is not None  # a zone always has one
    return offset.days * 86400 + offset.seconds


def _moment_of_change(info: ZoneInfo, before: int, after: int) -> int:
    old = _offset(info, before)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (middle, after) if _offset(info, middle) == old else (before, middle)
    return after
