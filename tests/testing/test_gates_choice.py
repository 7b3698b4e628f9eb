"""Which gates stand after a test: the option, the marker, names that are none, and tests that failed by themselves."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from jararaca_testing.gates.names import ALL, GATES, UnknownGate, standing

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "judging", "profiles.memory", "profiles.opening", "clock", "wallclock", "target"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

IMPORTS = """
    import asyncio
    import pytest
    from storefront import Gateway, Order, Orders

    class Broken(Gateway):
        async def charge(self, order):
            raise TimeoutError("no answer")
"""


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("all", ALL),
        ("", ALL),
        ("none", frozenset()),
        ("-loop-stall", ALL - {"loop-stall"}),
        ("all, -loop-stall,-leftovers", ALL - {"loop-stall", "leftovers"}),
        ("dead-letters,unroutable", {"dead-letters", "unroutable"}),
        ("dead-letters,unroutable,-unroutable", {"dead-letters"}),
    ],
)
def test_the_option_names_those_that_stand_or_those_that_do_not(chosen: str, expected: frozenset[str]) -> None:
    assert standing(chosen) == expected


def test_a_name_that_is_no_gate_is_an_error_with_the_nearest(run: Run) -> None:
    with pytest.raises(
        UnknownGate, match=r"^there is no gate 'dead-leters'\. Did you mean 'dead-letters'\? There are: "
    ):
        standing("-dead-leters")

    result = run(
        """
        import pytest

        @pytest.mark.jararaca(allow=["leftover"])
        async def test_it(clock): ...

        @pytest.mark.jararaca(allow="leftovers")
        async def test_text(clock): ...
        """
    )
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["jararaca: there is no gate 'leftover'. Did you mean 'leftovers'? There are: *"])
    result.stdout.fnmatch_lines(["jararaca: allow='leftovers' is no list. Write @pytest.mark.jararaca(allow=*"])


def test_markers_of_a_module_a_class_and_a_test_add_up_and_leave_the_application_alone(run: Run) -> None:
    result = run(
        IMPORTS
        + """
    pytestmark = pytest.mark.jararaca(app="storefront:http_app", allow=["unroutable"])

    @pytest.mark.jararaca(allow=["leftovers"])
    class TestIt:
        @pytest.mark.jararaca(allow=["pending-tasks"])
        async def test_it(self, jararaca_app, bus):
            await bus.publish(Order(id=1), "nobody.listens")
            await bus.publish(Order(id=1), "order.placed", delay=60)
            self.task = asyncio.create_task(asyncio.sleep(1000))
    """,
        "-o",
        "jararaca_app=nowhere:app",
    )

    result.assert_outcomes(passed=1)


def test_a_suite_may_do_without_a_gate(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lost = "async def test_it(bus):\n        await bus.publish(Order(id=1), 'nobody.listens')"

    run(f"{IMPORTS}\n    {lost}").assert_outcomes(failed=1)
    run(f"{IMPORTS}\n    {lost}", "-o", "jararaca_gates=-unroutable").assert_outcomes(passed=1)
    monkeypatch.setenv("JARARACA_TEST_GATES", "dead-letters")
    run(f"{IMPORTS}\n    {lost}").assert_outcomes(passed=1)


def test_a_test_that_fails_by_itself_has_what_gates_find_as_a_note_and_no_second_failure(run: Run) -> None:
    result = run(
        IMPORTS
        + """
    async def test_it(jararaca_app, bus, clock, override):
        override[Gateway] = Broken()
        bus.expect_errors(TimeoutError)
        await bus.publish(Order(id=1), "order.placed")
        await clock.advance(hours=1)
        asyncio.create_task(asyncio.sleep(1000))
        assert 1 == 2

    async def test_skipped(jararaca_app, bus):
        await bus.publish(Order(id=1), "nobody.listens")
        asyncio.create_task(asyncio.sleep(1000))
        pytest.skip("for a reason")
    """
    )

    result.assert_outcomes(failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["E * assert 1 == 2", "E * besides, gates are closed:", "E * dead-letters: 'order.placed' was given up by *"]
    )


def test_an_unexpected_exception_is_the_failure_and_what_gates_find_its_note(run: Run) -> None:
    result = run(
        IMPORTS
        + """
    async def test_it(jararaca_app, bus, override):
        override[Gateway] = Broken()
        await bus.publish(Order(id=1), "order.placed")
    """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *HandlerFailed: handlers raised what this test did not expect:"])
    result.stdout.fnmatch_lines(["E * leftovers: 'order.placed' waits to be tried again by Orders.charge*"])


def test_what_comes_to_light_while_the_test_settles_at_its_end_fails_it(run: Run) -> None:
    """The request is answered and the body over before the handler raises."""
    result = run(
        IMPORTS
        + """
    async def test_it(http, override):
        class Late(Gateway):
            async def charge(self, order):
                await asyncio.sleep(5)
                raise KeyError("too late")
        override[Gateway] = Late()
        await http.post("/orders", json={"id": 1})
    """
    )

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Orders.charge attempt 1 Order(id=1) error KeyError: 'too late'"])


def test_of_very_many_findings_a_few_are_listed_and_the_others_counted(run: Run) -> None:
    result = run(
        IMPORTS
        + """
    async def test_it(bus):
        for number in range(12):
            await bus.publish(Order(id=number), f"lost.number{number}")
    """
    )

    result.stdout.fnmatch_lines(["  unroutable: 'lost.number4' was published, *", "  unroutable: and 7 more"])
    result.stdout.no_fnmatch_line("*unroutable: 'lost.number5'*")


def test_the_documents_have_a_row_for_every_gate() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing" / "gates.md").read_text(encoding="utf-8")

    assert [gate.name for gate in GATES if f"| `{gate.name}` | {gate.claim} |" not in page] == []
