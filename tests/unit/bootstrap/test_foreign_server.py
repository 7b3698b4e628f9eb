"""An application that another program serves: both know of the end, whoever wants it."""

import asyncio
import logging
import re
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from children import start as start

from jararaca.bootstrap.foreign_server import foreign_server
from jararaca.core.shutdown import Shutdown

APP = """
import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI
from jararaca import *
from jararaca.core.stopping import *

class Lifecycle:
    @asynccontextmanager
    async def lifecycle(self, app, container):
        yield
        print("left")

@RestController("/")
class C:
    @Get("/waits")
    async def waits(self) -> str:
        print("request runs")
        await wait_for_shutdown()
        return "noticed"

    @Get("/streams")
    async def streams(self):
        yield "first"
        print("request runs")
        while (await shutdown_race(asyncio.sleep(0.05, True))) is not None:
            yield "more"
        yield "last"

    @Get("/stop")
    async def stop(self) -> str:
        request_shutdown()
        return "asked"

    @Get("/stop-in-a-thread")
    def stop_in_a_thread(self) -> str:
        request_shutdown()
        return "asked"

web_app = create_http_server(Microservice(controllers=[C], interceptors=[Lifecycle()]))

@asynccontextmanager
async def around(app):
    async with web_app.router.lifespan_context(web_app):
        yield

parent = FastAPI(lifespan=around)
parent.mount("/", web_app)
"""


@pytest.fixture
def uvicorn(tmp_path: Path, start: Callable[..., Any]) -> Callable[..., tuple[Any, str]]:
    """Serve the module with uvicorn's own command; gives the process and its address."""

    def begin(target: str = "app:web_app", *words: str) -> tuple[Any, str]:
        (tmp_path / "app.py").write_text(APP)
        child = start("uvicorn", target, "--port", "0", *words)
        found = re.search(r"http://[\d.:]+", child.until("Uvicorn running on"))
        assert found is not None
        return child, found[0]

    return begin


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


@pytest.mark.processes
@pytest.mark.parametrize("target", ["app:web_app", "app:parent"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_that_waits_notices_a_signal_to_uvicorn(
    uvicorn: Callable[..., Any], background: ThreadPoolExecutor, target: str, number: int
) -> None:
    child, url = uvicorn(target)
    waiting = background.submit(httpx.get, f"{url}/waits", timeout=60)
    child.until("request runs")

    child.ask(number)

    assert waiting.result().json() == "noticed"
    child.end()
    child.until("left")
    assert "Traceback" not in child.output.partition("left")[0]


@pytest.mark.processes
def test_a_stream_ends_with_its_last_words(uvicorn: Callable[..., Any], background: ThreadPoolExecutor) -> None:
    child, url = uvicorn()
    streaming = background.submit(httpx.get, f"{url}/streams", timeout=60)
    child.until("request runs")

    child.ask(signal.SIGTERM)

    assert streaming.result().text.endswith('"last"\n')
    assert child.end() in (0, -signal.SIGTERM)


@pytest.mark.processes
@pytest.mark.parametrize("path", ["/stop", "/stop-in-a-thread"])
def test_a_request_may_end_uvicorn(uvicorn: Callable[..., Any], path: str) -> None:
    child, url = uvicorn()

    assert httpx.get(f"{url}{path}").json() == "asked"

    assert child.end() in (0, -signal.SIGTERM)
    child.until("left")


class Server:
    """A server that remembers which signals it got."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.was_told = asyncio.Event()

    def handle(self, number: int, _frame: object) -> None:
        self.heard.append(number)
        self.was_told.set()


@pytest.fixture
def handlers() -> Iterator[None]:
    """The handlers of this process are what they were, after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def server(handlers: None) -> Server:
    """A server that handles SIGTERM and SIGINT."""
    found = Server()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, found.handle)
    return found


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_reaches_the_application_and_the_server_once(server: Server, number: signal.Signals) -> None:
    shutdown = Shutdown()
    async with foreign_server(shutdown):
        signal.raise_signal(number)
        await shutdown.wait()

    assert server.heard == [number]


@pytest.mark.asyncio
async def test_a_wish_of_the_application_reaches_the_server_once(server: Server) -> None:
    shutdown = Shutdown()
    async with foreign_server(shutdown):
        shutdown.request()
        await server.was_told.wait()

    assert server.heard == [signal.SIGTERM]


@pytest.mark.asyncio
async def test_the_handlers_of_the_server_are_there_again_afterwards(server: Server) -> None:
    async with foreign_server(Shutdown()):
        assert signal.getsignal(signal.SIGTERM) != server.handle

    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == [server.handle, server.handle]


@pytest.mark.asyncio
async def test_who_came_later_is_left_alone(server: Server) -> None:
    later = Server()
    async with foreign_server(Shutdown()):
        signal.signal(signal.SIGTERM, later.handle)

    assert signal.getsignal(signal.SIGTERM) == later.handle


class Noticed(logging.Filter):
    """Lets every record through, and tells of it."""

    def __init__(self) -> None:
        super().__init__()
        self.event = asyncio.Event()

    def filter(self, _record: logging.LogRecord) -> bool:
        self.event.set()
        return True


@pytest.mark.asyncio
async def test_where_nobody_handles_signals_none_is_handled_and_a_wish_is_logged(
    handlers: None, caplog: pytest.LogCaptureFixture
) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    noticed = Noticed()
    shutdown = Shutdown()

    with caplog.filtering(noticed):
        async with foreign_server(shutdown):
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
            shutdown.request()
            await noticed.event.wait()

    assert caplog.messages == [
        "a shutdown was asked for, but the server around the application takes no signal: stop it"
    ]


def test_outside_of_the_main_thread_nothing_is_handled(server: Server) -> None:
    async def live() -> object:
        async with foreign_server(Shutdown()):
            return signal.getsignal(signal.SIGTERM)

    with ThreadPoolExecutor() as threads:
        assert threads.submit(asyncio.run, live()).result() == server.handle
