"""Which days an expression matches, as a table.

Every rule for days depends only on how long the year is and on the weekday it starts with. There are fourteen kinds
of years, so fourteen tuples are the whole calendar, for ever; and if all of them are empty, no day ever matches.
"""

from bisect import bisect_left
from datetime import date

from jararaca.errors import InvalidCron
from jararaca.scheduler.cron_fields import DayFields

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
EXAMPLES = {(date(year, 1, 1).weekday(), date(year, 12, 31).timetuple().tm_yday): year for year in range(2000, 2028)}
"""One year for each of the fourteen kinds, which are (weekday of 1 January, number of days)."""


class DayTable:
    """Finds the next matching day; days are counted from 1 January 1970."""

    def __init__(self, fields: DayFields) -> None:
        self._fields = fields
        self._tables: dict[tuple[int, int], tuple[int, ...]] = {}

    def matches_ever(self) -> bool:
        """Whether any day of any year matches."""
        return any(self._table(kind) for kind in EXAMPLES)

    def at_or_after(self, day: int) -> int:
        """The first matching day that is not before `day`."""
        year = date.fromordinal(day + EPOCH_ORDINAL).year
        while True:
            first = date(year, 1, 1)
            start = first.toordinal() - EPOCH_ORDINAL
            length = 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365
            table = self._table((first.weekday(), length))
            index = bisect_left(table, day - start)
            if index < len(table):
                return start + table[index]
            year += 1

    def _table(self, kind: tuple[int, int]) -> tuple[int, ...]:
        table = self._tables.get(kind)
        if table is None:
            january = date(EXAMPLES[kind], 1, 1).toordinal()
            days = (date.fromordinal(january + index) for index in range(kind[1]))
            table = tuple(index for index, day in enumerate(days) if _matches(self._fields, day))
            self._tables[kind] = table
        return table


def compile_days(fields: DayFields, text: str) -> DayTable | None:
    """The table of the days that match, or None if all do.

    Raises:
        InvalidCron: no day ever matches.
    """
    if fields.unrestricted:
        return None
    table = DayTable(fields)
    if not table.matches_ever():
        raise InvalidCron(
            f"cron expression {text!r} never matches: no month in its month field has such a day. Correct the day of "
            "month, the month or the day of week."
        )
    return table


def _matches(fields: DayFields, day: date) -> bool:
    """Cron's rule: if days of the month and weekdays are both restricted, either will do."""
    if day.month not in fields.months:
        return False
    if fields.nearest:
        return any(day.day == _nearest_weekday(day, wanted) for wanted in fields.nearest)
    if fields.nth:
        return _is_nth(fields, day)
    if fields.days is not None and fields.weekdays is not None:
        return _in_days(fields, day) or _in_weekdays(fields, day)
    return _in_days(fields, day) and _in_weekdays(fields, day)


def _in_days(fields: DayFields, day: date) -> bool:
    return fields.days is None or day.day in fields.days or (fields.last and day.day == _days_in_month(day))


def _in_weekdays(fields: DayFields, day: date) -> bool:
    return fields.weekdays is None or day.isoweekday() % 7 in fields.weekdays


def _is_nth(fields: DayFields, day: date) -> bool:
    weekday = day.isoweekday() % 7
    is_last = day.day + 7 > _days_in_month(day)
    return (weekday, (day.day + 6) // 7) in fields.nth or (is_last and (weekday, 0) in fields.nth)


def _nearest_weekday(day: date, wanted: int) -> int:
    """The working day nearest to `wanted` in the month of `day`; it never leaves the month."""
    last = _days_in_month(day)
    target = min(wanted, last)
    weekday = day.replace(day=target).weekday()
    if weekday == 5:
        return target - 1 if target > 1 else target + 2
    if weekday == 6:
        return target + 1 if target < last else target - 2
    return target


def _days_in_month(day: date) -> int:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return following.toordinal() - day.replace(day=1).toordinal()
