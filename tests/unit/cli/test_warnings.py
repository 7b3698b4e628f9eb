"""What a process warns of at its start, because it will work, and not as somebody may think."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.processes

APP = """
from fastapi import WebSocket
from jararaca import *

class Backend:
    broadcast_pubsub_channel = send_pubsub_channel = "frames"

    def fanout(self, container):
        return container.get_by_type(Environment).ports.fanout()

class C:
    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None: ...

    @ScheduledAction("0 6 * * *")
    async def act(self) -> None: ...

class T:
    @ScheduledAction("0 6 * * *", dispatch="broker")
    async def act(self) -> None: ...

travelling = Microservice(controllers=[T])
alone = Microservice(controllers=[C])
connected = Microservice(controllers=[C], interceptors=[WebSocketInterceptor(Backend())])
"""

FRAMES = (
    "WARNING jararaca.cli: websocket frames sent from this process reach nobody, because no WebSocketInterceptor with "
    "a backend is declared: give it a RedisWebSocketConnectionBackend"
)
TICKS = (
    "WARNING jararaca.cli: ticks are remembered in this process only, because no schedule store is named: run one "
    "scheduler of this application, or set JARARACA_SCHEDULE_STORE_URL"
)
LEASES = (
    "WARNING jararaca.cli: runs of actions that are dispatched over the broker are kept from overlapping in this "
    "process only, because no schedule store is named: run one worker of this application, or set "
    "JARARACA_SCHEDULE_STORE_URL"
)


@pytest.mark.parametrize(
    ("command", "application", "warnings"),
    [
        ("worker", "alone", [FRAMES]),
        ("worker", "connected", []),
        ("worker", "travelling", [LEASES]),
        ("scheduler", "alone", [FRAMES, TICKS]),
        ("scheduler", "connected", [TICKS]),
        ("server", "alone", []),
    ],
)
def test_a_process_says_what_does_not_leave_it(
    tmp_path: Path, start: Callable[..., Any], command: str, application: str, warnings: list[str]
) -> None:
    (tmp_path / "app.py").write_text(f"from jararaca.core.environment import Environment\n{APP}")
    options = ("--port", "0") if command == "server" else ("--url", "memory://")
    child = start("jararaca", command, f"app:{application}", *options)
    child.until("app: ")
    child.ask(signal.SIGTERM)

    assert child.end() == 0
    assert [line.partition(" WARNING ")[2] for line in child.lines if " WARNING " in line] == [
        warning.removeprefix("WARNING ") for warning in warnings
    ]
