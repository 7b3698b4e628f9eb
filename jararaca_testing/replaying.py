"""Makes tests of the harness repeatable, and says how to repeat one that failed: a plugin of its own.

What is random in a test follows from its seed, which follows from the seed of the session, the test's id and its
profile: neither the order of tests nor the process in which one runs matters.
"""

import contextlib
import os
import shlex
from collections.abc import Generator
from typing import Any

import pytest

from jararaca_testing.chance import derived_seed, determined, new_seed, reseed
from jararaca_testing.options import option, profile_of, said_options

SESSION_SEED: pytest.StashKey[int] = pytest.StashKey()
SEED: pytest.StashKey[int] = pytest.StashKey()
DETERMINED: pytest.StashKey[contextlib.ExitStack] = pytest.StashKey()
HASH_SEED = "PYTHONHASHSEED"
OTHER_SEEDS = (("randomly", "randomly_seed"), ("hypothesispytest", "hypothesis_seed"))
"""Plugins with seeds of their own, and where pytest keeps those."""

REPETITION = "to repeat this test"
HASHES_VARY = f"""\
{HASH_SEED} was not set, so that the order of a set of strings may be another one. Set it to a number for every run to \
repeat that as well."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of the session; workers of xdist are told theirs."""
    told = getattr(config, "workerinput", {}).get("jararaca_seed")
    given = option(config, "jararaca_seed") if told is None else told
    config.stash[SESSION_SEED] = int(given) if given else new_seed()
    config.stash[DETERMINED] = contextlib.ExitStack()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind, also if a test was interrupted."""
    config.stash[DETERMINED].close()


def pytest_report_header(config: pytest.Config) -> str:
    return f"jararaca: --jararaca-seed={config.stash[SESSION_SEED]}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config: pytest.Config) -> None:
    """Let workers hash strings as the seed says, if one was given: only a process that starts can be told."""
    if option(config, "jararaca_seed") and not os.environ.get(HASH_SEED, "").isdigit():
        before = os.environ.get(HASH_SEED)
        os.environ[HASH_SEED] = str(config.stash[SESSION_SEED] % 2**32)
        config.add_cleanup(lambda: _put_back(before))


def _put_back(before: str | None) -> None:
    if before is None:
        os.environ.pop(HASH_SEED, None)
    else:
        os.environ[HASH_SEED] = before


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist the seed of the session."""
    node.workerinput["jararaca_seed"] = node.config.stash[SESSION_SEED]


# -- one test


def seed_of(item: pytest.Item) -> int:
    """The seed of one test."""
    if SEED not in item.stash:
        item.stash[SEED] = derived_seed(item.config.stash[SESSION_SEED], _id_of(item), profile_of(item))
    return item.stash[SEED]


def _id_of(item: pytest.Item) -> str:
    """The id without the group that xdist appends to it in its workers."""
    marks = item.iter_markers("xdist_group")
    groups = sorted({str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in marks})
    return item.nodeid.removesuffix(f"@{'_'.join(groups)}") if groups else item.nodeid


def _is_ours(item: pytest.Item) -> bool:
    return item.get_closest_marker("harness") is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_fixture_setup(
    fixturedef: "pytest.FixtureDef[Any]", request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Determine what is random from a test's first fixture on; wider ones are set up before, and belong to no test."""
    if fixturedef.scope == "function" and DETERMINED not in request.node.stash and _is_ours(request.node):
        item: pytest.Item = request.node
        stack = item.stash[DETERMINED] = item.config.stash[DETERMINED]
        stack.enter_context(determined(seed_of(item), entropy=profile_of(item) == "memory"))
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Begin the test itself anew: pytest-randomly has a seed of its own for it."""
    if DETERMINED in pyfuncitem.stash:
        reseed(seed_of(pyfuncitem), "call")
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give everybody else their randomness back."""
    try:
        return (yield)
    finally:
        if DETERMINED in item.stash:
            item.stash[DETERMINED].close()
            del item.stash[DETERMINED]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Say how to repeat a test of ours that failed."""
    report = yield
    if report.failed and _is_ours(item):
        report.sections.append((REPETITION, repetition_of(item)))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say once what the commands of tests that failed cannot repeat, if there is something."""
    stats = terminalreporter.stats
    failed = (report for outcome in ("failed", "error") for report in stats.get(outcome, ()))
    is_told_how = any(name == REPETITION for report in failed for name, _text in getattr(report, "sections", ()))
    if is_told_how and not os.environ.get(HASH_SEED, "").isdigit():
        terminalreporter.line(f"jararaca: {HASHES_VARY}")


def repetition_of(item: pytest.Item) -> str:
    """The command that runs one test as it ran now."""
    config = item.config
    path, separator, name_of_test = _id_of(item).partition("::")
    where = os.path.relpath(config.rootpath / path, config.invocation_params.dir)
    words = ["pytest", f"{where}{separator}{name_of_test}", f"--jararaca-seed={config.stash[SESSION_SEED]}"]
    words += [f"--{name.replace('_', '-')}={value}" for name, value in said_options(config) if name != "jararaca_seed"]
    for plugin, name in OTHER_SEEDS:
        seed = config.getoption(name, None) if config.pluginmanager.hasplugin(plugin) else None
        words += [] if seed is None else [f"--{name.replace('_', '-')}={seed}"]
    command = shlex.join(words)
    hashes = os.environ.get(HASH_SEED, "")
    return f"{HASH_SEED}={hashes} {command}" if hashes.isdigit() else command
