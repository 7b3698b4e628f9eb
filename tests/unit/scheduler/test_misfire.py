"""Which ticks fire: the policies, and laws that hold for all of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.scheduler.cron import CronExpression
from jararaca.scheduler.decorators import Misfire
from jararaca.scheduler.misfire import Decision, Due, due_ticks

NOON = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
MINUTELY = CronExpression("* * * * *")
POLICIES: list[Misfire] = ["skip", "once", "all"]


def minutes(*numbers: float) -> tuple[Due, ...]:
    return tuple(Due(NOON + timedelta(minutes=number)) for number in numbers)


@pytest.mark.parametrize("misfire", POLICIES)
def test_a_tick_on_time_fires_under_every_policy(misfire: Misfire) -> None:
    now = NOON + timedelta(minutes=1, milliseconds=900)

    assert due_ticks(MINUTELY, after=NOON, now=now, misfire=misfire, grace=0.5) == Decision(minutes(1))


@pytest.mark.parametrize("misfire", POLICIES)
def test_nothing_is_due_before_the_next_tick(misfire: Misfire) -> None:
    assert due_ticks(MINUTELY, after=NOON, now=NOON + timedelta(seconds=59), misfire=misfire) == Decision(())


def test_skip_drops_what_was_missed_and_fires_what_is_due_now() -> None:
    late = due_ticks(MINUTELY, after=NOON, now=NOON + timedelta(minutes=3, seconds=2), misfire="skip")
    in_time = due_ticks(MINUTELY, after=NOON, now=NOON + timedelta(minutes=3), misfire="skip")

    assert late == Decision((), dropped=3)
    assert in_time == Decision(minutes(3), dropped=2)


def test_skip_drops_a_single_tick_that_is_late() -> None:
    now = NOON + timedelta(minutes=1, seconds=2)

    assert due_ticks(MINUTELY, after=NOON, now=now, misfire="skip") == Decision((), dropped=1)


def test_once_fires_the_latest_for_all_of_them() -> None:
    decision = due_ticks(MINUTELY, after=NOON, now=NOON + timedelta(minutes=5, seconds=30), misfire="once")

    assert decision == Decision((Due(NOON + timedelta(minutes=5), missed=4),))


def test_all_fires_in_order_and_keeps_the_latest_of_too_many() -> None:
    now = NOON + timedelta(minutes=5, seconds=30)

    assert due_ticks(MINUTELY, after=NOON, now=now, misfire="all") == Decision(minutes(1, 2, 3, 4, 5))
    few = due_ticks(MINUTELY, after=NOON, now=now, misfire="all", max_catch_up=2)
    assert few == Decision(minutes(4, 5), dropped=3)


def test_a_grace_drops_older_ticks_whatever_the_policy() -> None:
    now = NOON + timedelta(minutes=5, seconds=30)

    once = due_ticks(MINUTELY, after=NOON, now=now, misfire="once", grace=90)
    every = due_ticks(MINUTELY, after=NOON, now=now, misfire="all", grace=90)
    none = due_ticks(MINUTELY, after=NOON, now=now, misfire="all", grace=10)

    assert once == Decision((Due(NOON + timedelta(minutes=5), missed=1),), dropped=3)
    assert every == Decision(minutes(4, 5), dropped=3)
    assert none == Decision((), dropped=5)


@given(
    seconds=st.integers(0, 7200),
    misfire=st.sampled_from(POLICIES),
    grace=st.none() | st.integers(1, 7200),
    max_catch_up=st.integers(1, 50),
)
def test_every_tick_fires_or_is_counted_and_none_fires_twice(
    seconds: int, misfire: Misfire, grace: float | None, max_catch_up: int
) -> None:
    now = NOON + timedelta(seconds=seconds)
    decision = due_ticks(MINUTELY, after=NOON, now=now, misfire=misfire, grace=grace, max_catch_up=max_catch_up)

    fired = [due.scheduled_at for due in decision.fire]
    assert fired == sorted(set(fired))
    assert all(NOON < tick <= now for tick in fired)
    assert len(fired) + sum(due.missed for due in decision.fire) + decision.dropped == seconds // 60
    assert len(fired) <= max_catch_up
