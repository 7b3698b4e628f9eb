"""Four zones and their changes of a year, against a walk over each minute, and against cronsim.

cronsim imitates Debian's cron, as we do. It goes by the text, so that `0-23` is no wildcard for it, and after a change
of half an hour it loses firings, so that the changes of Lord Howe are not compared, but for fixed times.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from minute_walk import walk

from jararaca.scheduler.cron import CronExpression
from jararaca_testing.contracts import proves

pytestmark = proves("F-84", "F-85")

CHANGES = {
    "Europe/Berlin": ["2026-03-29 01:00", "2026-10-25 01:00"],
    "America/New_York": ["2026-03-08 07:00", "2026-11-01 06:00"],
    "Australia/Lord_Howe": ["2026-04-04 15:00", "2026-10-03 15:30"],
    "America/Sao_Paulo": ["2018-02-18 02:00", "2018-11-04 03:00"],
}
FIXED = [
    "30 2 * * *",
    "0 2 * * *",
    "15 2 * * *",
    "45 1 * * *",
    "0 0 * * *",
    "30 0 * * *",
    "30 23 * * *",
    "0 1,2,3 * * *",
    "0,30 2,3 * * *",
    "5 0-3 * * *",
    "30 2 * * 0",
    "0 0 1 * *",
    "59 23 28-31 * *",
]
INTERVALS = ["*/30 2 * * *", "*/15 1 * * *", "0 * * * *", "0 */2 * * *", "15 */6 * * *", "*/20 * * * *", "* 1-2 * * *"]
BEFORE, AFTER = timedelta(hours=5), timedelta(hours=9)


@dataclass(frozen=True)
class Meant:
    """An expression read by hand: numbers, ranges, lists and steps of a star are enough for the table."""

    text: str

    @property
    def follows_elapsed_time(self) -> bool:
        return "*" in self.text.split()[0] + self.text.split()[1]

    def matches(self, local: datetime) -> bool:
        values = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
        return all(_has(field, value) for field, value in zip(self.text.split(), values, strict=True))


def _has(field: str, value: int) -> bool:
    if field.startswith("*"):
        return value % int(field.removeprefix("*/").removeprefix("*") or 1) == 0
    ranges = [part.partition("-") for part in field.split(",")]
    return any(int(first) <= value <= int(last or first) for first, _dash, last in ranges)


def around(at: str) -> tuple[datetime, datetime]:
    change = datetime.fromisoformat(at).replace(tzinfo=UTC)
    return change - BEFORE, change + AFTER


def simulated(text: str, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    ticks = CronSim(text, start.astimezone(zone))
    found = []
    while (tick := next(ticks).astimezone(UTC)) <= end:
        found.append(tick)
    return found


@pytest.mark.parametrize("zone", CHANGES)
def test_around_a_change_exactly_the_minutes_fire_that_a_walk_finds(zone: str) -> None:
    for at in CHANGES[zone]:
        start, end = around(at)
        for text in (*FIXED, *INTERVALS):
            expected = list(walk(Meant(text), ZoneInfo(zone), start, end))
            assert list(CronExpression(text, zone).missed(start, end)) == expected, (text, at)


@pytest.mark.parametrize("zone", CHANGES)
def test_around_a_change_exactly_the_minutes_fire_that_cronsim_finds(zone: str) -> None:
    texts = FIXED if zone == "Australia/Lord_Howe" else [*FIXED, *INTERVALS]
    for at in CHANGES[zone]:
        start, end = around(at)
        for text in texts:
            expected = simulated(text, ZoneInfo(zone), start, end)
            assert list(CronExpression(text, zone).missed(start, end)) == expected, (text, at)


@pytest.mark.parametrize("text", [*FIXED, *INTERVALS])
def test_over_two_months_in_utc_the_firings_are_those_that_cronsim_finds(text: str) -> None:
    start, end = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    zone = ZoneInfo("UTC")

    assert list(CronExpression(text).missed(start, end)) == simulated(text, zone, start, end)
