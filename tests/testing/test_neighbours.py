"""What others bring along: a choice of loops, requests that come too late, `unittest` classes, and plain functions."""

import importlib
from collections.abc import Callable

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

ALONE = ("-p", "no:asyncio", "-p", "no:anyio", "-W", "ignore:Unknown config option:pytest.PytestConfigWarning")
"""Without any other plugin for asynchronous tests; the ini file has an option of one of them."""

TWO_LOOPS = """
    import asyncio

    class First(asyncio.SelectorEventLoop): ...
    class Second(asyncio.SelectorEventLoop): ...

    def pytest_asyncio_loop_factories(config, item):
        return {"first": First, "second": Second}
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_a_choice_of_loops_makes_other_tests_run_twice_and_ours_once(
    run: Run, shop: pytest.Pytester, mode: str
) -> None:
    shop.makeconftest(TWO_LOOPS)

    result = run(
        """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_theirs():
            assert type(asyncio.get_running_loop()).__name__ in ("First", "Second")

        @pytest.mark.asyncio
        async def test_ours_with_their_mark(http):
            assert type(asyncio.get_running_loop()).__name__ == "VirtualLoop"

        async def test_ours(http): ...

        @pytest.mark.parametrize("number", [1, 2])
        async def test_ours_with_parameters(http, number): ...
        """,
        f"--asyncio-mode={mode}",
        "-v",
    )

    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(
        [
            "*::test_theirs?first? PASSED*",
            "*::test_theirs?second? PASSED*",
            "*::test_ours_with_their_mark PASSED*",
            "*::test_ours PASSED*",
            "*::test_ours_with_parameters?1? PASSED*",
        ]
    )


def test_a_choice_that_is_none_is_refused_by_the_plugin_that_asked(run: Run, shop: pytest.Pytester) -> None:
    shop.makeconftest("def pytest_asyncio_loop_factories(config, item): return None")

    result = run("import pytest\n@pytest.mark.asyncio\nasync def test_ours(http): ...")

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*pytest_asyncio_loop_factories must return a non-empty mapping*"])


@pytest.mark.parametrize("plugins", [(), ALONE], ids=["beside others", "alone"])
def test_a_fixture_that_is_asked_for_from_outside_is_a_clear_error(run: Run, plugins: tuple[str, ...]) -> None:
    result = run(
        """
        def test_it(request):
            request.getfixturevalue("http")
        """,
        *plugins,
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "test_it asks for a fixture of the harness with request.getfixturevalue()*Name the fixture in the "
            'arguments of the test, or in @pytest.mark.usefixtures("jararaca_app").'
        ]
    )
    result.stdout.no_fnmatch_line("*neighbours.py*")


def test_a_test_of_ours_may_ask_for_more_while_no_loop_runs(run: Run) -> None:
    result = run(
        """
        import warnings

        def test_synchronous(clock, request):
            http = request.getfixturevalue("http")
            run = request.getfixturevalue("jararaca_run")
            assert run(http.post("/orders", json={"id": 1})).status_code == 201

        async def test_asynchronous(clock, request):
            request.getfixturevalue("jararaca_harness")

        async def test_too_late(clock, request):
            request.getfixturevalue("http")
        """
    )

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["E*UsageError: *cannot be run to its end from here, where a loop is running already.*"]
    )


@pytest.mark.parametrize("plugins", [(), ALONE], ids=["beside others", "alone"])
def test_plain_functions_run_coroutines_on_the_loop_of_their_test(run: Run, plugins: tuple[str, ...]) -> None:
    result = run(
        """
        import asyncio
        import pytest
        from storefront import Orders

        @pytest.fixture
        def placed(jararaca_run, http):
            return jararaca_run(http.post("/orders", json={"id": 1})).json()

        def test_synchronous(placed, jararaca_run, jararaca_app, bus, clock):
            jararaca_run(jararaca_app.settle())
            bus.handled(Orders.charge, id=placed["id"]).one()
            jararaca_run(asyncio.sleep(30))
            assert clock.monotonic() == 30.0

        def test_without_an_application(jararaca_run):
            async def answer():
                return 42
            assert jararaca_run(answer()) == 42

        async def test_asynchronous(jararaca_run):
            jararaca_run(asyncio.sleep(1))

        def test_that_waits_for_ever(jararaca_run):
            jararaca_run(asyncio.Event().wait())
        """,
        *plugins,
    )

    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["E*UsageError: sleep cannot be run to its end from here*Await what was given*"])
    result.stdout.fnmatch_lines(["E*Deadlock: Nothing can ever happen*", "E*asyncio.Event that nobody has set"])


def test_a_loop_scope_that_others_know_means_nothing_to_fixtures_of_our_tests(run: Run) -> None:
    result = run(
        """
        import asyncio
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture(loop_scope="session")
        async def loop():
            return asyncio.get_running_loop()

        @pytest.mark.asyncio(loop_scope="session")
        async def test_ours(loop, http):
            assert asyncio.get_running_loop() is loop and type(loop).__name__ == "VirtualLoop"

        @pytest.mark.asyncio(loop_scope="session")
        async def test_theirs(loop):
            assert asyncio.get_running_loop() is loop and type(loop).__name__ != "VirtualLoop"
        """
    )

    result.assert_outcomes(passed=2)


def test_a_handlers_exception_fails_a_plain_function_too(run: Run) -> None:
    result = run(
        """
        from storefront import Gateway, Order

        class Broken(Gateway):
            async def charge(self, order):
                raise ValueError("broken")

        def test_it(jararaca_run, jararaca_app, bus, override):
            override[Gateway] = Broken()
            jararaca_run(bus.publish(Order(id=1), "order.placed"))
            jararaca_run(jararaca_app.settle())
        """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E*HandlerFailed: handlers raised what this test did not expect:"])


def test_methods_of_unittest_classes_are_synchronous_or_refused(run: Run) -> None:
    result = run(
        """
        import unittest
        from datetime import datetime
        import pytest

        @pytest.mark.usefixtures("jararaca_app")
        class TestOrders(unittest.TestCase):
            @pytest.fixture(autouse=True)
            def given(self, jararaca_run, http):
                self.run_to_end, self.http = jararaca_run, http

            def test_synchronous(self):
                assert self.run_to_end(self.http.post("/orders", json={"id": 1})).status_code == 201
                assert datetime.now().year == 2026

        @pytest.mark.usefixtures("jararaca_app")
        class TestMore(unittest.IsolatedAsyncioTestCase):
            async def test_asynchronous(self): ...
        """
    )

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["TestMore.test_asynchronous is an asynchronous method of a unittest.TestCase*"])
