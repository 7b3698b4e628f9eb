"""A profile that was asked for and cannot run is an error at the start of the session, with the remedy in it."""

import importlib
import sys
from collections.abc import Callable

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
importlib.import_module("testcontainers.core.container")

Run = Callable[..., pytest.RunResult]

NEVER_COLLECTED = "raise Exception('collected')"
NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture(autouse=True)
def nothing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    monkeypatch.setenv("JARARACA_TEST_AMQP_URL", "amqp://user:secret@127.0.0.1:1/")
    monkeypatch.setenv("JARARACA_TEST_REDIS_URL", "redis://:secret@127.0.0.1:1/")


def assert_refused(result: pytest.RunResult, complaint: str) -> None:
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in result.stderr.lines if line]
    assert len(lines) == 1, "the error is one line, without a traceback"
    result.stderr.fnmatch_lines([f"ERROR: jararaca: {complaint}"])
    assert "secret" not in result.stderr.str()
    result.stdout.no_fnmatch_line("*collected*")


def test_a_server_that_does_not_answer_ends_the_run_before_anything_is_collected(run: Run) -> None:
    assert_refused(
        run(NEVER_COLLECTED, "--jararaca-profile=memory,services"),
        "the services profile cannot run: no broker can be reached at amqp://user:?*?*?*@127.0.0.1:1/: *Start it or "
        "correct its URL. The URL is the one in JARARACA_TEST_AMQP_URL.",
    )


def test_without_a_docker_engine_the_containers_profile_is_refused(run: Run) -> None:
    assert_refused(
        run(NEVER_COLLECTED, "--jararaca-profile=containers"),
        f"the containers profile cannot run: no Docker engine answers at {NOWHERE}: *Start one, say with DOCKER_HOST "
        "where it is, or run on servers that are there already with --jararaca-profile=services.",
    )


def test_without_testcontainers_the_error_has_the_command_that_installs_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "testcontainers.core.docker_client", None)

    assert_refused(
        run(NEVER_COLLECTED, "--jararaca-profile=containers"),
        'the containers profile cannot run: * needs an extra: pip install "jararaca[[]containers]"',
    )


@pytest.mark.parametrize("argument", ["--collect-only", "--setup-plan", "--fixtures", "--help"])
def test_where_no_test_will_run_nothing_is_asked_of_anybody(run: Run, argument: str) -> None:
    result = run("async def test_it(http): ...", "--jararaca-profile=services,containers", argument)

    assert result.ret == pytest.ExitCode.OK


def test_what_is_started_is_said_first_since_it_takes_a_while(run: Run) -> None:
    images = ("--jararaca-rabbitmq-image=rabbit:x", "--jararaca-redis-image=redis:y")
    said = "jararaca: starting rabbit:x and redis:y"

    assert said in run("", "--jararaca-profile=containers", *images).outlines
    assert said not in run("", "--jararaca-profile=containers", "--no-header", *images).outlines
    assert said not in run("", "--jararaca-profile=containers", "--quiet", *images).outlines
