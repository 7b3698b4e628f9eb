"""Orders when processes die: at every boundary that a scenario comes to, one after the other."""

import pytest
from sqlalchemy import select

from jararaca import IncomingHandler, Message, MessageBusController, MessageBusPublisherInterceptor, Microservice
from jararaca_testing import RunningApplication, crash_everywhere, explore_crashes
from orders.billing import PATIENT, Billing, give_up
from orders.entities import OrderEntity, PaymentEntity
from orders.main import app as declared
from orders.schemas import Order, OrderState
from orders.shop import Shop

# Other services listen to what was paid.
with_outbox = pytest.mark.jararaca(app="orders.main:app", allow=["unroutable"])
without_outbox = pytest.mark.jararaca(allow=["unroutable"])
pytestmark = [pytest.mark.virtual_only, pytest.mark.slow]


async def place(app: RunningApplication) -> None:
    """Two customers order, and everything comes to rest but the reminders."""
    app.bus.expect_leftover("order.reminder", kind="delayed")
    await app.http.post("/orders", json={"id": 1})
    await app.http.post("/orders", json={"id": 2, "amount": 7})
    await app.settle()


async def nothing_is_lost_and_nothing_doubled(app: RunningApplication) -> None:
    """Whatever was ordered is paid once, and others heard of it: if twice, by the same message."""
    async with app.db.session() as session:
        orders = list(await session.scalars(select(OrderEntity).order_by(OrderEntity.id)))
        payments = [payment.order for payment in await session.scalars(select(PaymentEntity))]
    assert [order.state for order in orders] == [OrderState.PAID] * len(orders), "a message was lost"
    assert sorted(payments) == [order.id for order in orders], "an effect was doubled"
    published = [(each.payload, each.message_id) for each in app.bus.published("order.paid")]
    told = {(Order.model_validate(payload, from_attributes=True).id, message) for payload, message in published}
    assert sorted(number for number, _message in told) == [order.id for order in orders], "others were told otherwise"


@with_outbox
@crash_everywhere(invariant=nothing_is_lost_and_nothing_doubled, recovery=40.0, http=1, worker=1)
async def test_nothing_is_lost_and_nothing_doubled_whoever_dies(app: RunningApplication) -> None:
    """What a dead process had claimed in the outbox is sent by another one after 30 seconds."""
    await place(app)


@MessageBusController()
class ForgetfulBilling(Billing):
    """Remembers no message."""

    @IncomingHandler("order.placed", timeout=30, retry=PATIENT, exception_handler=give_up)
    async def charge(self, message: Message[Order]) -> None:
        await super().charge(message)


class TestWithoutOutbox:
    """The same orders without outbox and inbox."""

    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        kept = [each for each in declared.interceptors if not isinstance(each, MessageBusPublisherInterceptor)]
        controllers = [Shop, ForgetfulBilling]
        return Microservice(name="orders", providers=declared.providers, controllers=controllers, interceptors=kept)

    @without_outbox
    async def test_the_same_scenario_finds_what_can_be_lost_and_doubled(self, harness: RunningApplication) -> None:
        crashes = await explore_crashes(
            harness, place, nothing_is_lost_and_nothing_doubled, processes={"http": 1, "worker": 1}, recovery=5.0
        )

        found = {(str(each.point.boundary), str(each.failure).partition("\n")[0]) for each in crashes.broken}
        assert found == {
            ("http after commit POST /orders", "a message was lost"),
            ("http before publish order.placed", "a message was lost"),
            ("worker after commit ForgetfulBilling.charge", "an effect was doubled"),
            ("worker before publish order.paid", "an effect was doubled"),
            ("worker before confirm order.paid", "an effect was doubled"),
            ("worker before ack ForgetfulBilling.charge", "an effect was doubled"),
        }
