"""The plugin as a project meets it: fixtures and their aliases, the application under test, other plugins beside it."""

import importlib
from collections.abc import Callable

import pytest
from _pytest.fixtures import FixtureFunctionDefinition

from jararaca_testing import fixtures

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

MIXED = """
    import asyncio, time
    import pytest
    from datetime import datetime
    from hypothesis import HealthCheck, given, settings, strategies as st
    from storefront import Order, Orders

    def test_plain_before():
        assert abs(time.time() - datetime.now().timestamp()) < 5
        assert time.time() > 1_780_000_000
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()

    async def test_harness(jararaca_app, http, bus, clock, db, override, ws):
        assert datetime.now().year == 2026 and time.time() == 1767225600
        await http.post("/orders", json={"id": 1})
        await jararaca_app.settle()
        bus.handled(Orders.charge).one()
        await clock.advance(hours=1)
        assert datetime.now().hour == 1

    def test_plain_between():
        assert time.time() > 1_780_000_000

    @given(number=st.integers(0, 9))
    @settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_hypothesis(jararaca_app, bus, number):
        await bus.publish(Order(id=number), "order.placed")
        await jararaca_app.settle()
        assert bus.handled("charge", id=number)

    @pytest.mark.parametrize("number", [1, 2])
    async def test_parameters(http, number):
        assert (await http.post("/orders", json={"id": number})).json() == {"id": number}

    def test_synchronous(jararaca_app):
        assert datetime.now().year == 2026 and jararaca_app.application.is_running
"""

ASYNCIOS = """
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def theirs():
        yield asyncio.get_running_loop()

    @pytest.mark.asyncio
    async def test_asyncio(theirs):
        assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"
        assert theirs is asyncio.get_running_loop() and time.time() > 1_780_000_000

    @pytest.mark.asyncio
    async def test_harness_with_their_mark(http):
        assert type(asyncio.get_running_loop()).__name__ == "VirtualLoop"
"""

ANYIOS = """
    @pytest.mark.anyio
    async def test_anyio():
        assert type(asyncio.get_running_loop()).__name__ != "VirtualLoop"

    @pytest.fixture
    def anyio_backend():
        return "asyncio"
"""


@pytest.mark.parametrize(
    ("tests", "arguments", "passed"),
    [
        (MIXED + ASYNCIOS + ANYIOS, ["--asyncio-mode=strict"], 10),
        (MIXED + ASYNCIOS, ["--asyncio-mode=auto", "-p", "no:anyio"], 9),
        (MIXED, ["-p", "no:asyncio", "-p", "no:anyio"], 7),
        (MIXED, ["-p", "no:randomly", "-p", "no:hypothesispytest"], 7),
        (MIXED + ASYNCIOS + ANYIOS, ["-p", "no:xdist", "--randomly-seed=3"], 10),
    ],
    ids=["strict", "auto", "alone", "ordered", "shuffled without xdist"],
)
def test_tests_of_the_harness_run_beside_any_other_and_those_notice_nothing(
    shop: pytest.Pytester, tests: str, arguments: list[str], passed: int
) -> None:
    shop.makeini(INI)
    shop.makepyfile(test_storefront=tests)

    result = shop.runpytest_inprocess("-p", "no:cacheprovider", *arguments)

    result.assert_outcomes(passed=passed)


@pytest.mark.processes
def test_tests_of_the_harness_run_under_xdist(shop: pytest.Pytester) -> None:
    shop.makeini(INI)
    shop.makepyfile(test_storefront=MIXED + ASYNCIOS + ANYIOS)

    result = shop.runpytest_subprocess("-p", "no:cacheprovider", "--asyncio-mode=strict", "-n2")

    result.assert_outcomes(passed=10)


INI = """
    [pytest]
    pythonpath = .
    jararaca_app = storefront:app
    filterwarnings =
        error
        ignore:.*asyncio_default_fixture_loop_scope.*
        ignore:Unknown config option
"""


def test_a_projects_own_fixtures_of_our_short_names_win_and_ours_do_not_need_them(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.fixture
        def http():
            return "their client"

        @pytest.fixture
        def bus(jararaca_bus):
            return [jararaca_bus]

        @pytest.fixture
        def clock():
            return "their clock"

        async def test_theirs_beside_ours(http, bus, clock, db, jararaca_app, jararaca_http, jararaca_clock, ws):
            assert (http, clock, len(bus)) == ("their client", "their clock", 1)
            await jararaca_http.post("/orders", json={"id": 1})
            await jararaca_clock.advance(1)
            bus[0].published("order.placed").one()

        def test_theirs_alone(http, clock):
            import time
            assert http == "their client" and time.time() > 1_780_000_000
        """
    )

    result.assert_outcomes(passed=2)


def test_short_names_are_aliases_that_no_fixture_of_ours_asks_for(run: Run) -> None:
    shorts = [name for name in vars(fixtures) if isinstance(getattr(fixtures, name), FixtureFunctionDefinition)]
    shorts = [name for name in shorts if not name.startswith("jararaca_")]
    replaced = "\n".join(f"@pytest.fixture\ndef {name}():\n    return 'theirs'\n" for name in shorts)
    ours = [f"jararaca_{name}" for name in shorts]

    named = "amqp_server bus clock cluster cron db faults harness http override redis ws"
    assert sorted(shorts) == named.split()
    result = run(
        f"import pytest\n{replaced}\nasync def test_it({', '.join([*shorts, *ours])}):\n"
        f"    assert {{{', '.join(shorts)}}} == {{'theirs'}}\n"
        f"    assert 'theirs' not in [{', '.join(ours)}]\n"
    )
    result.assert_outcomes(passed=1)


def test_the_application_comes_from_fixture_or_marker_or_configuration(run: Run) -> None:
    result = run(
        """
        import pytest
        from jararaca import Microservice
        from storefront import Orders, app

        def named(name):
            return Microservice(name=name, controllers=[Orders])

        def test_configuration(jararaca_harness):
            assert jararaca_harness.application.declaration is app

        other = named("other")

        @pytest.mark.jararaca(app="test_storefront:other")
        def test_marker(jararaca_harness):
            assert jararaca_harness.environment.name == "other"

        @pytest.mark.jararaca(app=named("object"))
        def test_marker_with_the_object(jararaca_harness):
            assert jararaca_harness.environment.name == "object"

        @pytest.mark.jararaca()
        def test_marker_without_an_application(jararaca_harness):
            assert jararaca_harness.application.declaration is app

        @pytest.mark.jararaca(app="storefront:http_app")
        async def test_http_microservice(http):
            assert (await http.get("/health/live")).status_code == 200

        class TestFixture:
            @pytest.fixture
            def jararaca_microservice(self):
                return named("fixture")

            @pytest.mark.jararaca(app="storefront:app")
            def test_wins(self, jararaca_harness):
                assert jararaca_harness.environment.name == "fixture"
        """
    )

    result.assert_outcomes(passed=6)


def test_an_application_that_cannot_be_found_is_an_error_of_one_line(run: Run) -> None:
    result = run(
        """
        import pytest

        @pytest.mark.jararaca(app="storefront:ap")
        async def test_wrong_attribute(http): ...

        @pytest.mark.jararaca(app="storefrnt:app")
        async def test_wrong_module(http): ...

        @pytest.mark.jararaca(app="storefront:Order")
        async def test_wrong_type(http): ...

        @pytest.mark.jararaca("storefront:app")
        async def test_without_its_name(http): ...
        """
    )

    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines(
        ["@pytest.mark.jararaca takes app=..., jitter=..., allow=..., and not 'storefront:app'."]
    )
    result.stdout.fnmatch_lines(["'storefront:ap': storefront has no attribute 'ap'. Did you mean 'app'?"])
    result.stdout.fnmatch_lines(["'storefrnt:app': there is no module 'storefrnt'. *pythonpath*"])
    result.stdout.fnmatch_lines(["'storefront:Order' is of type ModelMetaclass, and what can be tested is*"])
    result.stdout.no_fnmatch_line("*target.py*")
    said = result.stdout.str().partition("short test summary")[0]
    once = ("Did you mean 'app'?", "there is no module 'storefrnt'", "is of type ModelMetaclass")
    assert [said.count(text) for text in once] == [1, 1, 1]


def test_without_any_application_the_error_names_all_three_ways(run: Run) -> None:
    result = run("async def test_it(http): ...", "-o", "jararaca_app=")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["which application is under test?*jararaca_app =*jararaca_microservice."])
    assert result.stdout.str().count("define a fixture jararaca_microservice") == 1


def test_items_of_the_harness_are_marked_and_others_are_not(run: Run) -> None:
    result = run("async def test_ours(http): ...\ndef test_plain(): ...", "-m", "harness")

    result.assert_outcomes(passed=1, deselected=1)


def test_what_the_lifespan_of_a_factory_yields_is_the_state_of_requests(run: Run) -> None:
    result = run(
        """
        import pytest
        from contextlib import asynccontextmanager
        from fastapi import FastAPI, Request
        from jararaca import Get, Microservice, RestController
        from jararaca.presentation.http_microservice import HttpMicroservice

        LOG = []

        def factory(lifespan):
            @asynccontextmanager
            async def around(app):
                async with lifespan(app):
                    LOG.append("up")
                    yield {"answer": 42}
                    LOG.append("down")

            return FastAPI(lifespan=around)

        @RestController("/answer")
        class Answers:
            @Get()
            async def answer(self, request: Request) -> int:
                return request.state.answer

        @pytest.fixture
        def jararaca_microservice():
            return HttpMicroservice(Microservice(controllers=[Answers]), factory)

        async def test_it(http):
            assert (await http.get("/answer")).json() == 42
            assert LOG == ["up"]

        def test_after():
            assert LOG == ["up", "down"]
        """
    )

    result.assert_outcomes(passed=2)


@pytest.mark.slow
def test_nothing_of_a_test_is_kept_once_it_is_over(run: Run) -> None:
    """A run of ten thousand tests must not hold ten thousand applications."""
    tests = """
        import gc
        import weakref
        import pytest

        BEFORE = []

        @pytest.mark.parametrize("number", range(5))
        async def test_it(jararaca_app, http, number):
            await http.post("/orders", json={"id": number})
            gc.collect()
            assert [alive for each in BEFORE if (alive := each()) is not None] == []
            BEFORE.append(weakref.ref(jararaca_app))
    """

    run(tests).assert_outcomes(passed=5)
