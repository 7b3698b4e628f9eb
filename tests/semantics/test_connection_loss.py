"""The connection to the broker is lost: nothing that was confirmed is, and everything goes on once it is back."""

import logging

import pytest
from httpx import AsyncClient
from order_handlers import Audit as BookingAudit
from order_handlers import Order, book
from publishing_handlers import Audit, Orders
from script import Desk, PatientDesk, Script, at_first, sleeping
from shopping import Shop, connection_of, ends, lose_once_confirmed, ready, serving, settlements, until

from jararaca import Message
from jararaca.core.steps import Kind
from jararaca.errors import BrokerUnavailable
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves


@proves("F-6")
@serving(Desk)
async def test_an_attempt_under_way_finishes_and_its_message_is_redelivered(
    jararaca_app: RunningApplication, script: Script, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    """Its acknowledgement comes too late to count, and is no error."""

    async def lose(message: Message[Order]) -> None:
        await lose_once_confirmed(jararaca_app)
        await sleeping(0.1)(message)

    caplog.set_level(logging.INFO, "jararaca.messagebus")
    script.body = at_first(lose)
    await bus.publish(Order(number=1), "order.placed")
    await until(jararaca_app, lambda: len(ends(jararaca_app)) == 2)

    assert ends(jararaca_app) == [("ack", None), ("ack", None)]
    assert [record.outcome for record in bus.handled(Desk.handle).attempts(2)] == ["ok", "ok"]
    assert [(message.attempt, message.redelivered) for message in script.messages] == [(1, False), (1, True)]
    stale = [record for record in caplog.records if "after its channel was lost" in record.message]
    assert len(stale) == 1


@proves("F-6")
@serving(Desk)
async def test_a_message_whose_channel_was_lost_is_dead_lettered_once(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    """The late rejection makes no copy, because the broker hands the message out again."""

    async def lose_and_reject(message: Message[Order]) -> None:
        if not message.redelivered:
            await lose_once_confirmed(jararaca_app)
            await until_ready_again(jararaca_app)
        await message.reject(reason="out of stock")

    script.body = lose_and_reject
    await bus.publish(Order(number=1), "order.placed")
    await until(jararaca_app, lambda: ("dead-letter", "rejected") in ends(jararaca_app))

    assert sorted(ends(jararaca_app)) == [("dead-letter", "rejected"), ("requeue", "channel-lost")]
    assert await ready(jararaca_app, "Desk.handle.dlq") == 1
    bus.dead_lettered("order.placed").one()


async def until_ready_again(app: RunningApplication) -> None:
    """Let the connection be noticed as lost, and come back."""
    while connection_of(app).ready:
        await app.clock.sleep(0.01)
    await connection_of(app).until_ready(None)


@serving(PatientDesk)
async def test_a_copy_waits_for_the_connection_or_the_broker_brings_the_message_back(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    """Whether the retry's copy is sent or not, the message comes back, and is never lost."""

    async def lose_and_fail(message: Message[Order]) -> None:
        await lose_once_confirmed(jararaca_app)
        await sleeping(0.1)(message)
        raise OSError("and the connection is gone")

    bus.expect_errors(OSError)
    script.body = at_first(lose_and_fail)
    await bus.publish(Order(number=1), "order.placed")

    await until(jararaca_app, lambda: ("ack", None) in ends(jararaca_app))

    assert settlements(jararaca_app)[-1].outcome == "ack"
    assert script.messages[-1].redelivered


@serving(Desk)
async def test_every_queue_is_consumed_again(jararaca_app: RunningApplication, script: Script, bus: Bus) -> None:
    for number in range(3):
        jararaca_app.world.lose_connections()
        await until(jararaca_app, lambda: not connection_of(jararaca_app).ready)
        await until(jararaca_app, lambda: connection_of(jararaca_app).ready)
        await bus.publish(Order(number=number), "order.placed")
        await jararaca_app.settle()
        await connection_of(jararaca_app).broker.flush()  # an acknowledgement that is cut off brings its message back

    assert script.numbers == [0, 1, 2]
    assert [record.outcome for record in jararaca_app.ledger.of_kind(Kind.CONNECTION)] == [
        "connected",
        *["lost", "connected"] * 3,
    ]


@proves("F-5")
@serving(Desk)
async def test_a_publish_waits_for_the_connection(jararaca_app: RunningApplication, script: Script, bus: Bus) -> None:
    jararaca_app.world.lose_connections()

    await bus.publish(Order(number=1), "order.placed")
    await until(jararaca_app, lambda: ends(jararaca_app))

    assert script.numbers == [1]
    bus.published("order.placed").one()


@proves("F-5")
@serving(Desk)
async def test_a_publish_that_waits_longer_than_its_timeout_raises(jararaca_app: RunningApplication, bus: Bus) -> None:
    jararaca_app.world.lose_connections()

    with pytest.raises(BrokerUnavailable, match=r"within 0\.1 s"):
        await bus.publish(Order(number=1), "order.placed", timeout=0.1)

    bus.handled().none()


@serving(Orders, Audit)
async def test_a_request_outlives_a_lost_connection(
    jararaca_app: RunningApplication, http: AsyncClient, script: Script
) -> None:
    """It is answered once what it announced is confirmed, in order."""
    jararaca_app.world.lose_connections()

    response = await http.post("/orders/staged")
    await until(jararaca_app, lambda: len(script.messages) == 5)

    assert response.status_code == 200
    assert script.numbers == [1, 2, 3, 4, 5]


@serving(Desk)
async def test_messages_that_were_not_started_are_redelivered_once_each(
    jararaca_app: RunningApplication, script: Script, bus: Bus
) -> None:
    """Ten at a time run, the others are the broker's again: nothing is lost."""
    script.body = sleeping(0.5)
    for number in range(30):
        await bus.publish(Order(number=number), "order.placed")
    await until(jararaca_app, lambda: script.messages)
    jararaca_app.world.lose_connections()

    await until(jararaca_app, lambda: set(script.numbers) == set(range(30)) and not script.running)

    assert {record.attempt for record in bus.handled(Desk.handle)} == {1}


@serving(Desk, BookingAudit)
async def test_what_was_committed_before_the_loss_is_announced_after_it(shop: Shop, script: Script) -> None:
    """The commit stands and its messages wait for the connection; the lost acknowledgement repeats both."""

    async def lose(_message: Message[Order]) -> None:
        await lose_once_confirmed(shop.app)

    async def book_and_lose(message: Message[Order]) -> None:
        await book(message)
        await at_first(lose)(message)

    script.body = book_and_lose
    await shop.app.bus.publish(Order(number=7), "order.placed")
    await until(shop.app, lambda: len(shop.ends) == 2 and len(shop.announced) == 2)

    assert (await shop.rows(), shop.announced) == ([7, 7], [7, 7])
