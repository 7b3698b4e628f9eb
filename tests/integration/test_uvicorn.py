"""What is different under plain uvicorn, which ends websockets before it tells the application that it stops."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

pytestmark = pytest.mark.processes

APP = """
import asyncio
from contextlib import asynccontextmanager
from fastapi import WebSocket
from jararaca import *

@RestController("/")
class C:
    @WebSocketEndpoint("/reads")
    async def reads(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        try:
            await websocket.receive_text()
        finally:
            print("reads: over")

    @WebSocketEndpoint("/waits")
    async def waits(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        try:
            await asyncio.Event().wait()
        finally:
            print("waits: over")

class Lifecycle:
    @asynccontextmanager
    async def lifecycle(self, app, container):
        yield
        print("application stopped")

web_app = create_http_server(Microservice(controllers=[C], interceptors=[Lifecycle()], shutdown_grace=0.2))
"""


@pytest.fixture
def serve(tmp_path: Path, start: Callable[..., Any]) -> Callable[..., tuple[Any, str]]:
    """Run uvicorn with further options; gives the process and its address, without the scheme."""

    def begin(*options: str) -> tuple[Any, str]:
        (tmp_path / "app.py").write_text(APP)
        child = start("uvicorn", "app:web_app", "--port", "0", *options)
        found = re.search(r"http://([\d.:]+)", child.until("Uvicorn running on"))
        assert found is not None
        return child, found[1]

    return begin


def close_code(child: Any, websocket: Any) -> int | None:
    child.ask(signal.SIGTERM)
    with pytest.raises(ConnectionClosed) as closed:
        websocket.recv(timeout=20)
    return closed.value.rcvd.code if closed.value.rcvd else None


def test_clients_are_closed_with_1012_and_endpoints_that_read_end(serve: Callable[..., Any]) -> None:
    child, address = serve()
    with connect(f"ws://{address}/reads") as websocket:
        code = close_code(child, websocket)

    assert (code, child.end()) == (1012, -signal.SIGTERM)
    assert child.output.index("reads: over") < child.output.index("application stopped")


def test_an_endpoint_that_waits_for_something_else_keeps_the_process_without_a_limit(
    serve: Callable[..., Any],
) -> None:
    child, address = serve()
    with connect(f"ws://{address}/waits") as websocket:
        code = close_code(child, websocket)
        child.until("Waiting for background tasks to complete")
        assert "application stopped" not in child.output
        child.ask(signal.SIGINT)

    assert code == 1012
    child.end()
    assert "application stopped" not in child.output


def test_a_limit_ends_it_and_the_application_stops_in_order(serve: Callable[..., Any]) -> None:
    child, address = serve("--timeout-graceful-shutdown", "1")
    with connect(f"ws://{address}/waits") as websocket:
        code = close_code(child, websocket)

    assert (code, child.end()) == (1012, -signal.SIGTERM)
    assert child.output.index("waits: over") < child.output.index("application stopped")
