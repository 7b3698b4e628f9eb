"""An idempotent handler has its effects once, however often its message comes."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from faults import Fault, remembered, rows_of
from httpx import AsyncClient
from outbox_handlers import BookedRow, Day, Sale
from shopping import ends, publish_raw, until
from sqlalchemy import event, func, select

from jararaca import Message, use_publisher
from jararaca.core.steps import Kind
from jararaca.errors import UsageError
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.persistence.session import database_of
from jararaca.ports.broker import Envelope
from jararaca_testing import Bus, RunningApplication, VirtualClock
from jararaca_testing.contracts import proves

BODY = json.dumps({"number": 1}).encode()


async def bookings(app: RunningApplication) -> int:
    async with app.db.session() as session:
        return await session.scalar(select(func.count()).select_from(BookedRow)) or 0


@proves("F-14")
async def test_five_copies_at_once_have_one_effect(bus: Bus, jararaca_app: RunningApplication, day: Day) -> None:
    """All five are acknowledged, one of them after it was handled."""
    for _ in range(5):
        await publish_raw(jararaca_app, Envelope(BODY, message_id="one"), "sale.made")
    await until(jararaca_app, lambda: len(bus.handled("book")) == 5)

    assert await bookings(jararaca_app) == 1
    assert day.booked == [1]
    assert sorted(str(record.outcome) for record in bus.handled("book")) == ["duplicate"] * 4 + ["ok"]
    assert ends(jararaca_app, "book") == [("ack", None)] * 5
    bus.published("sale.booked").one()


async def test_an_attempt_that_fails_is_not_remembered(bus: Bus, jararaca_app: RunningApplication, day: Day) -> None:
    """The memory is a row of the transaction: what was rolled back has not been handled."""
    bus.expect_errors(OSError)

    async def booking(message: Message[Sale]) -> None:
        if message.attempt < 3:
            raise OSError("the ledger is locked")

    day.booking = booking
    await bus.publish(Sale(number=1), "sale.made")
    await until(jararaca_app, lambda: bus.handled("hear").count)

    bus.handled("book").attempts(3)
    assert day.booked == [1, 1, 1]
    assert await bookings(jararaca_app) == 1
    assert await remembered(jararaca_app) == 1


async def test_a_decision_against_a_message_is_not_remembered(
    bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    async def booking(message: Message[Sale]) -> None:
        if len(day.booked) == 1:
            await message.nack()

    day.booking = booking
    await bus.publish(Sale(number=1), "sale.made")
    await until(jararaca_app, lambda: bus.handled("hear").count)

    assert day.booked == [1, 1]
    assert await bookings(jararaca_app) == 1


@proves("F-6")
async def test_a_message_that_comes_again_because_its_acknowledgement_was_lost_is_not_handled_again(
    bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """The link is lost between commit and ack."""
    fault = Fault(Kind.SETTLE, jararaca_app.world.lose_connections, handler="Bookkeeper.book")
    fault.among(jararaca_app.environment)

    await bus.publish(Sale(number=1), "sale.made")
    await until(jararaca_app, lambda: len(bus.handled("book")) == 2)

    assert fault.reached
    assert day.booked == [1]
    assert await bookings(jararaca_app) == 1


@proves("F-15")
async def test_a_message_without_an_id_is_dead_lettered(bus: Bus, jararaca_app: RunningApplication, day: Day) -> None:
    """Nothing could be remembered of it."""
    await publish_raw(jararaca_app, Envelope(BODY), "sale.made")
    await until(jararaca_app, lambda: bus.dead_lettered("sale.made").count)

    assert bus.dead_lettered("sale.made").one().reason == "rejected"
    assert day.booked == []


@pytest.mark.parametrize("message_id", ["with\0NUL", "é" * 100, "x" * 255])
async def test_whatever_a_stranger_calls_a_message_it_is_known_by_it(
    bus: Bus, jararaca_app: RunningApplication, day: Day, message_id: str
) -> None:
    for _ in range(2):
        await publish_raw(jararaca_app, Envelope(BODY, message_id=message_id), "sale.made")
    await publish_raw(jararaca_app, Envelope(BODY, message_id=message_id[:-1] + "z"), "sale.made")
    await until(jararaca_app, lambda: len(bus.handled("book")) == 3)

    assert day.booked == [1, 1]


@pytest.mark.virtual_only
async def test_what_was_handled_is_forgotten_after_the_retention(
    bus: Bus, jararaca_app: RunningApplication, clock: VirtualClock, day: Day
) -> None:
    """A week, unless told otherwise; looked at every hour."""
    await publish_raw(jararaca_app, Envelope(BODY, message_id="one"), "sale.made")
    await jararaca_app.settle()
    await clock.advance(days=6.9)
    assert await remembered(jararaca_app) == 1

    await clock.advance(hours=5)

    assert await remembered(jararaca_app) == 0


async def test_an_idempotent_handler_publishes_over_no_connection_without_an_outbox(
    bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """What was lost there would never be published again."""
    default = jararaca_app.environment.resource(BusKey("default"))
    assert isinstance(default, BusConnection)
    other = BusConnection(jararaca_app.environment, name="other", url="memory://", config=default.config, handlers=())
    jararaca_app.environment.offer(BusKey("other"), other)
    bus.expect_errors(UsageError)

    async def booking(message: Message[Sale]) -> None:
        await use_publisher("other").publish(message.payload(), "sale.told")

    day.booking = booking
    await bus.publish(Sale(number=1), "sale.made")
    await until(jararaca_app, lambda: bus.dead_lettered("sale.made").count)

    assert "connection 'other', which has no outbox" in str(bus.failed("book")[0].error)


@contextmanager
def statements_of(app: RunningApplication) -> Iterator[list[str]]:
    """What is written to the tables of the outbox and the inbox meanwhile."""
    engine = database_of(app.environment, "default").engine.sync_engine
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "jararaca_" in statement and not statement.startswith("SELECT"):  # a look at it every second, in real time
            asked.append(" ".join(statement.split()[:3]))

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


async def test_a_message_costs_three_statements(http: AsyncClient, bus: Bus, jararaca_app: RunningApplication) -> None:
    """It is written, removed, and remembered by who handles it, also if it travels alone."""
    with statements_of(jararaca_app) as asked:
        await http.post("/sales/1")
        await until(jararaca_app, lambda: bus.handled("hear").count)

    sold_and_booked = 2
    assert Counter(asked) == {
        "INSERT INTO jararaca_outbox": sold_and_booked,
        "DELETE FROM jararaca_outbox": sold_and_booked,
        "INSERT INTO jararaca_inbox": 1,
    }


@pytest.mark.parametrize("customer", [None, "ada"])
async def test_messages_that_travel_together_share_statements(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, customer: str | None
) -> None:
    """Also those of one key, which wait for each other."""
    with statements_of(jararaca_app) as asked:
        await http.post("/sales/1", params={"count": 50} | ({"customer": customer} if customer else {}))
        await until(jararaca_app, lambda: len(bus.handled("hear")) == 50)

    sold, booked = 50, 50
    assert len(asked) <= 3 * sold + 2 * booked
    assert asked.count("INSERT INTO jararaca_inbox") == sold
    assert await rows_of(jararaca_app) == []
