"""How a process ends: in order and within its grace, at once when asked again, and always."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from jararaca_testing.contracts import proves

pytestmark = pytest.mark.processes

APP = """
import asyncio, threading
from contextlib import asynccontextmanager
from fastapi import WebSocket
from pydantic import BaseModel
from jararaca import *
from jararaca.core.stopping import wait_for_shutdown

class Work(BaseModel):
    n: int

@MessageBusController()
@RestController("/")
class C:
    @Get("/quick")
    async def quick(self) -> str:
        return "quick"

    @Get("/ends")
    async def ends(self) -> str:
        print("request runs")
        await wait_for_shutdown()
        return "ended"

    @Get("/hangs")
    async def hangs(self) -> str:
        print("request runs")
        await wait_for_shutdown()
        print("shutdown seen")
        try:
            await asyncio.Event().wait()
        finally:
            print("request cancelled")
        return "never"

    @Get("/blocks")
    def blocks(self) -> str:
        print("request runs")
        threading.Event().wait()
        return "never"

    @Post("/work")
    async def work(self) -> None:
        await use_publisher().publish(Work(n=1), topic="work")

    @IncomingHandler("work")
    async def handle(self, message: Message[Work]) -> None:
        print("handler runs")
        await wait_for_shutdown()
        print("shutdown seen")
        await asyncio.Event().wait()

    @WebSocketEndpoint("/ws")
    async def ws(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await websocket.send_text("welcome")
        await websocket.receive_text()

app = Microservice(controllers=[C], shutdown_grace=GRACE)
"""

ACTION = """
import asyncio
from jararaca import *
from jararaca.core.stopping import wait_for_shutdown

@RestController("/")
class C:
    @ScheduledAction("* * * * * *")
    async def act(self) -> None:
        print("action runs")
        await wait_for_shutdown()
        print("shutdown seen")
        await asyncio.Event().wait()

app = Microservice(controllers=[C], shutdown_grace=60)
"""


def lifecycle(enter: str = "pass", leave: str = "pass") -> str:
    """An application whose lifecycle does this."""
    return f"""
import asyncio
from contextlib import asynccontextmanager
from jararaca import *

class Lifecycle:
    @asynccontextmanager
    async def lifecycle(self, app, container):
        print("entering")
        {enter}
        yield
        print("leaving")
        {leave}

app = Microservice(interceptors=[Lifecycle()])
"""


@pytest.fixture
def serve(tmp_path: Path, start: Callable[..., Any]) -> Callable[..., tuple[Any, str]]:
    """Run `jararaca dev` on a free port; gives the process and its address."""

    def begin(source: str, command: str = "dev") -> tuple[Any, str]:
        (tmp_path / "app.py").write_text(source)
        child = start("jararaca", command, "app:app", "--port", "0")
        return child, "http" + child.until("http://").partition("http")[2].strip()

    return begin


def with_grace(seconds: float) -> str:
    return APP.replace("GRACE", str(seconds))


@pytest.mark.parametrize(
    ("command", "number"), [("dev", signal.SIGTERM), ("server", signal.SIGTERM), ("server", signal.SIGINT)]
)
def test_a_signal_ends_it_with_0(serve: Callable[..., Any], command: str, number: int) -> None:
    child, url = serve(with_grace(5), command)
    assert httpx.get(f"{url}/quick").json() == "quick"

    child.ask(number)

    assert child.end() == 0
    assert "Traceback" not in child.output


@pytest.mark.parametrize(
    ("command", "number"), [("worker", signal.SIGTERM), ("scheduler", signal.SIGINT), ("beat", signal.SIGTERM)]
)
def test_so_it_is_without_http(tmp_path: Path, start: Callable[..., Any], command: str, number: int) -> None:
    (tmp_path / "app.py").write_text(with_grace(5))
    child = start("jararaca", command, "app:app", "--url", "memory://")
    child.until("app: ")

    child.ask(number)

    assert child.end() == 0


def test_a_running_request_is_answered_before_the_end(serve: Callable[..., Any]) -> None:
    child, url = serve(with_grace(20), "server")
    with httpx.Client() as idle, httpx.stream("GET", f"{url}/quick") as streamed:
        assert idle.get(f"{url}/quick").status_code == 200
        streamed.read()
        answer = ask_while_running(child, f"{url}/ends")

    assert answer == (200, "ended")
    assert child.end() == 0


def ask_while_running(child: Any, url: str) -> tuple[int, str]:
    """Request `url` in a thread, send SIGTERM once it runs, and give the answer."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor() as pool:
        answer = pool.submit(httpx.get, url, timeout=30)
        child.until("request runs")
        child.ask(signal.SIGTERM)
        done = answer.result(30)
    return done.status_code, done.json()


def hang(url: str) -> None:
    """Send a request and do not wait for its answer."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    assert parts.hostname is not None
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.sendall(f"GET {parts.path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
    OPEN.append(connection)


OPEN: list[Any] = []


@pytest.fixture(autouse=True)
def no_connection_is_left() -> Any:
    yield
    while OPEN:
        OPEN.pop().close()


def test_a_request_longer_than_the_grace_is_cancelled(serve: Callable[..., Any]) -> None:
    child, url = serve(with_grace(0.2), "server")
    hang(f"{url}/hangs")
    child.until("request runs")

    child.ask(signal.SIGTERM)

    assert child.end() == 124
    child.until("request cancelled")
    child.until("exchanges are cancelled by the shutdown")
    assert "Traceback" not in child.output


def test_a_second_signal_cancels_a_request_at_once(serve: Callable[..., Any]) -> None:
    child, url = serve(with_grace(300), "server")
    hang(f"{url}/hangs")
    child.until("request runs")
    child.ask(signal.SIGTERM)
    child.until("shutdown seen")

    child.ask(signal.SIGINT)

    assert child.end() == 124


@proves("F-9")
def test_a_second_signal_cancels_a_message_handler_at_once(serve: Callable[..., Any]) -> None:
    child, url = serve(with_grace(300))
    httpx.post(f"{url}/work")
    child.until("handler runs")
    child.ask(signal.SIGTERM)
    child.until("shutdown seen")

    child.ask(signal.SIGTERM)

    assert child.end() == 124


def test_a_second_signal_cancels_an_action_at_once(tmp_path: Path, start: Callable[..., Any]) -> None:
    (tmp_path / "app.py").write_text(ACTION)
    child = start("jararaca", "scheduler", "app:app", "--url", "memory://")
    child.until("action runs")
    child.ask(signal.SIGTERM)
    child.until("shutdown seen")

    child.ask(signal.SIGTERM)

    assert child.end() == 124


def test_a_thread_that_hangs_does_not_keep_the_process(serve: Callable[..., Any]) -> None:
    """A thread cannot be cancelled: what can be closed is closed, and then the process ends all the same."""
    child, url = serve(with_grace(0.2), "server")
    hang(f"{url}/blocks")
    child.until("request runs")

    child.ask(signal.SIGTERM)

    assert child.end() == 124


def test_a_client_that_reads_nothing_does_not_keep_the_process(serve: Callable[..., Any]) -> None:
    child, url = serve(with_grace(0.2), "server")
    hang(f"{url}/quick")

    child.ask(signal.SIGTERM)

    assert child.end() == 0


@pytest.mark.parametrize("command", ["dev", "server"])
def test_websockets_are_closed_as_going_away(serve: Callable[..., Any], command: str) -> None:
    child, url = serve(with_grace(5), command)
    with connect(url.replace("http", "ws") + "/ws") as websocket:
        assert websocket.recv(timeout=20) == "welcome"

        child.ask(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            websocket.recv(timeout=20)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    assert child.end() == 0


@pytest.mark.parametrize(
    ("source", "until"),
    [
        pytest.param("import threading\nprint('importing')\nthreading.Event().wait()", "importing", id="import"),
        pytest.param(lifecycle(enter="await asyncio.Event().wait()"), "entering", id="lifecycle"),
    ],
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_ends_it_with_0(
    tmp_path: Path, start: Callable[..., Any], source: str, until: str, number: int
) -> None:
    (tmp_path / "app.py").write_text(source)
    child = start("jararaca", "server", "app:app", "--port", "0")
    child.until(until)

    child.ask(number)

    assert child.end() == 0
    assert "Traceback" not in child.output


def test_another_signal_cancels_a_lifecycle_that_does_not_end(serve: Callable[..., Any]) -> None:
    child, _url = serve(lifecycle(leave="await asyncio.Event().wait()"), "server")
    child.ask(signal.SIGTERM)
    child.until("leaving")

    child.ask(signal.SIGTERM)

    assert child.end() == 124


def test_a_lifecycle_that_fails_at_the_end_is_a_failure(serve: Callable[..., Any]) -> None:
    child, _url = serve(lifecycle(leave="raise ValueError('not closed')"), "server")

    child.ask(signal.SIGTERM)

    assert child.end() == 1
    child.until("ValueError: not closed")
