"""The command-line tools of rabbitmq-c, Debian's package amqp-tools: a client in C."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

import pytest

pytestmark = pytest.mark.needs_amqp_tools

PATIENCE = 30  # seconds
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(either: str, name: str) -> Iterator[Run]:
    """Runs `amqp-…`; skips without the tools, and where CI is set their absence is a failure."""
    if shutil.which("amqp-publish") is None:
        advice = "Install Debian's package: apt install amqp-tools"
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"amqp-publish is missing. {advice}")
    parts = urlsplit(either)
    options = (
        f"--server={parts.hostname}",
        f"--port={parts.port}",
        f"--vhost={unquote(parts.path[1:]) or '/'}",
        "--username=guest",
        "--password=guest",
    )

    def run(tool: str, *words: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        command = [f"amqp-{tool}", *options, *words]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=PATIENCE, check=False)

    yield run
    run("delete-queue", "-q", name)


def test_a_queue_is_declared_filled_read_and_deleted(run: Run, name: str) -> None:
    declared = run("declare-queue", "-q", name)
    for body in ("one", "two"):
        assert run("publish", "-r", name, "-p", "-C", "text/plain", "-H", "kind: test", "-b", body).returncode == 0
    got = [run("get", "-q", name) for _ in range(3)]
    run("publish", "-r", name, "-b", "three")
    deleted = run("delete-queue", "-q", name)

    assert declared.stdout.strip() == name
    assert [(each.returncode, each.stdout) for each in got] == [(0, "one"), (0, "two"), (2, "")]
    assert deleted.stdout.strip() == "1"


def test_a_queue_may_get_its_name_from_the_server(run: Run) -> None:
    assert run("declare-queue", "-q", "").stdout.startswith("amq.gen-")


def test_messages_are_consumed_by_a_command(run: Run, name: str) -> None:
    run("declare-queue", "-q", name)
    run("publish", "-r", name, "-l", given="first\nsecond\nthird\n")

    consumed = run("consume", "-q", name, "-c", "2", "-p", "1", "cat")
    rest = run("get", "-q", name)

    assert (consumed.returncode, consumed.stdout) == (0, "first\nsecond\n")
    assert rest.stdout == "third\n"


def test_a_large_body_arrives(run: Run, name: str) -> None:
    run("declare-queue", "-q", name)
    body = "x" * 400_000
    run("publish", "-r", name, given=body)

    assert run("get", "-q", name).stdout == body


@pytest.mark.parametrize(
    ("tool", "words", "said"),
    [
        ("get", ("-q", "{name}.nowhere"), "NOT_FOUND - no queue '{name}.nowhere' in vhost"),
        ("consume", ("-q", "{name}.nowhere", "cat"), "NOT_FOUND - no queue '{name}.nowhere' in vhost"),
        (
            "declare-queue",
            ("-q", "amq.mine"),
            "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
    ],
)
def test_a_misuse_ends_the_tool_with_the_words_of_the_server(
    run: Run, name: str, tool: str, words: tuple[str, ...], said: str
) -> None:
    ended = run(tool, *(word.format(name=name) for word in words))

    assert ended.returncode == 1
    assert said.format(name=name) in ended.stderr


def test_a_wrong_password_is_refused(run: Run, name: str) -> None:
    ended = run("get", "-q", name, "--password=wrong")

    assert ended.returncode == 1
    assert "ACCESS_REFUSED - Login was refused" in ended.stderr
