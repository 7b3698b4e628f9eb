"""Orders when processes die: at every boundary that a scenario comes to, one after the other."""

import pytest

from jararaca_testing import RunningApplication, crash_everywhere, explore_crashes
from orders.entities import OrderEntity
from orders.schemas import Order, OrderState

# Other services listen to what was paid.
pytestmark = [pytest.mark.jararaca(app="orders.main:app", allow=["unroutable"]), pytest.mark.virtual_only]


async def state_of(app: RunningApplication, number: int) -> OrderState | None:
    async with app.db.session() as session:
        order = await session.get(OrderEntity, number)
        return None if order is None else order.state


async def the_order_is_paid(app: RunningApplication) -> None:
    assert await state_of(app, 1) is OrderState.PAID
    assert app.bus.published("order.paid", id=1).count >= 1


@crash_everywhere(invariant=the_order_is_paid, worker=1)
async def test_an_order_that_the_broker_has_is_paid_whoever_dies(app: RunningApplication) -> None:
    async with app.db.session() as session:
        session.add(OrderEntity(id=1, amount=100))
    await app.bus.publish(Order(id=1), "order.placed")
    await app.settle()


async def place(app: RunningApplication) -> None:
    app.bus.expect_leftover("order.reminder", kind="delayed")
    await app.http.post("/orders", json={"id": 1})
    await app.settle()


async def an_order_that_is_there_is_paid(app: RunningApplication) -> None:
    assert await state_of(app, 1) in (None, OrderState.PAID)


async def test_without_an_outbox_there_is_one_window(harness: RunningApplication) -> None:
    """Between the commit of a request and the publish of what it staged; nowhere else anything is lost."""
    crashes = await explore_crashes(
        harness, place, an_order_that_is_there_is_paid, processes={"http": 1, "worker": 1}, recovery=5.0
    )

    assert [str(crash.point) for crash in crashes.broken] == [
        "http after commit POST /orders",
        "http before publish order.placed",
    ]
