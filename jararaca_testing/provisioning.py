"""Gives the real profiles their servers: once for a whole run, whatever the number of its processes.

The process that leads the run finds or starts them when its session starts, and tells the workers of pytest-xdist
where they are. It removes what it started when it ends, also when it is interrupted or a worker dies.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, TypeVar

import pytest

from jararaca_testing.options import profile_of, profiles_of, settings_of
from jararaca_testing.servers import Servers, named_database, named_servers

T = TypeVar("T")

SERVERS: pytest.StashKey[dict[str, Servers]] = pytest.StashKey()
"""The servers of each real profile, in every process of the run."""

ANSWERS: pytest.StashKey[list[str]] = pytest.StashKey()
"""What each real profile runs on, for the header."""

SHARED = "jararaca_servers"
WITHOUT_TESTS = ("collectonly", "setupplan", "showfixtures", "show_fixtures_per_test", "cacheshow")


def provide_servers(config: pytest.Config) -> None:
    """Find the servers of the services profile, and start those of the containers profile until the run ends.

    Raises:
        pytest.UsageError: a server does not answer, or cannot be started.
    """
    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        config.stash[SERVERS] = {profile: Servers(**urls) for profile, urls in worker_input[SHARED].items()}
        return
    config.stash[SERVERS], config.stash[ANSWERS] = {}, []
    if any(config.getoption(name, False) for name in WITHOUT_TESTS):
        return
    for profile, provide in (("services", _found), ("containers", _started)):  # what fails sooner comes first
        if profile in profiles_of(config):
            config.stash[SERVERS][profile] = _explained(config, profile, provide)


def servers_header(config: pytest.Config) -> list[str]:
    """What the real profiles run on, with versions."""
    return config.stash.get(ANSWERS, [])


def share_servers(node: Any) -> None:
    """Put the servers into what pytest-xdist sends to a worker at its start."""
    node.workerinput[SHARED] = {profile: asdict(servers) for profile, servers in node.config.stash[SERVERS].items()}


def servers_of(item: pytest.Item) -> Servers | None:
    """The servers of the profile that a test runs in; None in the memory profile."""
    return item.config.stash[SERVERS].get(profile_of(item))


def _explained(config: pytest.Config, profile: str, provide: Callable[[pytest.Config], Servers]) -> Servers:
    from jararaca.errors import JararacaError
    from jararaca_testing.profiles.probing import answers_of

    try:
        servers = provide(config)
        answers = _run(answers_of(servers))
    except JararacaError as error:
        raise pytest.UsageError(f"jararaca: the {profile} profile cannot run: {error}") from error
    config.stash[ANSWERS].append(f"jararaca: {profile} on {', '.join(answers)}")
    return servers


def _found(_config: pytest.Config) -> Servers:
    return named_servers()


def _started(config: pytest.Config) -> Servers:
    from jararaca_testing.profiles.containers import started

    settings = settings_of(config)
    _say(config, f"jararaca: starting {settings['jararaca_rabbitmq_image']} and {settings['jararaca_redis_image']}")
    stack = ExitStack()
    config.add_cleanup(stack.close)
    return stack.enter_context(started(settings, named_database()))


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run on a loop that nobody else ever sees: other plugins may have set one."""
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(coroutine)


def _say(config: pytest.Config, line: str) -> None:
    """Say what takes a while; the header comes afterwards."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and reporter.showheader and not reporter.no_header:
        reporter.write_line(line)
