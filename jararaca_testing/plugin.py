"""The pytest plugin: what each hook does, and nothing that is imported before a test needs it.

A test is the harness's if it uses one of its fixtures. Such a test may be a plain `async def` without any marker; it
runs on a loop of its own, in the world of its profile. Other tests notice nothing.
"""

import sys
from collections.abc import Generator
from typing import Any

import pytest

from jararaca_testing import fixtures, neighbours, provisioning, replaying, reporting, runner
from jararaca_testing.fixtures import APPLICATION, GATES, NAMES
from jararaca_testing.gates.names import UnknownGate
from jararaca_testing.loops import loop_factory_of
from jararaca_testing.options import (
    add_options,
    check_marker,
    check_options,
    covers_behaviour,
    gates_of,
    header,
    option,
    profile_of,
    profiles_of,
)

JUDGE: pytest.StashKey[Any] = pytest.StashKey()
MARKERS_OF_CONTRACTS = {
    "proves": "the test shows these numbered behaviours of what it runs on",
    "differs": "the test asserts how what it runs on differs from these",
    "lacks": "the test asserts that what it runs on refuses these",
}
NEEDS_VIRTUAL_TIME = "needs virtual time, which real servers have not"


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register markers and fixtures, and refuse options that cannot work before anything is collected."""
    config.pluginmanager.register(fixtures, "jararaca_fixtures")
    config.addinivalue_line(
        "markers",
        "jararaca(app=..., jitter=..., allow=[...]): the application under test, as module:attribute; whether delays "
        "are random; gates that this test is let through",
    )
    config.addinivalue_line("markers", "harness: set on every test that uses a fixture of the harness")
    config.addinivalue_line("markers", "virtual_only: what only virtual time can show; skipped in other profiles")
    for marker, what in MARKERS_OF_CONTRACTS.items():
        config.addinivalue_line("markers", f"{marker}(*ids): {what}; see jararaca_testing.contracts")
    check_options(config)
    config.pluginmanager.register(replaying, "jararaca_replaying")
    if covers_behaviour(config):
        from jararaca_testing.covering import Covering

        config.pluginmanager.register(Covering(config), "jararaca_covering")
    if proofs := option(config, "jararaca_proofs"):
        from jararaca_testing.contracts.recording import Recording

        config.pluginmanager.register(Recording(config, proofs), "jararaca_proofs")


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [header(config), *provisioning.servers_header(config)]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Have the servers of every real profile before anything is collected."""
    provisioning.provide_servers(session.config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where the servers are."""
    provisioning.share_servers(node)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count what could not be shown on real servers, so that everybody sees how far the profiles agree."""
    skipped = terminalreporter.stats.get("skipped", ())
    virtual_only = [report for report in skipped if NEEDS_VIRTUAL_TIME in report.longreprtext]
    if virtual_only:
        terminalreporter.line(f"jararaca: {len(virtual_only)} virtual_only skipped: each {NEEDS_VIRTUAL_TIME}")


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Say where records, and the payloads in them, differ."""
    if "jararaca_testing.records" not in sys.modules:  # then none of them is a record
        return None
    from jararaca_testing.comparing import compared

    return compared(op, left, right)


# -- running


def _is_ours(item: object) -> bool:
    return runner.is_harness(item, NAMES)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark our items, so that `-m harness` selects them."""
    if _is_ours(item):
        item.add_marker("harness")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> Generator[None, Any, Any]:
    """With several profiles, every test of the harness runs in each; with several loops, it runs on its own only."""
    if NAMES.isdisjoint(metafunc.fixturenames):
        return (yield)
    profiles = profiles_of(metafunc.config)
    if len(profiles) > 1:
        metafunc.fixturenames.append("jararaca_profile")
        metafunc.parametrize("jararaca_profile", profiles)
    with neighbours.one_loop(metafunc):
        return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, and count as skipped, what only virtual time can show; refuse what cannot be."""
    if not _is_ours(item):
        return
    neighbours.refuse_asynchronous_method(item)
    check_marker(item)
    item.stash[GATES] = _gates(item)
    if item.get_closest_marker("virtual_only") is not None and profile_of(item) != "memory":
        pytest.skip(NEEDS_VIRTUAL_TIME)


def _gates(item: pytest.Item) -> frozenset[str]:
    try:
        return gates_of(item)
    except UnknownGate as error:
        raise pytest.fail.Exception(f"jararaca: {error}", pytrace=False) from None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pycollect_makeitem() -> Generator[None, Any, Any]:
    """Take our items back from plugins that gave asynchronous tests classes of their own."""
    return runner.plain_items((yield), NAMES)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: "pytest.FixtureDef[Any]", request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Run asynchronous fixtures of our items on the item's own loop."""
    if _is_ours(request.node):
        return (yield from runner.fixture_set_up(fixturedef, request, loop_factory_of(request.node)))
    if fixturedef.argname in NAMES and fixturedef.scope == "function":
        neighbours.refuse_late_request(request)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Run our asynchronous tests on the item's own loop; what handlers raised meanwhile is part of the test."""
    __tracebackhide__ = True
    if not _is_ours(pyfuncitem):
        return (yield)
    judge = _judge(pyfuncitem)
    try:
        result = yield from runner.call_test(pyfuncitem, loop_factory_of(pyfuncitem), judge.settle)
    except (Exception, pytest.fail.Exception) as error:
        judge.body_failed(error)
        raise
    finally:
        judge.body_ended()
    judge.body_passed()
    return result


def _judge(item: pytest.Function) -> Any:
    from jararaca_testing.judging import Judge

    run = runner.run_of(item, loop_factory_of(item))
    judge = item.stash[JUDGE] = Judge(run, item.stash[GATES], item.stash.get(APPLICATION, None))
    return judge


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a failure tell what happened, without being asked."""
    report = yield
    reporting.add_timeline(item, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Let go of the test's application once everything was reported: a run keeps its items to the end."""
    try:
        return (yield)
    finally:
        for key in (APPLICATION, JUDGE, reporting.TOLD, reporting.STORY):
            if key in item.stash:
                del item.stash[key]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Close the item's loop after all of its finalizers, and fail for what they left in the process."""
    left: str | None = None
    try:
        result = yield
        if JUDGE in item.stash:
            left = item.stash[JUDGE].everything_ended()
    finally:
        runner.close_run(item)
    if left is not None:
        pytest.fail(left, pytrace=False)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, Any, Any]:
    """Close the loop of a test that was interrupted, after its finalizers."""
    try:
        return (yield)
    finally:
        runner.close_runs(session)
