"""A session is for one task at a time: two that meet in it are told so, in every profile alike."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from order_handlers import Order, OrderRow, book
from shopping import Shop, serving, until
from sqlalchemy import func, select, text
from sqlalchemy.exc import InvalidRequestError

from jararaca import IncomingHandler, Message, MessageBusController, use_session
from jararaca.core.context import use_clock, use_unit_of_work
from jararaca.core.invocation import unit_of_work
from jararaca.errors import SharedSession
from jararaca.persistence import sharing
from jararaca.persistence.session import database_of, new_session
from jararaca_testing.contracts import proves

Work = Coroutine[Any, Any, None]
Counting = Callable[[], Coroutine[Any, Any, int]]
COUNT = select(func.count()).select_from(OrderRow)


async def count() -> int:
    return await use_session().scalar(COUNT) or 0


async def count_alone() -> int:
    async with new_session() as session:
        return await session.scalar(COUNT) or 0


async def count_apart() -> int:
    async with unit_of_work():
        return await count()


async def together(*counts: Counting) -> None:
    await asyncio.gather(*(each() for each in counts))


async def in_a_group(*counts: Counting) -> None:
    async with asyncio.TaskGroup() as group:
        for each in counts:
            group.create_task(each())


async def beside(_first: Counting, second: Counting) -> None:
    """One in a task of its own, and one in that of the handler."""
    task = asyncio.create_task(second())  # noqa: TID251 -- what users write
    await use_clock().sleep(0)
    try:
        await count()
    finally:
        await asyncio.wait([task])
        task.exception()


@MessageBusController()
class Counts:
    how: Callable[[], Work]

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await type(self).how()


def checked_out(shop: Shop) -> int:
    pool: Any = database_of(shop.app.environment, "default").engine.pool
    return int(pool.checkedout())


@proves("F-53")
@serving(Counts)
@pytest.mark.parametrize("how", [together, in_a_group, beside])
async def test_tasks_that_share_a_session_are_both_named(shop: Shop, how: Callable[..., Work]) -> None:
    Counts.how = lambda: how(count, count)
    shop.app.bus.expect_errors(SharedSession, ExceptionGroup)

    await shop.place()

    error = shop.app.bus.failed("handle").one().error
    assert error is not None
    raised = getattr(error, "exceptions", (error,))[0]
    assert isinstance(raised, SharedSession)
    assert len(set(raised.tasks)) == 2
    assert all(name in str(raised) for name in (*raised.tasks, "count", "test_shared_sessions.py"))
    assert (await shop.rows(), checked_out(shop), shop.ends) == ([], 0, [("dead-letter", "error")])


@serving(Counts)
@pytest.mark.parametrize("each", [count_alone, count_apart])
async def test_tasks_with_sessions_of_their_own_do_not_meet(shop: Shop, each: Counting) -> None:
    Counts.how = lambda: together(each, each)

    await shop.place()

    assert shop.ends == [("ack", None)]


async def one_after_the_other() -> None:
    await asyncio.wait_for(count(), 5.0)
    await asyncio.create_task(count())  # noqa: TID251 -- what users write
    await count()


@serving(Counts)
async def test_tasks_that_await_each_other_may_share_one(shop: Shop) -> None:
    Counts.how = one_after_the_other

    await shop.place()

    assert (await shop.rows(), shop.ends) == ([7], [("ack", None)])


@MessageBusController()
class LeavesOneBehind:
    """Starts a task that counts once the unit of work has ended."""

    failures: list[BaseException | None]

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        session, ended = use_session(), asyncio.Event()
        use_unit_of_work().after_commit(ended.set)

        async def later() -> None:
            await ended.wait()
            await session.scalar(COUNT)

        task = asyncio.create_task(later())  # noqa: TID251 -- what users write
        task.add_done_callback(lambda done: self.failures.append(done.exception()))


@serving(LeavesOneBehind)
async def test_a_session_whose_unit_of_work_has_ended_takes_no_connection_any_more(shop: Shop) -> None:
    """It would be rolled back by nobody."""
    LeavesOneBehind.failures = []

    await shop.place()
    await until(shop.app, lambda: LeavesOneBehind.failures)

    assert [type(error) for error in LeavesOneBehind.failures] == [InvalidRequestError]
    assert checked_out(shop) == 0


async def sleep_in_the_database() -> int:
    await use_session().execute(text("SELECT pg_sleep(60)"))
    return 0


@pytest.mark.needs_servers
@serving(Counts)
async def test_a_call_that_does_not_end_loses_its_connection(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit of work cannot wait for it for ever, and a connection within a call cannot be given back."""
    monkeypatch.setattr(sharing, "END_WITHIN", 0.1)
    Counts.how = lambda: together(sleep_in_the_database, count)
    shop.app.bus.expect_errors(SharedSession)

    await shop.place()

    assert (checked_out(shop), shop.ends) == (0, [("dead-letter", "error")])
