"""The example's page, in a browser."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser import Tab
from browser import tab as tab

pytestmark = pytest.mark.needs_chromium

REPOSITORY = Path(__file__).parents[2]
ARTIFACTS = REPOSITORY / ".artifacts"
WORDS = ("dev", "--app-dir", str(REPOSITORY / "examples/tasks"), "tasks.main:app", "--port")
HEADERS = {"Authorization": "Bearer demo"}
NAMES = "[...document.querySelectorAll('#tasks .name')].map(each => each.textContent)"


@pytest.fixture
def address(start: Callable[..., Any], tmp_path: Path) -> str:
    """Where `make demo` serves the example, with a database of its own."""
    return str(start("jararaca", *WORDS, "0", folder=tmp_path).until("http://").rpartition(" ")[2])


def test_a_task_created_over_http_appears_without_a_reload(tab: Tab, address: str) -> None:
    tab.show(1280, "light")
    tab.open(address)
    tab.until("document.querySelector('#link.live') && !document.getElementById('empty').hidden")
    tab.value("window.neverReloaded = true")

    for name in ("Write the docs", "Answer the letters", "Water the plants"):
        httpx.post(f"{address}/tasks", json={"name": name}, headers=HEADERS).raise_for_status()
    tab.until("document.querySelectorAll('#tasks .done').length === 3")

    tab.until("document.getElementById('count').textContent.startsWith('3 in all, counted at ')")

    assert tab.value(NAMES) == ["Water the plants", "Answer the letters", "Write the docs"]
    assert tab.value("window.neverReloaded") is True
    assert tab.problems == []
    tab.value("Promise.all(document.getAnimations().map(each => each.finished))")
    tab.screenshot(ARTIFACTS / "tasks-page.png")


def test_tasks_are_added_and_deleted_on_the_page(tab: Tab, address: str) -> None:
    tab.open(address)
    tab.until("document.querySelector('#link.live')")

    tab.value("document.getElementById('name').value = 'Feed the cat'; document.querySelector('form button').click()")
    tab.until("document.querySelectorAll('#tasks .done').length === 1")
    tab.value("document.querySelector('#tasks button').click()")
    tab.until("document.querySelectorAll('#tasks li').length === 0 && !document.getElementById('empty').hidden")

    assert httpx.get(f"{address}/tasks").json() == []
    assert tab.problems == []


def test_markup_in_a_name_is_text(tab: Tab, address: str) -> None:
    name = "<img src=x onerror=window.owned=true>"
    httpx.post(f"{address}/tasks", json={"name": name}, headers=HEADERS).raise_for_status()

    tab.open(address)
    tab.until(f"JSON.stringify({NAMES}) === {json.dumps(json.dumps([name], separators=(',', ':')))}")

    assert tab.value("window.owned ?? null") is None


def test_what_is_refused_is_said(tab: Tab, address: str) -> None:
    tab.open(address)
    tab.until("document.querySelector('#link.live')")
    tab.value(
        "document.getElementById('token').value = 'guess'; document.getElementById('name').value = 'Feed the cat'"
    )

    tab.value("document.querySelector('form button').click()")
    tab.until("document.getElementById('error').textContent === 'That token is not accepted.'")

    assert tab.value("document.getElementById('name').value") == "Feed the cat"


def test_a_browser_takes_no_cookies_from_a_client(tab: Tab, address: str) -> None:
    """It would leave them out in silence, and send its own."""
    request = "{ method: 'GET', path: '/', query: [], headers: [], cookies: [['a', 'b']], response: 'text' }"

    tab.open(address)
    tab.until("document.querySelector('#link.live')")

    assert "set document.cookie" in tab.value(
        f"import('/client.js').then(({{ FetchBackend }}) => new FetchBackend({{ baseUrl: '' }}).request({request}))"
        ".catch(String)"
    )


def test_the_page_outlives_its_server(tab: Tab, start: Callable[..., Any], tmp_path: Path) -> None:
    """What was created while it was away is there when it comes back."""
    child = start("jararaca", *WORDS, "0", folder=tmp_path)
    address = str(child.until("http://").rpartition(" ")[2])
    httpx.post(f"{address}/tasks", json={"name": "Write the docs"}, headers=HEADERS).raise_for_status()
    tab.open(address)
    tab.until("document.querySelectorAll('#tasks .done').length === 1")

    child.ask(signal.SIGKILL)
    tab.until("document.getElementById('link').textContent === 'reconnecting'")
    start("jararaca", *WORDS, address.rpartition(":")[2], folder=tmp_path).until("http://")
    httpx.post(f"{address}/tasks", json={"name": "Feed the cat"}, headers=HEADERS).raise_for_status()
    tab.until("document.querySelector('#link.live') && document.querySelectorAll('#tasks .done').length === 2")

    assert tab.value(NAMES) == ["Feed the cat", "Write the docs"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_window(tab: Tab, address: str, width: int, scheme: str) -> None:
    for name in ("Write the docs", "A" * 120, "Answer the letters that came in yesterday, before the next ones come"):
        httpx.post(f"{address}/tasks", json={"name": name}, headers=HEADERS).raise_for_status()

    tab.show(width, scheme)
    tab.open(address)
    tab.until("document.querySelectorAll('#tasks .done').length === 3")

    assert tab.value("document.documentElement.scrollWidth") == width
    tab.value("Promise.all(document.getAnimations().map(each => each.finished))")
    tab.screenshot(ARTIFACTS / f"tasks-page-{width}-{scheme}.png")
