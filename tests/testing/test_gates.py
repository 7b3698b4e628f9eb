"""Gates after every test: each violation planted in a project, with the line that the message names and the way out."""

import importlib
from collections.abc import Callable

import pytest

from jararaca_testing.contracts import proves

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "judging", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

IMPORTS = """
    import asyncio
    import logging
    import socket
    import time
    import pytest
    from sqlalchemy import text
    from pydantic import BaseModel, SecretStr
    from jararaca import AIOSQAConfig, AIOSqlAlchemySessionInterceptor, Microservice, ProviderSpec
    from jararaca.core.context import Trigger, current_execution, enter, leave
    from jararaca.core.steps import Kind
    from jararaca.persistence.session import database_of
    from storefront import Gateway, Order, Orders

    class Keys(BaseModel):
        gateway: SecretStr

    class Broken(Gateway):
        async def charge(self, order):
            raise TimeoutError("no answer")

    class Slow(Gateway):
        async def charge(self, order):
            await asyncio.sleep(1000)

    class Busy(Gateway):
        async def charge(self, order):
            end = time.thread_time() + 0.4
            while time.thread_time() < end:
                sum(range(1000))

    class Forgetful(Gateway):
        async def charge(self, order):
            self.task = asyncio.create_task(asyncio.sleep(5000))

    def again(kind, **facts):
        def observe(app, step):
            if step.kind is Kind.SETTLE and step.phase == "after" and not step.facts.get("again"):
                app.environment.steps.after(kind, step.subject, None, **{**step.facts, **facts, "again": True})
        return observe

    class Observer:
        def __init__(self, app, observe):
            self.app, self._observe = app, observe
        def observe(self, step):
            self._observe(self.app, step)
"""

DATABASE = """
    @pytest.fixture
    def jararaca_microservice():
        database = AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", "sqlite+aiosqlite:///shop.sqlite3"))
        keys = ProviderSpec(Keys, use_value=Keys(gateway="hunter2-hunter2"))
        return Microservice(providers=[keys], controllers=[Orders], interceptors=[database])
"""

PLANTED = {
    "unsettled": (
        """
    async def test_NAME(jararaca_app, bus, override):
        override[Gateway] = Slow()
        await bus.publish(Order(id=1), "order.placed")
        """,
        [
            "unsettled: Something is still being handled, and it goes on at t=1000.000 only*",
            "still moving: attempt Orders.charge",
        ],
    ),
    "leftovers": (
        """
    async def test_NAME(jararaca_app, bus, override):
        override[Gateway] = Broken()
        bus.expect_errors(TimeoutError)
        await bus.publish(Order(id=1), "order.placed")
        """,
        [
            "leftovers: 'order.placed' waits to be tried again by Orders.charge: retry, attempt 1",
            'published at test_storefront.py:* in test_*: await bus.publish(Order(id=1), "order.placed")',
            'raised TimeoutError at test_storefront.py:* in Broken.charge: raise TimeoutError("no answer")',
            'handled at storefront.py:* in Orders.charge: @IncomingHandler("order.placed"*',
            "Look at it with bus.retried('Orders.charge'), or announce it with bus.expect_leftover('order.placed'*",
        ],
    ),
    "dead-letters": (
        """
    async def test_NAME(jararaca_app, bus, clock, override):
        override[Gateway] = Broken()
        bus.expect_errors(TimeoutError)
        await bus.publish(Order(id=1), "order.placed")
        await clock.advance(hours=1)
        """,
        [
            "dead-letters: 'order.placed' was given up by Orders.charge: retries-exhausted, attempt 3",
            "published at test_storefront.py:*",
            "raised TimeoutError at test_storefront.py:*",
            "Look at it with bus.dead_lettered('order.placed'), or announce it with *kind='dead-letter').",
        ],
    ),
    "unroutable": (
        """
    async def test_NAME(jararaca_app, bus):
        await bus.publish(Order(id=1), "nobody.listens")
        """,
        [
            "unroutable: 'nobody.listens' was published, and no queue took it",
            'published at test_storefront.py:* in test_*: await bus.publish(Order(id=1), "nobody.listens")',
        ],
    ),
    "settled-twice": (
        """
    async def test_NAME(jararaca_app, bus):
        jararaca_app.environment.steps.add(Observer(jararaca_app, again(Kind.SETTLE)))
        await bus.publish(Order(id=1), "order.placed")
        """,
        [
            "settled-twice: 'order.placed' of Orders.charge, attempt 1, was settled again: ack",
            "handled at storefront.py:* in Orders.charge: *",
        ],
    ),
    "publish-without-commit": (
        """
    async def test_NAME(jararaca_app, bus):
        jararaca_app.environment.steps.after(Kind.PUBLISH, None, topic="too.early", staged=True)
        """,
        ["publish-without-commit: a message for 'too.early' that waited for a unit of work left outside of it*"],
    ),
    "frame-without-commit": (
        """
    async def test_NAME(jararaca_app, bus):
        jararaca_app.environment.steps.after(Kind.FRAME, None, staged=True)
        """,
        ["frame-without-commit: a frame that waited for a unit of work left outside of it, in the execution None"],
    ),
    "ack-before-commit": (
        """
    async def test_NAME(jararaca_app, bus):
        class Eager:
            def observe(self, step):
                if step.kind is Kind.COMMIT and step.phase == "before":
                    facts = dict(handler="Orders.charge", topic="order.placed", message_id="m", attempt=1)
                    steps.after(Kind.DELIVERY, self, **facts)
                    steps.after(Kind.SETTLE, self, current_execution(), verb="ack", reason=None, **facts)
        steps = jararaca_app.environment.steps
        steps.add(Eager())
        await bus.publish(Order(id=1), "order.placed")
        await jararaca_app.settle()
        """,
        ["ack-before-commit: 'order.placed' of Orders.charge, attempt 1, was settled before its unit of work was*"],
    ),
    "secrets-in-logs": (
        """
    async def test_NAME(jararaca_app):
        logging.getLogger("shop.gateway").warning("using %s", "hunter2-hunter2")
        """,
        ["secrets-in-logs: the logger 'shop.gateway' at *test_storefront.py:* in test_* says Keys.gateway"],
    ),
    "loop-stall": (
        """
    async def test_NAME(jararaca_app, http, override):
        override[Gateway] = Busy()
        await http.post("/orders", json={"id": 1})
        """,
        [
            "loop-stall: Busy.charge held the loop for 0.* s of CPU, * s in all",
            "at test_storefront.py:* in Busy.charge: *",
            "*await asyncio.to_thread(...).",
        ],
    ),
    "pending-tasks": (
        """
    async def test_NAME(jararaca_app, http, override):
        override[Gateway] = Forgetful()
        await http.post("/orders", json={"id": 1})
        """,
        [
            "pending-tasks: the task Task-* still runs",
            "created at test_storefront.py:* in Forgetful.charge: self.task = asyncio.create_task(*",
            "waits for sleep(5000) until t=5000.000",
        ],
    ),
    "open-connections": (
        """
    @pytest.fixture
    async def kept():
        kept = []
        yield kept
        for session in kept:
            await session.close()

    async def test_NAME(kept, jararaca_app):
        session = database_of(jararaca_app.environment, "default").session()
        kept.append(session)
        await session.execute(text("SELECT 1"))
        """,
        [
            "open-connections: a connection of the database 'default' is open",
            'taken at test_storefront.py:* in test_*: await session.execute(text("SELECT 1"))',
        ],
    ),
    "open-sockets": (
        """
    @pytest.fixture
    async def pair(jararaca_app):
        one, other = socket.socketpair()
        yield one
        asyncio.get_running_loop().remove_reader(one)
        one.close()
        other.close()

    async def test_NAME(pair):
        asyncio.get_running_loop().add_reader(pair, print)
        """,
        ["open-sockets: the open file descriptor * is open"],
    ),
}


def sections(result: pytest.RunResult) -> dict[str, list[str]]:
    """What was said about each planted test."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in result.outlines:
        name = line.strip("_ ").removeprefix("ERROR at teardown of ")
        if line.startswith("__") and name.startswith("test_"):
            lines = found[name.removeprefix("test_").replace("_", "-")] = []
        lines.append(line)
    return found


def planted(mark: str = "") -> str:
    """A file with a test for every violation, each under this mark."""
    tests = [
        body.replace("async def test_NAME", f"{mark.format(gate)}async def test_{gate.replace('-', '_')}")
        for gate, (body, _lines) in PLANTED.items()
    ]
    return "".join([IMPORTS, DATABASE, *tests])


@pytest.fixture
def no_patience_with_tracers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The violation is as long where coverage is measured as elsewhere."""
    monkeypatch.setattr("jararaca_testing.gates.stalls.TRACED", 1)


@proves("F-28", "F-47")
@pytest.mark.usefixtures("no_patience_with_tracers")
def test_every_violation_fails_its_test_and_the_line_that_caused_it_is_named(run: Run) -> None:
    result = run(planted())

    late = 2  # what is left in the process is known only when every fixture is gone
    result.assert_outcomes(passed=late, errors=late, failed=len(PLANTED) - late)
    said = sections(result)
    for gate, (_body, lines) in PLANTED.items():
        pytest.LineMatcher(said[gate]).fnmatch_lines([f"*{line}" for line in lines])
        text = "\n".join(said[gate])
        assert f"the test passed, but its gates are closed: {gate}\n" in text
        assert f'let it through: @pytest.mark.jararaca(allow=["{gate}"]); or the whole suite' in text
        assert f"with jararaca_gates = -{gate}." in text
        assert text.count("created at") <= 1


def test_a_violation_that_a_test_allows_lets_it_through(run: Run) -> None:
    result = run(planted('@pytest.mark.jararaca(allow=["{}"])\n    '))

    result.assert_outcomes(passed=len(PLANTED))


def test_no_gate_stands_in_a_suite_that_says_so(run: Run) -> None:
    run(planted(), "-o", "jararaca_gates=none").assert_outcomes(passed=len(PLANTED))


def test_a_clean_suite_hears_nothing_of_gates(run: Run) -> None:
    result = run(
        IMPORTS
        + DATABASE
        + """
    async def test_everything(jararaca_app, http, bus, clock, db, ws):
        await http.post("/orders", json={"id": 1})
        await clock.advance(days=2)
        await bus.publish(Order(id=2), "order.placed", delay=60)
        await clock.advance(minutes=2)
        async with db.session() as session:
            await session.execute(text("SELECT 1"))
        task = asyncio.create_task(asyncio.sleep(1))
        await task

    async def test_cancelled(jararaca_app):
        task = asyncio.create_task(asyncio.sleep(1000))
        await asyncio.sleep(1)
        task.cancel()

    def test_synchronous(jararaca_app): ...

    async def test_the_clock_alone(clock):
        await clock.advance(days=1)

    async def test_thought(jararaca_app):
        end = time.thread_time() + 0.2  # the test's own work holds nobody up
        while time.thread_time() < end:
            sum(range(1000))
    """
    )

    result.assert_outcomes(passed=5)
    assert "jararaca_gates" not in result.stdout.str()


LOOKS = """
    @pytest.mark.parametrize("look", {})
    async def test_it(jararaca_app, bus, clock, override, look):
        override[Gateway] = Broken()
        bus.expect_errors(TimeoutError)
        await bus.publish(Order(id=1), "order.placed")
        await clock.advance(hours=1)
        eval(look)
"""


def test_what_a_test_looks_at_by_name_or_announces_is_accounted_for(run: Run) -> None:
    looks = [
        'bus.dead_lettered("order.placed").one()',
        'bus.dead_lettered("order.*")[0]',
        'bus.dead_lettered("#").count',
        'bus.expect_leftover("order.placed")',
        'bus.expect_leftover("order.#", kind="dead-letter")',
        "bus.expect_leftover(handler=Orders.charge)",
    ]

    run(IMPORTS + LOOKS.format(looks)).assert_outcomes(passed=len(looks))


def test_what_a_test_looks_at_in_another_way_is_not(run: Run) -> None:
    looks = [
        "bus.dead_lettered().one()",
        'bus.published("order.placed").one()',
        "bus.handled(Orders.charge).attempts(3)",
        'bus.dead_lettered("order.placed", id=2).none()',
        'bus.expect_leftover("order.paid")',
        'bus.expect_leftover("order.placed", kind="retry")',
    ]

    result = run(IMPORTS + LOOKS.format(looks))

    result.assert_outcomes(failed=len(looks))
    assert result.stdout.str().count("dead-letters: 'order.placed' was given up by Orders.charge") == len(looks)
