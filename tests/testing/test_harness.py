"""The running application: settling that is exact and bounded, time that counts steps, and one order up and down."""

import asyncio
from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import BaseModel

from jararaca import (
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    RestController,
    ScheduledAction,
    use_publisher,
)
from jararaca.core.context import use_clock
from jararaca.core.steps import Kind
from jararaca_testing import Bus, NotSettled, Record, RunningApplication, VirtualClock
from jararaca_testing.contracts import proves
from jararaca_testing.loop import VirtualLoop

pytestmark = pytest.mark.virtual_only


class Order(BaseModel):
    id: int


@MessageBusController()
@RestController("/orders")
class Orders:
    @Post()
    async def place(self, order: Order) -> None:
        await use_publisher().publish(order, "order.placed")
        await use_publisher().publish(order, "order.delayed", delay=30)

    @IncomingHandler("order.*", concurrency=2)
    async def work(self, message: Message[Order]) -> None:
        await use_clock().sleep(5)

    @IncomingHandler("ping")
    async def ping(self, message: Message[Order]) -> None:
        await use_publisher().publish(message.payload(), "pong")

    @IncomingHandler("pong")
    async def pong(self, message: Message[Order]) -> None:
        await use_publisher().publish(message.payload(), "ping")

    @IncomingHandler("early")
    async def early(self, message: Message[Order]) -> None:
        await message.ack(early=True)
        await use_clock().sleep(5)

    @IncomingHandler("endless")
    async def endless(self, message: Message[Order]) -> None:
        await use_clock().sleep(1_000)

    @ScheduledAction("0 1 1 1 *", allow_overlap=False)
    async def tick(self) -> None:
        await use_clock().sleep(5)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Orders])


def is_delayed(record: Record) -> bool:
    return record.topic == "order.delayed"


async def test_settling_lets_time_pass_only_for_what_is_being_handled(
    http: AsyncClient, bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    """A backlog of four behind two places takes ten seconds; the delayed messages are not waited for."""
    for number in range(4):
        await http.post("/orders", json={"id": number})
    assert (clock.monotonic(), bus.handled().count) == (0, 0)

    await jararaca_app.settle()
    assert (clock.monotonic(), bus.handled("work").count) == (10, 4)
    bus.handled("work", is_delayed).none()

    await clock.advance(seconds=40)
    bus.handled("work", is_delayed).times(4)


async def test_a_negative_assertion_right_after_settling_is_sound(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.publish(Order(id=1), "order.placed")

    await jararaca_app.settle()

    bus.published("ping").none()
    assert jararaca_app.in_flight.is_empty


async def test_what_goes_on_after_an_early_acknowledgement_is_waited_for(
    bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Order(id=1), "early")

    await jararaca_app.settle()

    assert (clock.monotonic(), bus.handled("early").one().outcome) == (5, "ok")


@proves("F-46")
@pytest.mark.jararaca(allow=["unsettled"])
async def test_a_cycle_is_named_within_a_number_of_steps(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.publish(Order(id=1), "ping")

    with pytest.raises(NotSettled) as error:
        await jararaca_app.settle(max_steps=500)

    text = str(error.value)
    assert "it took more than 500 steps" in text
    assert "publishes 'pong', which runs Orders.pong, which publishes 'ping', which runs Orders.ping" in text
    assert 10 < bus.handled("ping").count < 500


@pytest.mark.jararaca(allow=["unsettled"])
async def test_a_cycle_that_needs_no_time_is_found_while_time_advances(bus: Bus, clock: VirtualClock) -> None:
    await bus.publish(Order(id=1), "ping")

    with pytest.raises(NotSettled, match=r"(?s)it took more than 300 steps.*a cycle: "):
        await clock.advance(seconds=1, max_steps=300)


@pytest.mark.jararaca(allow=["unsettled"])
async def test_what_takes_longer_than_allowed_is_named(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.publish(Order(id=1), "endless")

    with pytest.raises(NotSettled, match=r"the test allows until t=7\.000") as error:
        await jararaca_app.settle(within=7)

    assert error.value.moving == (
        "attempt Orders.endless",
        "1 message delivered to Orders.endless and not settled",
    )


async def test_a_skipped_tick_does_not_end_the_one_that_runs(
    clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    await clock.advance(hours=1, seconds=1)
    assert [str(record.handler) for record in jararaca_app.ledger.begun(Kind.TICK)] == ["Orders.tick"]

    await jararaca_app.settle()

    assert clock.monotonic() == 3605
    assert [record.outcome for record in jararaca_app.ledger.of_kind(Kind.TICK)] == ["ok"]


async def test_records_tell_what_caused_what(http: AsyncClient, bus: Bus, jararaca_app: RunningApplication) -> None:
    bus.expect_leftover("order.delayed")
    await http.post("/orders", json={"id": 1})
    await jararaca_app.settle()

    (request,) = jararaca_app.ledger.of_kind(Kind.REQUEST)
    published = bus.published("order.placed").one()
    handled = bus.handled("work").one()
    assert (request.handler, request.outcome) == ("POST /orders", "200")
    assert (published.cause, handled.cause) == (request.seq, published.seq)
    assert published.execution == request.execution


async def test_an_application_can_be_started_again_after_it_was_stopped(jararaca_harness: RunningApplication) -> None:
    for number in range(2):
        await jararaca_harness.start()
        await jararaca_harness.bus.publish(Order(id=number), "order.placed")
        await jararaca_harness.settle()
        await jararaca_harness.stop()

    assert [record.payload.id for record in jararaca_harness.bus.handled("work")] == [0, 1]


async def test_the_loop_is_virtual_and_the_fixtures_are_the_application(
    jararaca_app: RunningApplication, bus: Bus, http: AsyncClient, clock: VirtualClock, ws: Any, db: Any, override: Any
) -> None:
    assert isinstance(asyncio.get_running_loop(), VirtualLoop)
    assert (bus, http, clock) == (jararaca_app.bus, jararaca_app.http, jararaca_app.clock)
    assert (ws, db, override) == (jararaca_app.ws, jararaca_app.db, jararaca_app.override)
