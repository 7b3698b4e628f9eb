"""The settlement table, row by row, as the pure function that it is."""

from typing import Any

import pytest

from jararaca.core.invocation import Outcome
from jararaca.errors import CommittedNotAnnounced, HandlerTimeout
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.messagebus.messages import Decision
from jararaca.messagebus.retry import RetryPolicy
from jararaca.messagebus.settlement import Settlement, settle, will_retry

OK: Outcome[None] = Outcome(None, None, True)
ROLLED_BACK: Outcome[None] = Outcome(None, None, False)
POLICY = RetryPolicy(max_attempts=3, dead_letter_on=(LookupError,), ignore_on=(ArithmeticError,))


class Controller:
    """Stands for a user's."""


def handler(**options: Any) -> HandlerSpec:
    return HandlerSpec(name="h", topic="t", controller=Controller, method="m", model=int, **options)


def failed(error: BaseException, *, committed: bool = False) -> Outcome[None]:
    return Outcome(None, error, committed)


ROWS: list[tuple[str, dict[str, Any], Outcome[None], Decision | None, int, Settlement]] = [
    ("returns", {}, OK, None, 1, Settlement("ack")),
    ("acks", {"auto_ack": False}, OK, Decision("ack"), 1, Settlement("ack")),
    ("rollback-only and returns", {}, ROLLED_BACK, None, 1, Settlement("ack")),
    ("undecided", {"auto_ack": False}, ROLLED_BACK, None, 1, Settlement("dead-letter", "unsettled")),
    ("nack keeps the attempt", {}, ROLLED_BACK, Decision("requeue"), 2, Settlement("wait", "nack", 0.125, 2)),
    ("reject", {}, ROLLED_BACK, Decision("reject", "no"), 1, Settlement("dead-letter", "rejected")),
    ("retry by the default policy", {}, ROLLED_BACK, Decision("retry"), 1, Settlement("wait", "retry", 1.0, 2)),
    ("retry after a delay", {}, ROLLED_BACK, Decision("retry", delay=7), 1, Settlement("wait", "retry", 7, 2)),
    ("retry at once", {}, ROLLED_BACK, Decision("retry", delay=0), 1, Settlement("wait", "retry", 0, 2)),
    (
        "retry when spent",
        {"retry": POLICY},
        ROLLED_BACK,
        Decision("retry", delay=7),
        3,
        Settlement("dead-letter", "retries-exhausted"),
    ),
    ("raises, retried", {"retry": POLICY}, failed(OSError()), None, 2, Settlement("wait", "retry", 2.0, 3)),
    ("raises, spent", {"retry": POLICY}, failed(OSError()), None, 3, Settlement("dead-letter", "retries-exhausted")),
    ("raises, dead_letter_on", {"retry": POLICY}, failed(KeyError()), None, 1, Settlement("dead-letter", "error")),
    ("raises, ignore_on", {"retry": POLICY}, failed(ZeroDivisionError()), None, 1, Settlement("ack", "ignored")),
    ("raises without policy", {}, failed(OSError()), None, 1, Settlement("dead-letter", "error")),
    (
        "raises with nack_on_exception",
        {"nack_on_exception": True},
        failed(OSError()),
        None,
        1,
        Settlement("wait", "nack", 1.0, 1),
    ),
    (
        "a policy makes nack_on_exception void",
        {"nack_on_exception": True, "retry": POLICY},
        failed(KeyError()),
        None,
        1,
        Settlement("dead-letter", "error"),
    ),
    ("times out", {}, failed(HandlerTimeout("slow")), None, 1, Settlement("dead-letter", "timeout")),
    (
        "times out, retried",
        {"retry": POLICY},
        failed(HandlerTimeout("slow")),
        None,
        1,
        Settlement("wait", "retry", 1.0, 2),
    ),
    ("decided, then raises", {}, failed(OSError()), Decision("ack"), 1, Settlement("dead-letter", "error")),
    (
        "publish after the commit fails",
        {},
        failed(CommittedNotAnnounced("lost"), committed=True),
        None,
        1,
        Settlement("requeue", "not-announced"),
    ),
    (
        "fails after everything stands",
        {},
        failed(OSError(), committed=True),
        None,
        1,
        Settlement("ack", "failed-after-commit"),
    ),
    ("acked early, returns", {}, OK, Decision("ack", early=True), 1, Settlement("none", "early-ack")),
    ("acked early, raises", {}, failed(OSError()), Decision("ack", early=True), 1, Settlement("none", "early-ack")),
]


@pytest.mark.parametrize(
    ("options", "outcome", "decision", "attempt", "expected"),
    [row[1:] for row in ROWS],
    ids=[row[0] for row in ROWS],
)
def test_each_row_of_the_table_has_one_settlement(
    options: dict[str, Any], outcome: Outcome[None], decision: Decision | None, attempt: int, expected: Settlement
) -> None:
    assert settle(handler(**options), outcome, decision, attempt=attempt, random=0.0) == expected


def test_jitter_shortens_the_delay_of_the_policy_and_not_one_that_was_asked_for() -> None:
    by_policy = settle(handler(retry=POLICY), failed(OSError()), None, attempt=1, random=0.5)
    asked_for = settle(handler(), ROLLED_BACK, Decision("retry", delay=7), attempt=1, random=0.5)
    assert (by_policy.delay, asked_for.delay) == (0.5, 7)


@pytest.mark.parametrize(
    ("options", "attempt", "expected"),
    [
        ({}, 1, False),
        ({"nack_on_exception": True}, 9, True),
        ({"retry": POLICY}, 2, True),
        ({"retry": POLICY}, 3, False),
    ],
)
def test_a_handler_can_know_whether_a_failure_brings_the_message_back(
    options: dict[str, Any], attempt: int, expected: bool
) -> None:
    assert will_retry(handler(**options), attempt) is expected
