"""The hand-written part of generated clients against applications that are really there."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mirror
import pytest
from children import start as start
from nodejs import Project, conversation
from serving import serving

from jararaca import create_http_server

FOLDER = Path(mirror.__file__).parent


@pytest.fixture
def address() -> Iterator[str]:
    with serving(create_http_server(mirror.app)) as url:
        yield url


def test_requests_answers_and_websockets(
    project: Project, runtime: dict[str, str], programs: dict[str, str], address: str
) -> None:
    program = programs["live.test.ts"]
    files = {"http.ts": runtime["http.ts"], "websocket.ts": runtime["websocket.ts"], "live.test.ts": program}
    project.build(files, types=["node"], skipLibCheck=True)  # the types of the packages are theirs

    assert project.passes("live.test.js", address) > program.count("\ntest(")


def test_a_client_outlives_its_server(
    project: Project,
    runtime: dict[str, str],
    programs: dict[str, str],
    start: Callable[..., Any],
) -> None:
    """Stopped in an orderly way, killed, away for a while: it comes back, loads anew, and sends what waited."""
    project.build(
        {"websocket.ts": runtime["websocket.ts"], "follow.ts": programs["follow.ts"]}, types=["node"], skipLibCheck=True
    )

    def serve(port: str) -> tuple[Any, str]:
        child = start("jararaca", "server", "--app-dir", str(FOLDER), "mirror:app", "--port", port)
        return child, re.findall(r"\d+", child.until("http://"))[-1]

    server, port = serve("0")
    with conversation(project, "follow.js", f"http://127.0.0.1:{port}") as talk:
        talk.ask({"line": "load", "times": 1})
        server.ask(signal.SIGTERM)
        stopped = talk.ask({"line": "waiting 1001", "times": 1})
        server, _port = serve(port)
        back = talk.ask({"line": "load anew", "times": 1})
        server.ask(signal.SIGKILL)
        killed = talk.ask({"line": "waiting 1006", "times": 1 + back.count("waiting 1006")})
        serve(port)
        said = talk.ask({"send": "hello again", "line": "heard hello again", "times": 1})

    assert stopped == ["connecting", "open", "load", "heard ", "waiting 1001"]
    assert killed[-1] == "waiting 1006"
    assert said[said.index("load anew", len(back)) :] == ["load anew", "heard ", "heard hello again"]
