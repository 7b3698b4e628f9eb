"""When a cron expression fires next, in UTC."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import islice

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from jararaca.scheduler.cron import CronExpression

START = datetime(2026, 11, 5, 13, 47, 22, tzinfo=UTC)
SATURDAY = datetime(2026, 8, 1, 0, 0, tzinfo=UTC)


def upcoming(text: str, count: int, after: datetime = START) -> list[str]:
    expression = CronExpression(text)
    ticks = []
    for _ in range(count):
        after = expression.next_after(after)
        ticks.append(f"{after:%Y-%m-%d %H:%M:%S}")
    return ticks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", ["2026-11-05 13:48:00", "2026-11-05 13:49:00"]),
        ("*/5 * * * *", ["2026-11-05 13:50:00", "2026-11-05 13:55:00"]),
        ("* * * * * */3", ["2026-11-05 13:47:24", "2026-11-05 13:47:27"]),
        ("* * * * * *", ["2026-11-05 13:47:23", "2026-11-05 13:47:24"]),
        ("* * * * * 0", ["2026-11-05 13:48:00", "2026-11-05 13:49:00"]),
        ("15,45 8-17/3 * * *", ["2026-11-05 14:15:00", "2026-11-05 14:45:00"]),
        ("0 0 * * *", ["2026-11-06 00:00:00", "2026-11-07 00:00:00"]),
        ("30 9 * * mon-fri", ["2026-11-06 09:30:00", "2026-11-09 09:30:00"]),
        ("0 0 * * 7", ["2026-11-08 00:00:00", "2026-11-15 00:00:00"]),
        ("0 0 1 jan,JUL *", ["2027-01-01 00:00:00", "2027-07-01 00:00:00"]),
        ("0 0 29 2 *", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("0 0 L * ?", ["2026-11-30 00:00:00", "2026-12-31 00:00:00"]),
        ("0 0 * * 2#3", ["2026-11-17 00:00:00", "2026-12-15 00:00:00"]),
        ("0 0 * * L5", ["2026-11-27 00:00:00", "2026-12-25 00:00:00"]),
        ("0 0 15W * *", ["2026-11-16 00:00:00", "2026-12-15 00:00:00"]),
        ("0 0 13 * fri", ["2026-11-06 00:00:00", "2026-11-13 00:00:00", "2026-11-20 00:00:00"]),
        ("@daily", ["2026-11-06 00:00:00", "2026-11-07 00:00:00"]),
        ("59 23 31 12 *", ["2026-12-31 23:59:00", "2027-12-31 23:59:00"]),
    ],
)
def test_the_next_firings_are_those_that_the_fields_name(text: str, expected: list[str]) -> None:
    assert upcoming(text, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 1W * *", "2026-08-03 00:00:00"),
        ("0 0 2W * *", "2026-08-03 00:00:00"),
        ("0 0 8W * *", "2026-08-07 00:00:00"),
        ("0 0 31W 5 *", "2027-05-31 00:00:00"),
        ("0 0 31W 1 *", "2027-01-29 00:00:00"),
    ],
)
def test_the_nearest_working_day_stays_within_its_month(text: str, expected: str) -> None:
    """1 August 2026 is a Saturday: the Friday before it would be in July."""
    assert upcoming(text, 1, SATURDAY) == [expected]


def test_an_instant_that_matches_is_not_its_own_successor() -> None:
    tick = datetime(2026, 1, 1, tzinfo=UTC)
    assert CronExpression("0 0 * * *").next_after(tick) == tick + timedelta(days=1)


def test_a_fraction_of_a_second_before_a_tick_the_tick_is_next() -> None:
    tick = datetime(2026, 1, 1, tzinfo=UTC)
    assert CronExpression("0 0 * * *").next_after(tick - timedelta(microseconds=1)) == tick


def test_an_instant_may_be_given_in_any_zone_and_the_answer_is_in_utc() -> None:
    tick = CronExpression("0 12 * * *").next_after(datetime(2026, 1, 1, 13, 30, tzinfo=timezone(timedelta(hours=2))))
    assert (tick, tick.tzinfo) == (datetime(2026, 1, 1, 12, tzinfo=UTC), UTC)


def test_times_before_1970_are_no_exception() -> None:
    assert upcoming("0 0 1 * *", 1, datetime(1969, 6, 5, 1, 2, 3, tzinfo=UTC)) == ["1969-07-01 00:00:00"]


def test_missed_gives_what_lies_after_the_first_and_up_to_the_second_instant() -> None:
    first = datetime(2026, 1, 1, tzinfo=UTC)
    missed = CronExpression("0 * * * *").missed(first, first + timedelta(hours=3))
    assert list(missed) == [first + timedelta(hours=hours) for hours in (1, 2, 3)]


def test_missed_is_lazy() -> None:
    """Three days of every second are not built when only the first is wanted."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    missed = CronExpression("* * * * * *").missed(first, first + timedelta(days=3650))
    assert list(islice(missed, 1)) == [first + timedelta(seconds=1)]


def test_nothing_is_missed_when_no_time_has_passed() -> None:
    assert list(CronExpression("* * * * *").missed(START, START)) == []


def test_expressions_are_values() -> None:
    first, second = CronExpression("0 0 * * *", "Europe/Berlin"), CronExpression("0 0 * * *", "Europe/Berlin")
    assert (first, hash(first), repr(first)) == (second, hash(second), repr(second))
    assert first != CronExpression("0 0 * * *")


def numbers(low: int, high: int, names: tuple[str, ...] = ()) -> st.SearchStrategy[str]:
    """The text of one field: a wildcard, numbers, names, ranges, steps, or a list of them."""
    number = st.integers(low, high)
    item = st.one_of(
        number.map(str),
        st.builds("{}-{}".format, number, number),
        st.builds("{}-{}/{}".format, number, number, st.integers(1, 12)),
        st.builds("{}/{}".format, number, st.integers(1, 12)),
        st.builds("*/{}".format, st.integers(1, 12)),
        *([st.sampled_from(names)] if names else []),
    )
    return st.one_of(st.just("*"), st.lists(item, min_size=1, max_size=3).map(",".join))


MINUTES, HOURS, SECONDS = numbers(0, 59), numbers(0, 23), numbers(0, 59)
EARLY_DAYS = st.one_of(numbers(1, 28), st.sampled_from(("L", "?", "1,L")))
MONTHS = numbers(1, 12, ("jan", "feb-apr", "dec"))
DATES = st.one_of(
    st.tuples(EARLY_DAYS, MONTHS).map(" ".join),
    st.sampled_from(("31 *", "30,31 *", "29 2", "29-31 */2", "31 jan-mar", "31 4,5", "28-31 feb")),
)
WEEKDAYS = st.one_of(numbers(0, 7, ("mon", "tue-sat")), st.just("?"))
SPECIAL = st.sampled_from(
    ["{} * mon#1", "{} * 2#3", "{} * 5#5", "{} * L5", "{} 2 L0,3#2", "1W * {}", "15W 2 {}", "31W * {}"]
).map(lambda days: days.format("*"))
EXPRESSIONS = st.one_of(
    st.tuples(MINUTES, HOURS, DATES, WEEKDAYS).map(" ".join),
    st.tuples(MINUTES, HOURS, DATES, WEEKDAYS, SECONDS).map(" ".join),
    st.tuples(MINUTES, HOURS, SPECIAL).map(" ".join),
)
INSTANTS = st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


@given(EXPRESSIONS, INSTANTS)
def test_in_utc_every_firing_is_the_one_that_croniter_finds(text: str, start: datetime) -> None:
    oracle = croniter(text, start)
    expected = [oracle.get_next(datetime) for _ in range(4)]

    ours = [start]
    expression = CronExpression(text)
    for _ in expected:
        ours.append(expression.next_after(ours[-1]))

    assert ours[1:] == expected
