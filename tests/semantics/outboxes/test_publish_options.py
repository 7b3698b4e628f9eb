"""What a single publish may say about its way out and about who it is."""

import pytest
from httpx import AsyncClient
from outbox_handlers import Day, Sale
from shopping import until

from jararaca import Message, use_publisher
from jararaca.errors import NoUnitOfWork, UsageError
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.contracts import proves


async def hint() -> None:
    await use_publisher().publish(Sale(number=7), topic="sale.hinted", delivery="after_commit")


async def test_what_may_be_lost_leaves_past_the_outbox_after_the_commit(
    bus: Bus, http: AsyncClient, jararaca_app: RunningApplication, day: Day
) -> None:
    day.selling = hint
    await http.post("/sales/1")
    await jararaca_app.settle()

    bus.staged("sale.hinted").none()
    bus.published("sale.hinted").one()
    bus.staged("sale.made").one()
    bus.unroutable("sale.hinted").one()


async def test_what_may_be_lost_does_not_leave_what_is_rolled_back(bus: Bus, http: AsyncClient, day: Day) -> None:
    async def hint_and_fail() -> None:
        await hint()
        raise OSError("out of paper")

    day.selling = hint_and_fail
    with pytest.raises(OSError, match="paper"):
        await http.post("/sales/1")

    bus.published("sale.hinted").none()


async def test_an_idempotent_handler_publishes_nothing_past_the_outbox(
    bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """It could be lost, and the next attempt would be taken for a duplicate."""
    refused: list[str] = []

    async def booking(_message: Message[Sale]) -> None:
        try:
            await hint()
        except UsageError as error:
            refused.append(str(error))

    day.booking = booking
    await bus.publish(Sale(number=1), "sale.made")
    await until(jararaca_app, lambda: bus.handled("hear").count)

    (said,) = refused
    assert "past its outbox" in said
    assert 'Leave delivery="after_commit" out' in said


async def test_outside_of_a_transaction_nothing_can_be_part_of_one(bus: Bus) -> None:
    with pytest.raises(NoUnitOfWork, match="async with unit_of_work"):
        await bus.publish(Sale(number=1), "sale.made", delivery="outbox")


@proves("F-14")
async def test_messages_of_one_dedupe_key_are_handled_once(
    bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """Their ids differ; a message id that reads like the key is another thing."""
    for number, key in ((1, "till 1/17"), (1, "till 1/17"), (2, "till 1/18"), (3, None)):
        await bus.publish(Sale(number=number), "sale.made", dedupe_key=key, message_id=None if key else "till 1/17")
    await until(jararaca_app, lambda: len(bus.handled("book")) == 4)

    assert sorted(day.booked) == [1, 2, 3]
    outcomes = [str(record.outcome) for record in bus.handled("book")]
    assert sorted(outcomes) == ["duplicate", "ok", "ok", "ok"]
