"""Processes on RabbitMQ that are killed while messages wait, and when they have taken one and send it on."""

import signal
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from effects import Effects

from jararaca.adapters.system.clock import SystemClock
from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.needs_servers, pytest.mark.timeout(300)]


@proves("F-40")
@pytest.mark.parametrize("gate", ["before copy", "after copy"])
@pytest.mark.parametrize(("wish", "seconds"), [({"delay": 7}, 7.0), ({"failures": 2}, 3.0)])
def test_what_waits_is_handled_once_and_when_it_is_due_wherever_processes_are_killed(
    gated: Callable[..., Any], database_url: str, wish: dict[str, int], seconds: float, gate: str
) -> None:
    """Who sent it is dead while it waits, and so is who took it to send it on, for the rest of its delay or for another
    attempt: it has not left its queue before the copy was confirmed, and the inbox takes both for one."""
    clock, effects = SystemClock(), Effects(database_url, "placed", "booked")
    victim = gated("worker", gate=gate)
    victim.until("consuming")
    server = gated("server", "--port", "0")
    url = server.until("serving on").rpartition(" ")[2]
    began = clock.monotonic()
    httpx.post(f"{url}/orders/1", params=wish).raise_for_status()
    server.until("outbox sent order-1")
    server.ask(signal.SIGKILL)
    victim.until("at the gate")
    victim.ask(signal.SIGKILL)
    assert [server.end(), victim.end()] == [-signal.SIGKILL] * 2
    assert not effects.counted("booked")

    heir = gated("worker")
    heir.until("attempt ok order-1")
    passed = clock.monotonic() - began
    if gate == "after copy":
        heir.until("attempt duplicate order-1")
    heir.ask(signal.SIGTERM)
    assert heir.end() == 0

    assert passed >= seconds
    assert effects.counted("booked") == {"1": 1}
