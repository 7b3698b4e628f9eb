"""The example's page is made of a generated client and of TypeScript, and what it serves is what comes of them."""

from collections.abc import Callable
from typing import Any

from children import start as start
from nodejs import Project
from tasks_page import BROWSER, REPOSITORY, made

WRITTEN_BY_HAND = {"page.html", "page.ts"}


def test_the_scripts_that_are_kept_are_what_is_made_of_their_sources(project: Project) -> None:
    """Otherwise run `python tests/scenarios/tasks_page.py`."""
    others = [file for file in BROWSER.iterdir() if file.name not in WRITTEN_BY_HAND]

    assert {file.name: file.read_text(encoding="utf-8") for file in others} == made(project)


def test_the_client_is_what_the_command_writes(start: Callable[..., Any]) -> None:
    words = ("gen-tsi", "--app-dir", str(REPOSITORY / "examples/tasks"), "tasks.main:app", str(BROWSER / "client.ts"))
    child = start("jararaca", *words, "--check", folder=REPOSITORY)

    assert child.end() == 0, child.output
