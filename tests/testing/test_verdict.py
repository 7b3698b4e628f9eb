"""Which exceptions of handlers fail a test, and when."""

from typing import Any, Literal

import pytest

from jararaca.core.steps import Kind, Step
from jararaca.errors import InvalidOption
from jararaca_testing.errors import HandlerFailed
from jararaca_testing.ledger import Ledger
from jararaca_testing.verdict import Verdict, failure_of


class Court:
    """A verdict, what it failed the test with, and whether the test can fail at this moment."""

    def __init__(self) -> None:
        self.ledger = Ledger(lambda: 0.0)
        self.failures: list[AssertionError] = []
        self.test_runs = True
        self.verdict = Verdict(self.ledger, self.fail)

    def fail(self, failure: AssertionError) -> bool:
        self.failures.append(failure)
        return self.test_runs

    def ended(self, error: BaseException | None, kind: Kind = Kind.ATTEMPT, name: str = "charge") -> None:
        facts = {"action" if kind is Kind.TICK else "handler": name, "message_id": "m", "exception": error}
        self.step(kind, "after", **facts)

    def step(self, kind: Kind, phase: Literal["before", "after"], **facts: Any) -> Any:
        step = Step(kind, phase, None, None, None, facts)
        self.ledger.observe(step)
        return self.verdict.observe(step)

    @property
    def unexpected(self) -> list[str]:
        return [str(record.error) for record in self.verdict.unexpected()]


@pytest.fixture
def court() -> Court:
    return Court()


@pytest.mark.parametrize("kind", [Kind.ATTEMPT, Kind.TICK])
def test_exceptions_are_unexpected_until_their_class_is_announced(court: Court, kind: Kind) -> None:
    court.ended(TimeoutError("a"), kind)
    court.ended(None, kind)
    court.ended(KeyError("b"), kind)
    assert court.unexpected == ["a", "'b'"]

    court.verdict.expect(OSError)  # of which a TimeoutError is one
    assert court.unexpected == ["'b'"]
    assert court.failures == []


def test_what_was_announced_before_it_came_is_expected(court: Court) -> None:
    court.verdict.expect(TimeoutError, KeyError)

    court.ended(TimeoutError())
    court.ended(KeyError())

    assert court.unexpected == []


def test_each_unexpected_exception_is_told_once_also_when_others_are_announced_in_between(court: Court) -> None:
    court.ended(TimeoutError("a"))
    court.ended(KeyError("b"))
    court.verdict.expect(KeyError)
    assert [str(each.error) for each in court.verdict.untold()] == ["a"]

    court.verdict.expect(TimeoutError)
    court.ended(ValueError("c"))
    assert [str(each.error) for each in court.verdict.untold()] == ["c"]
    assert court.verdict.untold() == []


class Failed(BaseException):
    """As `pytest.fail()` raises: no `Exception`, so that nobody catches it by accident."""


@pytest.mark.parametrize("error", [AssertionError("1 == 2"), Failed("1 == 2")])
@pytest.mark.parametrize("kind", [Kind.ATTEMPT, Kind.TICK])
def test_a_failed_assertion_fails_the_test_at_once_whatever_is_expected(
    court: Court, kind: Kind, error: BaseException
) -> None:
    court.verdict.expect(Exception)

    court.ended(error, kind)

    (failure,) = court.failures
    assert isinstance(failure, HandlerFailed)
    assert (str(failure), failure.__cause__) == ("charge failed an assertion: 1 == 2", error)
    assert court.verdict.untold() == []


def test_a_failed_assertion_that_found_no_test_to_fail_is_told_later(court: Court) -> None:
    court.test_runs = False

    court.ended(AssertionError("1 == 2"))

    assert [str(each.error) for each in court.verdict.untold()] == ["1 == 2"]


@pytest.mark.parametrize("kind", [Kind.SETTLE, Kind.ATTEMPT])
def test_its_message_is_held_where_it_is(court: Court, kind: Kind) -> None:
    court.ended(AssertionError())

    held = court.step(kind, "before", handler="charge", message_id="m")

    assert held is not None
    held.close()


def test_other_messages_and_handlers_go_on(court: Court) -> None:
    court.ended(AssertionError())
    court.ended(AssertionError(), Kind.TICK)

    assert court.step(Kind.SETTLE, "before", handler="charge", message_id="other") is None
    assert court.step(Kind.SETTLE, "before", handler="mail", message_id="m") is None
    assert court.step(Kind.COMMIT, "before") is None


def test_a_failed_assertion_cannot_be_announced(court: Court) -> None:
    with pytest.raises(InvalidOption, match=r"expect_errors\(HandlerFailed\): a failed assertion .* always fails"):
        court.verdict.expect(TimeoutError, HandlerFailed)

    court.ended(TimeoutError("a"))
    assert court.unexpected == ["a"]


@pytest.mark.parametrize(
    ("said", "advice"),
    [(TimeoutError("x"), r"\(TimeoutError\)"), (int, r"\(TimeoutError\)"), (KeyError(1), r"\(KeyError\)")],
)
def test_what_is_announced_is_a_class(court: Court, said: Any, advice: str) -> None:
    with pytest.raises(InvalidOption, match=rf"it takes classes of exceptions, .* Write bus\.expect_errors{advice}\.$"):
        court.verdict.expect(said)


def test_the_failure_lists_all_and_has_the_first_as_its_cause(court: Court) -> None:
    first = TimeoutError("no answer")
    court.ended(first)
    court.ended(KeyError("b"), Kind.TICK, "count")

    failure = failure_of(court.verdict.unexpected())

    assert failure.__cause__ is first
    assert str(failure).splitlines() == [
        "handlers raised what this test did not expect:",
        "  #1 t=0.000 attempt charge TimeoutError: no answer",
        "  #2 t=0.000 tick count KeyError: 'b'",
        "If that is what it shows, say so with bus.expect_errors(TimeoutError).",
    ]


def test_nobody_is_advised_to_expect_a_failed_assertion(court: Court) -> None:
    court.ended(AssertionError("1 == 2"))

    assert "expect_errors" not in str(failure_of(court.ledger.failures))
