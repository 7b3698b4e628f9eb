"""Coverage of behaviour as a project meets it: what is listed, what counts, and what is demanded."""

import importlib
import json
from collections.abc import Callable
from typing import Any

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("covering", "watching", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]
Measure = Callable[..., dict[str, Any]]

TESTS = """
    import asyncio
    import pytest
    from storefront import Gateway, Order, Orders

    class Broken(Gateway):
        async def charge(self, order):
            raise ConnectionError("no gateway")

    class Slow(Gateway):
        def __init__(self, seconds):
            self.seconds = seconds
        async def charge(self, order):
            await asyncio.sleep(self.seconds)
"""


@pytest.fixture
def measure(run: Run, shop: pytest.Pytester) -> Measure:
    """Runs tests that pass, and returns what the report says of their only application."""

    def measured(tests: str, *arguments: str) -> dict[str, Any]:
        options = ("--jararaca-coverage-json=report.json", "--jararaca-gates=none")  # what is left is not the question
        result = run(TESTS + tests, *options, *arguments)
        assert result.ret == pytest.ExitCode.OK
        (application,) = json.loads((shop.path / "report.json").read_text())["applications"].values()
        assert isinstance(application, dict)
        return application

    return measured


def test_everything_declared_is_listed_also_if_no_test_exercised_it(run: Run) -> None:
    result = run("def test_it(jararaca_app): ...", "--jararaca-coverage")

    result.stdout.fnmatch_lines(
        [
            "*= coverage of behaviour =*",
            "shop",
            "  handlers         ok      error   retry   dead-letter  timeout  redelivery",
            "    Orders.charge  NO      NO      NO      NO           NO       NO",
            "  routes           ok      4xx     5xx",
            "    POST /orders   NO      -       -",
            "  actions          fired   error   skipped",
            "    Orders.remind  NO      NO      NO",
            "coverage of behaviour of shop: 0.0% (0 of 10)",
        ],
        consecutive=True,
    )


def test_an_outcome_counts_once_a_test_looked_at_its_record(measure: Measure) -> None:
    """What happens on the way to something else is seen by nobody, and a question about everything is no look."""
    tests = """
    async def test_it(jararaca_app, bus):
        await bus.publish(Order(id=1), "order.placed")
        await jararaca_app.settle()
        assert len(bus.handled()) == 1
        """

    assert measure(tests)["handlers"]["Orders.charge"]["ok"] == "unseen"
    assert measure(f"{tests}\n        bus.handled(Orders.charge).one()")["handlers"]["Orders.charge"]["ok"] == "covered"


def test_errors_retries_and_dead_letters_are_looked_at_each_by_its_question(measure: Measure) -> None:
    tests = """
    async def test_it(bus, override, clock):
        override[Gateway] = Broken()
        bus.expect_errors(ConnectionError)
        await bus.publish(Order(id=1), "order.placed")
        await clock.advance(hours=1)
        {}
    """
    happened = {"ok": "missing", "error": "unseen", "retry": "unseen", "dead-letter": "unseen"}
    rest = {"timeout": "missing", "redelivery": "missing"}

    for question, outcome in {
        "assert True": "ok",
        "assert bus.failed(Orders.charge)": "error",
        "bus.retried(Orders.charge).times(2)": "retry",
        "bus.dead_lettered('order.#').one()": "dead-letter",
    }.items():
        looked = {outcome: "covered"} if outcome != "ok" else {}
        assert measure(tests.format(question))["handlers"]["Orders.charge"] == {**happened, **looked, **rest}


def test_a_timeout_is_one_and_no_error(measure: Measure) -> None:
    outcomes = measure(
        """
    async def test_it(bus, override, clock):
        override[Gateway] = Slow(2000)
        bus.expect_errors(Exception)
        await bus.publish(Order(id=1), "order.placed")
        await clock.advance(hours=5)
        assert bus.handled(Orders.charge)
    """
    )["handlers"]["Orders.charge"]

    assert (outcomes["timeout"], outcomes["error"]) == ("covered", "missing")


@pytest.mark.parametrize(("question", "state"), [("handled", "covered"), ("dead_lettered", "unseen")])
def test_a_redelivery_is_looked_at_by_the_attempt_at_what_came_again(
    measure: Measure, question: str, state: str
) -> None:
    outcomes = measure(
        """
    async def test_it(bus, jararaca_world, override, clock):
        override[Gateway] = Slow(30)
        await bus.publish(Order(id=1), "order.placed")
        await asyncio.sleep(1)
        jararaca_world.lose_connections()
        await clock.advance(minutes=5)
        len(bus.QUESTION("Orders.charge" if "QUESTION" == "handled" else "order.placed"))
    """.replace("QUESTION", question)
    )["handlers"]["Orders.charge"]

    assert outcomes["redelivery"] == state


HANDLERS = """
    from jararaca import IncomingHandler, Message, MessageBusController, Microservice, ScheduledAction
    from jararaca.messagebus.retry import RetryPolicy

    @MessageBusController()
    class Desk:
        @IncomingHandler("a")
        async def plain(self, message: Message[Order]) -> None:
            if message.payload().id == 2:
                await message.retry(delay=1)

        @IncomingHandler("b", nack_on_exception=True)
        async def nacking(self, message: Message[Order]) -> None: ...

        @IncomingHandler("c", retry=RetryPolicy(max_attempts=1))
        async def once(self, message: Message[Order]) -> None: ...

        @ScheduledAction("0 * * * *", allow_overlap=True)
        async def overlapping(self) -> None: ...

        @ScheduledAction("0 * * * *")
        async def alone(self) -> None:
            await asyncio.sleep(5_000)

        @ScheduledAction("30 * * * *")
        async def failing(self) -> None:
            raise ConnectionError("no")

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(name="desk", controllers=[Desk])
"""


def test_a_retry_is_asked_for_where_an_exception_can_cause_one_or_where_one_happened(measure: Measure) -> None:
    handlers = measure(f"{HANDLERS}\n    def test_it(jararaca_app): ...")["handlers"]
    assert {name: states.get("retry") for name, states in handlers.items()} == {
        "Desk.plain": None,
        "Desk.nacking": "missing",
        "Desk.once": None,
    }

    handlers = measure(
        f"""{HANDLERS}
    async def test_it(bus, jararaca_app):
        await bus.publish(Order(id=2), "a")
        await jararaca_app.settle()
        bus.retried(Desk.plain).one()
    """
    )["handlers"]
    assert handlers["Desk.plain"]["retry"] == "covered"


def test_actions_fire_fail_and_are_skipped_while_the_last_firing_runs(measure: Measure) -> None:
    actions = measure(
        f"""{HANDLERS}
    async def test_it(bus, clock):
        bus.expect_errors(ConnectionError)
        await clock.advance(hours=4)
    """
    )["actions"]

    assert actions == {
        "Desk.alone": {"fired": "covered", "error": "missing", "skipped": "covered"},
        "Desk.failing": {"fired": "missing", "error": "covered", "skipped": "missing"},
        "Desk.overlapping": {"fired": "covered", "error": "missing"},
    }


ROUTES = """
    from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
    from jararaca import Get, Microservice, Post, RestController, WebSocketEndpoint
    from jararaca.presentation.http_microservice import HttpMicroservice

    @RestController("/things")
    class Things:
        @Get("/{number}")
        async def thing(self, number: int) -> int:
            if number == 0:
                raise ValueError("none")
            return number

        @Post("/{number}")
        async def change(self, number: int) -> int: ...

        @WebSocketEndpoint("/feed")
        async def feed(self, websocket: WebSocket) -> None:
            await websocket.accept()

        @WebSocketEndpoint("/secret")
        async def secret(self, websocket: WebSocket) -> None:
            await websocket.close()

    def factory(lifespan):
        app, old = FastAPI(lifespan=lifespan), APIRouter(prefix="/old")

        @old.get("/version")
        def version() -> int:
            return 1

        app.include_router(old, prefix="/api")
        return app

    @pytest.fixture
    def jararaca_microservice():
        return HttpMicroservice(Microservice(name="things", controllers=[Things]), factory)
"""


def test_routes_count_when_they_answered_well_and_their_refusals_are_noted(measure: Measure) -> None:
    """A trailing slash is no route of its own, another method is no answer of this one, health is not asked for."""
    application = measure(
        f"""{ROUTES}
    async def test_it(http):
        for path in ("/things/1/", "/things/x", "/api/old/version", "/nowhere"):
            await http.get(path)
        assert (await http.put("/things/1")).status_code == 405
        with pytest.raises(ValueError):
            await http.get("/things/0")
    """
    )

    assert application["routes"] == {
        "GET /api/old/version": {"ok": "covered"},
        "GET /things/{number}": {"ok": "covered", "4xx": "noted", "5xx": "noted"},
        "POST /things/{number}": {"ok": "missing"},
    }
    assert (application["covered"], application["applicable"]) == (2, 5)


def test_websocket_endpoints_count_when_they_accepted(measure: Measure) -> None:
    websockets = measure(
        f"""{ROUTES}
    from jararaca_testing import WebSocketRejected
    async def test_it(ws):
        async with ws.connect("/things/feed"):
            pass
        with pytest.raises(WebSocketRejected):
            async with ws.connect("/things/secret"):
                pass
    """
    )["websockets"]

    assert websockets == {
        "/things/feed": {"accepted": "covered"},
        "/things/secret": {"accepted": "missing", "refused": "noted"},
    }


def test_applications_of_one_suite_are_kept_apart_by_name(run: Run) -> None:
    result = run(
        """
        import pytest
        from storefront import Microservice, Orders
        other = Microservice(name="other", controllers=[Orders])

        async def test_shop(http):
            await http.post("/orders", json={"id": 1})

        @pytest.mark.jararaca(app="test_storefront:other")
        def test_other(jararaca_app): ...
        """,
        "--jararaca-coverage",
        "-q",
    )

    result.stdout.fnmatch_lines(
        [
            "jararaca: coverage of behaviour of other: 0.0% (0 of 10)",
            "jararaca: coverage of behaviour of shop: 10.0% (1 of 10)",
            "jararaca: coverage of behaviour: 5.0% (1 of 20)",
        ],
        consecutive=True,
    )


def test_too_little_fails_a_run_whose_tests_pass_and_says_so(run: Run) -> None:
    post = "async def test_it(http):\n    await http.post('/orders', json={'id': 1})"

    enough = run(post, "--jararaca-coverage-fail-under=10")
    assert enough.ret == pytest.ExitCode.OK
    enough.stdout.no_fnmatch_line("*asked for*")

    too_little = run(post, "--jararaca-coverage-fail-under=10.1")
    assert too_little.ret == pytest.ExitCode.TESTS_FAILED
    too_little.assert_outcomes(passed=1)
    too_little.stdout.fnmatch_lines(
        ["jararaca: coverage of behaviour is 10.0% (1 of 10); at least 10.1% are asked for"]
    )


def test_a_run_without_any_application_is_too_little_and_one_that_only_collects_is_not(run: Run) -> None:
    nothing = run("def test_it(): ...", "--jararaca-coverage-fail-under=1")
    assert nothing.ret == pytest.ExitCode.TESTS_FAILED
    nothing.stdout.fnmatch_lines(["no application was under test", "*nothing to measure*; at least 1% are asked for"])

    assert run("def test_it(): ...", "--jararaca-coverage-fail-under=1", "--collect-only").ret == pytest.ExitCode.OK


def test_nothing_is_measured_unless_it_is_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the ini file a limit waits for the flag, so that part of a suite may be run without it."""
    tests, limit = "def test_it(jararaca_app): ...", ("-o", "jararaca_coverage_fail_under=50")

    unasked = run(tests, *limit)
    assert unasked.ret == pytest.ExitCode.OK
    unasked.stdout.no_fnmatch_line("*coverage of behaviour*")

    assert run(tests, *limit, "--jararaca-coverage").ret == pytest.ExitCode.TESTS_FAILED
    assert run(tests, *limit, "-o", "jararaca_coverage=true").ret == pytest.ExitCode.TESTS_FAILED
    monkeypatch.setenv("JARARACA_TEST_COVERAGE", "no")
    assert run(tests, *limit, "-o", "jararaca_coverage=true").ret == pytest.ExitCode.OK
    monkeypatch.setenv("JARARACA_TEST_COVERAGE_FAIL_UNDER", "60")
    run(tests).stdout.fnmatch_lines(["*at least 60% are asked for"])


@pytest.mark.processes
def test_what_workers_of_xdist_saw_is_merged_and_judged_together(
    shop: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that crashes takes along what it saw, and that is said."""
    shop.makepyfile(
        test_it="""
        import os
        from storefront import Order, Orders

        async def test_route(http):
            await http.post("/orders", json={"id": 1})

        async def test_handler(jararaca_app, bus):
            await bus.publish(Order(id=1), "order.placed")
            await jararaca_app.settle()
            bus.handled(Orders.charge).one()

        async def test_action(clock, bus):
            await clock.advance(days=1)

        def test_crash():
            if os.environ.get("CRASH"):
                os._exit(1)
        """
    )
    arguments = ("-n2", "-p", "no:randomly", "-p", "no:cacheprovider", "--jararaca-coverage-json=report.json")

    passing = shop.runpytest_subprocess(*arguments, "--jararaca-coverage-fail-under=30")
    assert passing.ret == pytest.ExitCode.OK
    passing.stdout.fnmatch_lines(["coverage of behaviour of shop: 30.0% (3 of 10)"])
    assert json.loads((shop.path / "report.json").read_text())["covered"] == 3

    failing = shop.runpytest_subprocess(*arguments, "--jararaca-coverage-fail-under=31")
    assert failing.ret == pytest.ExitCode.TESTS_FAILED
    failing.assert_outcomes(passed=4)
    failing.stdout.fnmatch_lines(["jararaca: coverage of behaviour is 30.0% (3 of 10); at least 31% are asked for"])

    monkeypatch.setenv("CRASH", "yes")
    crashing = shop.runpytest_subprocess(*arguments)
    crashing.stdout.fnmatch_lines(["jararaca: a worker ended without saying what was covered"])


@pytest.mark.needs_servers
def test_what_several_profiles_have_seen_is_merged(measure: Measure) -> None:
    application = measure(
        """
    async def test_message(jararaca_app, bus):
        await bus.publish(Order(id=1), "order.placed")
        await jararaca_app.settle()
        bus.handled(Orders.charge).one()

    @pytest.mark.virtual_only
    async def test_action(jararaca_app, clock):
        await clock.advance(days=1)
    """,
        "--jararaca-profile=services,memory",
    )

    assert (
        application["handlers"]["Orders.charge"]["ok"] == application["actions"]["Orders.remind"]["fired"] == "covered"
    )
    assert application["applicable"] == 10
