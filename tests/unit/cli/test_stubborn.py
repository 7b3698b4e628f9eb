"""A process ends in bounded time, and with 124, whatever the application does about being cancelled."""

import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.sync.client import connect

pytestmark = pytest.mark.processes

APP = """
import asyncio
from contextlib import asynccontextmanager
from fastapi import WebSocket
from jararaca import *

async def swallow(what):
    print(what, "runs")
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            print("swallowed")

@RestController("/")
class C:
    @ScheduledAction(CRON)
    async def act(self) -> None:
        await swallow("action")

    @Get("/orders/{number}")
    async def order(self, number: str) -> None:
        await swallow("request")

    @WebSocketEndpoint("/feeds/{name}")
    async def feed(self, websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await swallow("websocket")

class Lifecycle:
    @asynccontextmanager
    async def lifecycle(self, app, container):
        if "ENTERING" in PLACES:
            await swallow("entering")
        yield
        if "LEAVING" in PLACES:
            await swallow("leaving")

app = Microservice(controllers=[C], interceptors=[Lifecycle()], shutdown_grace=1.0)
"""

YEARLY, EACH_SECOND = "0 0 1 1 *", "* * * * * *"
SERVED = ("--port", "0")
EMBEDDED = ("--url", "memory://")


@pytest.fixture
def launch(tmp_path: Path, start: Callable[..., Any]) -> Callable[..., Any]:
    """Run a command on the application, which swallows its cancellations in these places."""

    def begin(command: str, *options: str, cron: str = YEARLY, places: str = "") -> Any:
        (tmp_path / "app.py").write_text(f"CRON, PLACES = {cron!r}, {places!r}\n{APP}")
        return start("jararaca", command, "app:app", *options)

    return begin


@pytest.fixture
def ask() -> Iterator[Callable[[str, str], None]]:
    """Send a request and do not wait for its answer."""
    connections: list[socket.socket] = []

    def send(url: str, path: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        connections.append(socket.create_connection((parts.hostname, parts.port)))
        connections[-1].sendall(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())

    yield send
    for connection in connections:
        connection.close()


def address(child: Any) -> str:
    """Where a child serves, once it does."""
    return "http" + str(child.until("http://")).partition("http")[2].strip()


@pytest.mark.parametrize(("command", "options"), [("scheduler", EMBEDDED), ("dev", SERVED)])
def test_an_action_that_swallows_its_cancellation_does_not_keep_the_process(
    launch: Callable[..., Any], command: str, options: tuple[str, ...]
) -> None:
    child = launch(command, *options, cron=EACH_SECOND)
    child.until("action runs")

    child.ask(signal.SIGTERM)

    assert child.end() == 124
    assert child.lines.count("swallowed") >= 2
    assert "tick of C.act at 20" in child.until("actions are cancelled by the shutdown")
    told = child.until("actions do not end; they are abandoned")
    assert "tick of C.act at 20" in told
    assert " in swallow" in told


def test_nor_does_a_websocket(launch: Callable[..., Any]) -> None:
    child = launch("server", *SERVED)
    with connect(address(child).replace("http", "ws") + "/feeds/secret"):
        child.until("websocket runs")

        child.ask(signal.SIGTERM)

        assert child.end() == 124
    told = child.until("websockets do not end; they are abandoned")
    assert "WS /feeds/{name}" in told
    assert " in swallow" in told
    assert "secret" not in child.output


def test_nor_does_a_request(launch: Callable[..., Any], ask: Callable[[str, str], None]) -> None:
    child = launch("server", *SERVED)
    ask(address(child), "/orders/secret")
    child.until("request runs")

    child.ask(signal.SIGTERM)

    assert child.end() == 124
    assert "GET /orders/{number}" in child.until("exchanges are cancelled by the shutdown")
    assert " in swallow" in child.until("exchanges do not end; they are abandoned")
    assert "secret" not in child.output


@pytest.mark.parametrize("place", ["ENTERING", "LEAVING"])
@pytest.mark.parametrize(("command", "options"), [("server", SERVED), ("worker", EMBEDDED)])
def test_nor_does_a_lifecycle(launch: Callable[..., Any], command: str, options: tuple[str, ...], place: str) -> None:
    child = launch(command, *options, places=place)
    child.until({"ENTERING": "entering runs", "LEAVING": "app: "}[place])

    child.ask(signal.SIGTERM)

    assert child.end() == 124
    assert " in swallow" in child.until("lifecycles do not end; they are abandoned")


def test_each_signal_more_is_a_wait_less(launch: Callable[..., Any]) -> None:
    """The second one cancels at once, the third one again, and the fourth one waits for nothing."""
    child = launch("scheduler", *EMBEDDED, cron=EACH_SECOND)
    child.until("action runs")
    child.ask(signal.SIGTERM)
    child.until("stopping:")
    for times in (1, 2):
        child.ask(signal.SIGTERM)
        child.until("swallowed", times=times)

    child.ask(signal.SIGTERM)

    assert child.end() == 124
    assert len([line for line in child.lines if "asked to stop again" in line]) == 3
    child.until("actions do not end; they are abandoned")


def test_the_first_signal_says_what_is_waited_for_and_how_long(
    launch: Callable[..., Any], ask: Callable[[str, str], None]
) -> None:
    child = launch("dev", *SERVED)
    ask(address(child), "/orders/1")
    child.until("request runs")

    child.ask(signal.SIGTERM)

    told = child.until("stopping: what runs has shutdown_grace seconds to end, and another signal cancels it at once")
    counts = "shutdown_grace=1 exchanges=1 websockets=0 attempts=0 actions=0 tasks=0"
    assert told.endswith(f"(asked_by=a signal {counts})")
    assert child.end() == 124


@pytest.mark.parametrize(
    ("command", "options", "counts"),
    [
        ("server", SERVED, "exchanges=0 websockets=0"),
        ("worker", EMBEDDED, "attempts=0"),
        ("scheduler", EMBEDDED, "actions=0"),
    ],
)
def test_so_it_does_of_every_command(
    launch: Callable[..., Any], command: str, options: tuple[str, ...], counts: str
) -> None:
    child = launch(command, *options)
    child.until("app: ")

    child.ask(signal.SIGTERM)

    assert child.until("stopping: ").endswith(f"shutdown_grace=1 {counts} tasks=0)")
    assert child.end() == 0
