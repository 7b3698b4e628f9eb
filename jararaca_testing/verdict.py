"""Whether what handlers raised fails the test: an observer that knows what the test expects.

Other exceptions are judged when the test has ended, since it may say afterwards which it expected. A failed assertion
is never expected: it fails the test where it stands, and its message is held, so that nothing is tried again. What is
no `Exception` at all, as that of `pytest.fail()`, counts as one.
"""

import asyncio
from collections.abc import Awaitable, Callable

from jararaca.core.steps import Kind, Step
from jararaca.errors import InvalidOption
from jararaca_testing.dump import expecting
from jararaca_testing.errors import HandlerFailed
from jararaca_testing.ledger import Ledger
from jararaca_testing.records import Record


class Verdict:
    """Judges the failures in `ledger`, which must be told of every step first; `fail` fails the running test.

    It answers whether it did: between two statements of a test there is nothing that could fail.
    """

    def __init__(self, ledger: Ledger, fail: Callable[[AssertionError], bool]) -> None:
        self._ledger = ledger
        self._fail = fail
        self._expected: tuple[type[BaseException], ...] = ()
        self._held: set[tuple[str, str]] = set()
        self._told: set[int] = set()

    def expect(self, *kinds: type[BaseException]) -> None:
        """These exceptions are what the test is about, whether they came already or are to come.

        Raises:
            InvalidOption: one of them is an `AssertionError`, or no class of exceptions.
        """
        for kind in kinds:
            _demand_class(kind)
            if issubclass(kind, AssertionError):
                raise InvalidOption(
                    f"expect_errors({kind.__name__}): a failed assertion in a handler always fails the test. Raise "
                    "another exception where a handler is meant to fail."
                )
        self._expected += kinds

    def observe(self, step: Step) -> Awaitable[None] | None:
        """Look at one step; the settlement of a message whose handler failed an assertion never comes about."""
        if step.phase == "after":
            if step.kind in (Kind.ATTEMPT, Kind.TICK) and _is_assertion(step.facts.get("exception")):
                self._assertion_failed(step)
        elif step.kind in (Kind.ATTEMPT, Kind.SETTLE) and _message(step) in self._held:
            return _for_ever()
        return None

    def _assertion_failed(self, step: Step) -> None:
        if step.kind is Kind.ATTEMPT:
            self._held.add(_message(step))
        error = step.facts["exception"]
        name = step.facts.get("handler") or step.facts.get("action")
        failure = HandlerFailed(f"{name} failed an assertion: {error}")
        failure.__cause__ = error
        if self._fail(failure):
            self._told.update(record.seq for record in self._ledger.failures if record.error is error)

    def unexpected(self) -> list[Record]:
        """The failed attempts and firings whose exception nobody announced."""
        return [each for each in self._ledger.failures if not self._is_expected(each.error)]

    def _is_expected(self, error: BaseException | None) -> bool:
        return isinstance(error, self._expected) and not _is_assertion(error)

    def untold(self) -> list[Record]:
        """Those of `unexpected` that no earlier call returned."""
        untold = [each for each in self.unexpected() if each.seq not in self._told]
        self._told.update(each.seq for each in untold)
        return untold


def _demand_class(kind: object) -> None:
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return
    name = type(kind).__name__ if isinstance(kind, BaseException) else "TimeoutError"
    raise InvalidOption(
        f"expect_errors({kind!r}): it takes classes of exceptions, and this is none. Write bus.expect_errors({name})."
    )


def _is_assertion(error: BaseException | None) -> bool:
    return error is not None and (isinstance(error, AssertionError) or not isinstance(error, Exception))


def _message(step: Step) -> tuple[str, str]:
    return str(step.facts.get("handler")), str(step.facts.get("message_id"))


async def _for_ever() -> None:
    await expecting(asyncio.get_running_loop().create_future(), "the end of the test, which its handler made fail")


def failure_of(records: list[Record]) -> HandlerFailed:
    """One failure for unexpected exceptions: the text lists all of them; the first is its cause."""
    listed = "\n".join(f"  {record}" for record in records)
    first = records[0].error
    failure = HandlerFailed(f"handlers raised what this test did not expect:\n{listed}{_advice(first)}")
    failure.__cause__ = first
    return failure


def _advice(error: BaseException | None) -> str:
    if _is_assertion(error):
        return ""
    return f"\nIf that is what it shows, say so with bus.expect_errors({type(error).__name__})."
