"""A message whose row committed is published, and no other."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from faults import Fault, failing, rows_of
from httpx import AsyncClient
from outbox_handlers import Day
from shopping import STEP, connection_of, until
from sqlalchemy import text

from jararaca.core.application import Application
from jararaca.core.context import use_unit_of_work
from jararaca.core.steps import Kind
from jararaca.ports.broker import Binding, Queue
from jararaca_testing import Bus, RunningApplication, VirtualClock
from jararaca_testing.contracts import proves

Replica = Callable[[], Awaitable[Application]]


async def test_what_a_unit_of_work_publishes_arrives_once_it_is_committed(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """And nothing of it is left: rows are removed once the broker has confirmed."""
    response = await http.post("/sales/1", params={"count": 3})
    await jararaca_app.settle()

    assert response.status_code == 200
    assert sorted(day.booked) == [1, 2, 3]
    bus.handled("hear").times(3)
    assert await rows_of(jararaca_app) == []


async def test_the_answer_does_not_wait_for_the_broker(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    await http.post("/sales/1")

    bus.staged("sale.made").one()
    answered = jararaca_app.ledger.of_kind(Kind.REQUEST)[0]
    await jararaca_app.settle()
    published = bus.published("sale.made").one()
    assert published.ended is not None
    assert answered.ended is not None
    assert published.ended > answered.ended


@proves("F-11", "F-12")
@pytest.mark.parametrize("how", ["raises", "asks for it", "fails before its commit"])
async def test_nothing_of_a_unit_of_work_that_is_rolled_back_is_published(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day, how: str
) -> None:
    """The rows of messages are rows like others."""

    async def selling() -> None:
        match how:
            case "raises":
                raise OSError("the till is stuck")
            case "asks for it":
                use_unit_of_work().set_rollback_only("not today")
            case _:
                Fault(Kind.COMMIT, failing(OSError("no commit"))).among(jararaca_app.environment)

    day.selling = selling
    try:
        await http.post("/sales/1")
    except OSError:
        assert how != "asks for it"
    await jararaca_app.settle()

    bus.published().none()
    bus.staged().none()
    assert await rows_of(jararaca_app) == []


@proves("F-10")
async def test_a_connection_that_is_lost_after_the_commit_loses_nothing(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """The request was answered, and the message arrives once the broker can be reached again."""
    fault = Fault(Kind.PUBLISH, jararaca_app.world.lose_connections).among(jararaca_app.environment)

    response = await http.post("/sales/1")
    await until(jararaca_app, lambda: bus.handled("hear").count)

    assert response.status_code == 200
    assert fault.reached
    assert day.booked == [1]


@proves("F-10")
async def test_what_is_staged_while_the_broker_is_away_leaves_when_it_is_back(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    jararaca_app.world.lose_connections()

    response = await http.post("/sales/1", params={"count": 2})
    await until(jararaca_app, lambda: bus.handled("hear").count == 2)

    assert response.status_code == 200
    assert sorted(day.booked) == [1, 2]


@proves("F-16")
async def test_a_relay_that_dies_after_the_publish_leaves_a_message_that_is_sent_again(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day, replica: Replica
) -> None:
    """The same message with the same id, after the claim of the dead has expired; the inbox takes it for one."""
    dead = Fault(Kind.OUTBOX, failing(asyncio.CancelledError()), outcome="sent").among(jararaca_app.environment)
    await http.post("/sales/1")
    while not dead.reached:
        await jararaca_app.clock.sleep(STEP)
    assert [row.topic for row in await rows_of(jararaca_app)][:1] == ["sale.made"]

    await replica()
    await until(jararaca_app, lambda: len(bus.published("sale.booked")) == 1)

    first, second = bus.published("sale.made")
    assert second.message_id == first.message_id
    assert second.at - first.at > 25
    assert day.booked == [1]
    assert [record.outcome for record in bus.handled("book")] == ["ok", "duplicate"]


@proves("F-18")
async def test_a_message_that_the_broker_refuses_is_tried_again_and_parked_and_holds_up_nobody(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day, caplog: pytest.LogCaptureFixture
) -> None:
    """After 1, 2 and 4 seconds, and then no more; its row says why."""
    await http.post("/sales/1", params={"topic": "sale.lost", "mandatory": True})
    await http.post("/sales/2")
    await jararaca_app.settle()
    assert day.booked == [2]

    await until(jararaca_app, lambda: bus.parked("sale.lost").count)

    tries = [record.at for record in bus.published("sale.lost")]
    assert [later - earlier >= pause for earlier, later, pause in zip(tries, tries[1:], (1, 2, 4), strict=False)] == [
        True
    ] * 3
    (row,) = await rows_of(jararaca_app)
    assert (row.attempts, row.claimed_by, row.topic) == (4, None, "sale.lost")
    assert row.error.startswith("UnroutableMessage: no queue took message")
    assert row.parked_at is not None
    told = [record for record in caplog.records if "outbox" in record.message]
    assert [record.levelno for record in told] == [logging.WARNING] * 3 + [logging.ERROR]


def outcomes(app: RunningApplication) -> list[str | None]:
    """What the relay made of rows, in order."""
    return [record.outcome for record in app.ledger.of_kind(Kind.OUTBOX) if record.outcome not in ("staged", "stock")]


@proves("F-34")
async def test_a_full_queue_keeps_the_row_until_there_is_room(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    """The broker says no to the publish, and the outbox waits."""
    broker, names = connection_of(jararaca_app).broker, connection_of(jararaca_app).names
    small = {"x-max-length": 1, "x-overflow": "reject-publish"}
    queue = names.queue("small")
    await broker.declare_queue(Queue(queue, arguments=small))
    await broker.bind(Binding(names.exchange, queue, "sale.stored"))
    await http.post("/sales/1", params={"topic": "sale.stored"})
    await until(jararaca_app, lambda: bus.published("sale.stored").count)
    await http.post("/sales/2", params={"topic": "sale.stored"})
    await until(jararaca_app, lambda: outcomes(jararaca_app)[-1:] == ["postponed"])
    assert [row.topic for row in await rows_of(jararaca_app)] == ["sale.stored"]

    await broker.purge(queue)
    await until(jararaca_app, lambda: outcomes(jararaca_app)[-1:] == ["sent"])

    assert await rows_of(jararaca_app) == []
    await broker.delete_queue(queue)


async def test_messages_of_one_key_leave_in_order_though_one_fails(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, day: Day
) -> None:
    """What is behind a message that fails waits for it, also if it is of a later unit of work."""
    fault = Fault(Kind.PUBLISH, failing(OSError("not now"))).among(jararaca_app.environment)

    await http.post("/sales/1", params={"count": 3, "customer": "ada"})
    await http.post("/sales/4", params={"count": 2, "customer": "ada"})
    await until(jararaca_app, lambda: len(bus.handled("hear")) == 5)

    assert fault.reached == 1
    assert day.booked == [1, 2, 3, 4, 5]


@pytest.mark.virtual_only
async def test_messages_of_other_keys_do_not_wait_for_one_that_fails(
    http: AsyncClient, jararaca_app: RunningApplication, clock: VirtualClock, day: Day
) -> None:
    """And those of its own key follow it at once."""
    Fault(Kind.PUBLISH, failing(OSError("not now"))).among(jararaca_app.environment)
    await http.post("/sales/1", params={"count": 2, "customer": "ada"})
    await http.post("/sales/3", params={"count": 2, "customer": "bob"})
    await jararaca_app.settle()
    assert day.booked == [3, 4]

    await clock.advance(seconds=1)

    assert day.booked == [3, 4, 1, 2]


async def test_a_delayed_message_waits_on_the_broker_and_not_in_the_outbox(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, clock: VirtualClock, day: Day
) -> None:
    day.delay = 60.0

    await http.post("/sales/1")
    await jararaca_app.settle()
    assert await rows_of(jararaca_app) == []
    assert day.booked == []
    await clock.advance(seconds=61)

    assert day.booked == [1]


async def test_the_relay_goes_on_once_its_table_is_back(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication, caplog: pytest.LogCaptureFixture
) -> None:
    """A database that fails is told of in the log and in readiness, and waited for."""
    moved = Fault(Kind.OUTBOX, lambda: rename("jararaca_outbox", "away"), outcome="sent")
    moved.among(jararaca_app.environment)

    async def rename(name: str, to: str) -> None:
        async with jararaca_app.db.session() as session:
            await session.execute(text(f"ALTER TABLE {name} RENAME TO {to}"))

    await http.post("/sales/1", params={"topic": "sale.told"})
    while jararaca_app.environment.readiness()["outbox default"]:
        await jararaca_app.clock.sleep(STEP)
    assert "what was sent cannot be removed from the outbox for now" in caplog.messages

    await rename("away", "jararaca_outbox")
    await until(jararaca_app, lambda: jararaca_app.environment.readiness()["outbox default"])

    assert await rows_of(jararaca_app) == []
    bus.published("sale.told").one()
