"""The runner among other plugins, through pytest: which tests it takes, on what loop they and their fixtures run."""

import sys

import pytest

SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")
"""pytest-asyncio warns when nobody chooses, and an ini file cannot say it where that plugin is off."""

HOOKS = """
    import pytest
    from jararaca_testing import runner
    from jararaca_testing.loop import VirtualLoop

    OURS = {"world"}

    async def nothing(): ...

    @pytest.fixture
    def world(request):
        return runner.run_of(request.node, VirtualLoop).loop

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pycollect_makeitem(collector, name, obj):
        return runner.plain_items((yield), OURS)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(fixturedef, request):
        if runner.is_harness(request.node, OURS):
            return (yield from runner.fixture_set_up(fixturedef, request, VirtualLoop))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        if runner.is_harness(pyfuncitem, OURS):
            return (yield from runner.call_test(pyfuncitem, VirtualLoop, after=nothing))
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(item):
        try:
            return (yield)
        finally:
            runner.close_run(item)
"""

MIXED = """
    import asyncio, contextvars
    import pytest
    import pytest_asyncio
    from hypothesis import HealthCheck, given, settings, strategies as st
    from jararaca_testing.loop import VirtualLoop

    LEVEL = contextvars.ContextVar("LEVEL", default="outside")
    LOG = []

    def is_virtual():
        return isinstance(asyncio.get_running_loop(), VirtualLoop)

    @pytest_asyncio.fixture(scope="session", loop_scope="session")
    async def container():
        LOG.append("container up")
        yield asyncio.get_running_loop()
        assert LOG.count("container up") == 1

    @pytest.fixture
    async def value():
        assert is_virtual()
        await asyncio.sleep(5)
        LEVEL.set("fixture")
        return "value"

    @pytest.fixture
    async def resource(world):
        loop = asyncio.get_running_loop()
        yield loop
        assert asyncio.get_running_loop() is loop
        await asyncio.sleep(5)
        LOG.append("resource down")

    @pytest.mark.asyncio(loop_scope="session")
    async def test_theirs_before(container):
        assert not is_virtual()
        assert asyncio.get_running_loop() is container

    async def test_ours_needs_no_marker(world, value, resource):
        assert is_virtual() and asyncio.get_running_loop() is resource is world
        assert value == "value" and LEVEL.get() == "fixture"
        assert world.time() == 5.0

    @pytest.mark.asyncio
    async def test_ours_with_their_marker(world, resource):
        assert is_virtual()

    @pytest.mark.asyncio(loop_scope="session")
    async def test_theirs_between(container):
        assert asyncio.get_running_loop() is container

    @pytest.mark.anyio
    async def test_ours_with_anyios_marker(world):
        assert is_virtual()

    @pytest.mark.anyio
    async def test_anyios_own():
        assert not is_virtual()

    @pytest.mark.parametrize("number", [1, 2])
    async def test_ours_with_parameters(world, number):
        assert is_virtual() and number in (1, 2)

    class TestClass:
        @pytest.fixture
        async def mine(self):
            self.seen = "by the fixture"
            return self

        @pytest.fixture
        async def held(self):
            self.held = True
            yield self
            assert self.held

        async def test_ours_in_a_class(self, world, mine, held):
            assert mine is held is self and self.seen == "by the fixture"

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(number=st.integers())
    async def test_ours_with_hypothesis(world, number):
        assert is_virtual()
        await asyncio.sleep(1)

    def test_plain_with_our_fixture(world, value):
        assert value == "value" and world.time() == 5.0

    def test_plain():
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    @pytest.mark.asyncio(loop_scope="session")
    async def test_theirs_after(container):
        assert asyncio.get_running_loop() is container
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(HOOKS)
    pytester.makeini("[pytest]\nfilterwarnings = error")
    return pytester


@pytest.mark.processes
@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_tests_of_every_kind_run_beside_each_other(suite: pytest.Pytester, mode: str) -> None:
    """Ours need no marker, theirs notice nothing: their session fixture is set up once, and the order stays."""
    suite.makepyfile(test_mixed=MIXED)

    result = suite.runpytest_subprocess(f"--asyncio-mode={mode}", "-p", "no:randomly", *SCOPE)

    result.assert_outcomes(passed=13)


@pytest.mark.processes
def test_the_kinds_run_under_xdist(suite: pytest.Pytester) -> None:
    suite.makepyfile(test_mixed=MIXED)

    result = suite.runpytest_subprocess("--asyncio-mode=strict", "-n2", *SCOPE)

    result.assert_outcomes(passed=13)


@pytest.mark.processes
def test_no_other_plugin_is_needed(suite: pytest.Pytester) -> None:
    suite.makepyfile("async def test_ours(world):\n    assert world.time() == 0.0")

    result = suite.runpytest_subprocess("-p", "no:asyncio", "-p", "no:anyio")

    result.assert_outcomes(passed=1)


def test_a_deadlocked_test_fails_with_the_dump_and_the_next_one_passes(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio

        async def answer(confirmed):
            await confirmed.wait()

        async def test_first(world):
            await asyncio.create_task(answer(asyncio.Event()), name="billing.charge attempt 1")

        async def test_second(world):
            await asyncio.sleep(1)
    """)

    result = suite.runpytest("-p", "no:randomly", "-p", "no:asyncio")

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(
        [
            "*await asyncio.create_task(answer(asyncio.Event()), name=*",
            "E  *jararaca_testing.errors.Deadlock: Nothing can ever happen*",
            "E * billing.charge attempt 1",
            "E * test_*.py:* in answer: await confirmed.wait()",
            "E * waits for an asyncio.Event that nobody has set",
        ]
    )


def test_a_fixture_that_deadlocks_is_an_error_of_its_test_only(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio
        import pytest

        @pytest.fixture
        async def stuck(world):
            await asyncio.Event().wait()

        async def test_first(world, stuck):
            pass

        async def test_second(world):
            pass
    """)

    result = suite.runpytest("-p", "no:asyncio")

    result.assert_outcomes(errors=1, passed=1)


def test_fixtures_are_torn_down_on_the_loop_of_a_test_that_failed(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio
        import pytest

        @pytest.fixture
        async def resource(world):
            yield
            await asyncio.sleep(1)
            print("torn down at", world.time())

        async def test_fails(world, resource):
            await asyncio.Event().wait()
    """)

    result = suite.runpytest("-p", "no:asyncio", "-s")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*torn down at 1.0*"])


def test_a_fixture_that_yields_twice_is_an_error_that_names_it(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import pytest

        @pytest.fixture
        async def eager(world):
            yield 1
            yield 2

        async def test_it(world, eager):
            assert eager == 1
    """)

    result = suite.runpytest("-p", "no:asyncio")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["E *the fixture eager yielded twice*"])


def test_tasks_that_refuse_to_end_are_named_and_the_next_test_passes(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio

        async def refuse():
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    pass

        async def test_first(world):
            world.task = asyncio.create_task(refuse(), name="the stubborn one")
            await asyncio.sleep(0)

        async def test_second(world):
            await asyncio.sleep(1)
    """)

    result = suite.runpytest("-p", "no:asyncio", "-p", "no:randomly", "-W", "error")

    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["E *These tasks swallow their cancellation*: the stubborn one*"])


def test_a_task_that_fails_while_the_test_ends_is_logged(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio

        async def fail():
            try:
                await asyncio.sleep(3600)
            finally:
                raise LookupError("no such row")

        async def test_it(world):
            world.task = asyncio.create_task(fail())
            await asyncio.sleep(0)
    """)

    result = suite.runpytest("-p", "no:asyncio", "-o", "log_cli=true")

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*a task failed while the test ended*", "*LookupError: no such row*"])


@pytest.mark.processes
def test_awaiting_on_a_fixture_of_wider_scope_names_it(suite: pytest.Pytester) -> None:
    suite.makepyfile("""
        import asyncio
        import pytest
        import pytest_asyncio

        @pytest_asyncio.fixture(scope="session", loop_scope="session")
        async def connection():
            yield asyncio.get_running_loop().create_future()

        async def test_awaits_it(world, connection):
            await connection

        async def test_has_another_problem(world, connection):
            raise RuntimeError("of its own")
    """)

    result = suite.runpytest_subprocess("-p", "no:randomly", *SCOPE)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["E *The asynchronous fixture 'connection' has the scope 'session'*"])
    assert str(result.stdout).count("The asynchronous fixture") == 1


def test_any_event_loop_can_run_a_test() -> None:
    """On real servers the same tests run on a real loop."""
    import asyncio

    from jararaca_testing.run import Run

    async def scenario() -> str:
        await asyncio.sleep(0)
        return "done"

    run = Run(asyncio.SelectorEventLoop)
    assert run(scenario()) == "done"
    run.close()


def test_the_runner_imports_nothing_heavy(pytester: pytest.Pytester) -> None:
    """It is imported when pytest starts, also by projects that have few tests of ours."""
    heavy = "{'anyio', 'sqlalchemy', 'pydantic', 'jararaca_testing.loop'}"
    program = f"import sys, jararaca_testing.runner; print(sorted({{*sys.modules}} & {heavy}))"

    result = pytester.run(sys.executable, "-c", program)

    assert result.outlines == ["[]"]
