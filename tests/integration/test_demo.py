"""What the README promises of `make demo`: the line of the Makefile itself, run in a process."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]


def recipe() -> list[str]:
    """The words of the command below `demo:`, without the folder that its program is in."""
    found = re.search(r"^demo:.*\n\t\$\(BIN\)/(.*)\n\n", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert found is not None
    return found[1].split()


def test_the_demo_starts_prints_where_to_look_answers_and_stops(tmp_path: Path, start: Callable[..., Any]) -> None:
    here = {"JARARACA_PORT": "0", "TASKS_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path}/tasks.sqlite3"}
    child = start(*recipe(), folder=ROOT, environment=here)
    address = child.until("server ").split()[1]
    child.until("Ctrl+C stops it")

    assert httpx.get(address).headers["content-type"].startswith("text/html")
    created = httpx.post(f"{address}/tasks", json={"name": "try it"}, headers={"Authorization": "Bearer demo"})
    assert created.status_code == 201
    assert [task["name"] for task in httpx.get(f"{address}/tasks").json()] == ["try it"]

    child.ask(signal.SIGINT)
    assert child.end() == 0
    assert "Traceback" not in child.output


def test_the_readme_says_how_to_start_it() -> None:
    assert (
        "make demo    # run the example on embedded defaults; it prints where to look"
        in (ROOT / "README.md").read_text()
    )
