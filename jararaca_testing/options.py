"""What a test run may be told, where it may be told, and what cannot work; nothing heavy is imported here."""

import os
from typing import Any

import pytest

from jararaca_testing.gates.names import UnknownGate, check_names, standing
from jararaca_testing.servers import AMQP_URL, DATABASE_URL, REDIS_URL

PROFILES = ("memory", "services", "containers")
REPORTED = ("failed", "all")
WALL_CLOCKS = ("time-machine", "freezegun")
OPTIONS = (
    ("jararaca_app", "the application under test, as module:attribute", ""),
    ("jararaca_profile", "where tests run: memory, services or containers; several with commas", "memory"),
    ("jararaca_patience", "seconds that one await of a test may take; virtual ones in the memory profile", "60"),
    ("jararaca_wall_clock", "what moves datetime.now(): time-machine or freezegun", "time-machine"),
    ("jararaca_gates", "what must hold after a test: all, none, names, or all but -name", "all"),
    ("jararaca_time_scale", "real seconds for each second of the clock, outside of the memory profile", "0.05"),
    ("jararaca_rabbitmq_image", "the image of RabbitMQ in the containers profile", "rabbitmq:4"),
    ("jararaca_redis_image", "the image of Redis in the containers profile", "redis:7"),
    ("jararaca_report", "folder to write an HTML page into for each test that fails, with its timeline", ""),
    ("jararaca_report_for", "which tests get a page in that folder: failed or all", "failed"),
    ("jararaca_seed", "a number from which every random choice follows; without it a new one for each run", ""),
    ("jararaca_crash_at", "number of the only boundary at which @crash_everywhere lets a process die", ""),
    ("jararaca_coverage_fail_under", "percent of behaviour that have to be covered, or the run fails", ""),
    ("jararaca_coverage_json", "file to write the coverage of behaviour to", ""),
    ("jararaca_proofs", "file to write to what tests of contracts proved, and of which implementation", ""),
)
VALUES: pytest.StashKey[dict[str, str]] = pytest.StashKey()

MARKED = ("app", "jitter", "allow")
"""What the marker `jararaca` may say of a test."""

FLAGS = (("jararaca_coverage", "show which behaviour of the applications under test was covered"),)
ON, OFF = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")
OF_COVERAGE = ("jararaca_coverage_fail_under", "jararaca_coverage_json")
OF_THE_RUN = (*OF_COVERAGE, "jararaca_proofs")
"""Options that no single test can feel."""

SERVERS = {AMQP_URL: "amqp://guest:guest@localhost/", REDIS_URL: "redis://localhost/"}


def add_options(parser: pytest.Parser) -> None:
    """Every option may be given on the command line, in the ini file, or as JARARACA_TEST_* in the environment."""
    group = parser.getgroup("jararaca", "Jararaca: tests of message-driven services")
    for name, text, default in OPTIONS:
        group.addoption(f"--{name.replace('_', '-')}", default=None, metavar="VALUE", help=f"{text} [{default}]")
        parser.addini(name, help=text, default=None)
    for name, text in FLAGS:
        group.addoption(f"--{name.replace('_', '-')}", action="store_const", const="yes", default=None, help=text)
        parser.addini(name, help=text, default=None)


def option(config: pytest.Config, name: str) -> str:
    """An option's value: command line, then environment, then ini file, then default; looked up once in a run."""
    values = config.stash.setdefault(VALUES, {})
    if name not in values:
        default = next((default for known, _text, default in OPTIONS if known == name), "")
        values[name] = str(_said(config, name) or config.getini(name) or default)
    return values[name]


def _said(config: pytest.Config, name: str) -> str | None:
    """What the command line or the environment says."""
    given: str | None = config.getoption(f"--{name.replace('_', '-')}")
    return given or os.environ.get(f"JARARACA_TEST_{name.removeprefix('jararaca_').upper()}")


def said_options(config: pytest.Config) -> list[tuple[str, str]]:
    """The options that a test can feel and that somebody who has the project does not know of: those of this run."""
    said = [(name, _said(config, name)) for name, _text, _default in OPTIONS if name not in OF_THE_RUN]
    return [(name, value) for name, value in said if value]


def covers_behaviour(config: pytest.Config) -> bool:
    """Whether coverage is asked for: by its flag, or by what makes sense only with it, said for this run."""
    return option(config, "jararaca_coverage").lower() in ON or any(_said(config, name) for name in OF_COVERAGE)


def marked(node: pytest.Item, name: str, otherwise: Any) -> Any:
    """What the nearest `jararaca` marker that has this keyword says; `otherwise` if none has."""
    found = (marker.kwargs[name] for marker in node.iter_markers("jararaca") if name in marker.kwargs)
    return next(found, otherwise)


def check_marker(node: pytest.Item) -> None:
    """Fail a test whose `jararaca` marker says what no marker can say."""
    for marker in node.iter_markers("jararaca"):
        unknown = [*map(repr, marker.args), *sorted(marker.kwargs.keys() - MARKED)]
        if unknown:
            known = ", ".join(f"{name}=..." for name in MARKED)
            pytest.fail(f"@pytest.mark.jararaca takes {known}, and not {', '.join(unknown)}.", pytrace=False)


def settings_of(config: pytest.Config) -> dict[str, str]:
    """The value of every option."""
    return {name: option(config, name) for name, _text, _default in OPTIONS}


def profiles_of(config: pytest.Config) -> list[str]:
    """The profiles that were asked for, in that order."""
    named = [profile.strip() for profile in option(config, "jararaca_profile").split(",")]
    return list(dict.fromkeys(profile for profile in named if profile))


def profile_of(item: pytest.Item) -> str:
    """The profile that a test runs in: its own if there are several, else the only one."""
    callspec = getattr(item, "callspec", None)
    chosen = callspec.params.get("jararaca_profile") if callspec is not None else None
    return chosen or profiles_of(item.config)[0]


def check_options(config: pytest.Config) -> None:
    """Refuse what cannot work before anything is collected.

    Raises:
        pytest.UsageError: an option has no meaning, or a profile needs a server and nobody says where it is.
    """
    settings, chosen = settings_of(config), profiles_of(config)
    for profile in chosen or [""]:
        _demand(profile in PROFILES, f"there is no profile {profile!r}. Choose from: {', '.join(PROFILES)}.")
    for name in ("jararaca_patience", "jararaca_time_scale"):
        _demand(_is_positive(settings[name]), f"{name} = {settings[name]!r} is not a number above 0.")
    seed, percent = settings["jararaca_seed"], settings["jararaca_coverage_fail_under"]
    _demand(not seed or seed.isdecimal(), f"jararaca_seed = {seed!r} is not a whole number from 0.")
    crash = settings["jararaca_crash_at"]
    _demand(not crash or crash.isdecimal(), f"jararaca_crash_at = {crash!r} is not the number of a boundary.")
    at_most_all = not percent or (_is_positive(percent) and float(percent) <= 100)
    _demand(at_most_all, f"jararaca_coverage_fail_under = {percent!r} is not a number above 0 and up to 100.")
    flag = option(config, "jararaca_coverage")
    _demand(flag.lower() in ON + OFF, f"jararaca_coverage = {flag!r} is neither yes nor no.")
    clock = settings["jararaca_wall_clock"]
    _demand(clock in WALL_CLOCKS, f"there is no wall clock {clock!r}. Choose from: {', '.join(WALL_CLOCKS)}.")
    reported = settings["jararaca_report_for"]
    _demand(reported in REPORTED, f"there are no tests {reported!r}. Choose from: {', '.join(REPORTED)}.")
    _demand_gates(settings["jararaca_gates"])
    report = settings["jararaca_report"]
    _demand(
        report not in REPORTED,
        f"jararaca_report = {report!r} is no folder but says which tests get a page. Name the folder as well: "
        f"--jararaca-report=DIR --jararaca-report-for={report}, or ./{report} if that is its name.",
    )
    _demand(
        not os.path.isfile(config.invocation_params.dir / report), f"the report {report!r} is a file: name a folder."
    )
    missing = [name for name in SERVERS if "services" in chosen and not os.environ.get(name)]
    examples = " and ".join(f"{name}={SERVERS[name]}" for name in missing)
    _demand(not missing, f"the services profile runs on servers that are there: set {examples}, or where they are.")


def _demand(holds: bool, complaint: str) -> None:
    if not holds:
        raise pytest.UsageError(f"jararaca: {complaint}")


def _demand_gates(chosen: str) -> None:
    try:
        standing(chosen)
    except UnknownGate as error:
        raise pytest.UsageError(f"jararaca: jararaca_gates: {error}") from None


def gates_of(item: pytest.Item) -> frozenset[str]:
    """The gates that stand after this test: those of the run, but for those that its markers allow.

    Raises:
        UnknownGate: a marker allows what is no gate.
    """
    allowed: list[str] = []
    for marker in item.iter_markers("jararaca"):
        allow = marker.kwargs.get("allow", ())
        if not isinstance(allow, (list, tuple)):
            raise UnknownGate(f"allow={allow!r} is no list. Write @pytest.mark.jararaca(allow=[{allow!r}]).")
        allowed += allow
    return standing(option(item.config, "jararaca_gates")) - check_names(allowed)


def _is_positive(number: str) -> bool:
    try:
        return 0 < float(number) < float("inf")
    except ValueError:
        return False


def header(config: pytest.Config) -> str:
    """Where tests of the harness run, and with which database if it is not the expected one."""
    profiles = profiles_of(config)
    bare = profiles != ["memory"] and not os.environ.get(DATABASE_URL)
    return f"jararaca: profile {', '.join(profiles)}" + (f" (SQLite files: {DATABASE_URL} is not set)" if bare else "")
