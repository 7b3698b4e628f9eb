"""Model-based tests: a state machine of Hypothesis whose rules are coroutines, on the loop of one harness test.

    from jararaca_testing.stateful import HarnessStateMachine, invariant, rule

    class Shop(HarnessStateMachine):
        @rule(number=st.integers(1, 9))
        async def order(self, number): ...

        @invariant()
        async def nothing_is_lost(self): ...

    TestShop = Shop.TestCase

Each example runs an application of its own, from `harness.fresh()`; only the clock goes on from one to the next.
`Bundle`, `consumes`, `multiple` and `precondition` are Hypothesis' own.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import stateful as theirs
from hypothesis.stateful import Bundle as Bundle
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from hypothesis.stateful import consumes as consumes
from hypothesis.stateful import multiple as multiple
from hypothesis.stateful import precondition as precondition

from jararaca_testing.harness import RunningApplication

M = TypeVar("M", bound=Callable[..., Any])
RunToEnd = Callable[[Coroutine[Any, Any, Any]], Any]

OURS = "jararaca_runs_to_its_end"


def rule(**strategies: Any) -> Callable[[M], M]:
    """As Hypothesis' `rule`, for methods that may be coroutines."""
    return _decorating(theirs.rule(**strategies))


def initialize(**strategies: Any) -> Callable[[M], M]:
    """As Hypothesis' `initialize`, for methods that may be coroutines."""
    return _decorating(theirs.initialize(**strategies))


def invariant(*, check_during_init: bool = False) -> Callable[[M], M]:
    """As Hypothesis' `invariant`, for methods that may be coroutines."""
    return _decorating(theirs.invariant(check_during_init=check_during_init))


def _decorating(decorate: Callable[[Any], Any]) -> Callable[[M], M]:
    return lambda method: decorate(_to_its_end(method))


def _to_its_end(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def run(machine: "HarnessStateMachine", **arguments: Any) -> Any:
        result = method(machine, **arguments)
        return machine.run(result) if inspect.isawaitable(result) else result

    setattr(run, OURS, True)
    return run


class TestOfMachine:
    """Makes the class that pytest collects for a state machine, the same one each time."""

    __test__ = False

    def __get__(self, machine: object, cls: "type[HarnessStateMachine]") -> type:
        return _test_case_of(cls)


class HarnessStateMachine(RuleBasedStateMachine):
    """A state machine about an application that runs. Its test is `TestShop = Shop.TestCase`.

    `app` is the running application, with `http`, `ws`, `bus`, `cron`, `clock`, `db`, `redis` and `override`. What a
    handler raises unexpectedly fails the example at its end, so a rule may still announce it.
    """

    def __init__(self, harness: RunningApplication, run: RunToEnd) -> None:
        self._run_to_end = run
        self._stack = AsyncExitStack()
        self.app: RunningApplication = run(self._stack.enter_async_context(harness.fresh()))
        super().__init__()

    def __init_subclass__(cls, **options: Any) -> None:
        """Refuse decorators that would drop the coroutine of a rule.

        Raises:
            TypeError: a coroutine is decorated with Hypothesis' own `rule`, `initialize` or `invariant`.
        """
        super().__init_subclass__(**options)
        for name, method in vars(cls).items():
            decorated = getattr(method, "__wrapped__", None)
            if decorated is not None and _drops_a_coroutine(method):
                raise TypeError(
                    f"{cls.__name__}.{name} is a coroutine, and Hypothesis' decorators do not await one. Import rule, "
                    "initialize and invariant from jararaca_testing.stateful."
                )

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """Run one awaitable to its end on the loop of the test, as a rule does."""
        try:
            return self._run_to_end(_awaited(awaitable))
        except BaseException as error:
            self.app.add_unexpected(error)
            raise

    def teardown(self) -> None:
        """End the application of this example. One that overrides it calls `super().teardown()` last."""
        self._run_to_end(self._stack.aclose())

    TestCase: Any = TestOfMachine()


async def _awaited(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


def _drops_a_coroutine(method: Any) -> bool:
    while not getattr(method, OURS, False) and (inner := getattr(method, "__wrapped__", None)) is not None:
        method = inner
    return inspect.iscoroutinefunction(method)


@functools.cache
def _test_case_of(machine: type[HarnessStateMachine]) -> type:
    class TestCase:
        """What pytest collects: one test, whose `settings` are Hypothesis'."""

        settings = settings(deadline=None, suppress_health_check=list(HealthCheck))

        def test_machine(self, jararaca_harness: RunningApplication, jararaca_run: RunToEnd) -> None:
            @functools.wraps(machine, updated=())
            def make() -> HarnessStateMachine:
                return machine(jararaca_harness, jararaca_run)

            run_state_machine_as_test(make, settings=self.settings)  # type: ignore[arg-type] # it takes any maker

    TestCase.__qualname__ = f"{machine.__qualname__}.TestCase"
    TestCase.__module__ = machine.__module__
    return TestCase
