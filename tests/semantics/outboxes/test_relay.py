"""The relay when it is late, stopped or measured."""

from collections.abc import Awaitable, Callable

import pytest
from faults import Fault, failing, rows_of
from httpx import AsyncClient
from outbox_handlers import Day
from prometheus_client import CollectorRegistry
from shopping import until

from jararaca.adapters.prometheus.instruments import instruments_of
from jararaca.adapters.prometheus.metrics import MetricsObserver
from jararaca.core.application import Application
from jararaca.core.steps import Kind
from jararaca_testing import Bus, RunningApplication, VirtualClock

pytestmark = pytest.mark.virtual_only

Replica = Callable[[], Awaitable[Application]]


async def test_a_row_whose_claim_is_over_is_claimed_again_and_sent_once(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, clock: VirtualClock, day: Day
) -> None:
    """While the relay was held up, somebody else could have had it."""

    async def hold_up() -> None:
        await clock.sleep(40)

    held_up = Fault(Kind.OUTBOX, hold_up, outcome="sent").among(jararaca_app.environment)
    await http.post("/sales/1", params={"topic": "sale.told"})
    await jararaca_app.settle()
    await http.post("/sales/2")
    bus.expect_leftover("sale.told", kind="unroutable")

    await clock.advance(seconds=45)

    assert held_up.reached
    bus.published("sale.made").one()
    assert day.booked == [2]


async def test_a_relay_that_stops_sends_what_it_has(
    bus: Bus, jararaca_app: RunningApplication, replica: Replica, http: AsyncClient
) -> None:
    """Nothing is left for others to wait for."""
    await replica()

    await http.post("/sales/1")
    await jararaca_app.application.stop()

    assert bus.published("sale.made").one().outcome is None


async def test_what_is_left_in_the_outbox_fails_a_test_that_did_not_look(
    http: AsyncClient, jararaca_app: RunningApplication
) -> None:
    Fault(Kind.PUBLISH, failing(OSError("not now")), times=9).among(jararaca_app.environment)
    await http.post("/sales/1")
    await jararaca_app.settle()

    (finding,) = await jararaca_app.findings_at_rest({"leftovers"})

    assert finding.what == "'sale.made' is committed to the outbox, and the broker does not have it"
    jararaca_app.bus.staged("sale.made").one()
    assert await jararaca_app.findings_at_rest({"leftovers"}) == []


async def test_a_parked_message_is_left_over_until_the_test_expects_it(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, clock: VirtualClock
) -> None:
    await http.post("/sales/1", params={"topic": "sale.lost", "mandatory": True})
    await clock.advance(seconds=10)

    findings = await jararaca_app.findings_at_rest({"leftovers"})

    assert [finding.what for finding in findings] == [
        f"'sale.lost' is parked in the outbox: the broker does not take it: {bus.parked()[0].reason}"
    ]
    bus.expect_leftover("sale.lost", kind="parked")
    assert await jararaca_app.findings_at_rest({"leftovers"}) == []


async def test_the_outbox_is_measured(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, clock: VirtualClock
) -> None:
    registry = CollectorRegistry()
    jararaca_app.environment.steps.add(MetricsObserver(instruments_of(registry), "sales", clock))
    of_connection = {"app": "sales", "connection": "default"}

    def measured(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"jararaca_outbox_{name}", of_connection | labels)

    await http.post("/sales/1", params={"topic": "sale.lost", "mandatory": True})
    await jararaca_app.settle()
    await http.post("/sales/2", params={"topic": "sale.lost", "mandatory": True})
    await clock.advance(seconds=1)
    assert measured("waiting") == 2

    await until(jararaca_app, lambda: len(bus.parked("sale.lost")) == 2)
    await http.post("/sales/3")
    await jararaca_app.settle()

    assert measured("total", outcome="staged") == 4
    assert measured("total", outcome="parked") == 2
    assert measured("total", outcome="sent") == 2
    assert len(await rows_of(jararaca_app)) == 2
