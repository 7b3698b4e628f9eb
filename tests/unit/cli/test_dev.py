"""The whole system in one process: what it prints, and that all of it runs."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

APP = """
from fastapi import FastAPI, WebSocket
from pydantic import BaseModel
from jararaca import *
from jararaca.presentation.http_microservice import HttpMicroservice

class Order(BaseModel):
    id: int

@MessageBusController()
@RestController("/orders")
class Orders:
    @Post()
    async def place(self, order: Order) -> None:
        await use_publisher().publish(order, topic="order.placed")

    @IncomingHandler("order.placed")
    async def bill(self, message: Message[Order]) -> None:
        print(f"bill order {message.payload().id}")

    @IncomingHandler("order.#")
    async def file(self, message: Message[Order]) -> None: ...

    @ScheduledAction("* * * * * *")
    async def remind(self) -> None:
        print("remind")

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None: ...

app = Microservice(name="shop", controllers=[Orders])
bare = HttpMicroservice(app, lambda lifespan: FastAPI(lifespan=lifespan, docs_url=None), health_path=None)
"""


@pytest.fixture
def dev(tmp_path: Path, start: Callable[..., Any]) -> Callable[..., Any]:
    """Run `jararaca dev` with words after it."""

    def begin(*words: str, **keywords: Any) -> Any:
        (tmp_path / "app.py").write_text(APP)
        return start("jararaca", "dev", *words, **keywords)

    return begin


@pytest.mark.processes
def test_a_banner_says_what_runs_where(dev: Callable[..., Any]) -> None:
    child = dev("app:app", "--port", "0")
    address = child.until("server ").split()[1]
    child.until("Ctrl+C stops it")

    first = child.lines.index("shop is running")

    assert child.lines[first + 1 : first + 8] == [
        f"  server      {address}",
        f"  API         {address}/docs",
        f"  health      {address}/health/ready",
        "  worker      2 message handlers, broker in memory",
        "  scheduler   1 scheduled action, ticks in memory",
        "  websockets  1 endpoint, fan-out in memory",
        "What is on the bus ends with this process. Ctrl+C stops it.",
    ]
    assert httpx.get(f"{address}/docs").status_code == 200
    while httpx.get(f"{address}/health/ready").status_code == 503:
        pass  # it is, in a moment


@pytest.mark.processes
def test_a_banner_names_no_address_that_is_turned_off(dev: Callable[..., Any]) -> None:
    child = dev("app:bare", "--port", "0")
    child.until("Ctrl+C stops it")
    child.ask(signal.SIGTERM)

    assert child.end() == 0
    assert "API" not in child.output
    assert "health" not in child.output


def test_requests_messages_and_ticks_are_served_by_one_process(dev: Callable[..., Any]) -> None:
    child = dev("app:app", "--port", "0")
    address = child.until("server ").split()[1]

    httpx.post(f"{address}/orders", json={"id": 7}).raise_for_status()

    child.until("bill order 7")
    child.until("remind")


@pytest.mark.processes
def test_options_come_from_the_environment_too(dev: Callable[..., Any], tmp_path: Path) -> None:
    here = {"JARARACA_APP_DIR": str(tmp_path), "JARARACA_HOST": "127.0.0.2", "JARARACA_PORT": "0"}

    child = dev("app:app", folder=tmp_path.parent, environment=here)

    assert "http://127.0.0.2:" in child.until("server ")


@pytest.mark.processes
def test_every_address_of_the_machine_is_shown_as_one_that_opens(dev: Callable[..., Any]) -> None:
    child = dev("app:app", "--host", "0.0.0.0", "--port", "0")
    address = child.until("server ").split()[1]

    assert httpx.get(f"{address}/health/live").status_code == 200


@pytest.mark.processes
def test_a_change_starts_it_again(dev: Callable[..., Any], tmp_path: Path) -> None:
    child = dev("app:app", "--reload", "--port", "0")
    child.until("shop is running")
    child.until("Ctrl+C stops it")

    (tmp_path / "app.py").write_text("nonsense")
    child.until("app.py changed: starting again")
    child.until("NameError: name 'nonsense' is not defined. Correct what happens there.")
    (tmp_path / "app.py").write_text(APP.replace("shop", "store"))

    child.until("store is running")
    child.ask(signal.SIGTERM)
    assert child.end() == 0
    assert "Traceback" not in child.output


@pytest.mark.processes
def test_many_changes_are_counted(dev: Callable[..., Any], tmp_path: Path) -> None:
    child = dev("app:app", environment={"JARARACA_RELOAD": "1", "JARARACA_PORT": "0"})
    child.until("Ctrl+C stops it")

    for name in ("a", "b", "c", "d", "e"):
        (tmp_path / f"{name}.py").touch()

    child.until("a.py and 4 other files changed: starting again")
    child.until("Ctrl+C stops it", times=2)
    child.ask(signal.SIGINT)
    assert child.end() == 0


@pytest.mark.processes
def test_work_that_does_not_end_is_cut_for_a_new_start(tmp_path: Path, start: Callable[..., Any]) -> None:
    hanging = APP.replace('print("remind")', 'print("remind"); await __import__("asyncio").Event().wait()')
    (tmp_path / "app.py").write_text(hanging)
    child = start("jararaca", "dev", "app:app", "--reload", "--port", "0")
    child.until("remind")

    (tmp_path / "app.py").write_text(APP)

    child.until("asked to stop again: what still runs is cancelled")
    child.until("Ctrl+C stops it", times=2)
    child.ask(signal.SIGTERM)
    assert child.end() == 0


@pytest.mark.processes
@pytest.mark.parametrize("words", [(), ("--reload",)], ids=["plain", "reload"])
def test_ctrl_c_ends_it_once(dev: Callable[..., Any], words: tuple[str, ...]) -> None:
    """A terminal tells every process in its foreground: the child is not asked a second time, which would cut work."""
    child = dev("app:app", "--port", "0", *words)
    child.until("Ctrl+C stops it")

    child.press_ctrl_c()

    assert child.end() == 0
    assert "asked to stop again" not in child.output
    assert "Traceback" not in child.output
