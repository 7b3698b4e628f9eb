"""The bindings of a server, which only its management plugin tells, and how they are compared."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from jararaca.ports.broker import Binding
from jararaca_testing.differential.management import Management, as_told
from jararaca_testing.differential.observations import Observation, difference, renamed_binding

LISTED = [
    {
        "source": "",
        "vhost": "/",
        "destination": "fuzz-1-q0",
        "destination_type": "queue",
        "routing_key": "fuzz-1-q0",
        "arguments": {},
    },
    {
        "source": "fuzz-1-x0",
        "vhost": "/",
        "destination": "fuzz-1-x1",
        "destination_type": "exchange",
        "routing_key": "a.#",
        "arguments": {"h": "undefined"},
    },
]


class Plugin(BaseHTTPRequestHandler):
    """Answers as the plugin does, to who knows the password."""

    def do_GET(self) -> None:
        allowed = self.path == "/api/bindings/%2F" and self.headers["Authorization"] == "Basic Z3Vlc3Q6Z3Vlc3Q="
        self.send_response(200 if allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps(LISTED if allowed else {"error": "not_authorised"}).encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def plugin() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Plugin) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_it_tells_the_bindings_of_the_exchanges_that_are_compared(plugin: int) -> None:
    with Management(f"http://guest:guest@127.0.0.1:{plugin}") as management:
        (binding,) = management.bindings("fuzz-1-")
    assert renamed_binding(binding, lambda text: text.replace("fuzz-1-", "")) == Binding(
        "x0", "x1", "a.#", {"h": "undefined"}, "exchange"
    )


def test_a_login_that_it_refuses_is_an_error(plugin: int) -> None:
    with Management(f"http://guest:wrong@127.0.0.1:{plugin}") as management, pytest.raises(httpx.HTTPStatusError):
        management.bindings("")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "undefined"),
        (b"ab", "ab"),
        (b"\xff", "Not UTF-8, base64 is: /w=="),
        (Decimal("1.25"), 2.125),
        (datetime(2020, 1, 1, tzinfo=UTC), 1_577_836_800),
        ([1, {"k": None}], [1, {"k": "undefined"}]),
        (True, True),
    ],
)
def test_arguments_are_compared_as_the_plugin_tells_them(value: object, told: object) -> None:
    assert as_told(value) == told
    assert as_told(told) == told


HERE, THERE = Binding("x0", "q0", "a.*"), Binding("x0", "q0", "a.#")


def test_another_binding_is_a_difference() -> None:
    diff = difference(Observation(bindings=[HERE]), Observation(bindings=[THERE]))

    assert diff == "- binding of x0 to queue q0: 'a.#'\n+ binding of x0 to queue q0: 'a.*'"


def test_the_order_of_bindings_is_none() -> None:
    assert difference(Observation(bindings=[HERE, THERE]), Observation(bindings=[THERE, HERE])) is None


def test_who_tells_no_bindings_is_compared_without() -> None:
    assert difference(Observation(bindings=[HERE]), Observation()) is None
