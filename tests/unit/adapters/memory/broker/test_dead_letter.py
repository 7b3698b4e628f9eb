"""The record of deaths, as pure arithmetic."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jararaca.adapters.memory.broker.dead_letter import Death, is_cycle, with_death

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EXPIRED = Death("w", "expired", "", ("w",), NOW, "1000")
REJECTED = Death("m", "rejected", "x", ("m",), NOW)


def test_the_first_death_is_recorded_twice() -> None:
    """RMQ-45, RMQ-51, RMQ-52."""
    assert with_death({"mine": 1}, EXPIRED) == {
        "mine": 1,
        "x-death": [
            {
                "count": 1,
                "reason": "expired",
                "queue": "w",
                "time": NOW,
                "exchange": "",
                "routing-keys": ["w"],
                "original-expiration": "1000",
            }
        ],
        "x-first-death-exchange": "",
        "x-first-death-queue": "w",
        "x-first-death-reason": "expired",
    }


def test_a_loop_counts_per_queue_and_reason_newest_first() -> None:
    """RMQ-51: what else the entry says stays as it was at its first time."""
    headers: dict[str, Any] = {}
    for death in (EXPIRED, REJECTED, replace(EXPIRED, time=NOW.replace(year=2027)), REJECTED):
        headers = with_death(headers, death)
    assert [(entry["queue"], entry["reason"], entry["count"]) for entry in headers["x-death"]] == [
        ("m", "rejected", 2),
        ("w", "expired", 2),
    ]
    assert headers["x-death"][1]["time"] == NOW
    assert headers["x-first-death-reason"] == "expired"


@pytest.mark.parametrize("nonsense", ["text", 5, ["text"], [{"queue": "w", "reason": "expired", "count": "many"}]])
def test_a_publishers_nonsense_in_the_record_is_survived(nonsense: Any) -> None:
    headers = with_death({"x-death": nonsense}, EXPIRED)
    assert headers["x-death"][0]["count"] == 1
    assert "x-first-death-queue" not in headers


def test_a_message_that_comes_round_by_itself_is_a_cycle() -> None:
    """RMQ-54."""
    headers = with_death(with_death({}, EXPIRED), replace(EXPIRED, queue="v"))
    assert (is_cycle("w", headers), is_cycle("v", headers), is_cycle("u", headers)) == (True, True, False)
    assert is_cycle("w", {}) is False


def test_a_rejection_on_the_way_makes_it_no_cycle() -> None:
    headers = with_death(with_death({}, EXPIRED), REJECTED)
    assert is_cycle("w", headers) is False
