"""The timeline that every failing test shows, as a user sees it."""

import importlib
from collections.abc import Callable

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock", "report.story", "comparing"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

APPLICATION = """
    import pytest
    from pydantic import BaseModel
    from jararaca import (
        IncomingHandler, Message, MessageBusController, Microservice, Post, RestController, use_publisher,
    )
    from jararaca.messagebus.retry import RetryPolicy

    class GatewayTimeout(Exception): ...

    class Order(BaseModel):
        id: int

    class Gateway:
        answers = 0
        async def charge(self):
            self.answers += 1
            if self.answers == 1:
                raise GatewayTimeout

    @MessageBusController()
    @RestController("/orders")
    class Orders:
        def __init__(self, gateway: Gateway) -> None:
            self.gateway = gateway

        @Post(options={"status_code": 201})
        async def place(self, order: Order) -> None:
            await use_publisher().publish(order, topic="order.placed")

        @IncomingHandler("order.placed", name="billing.charge", retry=RetryPolicy(max_attempts=3, first_delay=1))
        async def charge(self, message: Message[Order]) -> None:
            await self.gateway.charge()
            await use_publisher().publish(message.payload(), topic="order.paid")

        @IncomingHandler("order.placed", name="mail.send")
        async def send(self, message: Message[Order]) -> None: ...

    @pytest.fixture
    def jararaca_microservice():
        return Microservice(name="orders", controllers=[Orders])
"""

FAILING = """
    async def test_it(http, bus, clock):
        bus.expect_errors(GatewayTimeout)
        await http.post("/orders", json={"id": 1})
        await clock.advance(minutes=1)
        assert False
"""

TIMELINE = """\
#3 POST /orders 201                                                           t=0.000
└─#6 publish order.placed -> billing.charge, mail.send                        t=0.000
  ├─#10 billing.charge attempt 1  raised GatewayTimeout, retry                t=0.000
  ├─#23 billing.charge attempt 2  ok                                          t=+1.000
  │ └─#25 publish order.paid      unroutable: no queue bound to 'order.paid'  t=1.000
  └─#13 mail.send                 ok                                          t=0.000"""


def section(result: pytest.RunResult) -> str:
    """The timeline that was printed; there is one."""
    _before, section = result.stdout.str().split("jararaca timeline")
    lines = section.splitlines()[1:]
    end = next(number for number, line in enumerate(lines) if line.startswith(("===", "---", "/")))
    return "\n".join(lines[:end])


def test_a_failing_test_shows_what_led_to_what(run: Run) -> None:
    result = run(APPLICATION + FAILING)

    result.assert_outcomes(failed=1)
    assert section(result) == TIMELINE


def test_a_passing_test_shows_nothing(run: Run) -> None:
    result = run(APPLICATION + FAILING.replace("assert False", ""), "-rA", "--jararaca-gates=none")

    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*jararaca timeline*")


def test_what_hangs_is_shown_as_unfinished(run: Run) -> None:
    result = run(
        APPLICATION
        + """
    import asyncio

    class Stuck(Gateway):
        async def charge(self):
            await asyncio.Event().wait()

    async def test_it(jararaca_app, bus, override):
        override[Gateway] = Stuck()
        await bus.publish(Order(id=1), "order.placed")
        await jararaca_app.settle()
    """
    )

    result.assert_outcomes(failed=1)
    assert (
        section(result)
        == """\
#3 publish order.placed -> billing.charge, mail.send  t=0.000
├─#7 billing.charge attempt 1  unfinished             t=0.000
└─#8 mail.send                 ok                     t=0.000"""
    )


CUT_OFF = """
    import asyncio

    class Asserts(Gateway):
        async def charge(self):
            assert False

    class Hangs(Gateway):
        async def charge(self):
            await asyncio.Event().wait()

    async def test_patience_is_spent(http, override, asgi_hangs):
        await http.get("/hang")

    async def test_an_assertion_fails(http, override, asgi_hangs, bus):
        override[Gateway] = Asserts()
        await asyncio.gather(http.get("/hang"), bus.publish(Order(id=1), "order.placed"))

    @pytest.fixture
    def asgi_hangs(jararaca_app):
        async def hang():
            await asyncio.Event().wait()
        jararaca_app.asgi.add_api_route("/hang", hang)
"""


@pytest.mark.parametrize("test", ["test_patience_is_spent", "test_an_assertion_fails"])
def test_a_request_that_the_harness_cut_off_was_not_answered_with_500(run: Run, test: str) -> None:
    result = run(APPLICATION + CUT_OFF, "-k", test)

    result.assert_outcomes(failed=1)
    (line,) = (line for line in section(result).splitlines() if "/hang" in line)
    assert "GET /hang  " in line
    assert "unanswered: cancelled by the harness, because the test had failed" in line


def test_a_request_that_the_test_itself_cancels_says_no_more(run: Run) -> None:
    result = run(
        APPLICATION
        + CUT_OFF
        + """
    async def test_it(http, asgi_hangs):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await http.get("/hang")
        assert False
    """,
        "-k",
        "test_it",
    )

    assert section(result).splitlines()[0].split("  ")[:2] == ["#3 GET /hang", "unanswered: cancelled"]


def test_where_nothing_happened_nothing_is_shown(run: Run) -> None:
    result = run(APPLICATION + "\n    async def test_it(http):\n        assert False")

    result.assert_outcomes(failed=1)
    result.stdout.no_fnmatch_line("*jararaca timeline*")


def test_a_failure_of_setup_or_teardown_shows_it_too_and_only_once(run: Run) -> None:
    result = run(
        APPLICATION
        + """
    @pytest.fixture
    async def placed(bus):
        await bus.publish(Order(id=1), "order.lost")
        yield
        raise KeyError("at the end")

    @pytest.fixture
    async def broken(placed):
        raise KeyError("at the beginning")

    async def test_setup(broken): ...
    async def test_teardown(placed):
        assert False
    """
    )

    result.assert_outcomes(failed=1, errors=3)
    text = result.stdout.str()
    assert text.count("jararaca timeline") == 2
    assert text.count("publish order.lost  unroutable: no queue bound to 'order.lost'") == 2


def test_secrets_are_shown_nowhere(run: Run) -> None:
    """Neither those of bodies, headers and URLs, nor those that an error repeats."""
    result = run(
        APPLICATION
        + """
    from pydantic import SecretStr

    class Login(BaseModel):
        user: str
        password: str
        pin: SecretStr

    async def test_it(http, bus, ws):
        await bus.publish(
            Login(user="ada", password="hunter2", pin=SecretStr("4711")), "login", headers={"x-api-key": "hunter2"}
        )
        await http.get("/?access_token=hunter2")
        bus.published("login").where(user="bob").one()
    """,
        "--show-capture=all",
        "--tb=line",
    )

    result.assert_outcomes(failed=1)
    output = result.stdout.str()
    assert "hunter2" not in output
    assert "4711" not in output
    assert "#6 GET /?access_token=*** 404" in section(result)


def test_a_long_story_loses_its_middle(run: Run) -> None:
    result = run(
        APPLICATION
        + """
    async def test_it(bus):
        for number in range(200):
            await bus.publish(Order(id=number), f"order.{number}")
        assert False
    """
    )

    lines = section(result).splitlines()
    assert len(lines) == 80
    assert lines[39] == "... 121 more, from #120 to #480 ..."
    assert lines[-1].startswith("#600 publish order.199")


def test_without_the_harness_nothing_is_shown(run: Run) -> None:
    result = run("def test_it(): assert False")

    result.stdout.no_fnmatch_line("*jararaca timeline*")
