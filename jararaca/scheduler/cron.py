"""Cron expressions: when does it fire next?

croniter parses the text. For the arithmetic, which a scheduler asks for at every firing, the expression is compiled
once: a table per field that answers "the next value from here", and a table of days. Local times become instants
through spans of constant offset, so that changes to and from summer time are cases of one loop.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jararaca.scheduler.cron_days import DayTable, compile_days
from jararaca.scheduler.cron_fields import CronFields, Values, parse
from jararaca.scheduler.cron_zone import EPOCH, STRETCH, Span, known_zone, spans

DAY = 86400
NONE_LEFT = -1


@dataclass(frozen=True, slots=True)
class CronExpression:
    """A schedule: five fields, or six with the seconds **last**, read in the zone `tz` (UTC by default).

    Where summer time begins, a fixed local time that does not exist fires at the next instant that does. Where it
    ends, a fixed local time that occurs twice fires the first time. A job whose hour or minute is a wildcard or a step
    follows elapsed time instead: it fires in both of the hours, and not for an hour that does not exist.

    Raises:
        InvalidCron: the text does not parse or never matches, or the zone is unknown.
    """

    text: str
    tz: str | None = None
    _next: Callable[[int], int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = parse(self.text)
        local = LocalSchedule(fields, compile_days(fields.days, self.text))
        zone = None if self.tz is None else known_zone(self.tz, self.text)
        following = local.at_or_after if zone is None else ZonedSchedule(local, zone, fields.interval).at_or_after
        object.__setattr__(self, "_next", following)

    def next_after(self, instant: datetime) -> datetime:
        """The first firing strictly later than the aware `instant`, in UTC."""
        since = instant - EPOCH
        return EPOCH + timedelta(seconds=self._next(since.days * DAY + since.seconds + 1))

    def missed(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Every firing later than `after` and not later than `until`, in order, in UTC."""
        tick = self.next_after(after)
        while tick <= until:
            yield tick
            tick = self.next_after(tick)

    def suspicion(self) -> str | None:
        """What is probably not meant, in one sentence with the way out; None if nothing stands out."""
        words = self.text.split()
        if len(words) != 6 or words[5] != "*" or words[0] == "*":
            return None
        rest = " ".join(words[1:])
        meant = f"{rest} {words[0]}" if words[0] != "0" else rest
        return (
            f"{self.text!r} fires at every second of each minute that it matches, because the seconds are the last "
            f"field. If the first field was meant to be the seconds, write {meant!r}."
        )


class LocalSchedule:
    """The matching times of a calendar without a zone, in seconds since 1970."""

    __slots__ = ("_days", "_first", "_first_in_hour", "_hours", "_minutes", "_second", "_seconds")

    def __init__(self, fields: CronFields, days: DayTable | None) -> None:
        self._hours = _followers(fields.hours, 24)
        self._minutes = _followers(fields.minutes, 60)
        self._seconds = _followers(fields.seconds, 60)
        self._second = fields.seconds[0]
        self._first_in_hour = fields.minutes[0] * 60 + self._second
        self._first = fields.hours[0] * 3600 + self._first_in_hour
        self._days = days

    def at_or_after(self, moment: int) -> int:
        """The first matching time that is not before `moment`."""
        day, within = divmod(moment, DAY)
        if self._days is not None:
            matching = self._days.at_or_after(day)
            if matching > day:
                return matching * DAY + self._first
        found = self._within_day(within)
        if found != NONE_LEFT:
            return day * DAY + found
        day += 1
        return (day if self._days is None else self._days.at_or_after(day)) * DAY + self._first

    def _within_day(self, within: int) -> int:
        hour, rest = divmod(within, 3600)
        if self._hours[hour] == hour:
            minute, second = divmod(rest, 60)
            if self._minutes[minute] == minute:
                following = self._seconds[second]
                if following != NONE_LEFT:
                    return within - second + following
                minute += 1
            minute = self._minutes[minute]
            if minute != NONE_LEFT:
                return within - rest + minute * 60 + self._second
            hour += 1
        hour = self._hours[hour]
        return NONE_LEFT if hour == NONE_LEFT else hour * 3600 + self._first_in_hour


class ZonedSchedule:
    """The same in a zone: from instants to instants, in seconds since 1970."""

    __slots__ = ("_interval", "_local", "_zone")

    def __init__(self, local: LocalSchedule, zone: str, interval: bool) -> None:
        self._local = local
        self._zone = zone
        self._interval = interval

    def at_or_after(self, instant: int) -> int:
        """The first matching instant that is not before `instant`."""
        stretch = instant // STRETCH
        while True:
            for span in spans(self._zone, stretch):
                if instant < span.end:
                    found = self._in_span(span, instant)
                    if found < span.end:
                        return found
                    instant = span.end
            stretch += 1

    def _in_span(self, span: Span, instant: int) -> int:
        """The first match if `span` went on for ever."""
        start, _end, offset, jump = span
        moment = instant + offset
        if jump and not self._interval:
            arrival = start + offset
            if jump < 0:
                moment = max(moment, arrival - jump)
            elif instant == start and self._local.at_or_after(arrival - jump) < arrival:
                return start
        return self._local.at_or_after(moment) - offset


def _followers(values: Values, size: int) -> tuple[int, ...]:
    """For each number up to and including `size`, the smallest of `values` that is not below it, or `NONE_LEFT`."""
    return tuple(next((value for value in values if value >= number), NONE_LEFT) for number in range(size + 1))
