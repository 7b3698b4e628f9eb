"""What makes a test of the harness fail: exceptions of handlers and actions, and assertions anywhere."""

import importlib
import re
from collections.abc import Callable

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

BROKEN = """
    import asyncio
    import pytest
    from storefront import Gateway, Order, Orders

    class Broken(Gateway):
        def __init__(self, error):
            self.error = error
            self.calls = 0
        async def charge(self, order):
            self.calls += 1
            raise self.error
"""


def outcomes(run: Run, tests: str, **expected: int) -> str:
    result = run(BROKEN + tests)
    result.assert_outcomes(**expected)
    return result.stdout.str()


def test_an_unexpected_exception_of_a_handler_fails_the_test_with_its_traceback(run: Run) -> None:
    """It is a failure of the test, not an error of its teardown, and shows the handler's own line."""
    text = outcomes(
        run,
        """
    async def test_it(jararaca_app, http, override):
        override[Gateway] = Broken(TimeoutError("no answer"))
        await http.post("/orders", json={"id": 1})
        await jararaca_app.settle()
    """,
        failed=1,
    )

    assert "raise self.error" in text
    assert "The above exception was the direct cause of the following exception" in text
    assert "HandlerFailed: handlers raised what this test did not expect:" in text
    assert "attempt order.placed Orders.charge attempt 1 Order(id=1) error TimeoutError: no answer" in text
    assert "bus.expect_errors(TimeoutError)" in text


def test_an_unexpected_exception_of_a_cron_action_fails_the_test(run: Run) -> None:
    text = outcomes(
        run,
        """
    async def test_it(jararaca_app, clock, override):
        override[Gateway] = Broken(TimeoutError("no answer"))
        await clock.advance(days=1)
    """,
        failed=1,
    )

    assert "tick Orders.remind error TimeoutError: no answer" in text


def test_expected_exceptions_pass_announced_before_or_after(run: Run) -> None:
    outcomes(
        run,
        """
    @pytest.mark.parametrize("before", [True, False])
    async def test_it(jararaca_app, http, bus, override, before):
        override[Gateway] = Broken(TimeoutError("no answer"))
        bus.expect_leftover("order.placed", kind="retry")
        if before:
            bus.expect_errors(TimeoutError)
        await http.post("/orders", json={"id": 1})
        await jararaca_app.settle()
        if not before:
            bus.expect_errors(OSError)
    """,
        passed=2,
    )


def test_a_test_that_fails_by_itself_shows_what_handlers_raised_as_a_note(run: Run) -> None:
    text = outcomes(
        run,
        """
    @pytest.mark.parametrize("fail", [AssertionError("its own"), pytest.fail.Exception("its own")])
    async def test_it(jararaca_app, http, bus, override, fail):
        override[Gateway] = Broken(TimeoutError("no answer"))
        await http.post("/orders", json={"id": 1})
        await jararaca_app.settle()
        raise fail

    async def test_without_any(jararaca_app):
        raise KeyError("its own")
    """,
        failed=3,
    )

    assert text.count("handlers raised what this test did not expect") == 2
    assert text.count("Orders.charge attempt 1 Order(id=1) error TimeoutError: no answer") >= 2


def test_an_assertion_that_fails_in_a_handler_fails_the_test_at_once_and_is_never_retried(run: Run) -> None:
    """Whatever the test expects or catches, where it waits."""
    text = outcomes(
        run,
        """
    @pytest.mark.parametrize("error", [AssertionError("1 == 2"), pytest.fail.Exception("1 == 2")])
    async def test_it(jararaca_app, http, bus, clock, override, error):
        bus.expect_errors(Exception)
        gateway = override[Gateway] = Broken(error)
        try:
            await http.post("/orders", json={"id": 1})
            await clock.advance(hours=5)
            print("never reached")
        except Exception:
            print("never caught")
        finally:
            try:
                await clock.advance(hours=5)
            finally:
                print(f"calls: {gateway.calls}")
    """,
        failed=2,
    )

    assert "never" not in text.replace("never_", "").split("Captured stdout call")[1].split("Captured log")[0]
    assert text.count("calls: 1") == 2
    assert "HandlerFailed: Orders.charge failed an assertion: 1 == 2" in text
    assert "raise self.error" in text


def test_an_assertion_that_fails_in_a_cron_action_fails_the_test_at_once(run: Run) -> None:
    text = outcomes(
        run,
        """
    async def test_it(jararaca_app, clock, override):
        override[Gateway] = Broken(AssertionError("1 == 2"))
        await clock.advance(days=400)
        print("never reached")
    """,
        failed=1,
    )

    assert "HandlerFailed: Orders.remind failed an assertion: 1 == 2" in text
    assert "Captured stdout call" not in text


def test_what_fails_only_while_the_application_stops_is_an_error_of_the_teardown(run: Run) -> None:
    text = outcomes(
        run,
        """
    class Late(Gateway):
        async def charge(self, order):
            try:
                await asyncio.sleep(1000)
            finally:
                raise KeyError("too late")

    @pytest.mark.jararaca(allow=["unsettled"])
    async def test_it(jararaca_app, bus, override):
        override[Gateway] = Late()
        await bus.publish(Order(id=1), "order.placed")
        await asyncio.sleep(1)
    """,
        passed=1,
        errors=1,
    )

    assert "Orders.charge attempt 1 Order(id=1) cancelled KeyError: 'too late'" in text


def test_an_application_that_cannot_start_is_an_error_and_leaves_nothing_running(run: Run) -> None:
    text = outcomes(
        run,
        """
    from contextlib import asynccontextmanager
    from jararaca import Microservice

    class Fails:
        @asynccontextmanager
        async def lifecycle(self, app, container):
            raise ConnectionError("cannot start")
            yield

    class TestIt:
        @pytest.fixture
        def jararaca_microservice(self):
            return Microservice(controllers=[Orders], interceptors=[Fails()])

        async def test_it(self, jararaca_app): ...

    async def test_next(jararaca_app): ...
    """,
        passed=1,
        errors=1,
    )

    assert "ConnectionError: cannot start" in text


def test_waiting_for_what_never_comes_fails_with_a_dump(run: Run) -> None:
    result = run(
        """
        async def test_it(jararaca_app, ws):
            import asyncio
            await asyncio.Event().wait()
        """,
        "--jararaca-patience=5",
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*PatienceSpent: The test has waited for 5 virtual seconds*", "*asyncio.Event*"])


STANDS_STILL = """
    async def refund():
        await asyncio.sleep(5_000)

    class Waits(Gateway):
        async def charge(self, order):
            await asyncio.Event().wait()

    async def test_a_name_that_is_longer_than_that_of_any_task_of_the_framework(jararaca_app, bus, ws, override):
        override[Gateway] = Waits()
        task = asyncio.create_task(refund(), name="refund")
        await bus.publish(Order(id=1), "order.placed")
        await asyncio.Event().wait()
"""


def listed_in_the_dump_of(run: Run, *arguments: str) -> list[str]:
    text = run(BROKEN + STANDS_STILL, *arguments).stdout.str()
    return re.findall(r"^E                 (\S.*)$", text, flags=re.MULTILINE)


def test_a_dump_tells_of_the_test_and_of_code_of_the_project_and_counts_what_the_framework_keeps_waiting(
    run: Run,
) -> None:
    """Four tasks of the framework wait in the smallest application, and four more with each handler."""
    *told, counted = listed_in_the_dump_of(run)

    assert told == [
        "test_a_name_that_is_longer_than_that_of_any_task_of_the_framework",
        "refund",
        "attempt of Orders.charge",
    ]
    assert re.match(r"and \d+ tasks of the framework that wait for messages, ticks or timers \(-vv shows", counted)


def test_a_dump_lists_all_tasks_if_pytest_is_to_be_very_verbose(run: Run) -> None:
    told = listed_in_the_dump_of(run, "-vv")

    assert told[1:3] == ["refund", "attempt of Orders.charge"]
    assert {"scheduler", "consumer of shop.Orders.charge", "broker connection default"} <= set(told)
