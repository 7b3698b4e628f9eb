"""The ladder: any wait, made of a few fixed ones."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.messagebus.waits import LADDER, SHORTEST, SLACK, hops, next_step, step_from_now, ttl

waits = st.floats(min_value=0, max_value=10_000_000, exclude_min=True)


@given(waits)
def test_a_wait_is_never_early_and_at_most_one_shortest_step_late(remaining: float) -> None:
    assert remaining <= sum(hops(remaining)) <= remaining + SHORTEST


@given(waits)
def test_a_wait_takes_only_steps_of_the_ladder_and_never_a_longer_one_after_a_shorter(remaining: float) -> None:
    steps = list(hops(remaining))
    assert set(steps) <= set(LADDER)
    assert steps == sorted(steps, reverse=True)


@given(waits)
def test_a_step_is_the_longest_that_fits(remaining: float) -> None:
    assert next_step(remaining) == max([step for step in LADDER if step <= remaining], default=SHORTEST)


@pytest.mark.parametrize("step", LADDER)
def test_a_wait_as_long_as_a_step_takes_that_step_alone(step: float) -> None:
    assert list(hops(step)) == [step]


def test_the_ladder_doubles_from_an_eighth_of_a_second_to_36_hours() -> None:
    assert len(LADDER) == 21
    assert LADDER[0] == 0.125
    assert LADDER[-1] == 131_072.0
    assert all(longer == 2 * shorter for shorter, longer in pairwise(LADDER))


def test_every_step_is_a_whole_number_of_milliseconds() -> None:
    assert [ttl(step) / 1000 for step in LADDER] == list(LADDER)


@pytest.mark.parametrize("over", [0.0, -1.0])
def test_what_is_over_does_not_wait(over: float) -> None:
    assert list(hops(over)) == []


@given(waits)
def test_a_step_taken_now_ends_at_most_its_slack_late(remaining: float) -> None:
    step = step_from_now(remaining)
    assert step in LADDER
    assert step == SHORTEST or step <= remaining + SLACK


@pytest.mark.parametrize("step", LADDER)
def test_a_moment_that_sending_took_costs_no_further_steps(step: float) -> None:
    assert step_from_now(step - 0.005) == step
