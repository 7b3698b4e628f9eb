"""RetryPolicy is a pure rule: delays, an end, and a verdict per exception."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.errors import InvalidOption
from jararaca.messagebus.retry import RetryPolicy, Verdict


@pytest.mark.parametrize(
    ("attempt", "delay"), [(1, 0.0), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, None), (10**9, None)]
)
def test_delays_double_until_attempts_are_spent(attempt: int, delay: float | None) -> None:
    assert RetryPolicy().delay_before(attempt) == delay


def test_a_delay_never_exceeds_the_longest_one() -> None:
    assert RetryPolicy(max_attempts=50, max_delay=30.0).delay_before(50) == 30.0


def test_a_delay_too_large_for_a_float_is_the_longest_one() -> None:
    assert RetryPolicy(max_attempts=10**6, factor=10.0).delay_before(10**6) == 300.0


@given(st.floats(min_value=0, max_value=1, exclude_max=True), st.integers(min_value=2, max_value=5))
def test_full_jitter_takes_off_a_part_and_never_all(random: float, attempt: int) -> None:
    """A delay of zero would bring failed messages back together."""
    full = RetryPolicy().delay_before(attempt)
    jittered = RetryPolicy().delay_before(attempt, random=random)
    assert full is not None
    assert jittered is not None
    assert 0 < jittered <= full


def test_without_jitter_the_delay_is_whole() -> None:
    assert RetryPolicy(jitter="none").delay_before(2, random=0.9) == 1.0


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (RuntimeError(), "retry"),
        (LookupError(), "dead-letter"),
        (IndexError(), "dead-letter"),
        (KeyError(), "ignore"),
        (KeyboardInterrupt(), "dead-letter"),
    ],
)
def test_the_class_nearest_to_the_exception_decides(error: BaseException, verdict: Verdict) -> None:
    """KeyError is a LookupError is an Exception, and each is named: the nearest wins."""
    policy = RetryPolicy(retry_on=(Exception,), dead_letter_on=(LookupError,), ignore_on=(KeyError,))
    assert policy.verdict(error) == verdict


def test_an_exception_that_is_not_named_is_dead_lettered() -> None:
    assert RetryPolicy(retry_on=(ValueError,)).verdict(TypeError()) == "dead-letter"


@pytest.mark.parametrize(
    "options",
    [
        {"max_attempts": 0},
        {"first_delay": -1.0},
        {"factor": 0.5},
        {"max_delay": 0.5},
        {"max_delay": float("inf")},
        {"jitter": "some"},
        {"max_attempts": "3"},
        {"first_delay": timedelta(seconds=1)},
        {"factor": None},
        {"max_delay": "300"},
        {"retry_on": [ValueError]},
        {"ignore_on": (int,)},
        {"dead_letter_on": (ValueError(),)},
    ],
)
def test_an_option_that_cannot_work_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match=rf"RetryPolicy\({next(iter(options))}=.*\) cannot work"):
        RetryPolicy(**options)
