"""What a test run may be told: where, which of several wins, and what is refused before anything is collected."""

import importlib
from collections.abc import Callable
from pathlib import Path

import pytest

from jararaca_testing.fixtures import FIXTURES
from jararaca_testing.options import FLAGS, MARKED, OPTIONS

# Loaded here, because pytest inside pytest forgets modules that it was the first to load.
for module in ("harness", "profiles.memory", "profiles.opening", "clock", "wallclock"):
    importlib.import_module(f"jararaca_testing.{module}")

Run = Callable[..., pytest.RunResult]

SERVERS = ("JARARACA_TEST_AMQP_URL", "JARARACA_TEST_REDIS_URL", "JARARACA_TEST_DATABASE_URL")


@pytest.fixture(autouse=True)
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SERVERS:
        monkeypatch.delenv(name, raising=False)


def test_the_command_line_wins_over_the_environment_over_the_ini_file_over_the_default(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = "async def test_it(jararaca_app):\n    import asyncio\n    await asyncio.Event().wait()"
    ini = ("-o", "jararaca_patience=3")

    run(wait).stdout.fnmatch_lines(["*waited for 60 virtual seconds*"])
    run(wait, *ini).stdout.fnmatch_lines(["*waited for 3 virtual seconds*"])
    monkeypatch.setenv("JARARACA_TEST_PATIENCE", "2")
    run(wait, *ini).stdout.fnmatch_lines(["*waited for 2 virtual seconds*"])
    run(wait, *ini, "--jararaca-patience=1").stdout.fnmatch_lines(["*waited for 1 virtual seconds*"])


def test_help_has_a_group_of_its_own_with_every_option_and_markers_are_known(shop: pytest.Pytester) -> None:
    shown = shop.runpytest_inprocess("--help").stdout

    shown.fnmatch_lines(["Jararaca: tests of message-driven services:"])
    options = ("app", "profile", "patience", "wall-clock", "gates", "time-scale", "seed", "coverage-fail-under")
    for option in (*options, "rabbitmq-image", "redis-image", "proofs"):
        shown.fnmatch_lines([f"*--jararaca-{option}=VALUE*"])
    shown.fnmatch_lines(["*--jararaca-coverage-json=VALUE*", "*--jararaca-coverage *"])
    shop.runpytest_inprocess("--markers").stdout.fnmatch_lines(
        [
            "@pytest.mark.jararaca(app=..., jitter=..., allow=[[]...[]]): *",
            "@pytest.mark.harness: *",
            "@pytest.mark.virtual_only: *",
            "@pytest.mark.proves(*ids): *",
        ]
    )


def test_the_header_says_which_profiles_there_are(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("").stdout.fnmatch_lines(["jararaca: profile memory"])

    for name in SERVERS[:2]:
        monkeypatch.setenv(name, "amqp://nowhere")
    both = ("", "--jararaca-profile=memory,services", "--collect-only")
    run(*both).stdout.fnmatch_lines(["*memory, services (SQLite files: JARARACA_TEST_DATABASE_URL is not set)"])
    monkeypatch.setenv(SERVERS[2], "postgresql://nowhere")
    run(*both).stdout.fnmatch_lines(["jararaca: profile memory, services"])


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("--jararaca-profile=memry", "there is no profile 'memry'. Choose from: memory, services, containers."),
        ("--jararaca-profile=,", "there is no profile ''. Choose from: memory, services, containers."),
        ("--jararaca-patience=long", "jararaca_patience = 'long' is not a number above 0."),
        ("--jararaca-patience=inf", "jararaca_patience = 'inf' is not a number above 0."),
        ("--jararaca-time-scale=0", "jararaca_time_scale = '0' is not a number above 0."),
        ("--jararaca-wall-clock=sundial", "there is no wall clock 'sundial'. Choose from: time-machine, freezegun."),
        ("--jararaca-seed=soon", "jararaca_seed = 'soon' is not a whole number from 0."),
        ("--jararaca-seed=-1", "jararaca_seed = '-1' is not a whole number from 0."),
        (
            "--jararaca-coverage-fail-under=all",
            "jararaca_coverage_fail_under = 'all' is not a number above 0 and up to*",
        ),
        (
            "--jararaca-coverage-fail-under=101",
            "jararaca_coverage_fail_under = '101' is not a number above 0 and up to*",
        ),
        ("--override-ini=jararaca_coverage=perhaps", "jararaca_coverage = 'perhaps' is neither yes nor no."),
        (
            "--jararaca-report=all",
            "jararaca_report = 'all' is no folder *=DIR --jararaca-report-for=all, or ./all if *",
        ),
        ("--jararaca-gates=-loop-stal", "jararaca_gates: there is no gate 'loop-stal'. Did you mean 'loop-stall'? *"),
        ("--jararaca-profile=services", "the services profile runs on servers that are there: set *AMQP_URL=*REDIS*"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_collected(run: Run, argument: str, complaint: str) -> None:
    result = run("raise Exception('collected')", argument)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: jararaca: {complaint}"])


def test_several_profiles_parametrise_tests_of_the_harness_and_no_others(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SERVERS:
        monkeypatch.setenv(name, "amqp://nowhere")

    result = run(
        """
        import pytest
        async def test_ours(http): ...
        @pytest.mark.parametrize("number", [1])
        async def test_parameters(bus, number): ...
        @pytest.mark.virtual_only
        async def test_virtual(clock): ...
        def test_plain(): ...
        """,
        "--jararaca-profile=memory, services, containers",
        "--collect-only",
        "-q",
    )

    assert {line.partition("::")[2] for line in result.outlines if "::" in line} == {
        "test_ours[memory]",
        "test_ours[services]",
        "test_ours[containers]",
        "test_parameters[memory-1]",
        "test_parameters[services-1]",
        "test_parameters[containers-1]",
        "test_virtual[memory]",
        "test_virtual[services]",
        "test_virtual[containers]",
        "test_plain",
    }


@pytest.mark.processes
def test_freezegun_can_be_the_wall_clock(shop: pytest.Pytester) -> None:
    """In a process of its own: freezegun stays loaded for the life of one. The application is imported in real time."""
    shop.makepyfile(
        test_it="""
        from datetime import datetime
        async def test_it(clock):
            await clock.advance(hours=2)
            assert datetime.now().hour == 2
        def test_plain():
            assert datetime.now().timestamp() > 1_780_000_000
        """
    )

    shop.runpytest_subprocess("--jararaca-wall-clock=freezegun", "-p", "no:randomly").assert_outcomes(passed=2)


TOOLS_OF_THE_USERS_OWN = """
    from datetime import datetime

    async def test_freeze(clock):
        from freezegun import freeze_time
        with freeze_time("2012-12-21"):
            await clock.advance(hours=2)
            assert datetime.now() == datetime(2012, 12, 21)
        assert datetime.now().hour == 2

    async def test_travel(clock):
        import time_machine
        with time_machine.travel("2012-12-21", tick=False):
            await clock.advance(hours=2)
            assert datetime.now().year == 2012
        assert datetime.now().hour == 2
"""


@pytest.mark.processes
@pytest.mark.parametrize(("backend", "passed"), [("time-machine", 2), ("freezegun", 1)])
def test_freeze_and_travel_of_the_users_own_work_as_documented(
    shop: pytest.Pytester, backend: str, passed: int
) -> None:
    """time-machine itself refuses to start beside freezegun, and says so."""
    shop.makepyfile(test_it=TOOLS_OF_THE_USERS_OWN)

    result = shop.runpytest_subprocess(f"--jararaca-wall-clock={backend}", "-p", "no:randomly")

    result.assert_outcomes(passed=passed, failed=2 - passed)
    refusals = result.stdout.str().count("E           RuntimeError: time-machine cannot start when freezegun is active")
    assert refusals == 2 - passed


def test_the_documents_have_every_option_marker_and_fixture() -> None:
    page = (Path(__file__).parents[2] / "docs" / "testing" / "options.md").read_text(encoding="utf-8")
    options = [name.removeprefix("jararaca_") for name, *_ in (*OPTIONS, *FLAGS)]
    rows = [
        f"| `--jararaca-{it.replace('_', '-')}` | `JARARACA_TEST_{it.upper()}` | `jararaca_{it}` |" for it in options
    ]
    markers = [f"| `@pytest.mark.jararaca({name}=" for name in MARKED]
    named = {"app": "`jararaca_app`", "run": "`jararaca_run`"}
    fixtures = [named.get(name, f"`{name}`") for name in FIXTURES if name != "world"]  # which no test asks for

    assert [row for row in (*rows, *markers, *fixtures) if row not in page] == []
