"""Cron expressions in zones that change their offset."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minute_walk import MINUTE, walk

from jararaca.scheduler.cron import CronExpression
from jararaca_testing.contracts import proves


def firings(text: str, zone: str, day: str, days: int = 1) -> list[str]:
    """The firings of some local days, each with the offset that tells the two passes of an hour apart."""
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    end = start + timedelta(days=days)
    ticks = CronExpression(text, zone).missed(start - timedelta(seconds=1), end - timedelta(seconds=1))
    return [f"{tick.astimezone(ZoneInfo(zone)):%H:%M%z}" for tick in ticks]


@proves("F-84")
@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("0 2 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200"]),
        ("0,30 2,3 * * *", "Europe/Berlin", "2026-03-29", ["03:00+0200", "03:30+0200"]),
        ("30 2 * * *", "America/New_York", "2026-03-08", ["03:00-0400"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["02:30+1100"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-04", ["01:00-0200"]),
        ("30 2 * * mon", "Europe/Berlin", "2026-03-29", []),
    ],
)
def test_a_local_time_that_does_not_exist_fires_at_the_next_that_does(
    text: str, zone: str, day: str, expected: list[str]
) -> None:
    assert firings(text, zone, day) == expected


@proves("F-85")
@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:30+0200"]),
        ("0 2,3 * * *", "Europe/Berlin", "2026-10-25", ["02:00+0200", "03:00+0100"]),
        ("30 1 * * *", "America/New_York", "2026-11-01", ["01:30-0400"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["01:45+1100"]),
        ("30 23 * * *", "America/Sao_Paulo", "2018-02-17", ["23:30-0200"]),
    ],
)
def test_a_local_time_that_occurs_twice_fires_the_first_time(
    text: str, zone: str, day: str, expected: list[str]
) -> None:
    assert firings(text, zone, day) == expected


@proves("F-85")
@pytest.mark.parametrize(
    ("text", "zone", "day", "expected"),
    [
        ("*/30 2 * * *", "Europe/Berlin", "2026-10-25", ["02:00+0200", "02:30+0200", "02:00+0100", "02:30+0100"]),
        ("0 */2 * * *", "Europe/Berlin", "2026-10-25", 13),
        ("0 * * * *", "Europe/Berlin", "2026-10-25", 25),
        ("30 0-23 * * *", "Europe/Berlin", "2026-10-25", 25),
        ("0 * * * *", "Europe/Berlin", "2026-03-29", 23),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-29", []),
        ("*/15 1 * * *", "Australia/Lord_Howe", "2026-04-05", 6),
    ],
)
def test_wildcards_and_steps_run_in_both_hours_and_in_none_that_does_not_exist(
    text: str, zone: str, day: str, expected: int | list[str]
) -> None:
    found = firings(text, zone, day)
    assert expected in (found, len(found))


def test_seconds_of_a_minute_that_does_not_exist_are_one_firing() -> None:
    assert firings("30 2 * * * */10", "Europe/Berlin", "2026-03-29") == ["03:00+0200"]


def test_a_day_that_a_zone_skipped_fires_at_the_start_of_the_next() -> None:
    """Samoa moved over the date line and had no 30 December 2011."""
    assert firings("0 12 * * *", "Pacific/Apia", "2011-12-29", days=3) == ["12:00-1000", "00:00+1400", "12:00+1400"]


def test_a_rare_expression_crosses_many_changes() -> None:
    expression = CronExpression("0 12 29 2 *", "Europe/Berlin")
    assert expression.next_after(datetime(2096, 3, 1, tzinfo=UTC)) == datetime(2104, 2, 29, 11, tzinfo=UTC)


def test_utc_by_name_is_utc() -> None:
    assert CronExpression("0 0 * * *", "UTC").next_after(datetime(2026, 3, 29, tzinfo=UTC)) == datetime(
        2026, 3, 30, tzinfo=UTC
    )


@dataclass(frozen=True)
class Sample:
    """A text together with what it means, so that the walk needs no parser."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    follows_elapsed_time: bool

    def matches(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours


@dataclass(frozen=True)
class Field:
    text: str
    values: frozenset[int]
    is_wildcard: bool


def fields(size: int) -> st.SearchStrategy[Field]:
    def step(width: int) -> Field:
        return Field(f"*/{width}", frozenset(range(0, size, width)), True)

    def plain(values: list[int]) -> Field:
        return Field(",".join(map(str, values)), frozenset(values), len(set(values)) == size)

    everything = Field("*", frozenset(range(size)), True)
    some = st.lists(st.integers(0, size - 1), min_size=1, max_size=5).map(plain)
    return st.one_of(st.just(everything), st.integers(1, size // 2).map(step), some)


SAMPLES = st.builds(
    lambda minute, hour: Sample(
        f"{minute.text} {hour.text} * * *", minute.values, hour.values, minute.is_wildcard or hour.is_wildcard
    ),
    fields(60),
    fields(24),
)
CHANGES = st.sampled_from(
    [
        (zone, datetime.fromisoformat(instant).replace(tzinfo=UTC))
        for zone, instant in [
            ("Europe/Berlin", "2026-03-29 01:00"),
            ("Europe/Berlin", "2026-10-25 01:00"),
            ("Europe/Berlin", "2067-10-30 01:00"),
            ("America/New_York", "2026-03-08 07:00"),
            ("America/New_York", "2026-11-01 06:00"),
            ("Australia/Lord_Howe", "2026-04-04 15:00"),
            ("Australia/Lord_Howe", "2026-10-03 15:30"),
            ("America/Sao_Paulo", "2018-02-18 02:00"),
            ("America/Sao_Paulo", "2018-11-04 03:00"),
            ("Africa/Casablanca", "2026-02-15 02:00"),
        ]
    ]
)


@proves("F-85")
@given(SAMPLES, CHANGES, st.integers(-1000, 600))
def test_around_every_change_the_firings_are_those_of_a_walk_over_each_minute(
    sample: Sample, change: tuple[str, datetime], minutes_before: int
) -> None:
    """Whatever is drawn, and wherever the walk begins and ends."""
    zone, at = change
    start = at - MINUTE * minutes_before
    end = at + timedelta(hours=20)

    expected = list(walk(sample, ZoneInfo(zone), start, end))

    assert list(CronExpression(sample.text, zone).missed(start, end)) == expected
