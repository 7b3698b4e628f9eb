"""Servers that are killed at each gate between a request and the end of its row in the outbox."""

import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from effects import Effects

from jararaca_testing.contracts import proves

pytestmark = [pytest.mark.needs_servers, pytest.mark.timeout(300)]


def address(server: Any) -> str:
    return str(server.until("serving on").rpartition(" ")[2])


def ends_of(worker: Any, order: int) -> list[str]:
    """How the deliveries of an order ended, in order."""
    words = [line.split() for line in worker.lines if line.startswith("attempt ")]
    return [outcome for _, outcome, message_id in words if message_id == f"order-{order}"]


@pytest.mark.parametrize(
    ("gate", "placed", "ends"),
    [
        ("before commit", 0, []),
        pytest.param("before publish", 1, ["ok"], marks=proves("F-10")),
        pytest.param("before outbox sent", 1, ["ok", "duplicate"], marks=proves("F-16")),
        ("after outbox sent", 1, ["ok"]),
    ],
)
def test_an_order_is_booked_if_it_was_placed_and_once_wherever_its_server_is_killed(
    gated: Callable[..., Any], database_url: str, gate: str, placed: int, ends: list[str]
) -> None:
    """Killed after the commit, its row is sent by another process once the claim on it has ended, be it once more."""
    effects = Effects(database_url, "placed", "booked")
    worker = gated("worker")
    worker.until("consuming")
    victim = gated("server", "--port", "0", gate=gate)
    url = address(victim)
    with ThreadPoolExecutor() as client:
        httpx.post(f"{url}/orders/1").raise_for_status()
        worker.until("attempt ok order-1")
        client.submit(httpx.post, f"{url}/orders/2")
        victim.until("at the gate")
        victim.ask(signal.SIGKILL)
        victim.end()

    heir = gated("server", "--port", "0")
    httpx.post(f"{address(heir)}/orders/3").raise_for_status()
    worker.until("attempt ok order-3")
    for end in ends:
        worker.until(f"attempt {end} order-2")
    heir.ask(signal.SIGTERM)
    worker.ask(signal.SIGTERM)
    assert [heir.end(), worker.end()] == [0, 0]

    assert ends_of(worker, 2) == ends
    assert effects.counted("placed") == {"1": 1, "3": 1, **({"2": 1} if placed else {})}
    assert effects.counted("booked") == effects.counted("placed")
