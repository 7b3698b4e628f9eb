"""Headless Chromium, driven through its DevTools protocol."""

import base64
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from children import PATIENCE, Child, clean_environment
from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowUp": 38, "ArrowDown": 40}
FLAGS = (
    "--headless",
    "--no-sandbox",  # which needs privileges that containers rarely have; only pages of ours are opened
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


def chromium() -> str:
    """The command, or a skip that says what to install; where CI is set, its absence is a failure."""
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None and "CI" in os.environ:
        pytest.fail("Chromium is missing, and CI runs every test. Install Debian's package chromium.")
    if found is None:
        pytest.skip("Chromium is missing. Install it: apt install chromium")
    return found


class Tab:
    """One page. `problems` are the exceptions and errors that it reported."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._number = 0
        self._session: str | None = None
        self.problems: list[str] = []
        target = self.do("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and give its result."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters, **session}))
        while True:
            message = json.loads(self._connection.recv(timeout=PATIENCE))
            self._note(message)
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def _note(self, message: dict[str, Any]) -> None:
        entry = message.get("params", {}).get("entry", {})
        if message.get("method") == "Runtime.exceptionThrown" or entry.get("level") == "error":
            self.problems.append(json.dumps(message["params"]))

    def show(self, width: int, scheme: str) -> None:
        """Be this wide, for somebody who prefers this colour scheme."""
        self.do("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
        self.do("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url: str) -> None:
        self.do("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives; a promise is awaited."""
        answer = self.do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, condition: str) -> None:
        """Return once the expression is true; it is looked at again whenever the page changes."""
        self.value(
            f"""new Promise(done => {{
                const look = () => {{ try {{ if ({condition}) done(true); }} catch {{}} }};
                const all = {{ attributes: true, characterData: true, childList: true, subtree: true }};
                new MutationObserver(look).observe(document, all);
                look();
            }})"""
        )

    def press(self, key: str, times: int = 1) -> None:
        """Press and release a key, as a person does; whatever has the focus gets it."""
        code = KEYS.get(key, 0)
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        for _time in range(times):
            self.do("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
            self.do("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def screenshot(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.do("Page.captureScreenshot", format="png")["data"]))


@contextmanager
def opened() -> Iterator[Tab]:
    """An empty page in a browser that nobody used before."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        folder = Path(profile)
        child = Child((chromium(), *FLAGS, f"--user-data-dir={folder}"), folder, clean_environment({}))
        try:
            address = re.search(r"ws://\S+", child.until("DevTools listening on"))
            assert address is not None
            with connect(address[0], max_size=None) as connection:
                yield Tab(connection)
        finally:
            child.discard()


@pytest.fixture
def tab() -> Iterator[Tab]:
    """A page in headless Chromium."""
    with opened() as page:
        yield page
