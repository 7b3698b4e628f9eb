"""Every option of every command has a variable that does the same, and the option wins."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.processes

APP = """
from jararaca import Microservice

app = Microservice(name="shop")
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """The variable that leads to the application, for a command that runs beside it."""
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "shop.py").write_text(APP)
    return {"JARARACA_APP_DIR": str(tmp_path / "inside")}


def nobodys_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def test_a_check_finds_the_application(start: Callable[..., Any], elsewhere: dict[str, str]) -> None:
    child = start("jararaca", "check", "shop:app", environment=elsewhere)

    assert child.end() == 0
    assert child.lines[0] == "shop can work"


@pytest.mark.parametrize("command", ["dev", "server"])
def test_a_server_listens_where_the_variables_say(
    start: Callable[..., Any], elsewhere: dict[str, str], command: str
) -> None:
    port = nobodys_port()
    here = {"JARARACA_HOST": "127.0.0.2", "JARARACA_PORT": str(port)}
    child = start("jararaca", command, "shop:app", environment={**elsewhere, **here})

    child.until(f"http://127.0.0.2:{port}")

    assert httpx.get(f"http://127.0.0.2:{port}/health/live").status_code == 200


def test_an_option_wins(start: Callable[..., Any], elsewhere: dict[str, str]) -> None:
    here = {"JARARACA_HOST": "127.0.0.2", "JARARACA_PORT": "1", "JARARACA_BROKER_URL": "nonsense"}
    options = ("--host", "127.0.0.3", "--port", "0", "--url", "memory://")
    child = start("jararaca", "server", "shop:app", *options, environment={**elsewhere, **here})

    assert "http://127.0.0.3:" in child.until("serving on")


@pytest.mark.parametrize(("command", "until"), [("worker", "consuming"), ("scheduler", "firing"), ("beat", "firing")])
def test_a_broker_is_found_where_the_variable_says(
    start: Callable[..., Any], elsewhere: dict[str, str], command: str, until: str
) -> None:
    child = start("jararaca", command, "shop:app", environment={**elsewhere, "JARARACA_BROKER_URL": "memory://"})

    child.until(until)


def test_a_server_takes_the_broker_of_the_variable(start: Callable[..., Any], elsewhere: dict[str, str]) -> None:
    here = {"JARARACA_BROKER_URL": "memory://", "JARARACA_PORT": "0"}
    child = start("jararaca", "server", "shop:app", environment={**elsewhere, **here})

    child.until("connected to the broker (connection=default url=memory:// outcome=connected)")


@pytest.mark.parametrize("command", ["worker", "scheduler"])
def test_a_broker_is_waited_for_as_long_as_the_variable_says(
    start: Callable[..., Any], elsewhere: dict[str, str], command: str
) -> None:
    here = {"JARARACA_BROKER_URL": f"amqp://127.0.0.1:{nobodys_port()}/", "JARARACA_WAIT_FOR_BROKER": "0.25"}
    child = start("jararaca", command, "shop:app", environment={**elsewhere, **here})

    assert child.end() == 3
    assert "within 0.25 s." in child.lines[-1]


@pytest.mark.parametrize("command", ["worker", "scheduler"])
@pytest.mark.parametrize(("options", "variable"), [((), "passive"), (("--topology", "passive"), "declare")])
def test_nothing_is_declared_if_the_option_or_the_variable_says_so(
    start: Callable[..., Any], elsewhere: dict[str, str], command: str, options: tuple[str, ...], variable: str
) -> None:
    here = {"JARARACA_BROKER_URL": "memory://", "JARARACA_TOPOLOGY": variable}
    child = start("jararaca", command, "shop:app", *options, environment={**elsewhere, **here})

    assert child.end() == 4
    assert "the exchange 'jararaca.events' does not exist" in child.lines[-1]


def test_a_change_starts_it_again_if_the_variable_says_so(
    start: Callable[..., Any], elsewhere: dict[str, str], tmp_path: Path
) -> None:
    child = start(
        "jararaca", "dev", "shop:app", environment={**elsewhere, "JARARACA_RELOAD": "1", "JARARACA_PORT": "0"}
    )
    child.until("shop is running")
    child.until("Ctrl+C stops it")

    (tmp_path / "inside" / "shop.py").write_text(APP.replace("shop", "store"))

    child.until("store is running")
