"""Handlers that are cancelled at any moment of their transactions: all or nothing, and every connection comes back."""

import asyncio

import pytest
from order_handlers import Order, OrderRow
from shopping import ends, serving, until
from sqlalchemy import func, select, text
from sqlalchemy.pool import AsyncAdaptedQueuePool

from jararaca import IncomingHandler, Message, MessageBusController, use_session
from jararaca.persistence.session import database_of
from jararaca_testing import RunningApplication, TestDatabases
from jararaca_testing.contracts import proves


def cancel_soon(turns: int, seconds: float) -> None:
    """Cancel this very task after so many seconds, and so many turns of the loop after that."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def turn(left: int) -> None:
        if left:
            loop.call_soon(turn, left - 1)
        else:
            task.cancel()

    loop.call_later(seconds, turn, turns)


BUSY = text(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = current_setting('application_name') "
    "AND pid <> pg_backend_pid() AND state <> 'idle'"
)


@MessageBusController()
class Books:
    """Writes two rows, with queries between them; its first attempt at each message is cancelled somewhere."""

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        number = message.payload().number
        if not message.redelivered:
            cancel_soon(turns=number % 17, seconds=number % 2 * number % 19 / 1000)
        for _row in range(2):
            use_session().add(OrderRow(number=number))
            await use_session().flush()
            await use_session().scalar(select(func.count()).select_from(OrderRow))


@proves("F-51")
@pytest.mark.usefixtures("postgresql")
@pytest.mark.needs_servers  # a query in memory ends within one turn of the loop: nothing can be cancelled within it
@serving(Books)
async def test_handlers_that_are_cancelled_within_queries_leave_no_half_and_no_connection(
    jararaca_app: RunningApplication, jararaca_db: TestDatabases
) -> None:
    """A cancelled attempt may have committed before, and is handled again: two rows for each run, never one."""
    await jararaca_db.create_all(OrderRow.metadata)
    for number in range(200):
        await jararaca_app.bus.publish(Order(number=number), "order.placed", timeout=60.0)
    await until(jararaca_app, lambda: sum(end == ("ack", None) for end in ends(jararaca_app)) == 200)

    pool = database_of(jararaca_app.environment, "default").engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert pool.checkedout() == 0
    assert ("requeue", "cancelled") in ends(jararaca_app)
    async with jararaca_app.db.session() as session:
        assert await session.scalar(BUSY) == 0
        rows = dict((await session.execute(select(OrderRow.number, func.count()).group_by(OrderRow.number))).all())
    assert rows.keys() == set(range(200))
    assert {count % 2 for count in rows.values()} == {0}
