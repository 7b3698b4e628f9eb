"""What becomes of an order, in hours that take no time."""

import pytest
from httpx import AsyncClient

from jararaca_testing import Bus, Overrides, RunningApplication, VirtualClock, WebSocketClient
from orders.billing import Billing
from orders.payments import PAYMENTS, CardRefused, GatewayTimeout
from orders.schemas import Order
from orders.shop import Shop

# Other services listen to what was paid.
pytestmark = pytest.mark.jararaca(app="orders.main:app", allow=["unroutable"])


class BrokenGateway:
    """Fails for a number of times, then works."""

    def __init__(self, error: Exception, *, times: int = 1_000) -> None:
        self._failures = [error] * times

    async def charge(self, order: Order) -> None:
        if self._failures:
            raise self._failures.pop()


@pytest.fixture(autouse=True)
def reminders_may_wait(bus: Bus) -> None:
    bus.expect_leftover("order.reminder", kind="delayed")


async def test_an_order_is_paid(http: AsyncClient, bus: Bus, jararaca_app: RunningApplication) -> None:
    response = await http.post("/orders", json={"id": 1})
    await jararaca_app.settle()

    assert response.status_code == 201
    bus.published("order.paid", id=1).one()
    assert (await http.get("/orders/1")).json()["state"] == "paid"


async def test_a_payment_is_retried_then_dead_lettered(
    http: AsyncClient, bus: Bus, ws: WebSocketClient, clock: VirtualClock, override: Overrides
) -> None:
    override[PAYMENTS] = BrokenGateway(GatewayTimeout("no answer"))
    bus.expect_errors(GatewayTimeout)
    async with ws.connect("/orders/feed") as feed:
        await http.post("/orders", json={"id": 1})
        await clock.advance(minutes=1)

        bus.handled(Billing.charge).attempts(5)
        assert bus.dead_lettered("order.placed").one().reason == "retries-exhausted"
        assert (await feed.expect(type="payment_failed"))["order"] == 1


async def test_a_gateway_that_comes_back_is_paid_at_the_next_attempt(
    http: AsyncClient, bus: Bus, clock: VirtualClock, override: Overrides
) -> None:
    override[PAYMENTS] = BrokenGateway(GatewayTimeout("no answer"), times=2)
    bus.expect_errors(GatewayTimeout)

    await http.post("/orders", json={"id": 1})
    await clock.advance(minutes=1)

    assert [each.outcome for each in bus.handled(Billing.charge).attempts(3)] == ["error", "error", "ok"]


async def test_a_refused_card_is_not_asked_for_again(
    http: AsyncClient, bus: Bus, clock: VirtualClock, override: Overrides
) -> None:
    override[PAYMENTS] = BrokenGateway(CardRefused("stolen"))
    bus.expect_errors(CardRefused)

    await http.post("/orders", json={"id": 1})
    await clock.advance(minutes=1)

    bus.handled(Billing.charge).attempts(1)
    assert bus.dead_lettered("order.placed").one().reason == "error"
    assert (await http.get("/orders/1")).json()["state"] == "unpaid"


@pytest.mark.virtual_only
async def test_who_has_not_paid_is_reminded_after_two_hours(
    http: AsyncClient, bus: Bus, ws: WebSocketClient, clock: VirtualClock, override: Overrides
) -> None:
    override[PAYMENTS] = BrokenGateway(CardRefused("stolen"))
    bus.expect_errors(CardRefused)
    bus.expect_leftover("order.placed", kind="dead-letter")
    async with ws.connect("/orders/feed") as feed:
        await http.post("/orders", json={"id": 1})
        await clock.advance(hours=1.9)
        bus.handled(Shop.remind).none()
        await clock.advance(hours=0.1)

        assert (await feed.expect(type="reminder"))["order"] == 1


@pytest.mark.virtual_only
async def test_who_has_paid_is_left_alone(http: AsyncClient, ws: WebSocketClient, clock: VirtualClock) -> None:
    async with ws.connect("/orders/feed") as feed:
        await http.post("/orders", json={"id": 1})
        await clock.advance(hours=3)

        assert [(await feed.receive_json())["type"] for _ in range(2)] == ["placed", "paid"]
        await feed.receive_nothing()


async def test_the_same_number_is_refused_and_nothing_of_it_is_left(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    await http.post("/orders", json={"id": 1})

    assert (await http.post("/orders", json={"id": 1, "amount": 7})).status_code == 409
    await jararaca_app.settle()
    bus.published("order.placed").one()
