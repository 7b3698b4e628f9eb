"""What a test says it proves, and what a run writes down of it."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jararaca.errors import MissingExtra, UsageError
from jararaca_testing import contracts
from jararaca_testing.contracts import differs, lacks, proves
from jararaca_testing.contracts.proofs import Implementation
from jararaca_testing.contracts.recording import Proof, read, written

SUITE = """
    import pytest
    from jararaca_testing.contracts import differs, lacks, proves, runs_on

    @pytest.fixture(params=["4.0", "4.1"])
    def broker(request):
        runs_on(request, "Model", request.param)
        return request.param

    @proves("RMQ-02", "RMQ-01")
    class TestModel:
        @proves("RMQ-03")
        def test_both(self, broker):
            pass

        def test_one(self, broker):
            assert broker == "4.0"

    @differs("RMQ-04")
    @lacks("RMQ-05")
    def test_less(broker):
        pass

    @proves("RMQ-06")
    def test_nowhere():
        pass

    @proves("RMQ-07")
    def test_left_out(broker):
        pytest.skip("not today")

    @proves("RMQ-08")
    def test_wrong_from_the_start(broker, missing):
        pass

    def test_of_nothing(broker):
        pass
"""


def proof(given: str, test: str, version: str, *, verdict: str = "proven", passed: bool = True) -> Proof:
    return Proof(given, verdict, Implementation("Model", version), "test_suite.py", test, passed)  # type: ignore[arg-type]  # one of three


EXPECTED = {
    proof(given, test, version, passed=test == "test_both" or version == "4.0")
    for version in ("4.0", "4.1")
    for given, test in (
        ("RMQ-01", "test_both"),
        ("RMQ-02", "test_both"),
        ("RMQ-03", "test_both"),
        ("RMQ-01", "test_one"),
        ("RMQ-02", "test_one"),
    )
} | {
    proof(given, "test_less", version, verdict=verdict)
    for version in ("4.0", "4.1")
    for given, verdict in (("RMQ-04", "differs"), ("RMQ-05", "not emulated"))
}


def test_a_test_is_where_it_was_written_whatever_wraps_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        wrapping="""
        def twice(test):
            def run(request):
                test(request)
                test(request)
            run.__name__ = test.__name__
            return run
        """,
        test_wrapped="""
        from jararaca_testing.contracts import proves, runs_on
        from wrapping import twice

        @proves("RMQ-01")
        @twice
        def test_it(request):
            runs_on(request, "Model", "4.0")
        """,
    )

    pytester.runpytest_inprocess("--jararaca-proofs=proofs.json", "-p", "no:randomly", "-p", "no:asyncio")

    assert {proof.path for proof in read(Path("proofs.json").read_text(encoding="utf-8"))} == {"test_wrapped.py"}


@pytest.mark.parametrize(
    "workers", [pytest.param([], id="alone"), pytest.param(["-n", "2"], id="xdist", marks=pytest.mark.slow)]
)
def test_a_run_writes_down_what_its_tests_proved_of_what_they_ran_on(
    pytester: pytest.Pytester, workers: list[str]
) -> None:
    pytester.makepyfile(test_suite=SUITE)

    pytester.runpytest_subprocess("--jararaca-proofs=deep/proofs.json", "-p", "no:randomly", *workers)

    assert read(Path("deep/proofs.json").read_text(encoding="utf-8")) == EXPECTED


def test_what_was_written_does_not_depend_on_the_order(pytester: pytest.Pytester) -> None:
    proofs = sorted(EXPECTED)

    assert written(proofs) == written(reversed(proofs))
    assert read(written(proofs)) == EXPECTED


def test_a_run_that_is_not_asked_writes_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE)

    result = pytester.runpytest_inprocess("--strict-markers", "-p", "no:randomly", "-p", "no:asyncio")

    result.assert_outcomes(passed=8, failed=1, skipped=2, errors=2)
    assert [path.name for path in pytester.path.glob("*.json")] == []


@pytest.mark.parametrize("mark", [proves, differs, lacks])
def test_an_id_that_is_none_is_refused_where_it_is_written(mark: Callable[..., object]) -> None:
    with pytest.raises(UsageError, match=r'takes ids of behaviours such as "RMQ-29", and not \'rmq 29\'\.'):
        mark("RMQ-29", "rmq 29")
    with pytest.raises(UsageError, match="and not nothing"):
        mark()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'disproves'"):
        contracts.disproves  # noqa: B018


def test_a_suite_without_what_runs_its_tests_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytest_asyncio", None)
    monkeypatch.delitem(sys.modules, "jararaca_testing.contracts.fanout", raising=False)

    with pytest.raises(MissingExtra, match=r'FanoutContract needs an extra: pip install "jararaca\[contracts\]"'):
        contracts.FanoutContract  # noqa: B018


FORGOTTEN = """
    import pytest
    from jararaca_testing.contracts import (
        BrokerContract, ClockContract, FanoutContract, LosableFanoutContract, ScheduleStoreContract,
    )

    class TestBroker(BrokerContract): ...
    class TestClock(ClockContract): ...
    class TestFanout(FanoutContract): ...
    class TestStore(ScheduleStoreContract): ...

    class TestLosable(LosableFanoutContract):
        @pytest.fixture
        def new_fanout(self):
            return None
"""


def test_a_suite_that_is_not_told_what_to_test_says_which_fixture_to_override(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    pytester.makepyfile(FORGOTTEN)

    shown = pytester.runpytest_inprocess("-k", "twice or goes_back or lost_server or instance_neither or only_grow")

    shown.stdout.fnmatch_lines_random(
        [
            "*TestBroker says not which broker is under contract. Override its fixture new_broker *",
            "*TestClock says not which clock is under contract. Override its fixture clock *",
            "*TestFanout says not which fan-out is under contract. Override its fixture new_fanout *",
            "*TestStore says not which store is under contract. Override its fixture new_store *",
            "*TestLosable says not how its server goes away. Override its fixture server *",
        ]
    )
    assert "passed" not in shown.parseoutcomes()
