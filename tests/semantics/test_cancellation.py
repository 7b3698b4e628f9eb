"""An attempt is cut short, or something pretends that it was: what becomes of its effects and of its message."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from order_handlers import Audit, Booked, Order, book
from processes import System
from script import NEVER, Desk, Script, Scripted
from shopping import Shop, ends, serving, until

from jararaca import IncomingHandler, Message, MessageBusController, use_publisher
from jararaca.core.context import use_clock, use_unit_of_work
from jararaca.core.steps import Kind
from jararaca.errors import AlreadySettled, CommittedNotAnnounced, HandlerTimeout, UsageError
from jararaca_testing import Bus
from jararaca_testing.contracts import proves

Hang = Callable[[], Awaitable[None]]


async def passes_on() -> None:
    await use_clock().sleep(NEVER)


async def converts() -> None:
    try:
        await use_clock().sleep(NEVER)
    except asyncio.CancelledError:
        raise OSError("the driver was closed") from None


async def swallows() -> None:
    with contextlib.suppress(asyncio.CancelledError):
        await use_clock().sleep(NEVER)


HANGS = [passes_on, converts, swallows]


@MessageBusController()
class Hurried(Scripted):
    @IncomingHandler("order.placed", timeout=2.0)
    async def handle(self, message: Message[Order]) -> None:
        await self.script.run(message)


@proves("F-9")
@serving(Desk)
@pytest.mark.parametrize("hang", HANGS)
@pytest.mark.parametrize("place", ["body", "hook"])
async def test_whatever_an_attempt_makes_of_its_shutdown_it_is_rolled_back_and_requeued(
    system: System, script: Script, hang: Hang, place: str
) -> None:
    """The attempt is unchanged, nothing leaves, and the stop is not clean."""

    async def announce_and_hang(_message: Message[Order]) -> None:
        await use_publisher().publish(message=Booked(number=1), topic="order.booked")
        use_unit_of_work().before_commit(hang)
        await {"body": hang, "hook": _nothing}[place]()

    process = await system.start()
    script.body = announce_and_hang
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: script.messages)

    clean = await process.stop(grace=1.0)

    assert (clean, ends(system)) == (False, [("requeue", "cancelled")])
    assert [record.outcome for record in system.ledger.of_kind(Kind.ATTEMPT)][-1] == "cancelled"
    assert [record.topic for record in system.ledger.of_kind(Kind.PUBLISH)] == ["order.placed"]

    script.body = None
    await system.start()
    await until(system, lambda: len(script.messages) == 2)
    assert [(message.attempt, message.redelivered) for message in script.messages] == [(1, False), (1, True)]


async def _nothing() -> None: ...


@serving(Desk)
async def test_what_an_attempt_makes_of_its_shutdown_is_told_all_the_same(
    system: System, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(_message: Message[Order]) -> None:
        await converts()

    process = await system.start()
    script.body = body
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: script.messages)
    await process.stop(grace=1.0)

    (record,) = [each for each in caplog.records if "failed while it was cancelled" in each.getMessage()]
    assert record.levelname == "WARNING"
    assert "the driver was closed" in caplog.text
    assert isinstance(system.ledger.of_kind(Kind.ATTEMPT)[-1].error, OSError)


@proves("F-29")
@serving(Hurried, Audit)
@pytest.mark.parametrize("hang", HANGS)
@pytest.mark.parametrize("place", ["body", "hook"])
async def test_the_timeout_covers_the_body_and_what_precedes_the_commit(
    shop: Shop, script: Script, bus: Bus, hang: Hang, place: str
) -> None:
    async def book_and_hang(message: Message[Order]) -> None:
        await book(message)
        use_unit_of_work().before_commit(hang)
        await {"body": hang, "hook": _nothing}[place]()

    bus.expect_errors(HandlerTimeout)
    script.body = book_and_hang
    await shop.place()
    await until(shop.app, lambda: shop.ends)

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "timeout")])


@serving(Hurried, Audit)
async def test_what_follows_the_commit_has_time_of_its_own(shop: Shop, script: Script) -> None:
    """A handler of two seconds may wait longer for the broker's confirm."""

    async def book_and_linger(message: Message[Order]) -> None:
        await book(message)
        use_unit_of_work().after_commit(lambda: use_clock().sleep(3.0))

    script.body = book_and_linger
    await shop.place()
    await until(shop.app, lambda: shop.ends)

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", None)])


async def stray() -> None:
    """Raises what somebody gets who awaits something that was cancelled."""
    raise asyncio.CancelledError


@serving(Desk)
async def test_a_cancelled_error_that_nobody_asked_for_is_a_failure(shop: Shop, script: Script, bus: Bus) -> None:
    """It would pass for a shutdown, and the message would come back at once, again and again."""

    async def hook(_message: Message[Order]) -> None:
        use_unit_of_work().before_commit(stray)

    bus.expect_errors(UsageError)
    script.body = hook
    await shop.place()
    await until(shop.app, lambda: shop.ends)

    assert shop.ends == [("dead-letter", "error")]
    assert "nobody cancelled it" in (await shop.dead_letter()).headers["x-jararaca-error"]


@serving(Desk, Audit)
async def test_a_cancelled_error_after_the_commit_means_that_something_was_not_announced(
    shop: Shop, script: Script, bus: Bus
) -> None:
    async def hook_once(message: Message[Order]) -> None:
        await book(message)
        if not message.redelivered:
            use_unit_of_work().after_commit(stray)

    bus.expect_errors(CommittedNotAnnounced)
    script.body = hook_once
    await shop.place()
    await until(shop.app, lambda: len(shop.ends) == 2)

    assert shop.ends == [("requeue", "not-announced"), ("ack", None)]
    assert await shop.rows() == [7, 7]


@serving(Desk)
async def test_a_decision_after_the_commit_is_refused(shop: Shop, script: Script, bus: Bus) -> None:
    """It could not take effect: what it would roll back is committed."""

    async def reject_late(message: Message[Order]) -> None:
        if not message.redelivered:
            use_unit_of_work().after_commit(lambda: message.reject(reason="on second thought"))

    bus.expect_errors(CommittedNotAnnounced)
    script.body = reject_late
    await shop.place()
    await until(shop.app, lambda: len(shop.ends) == 2)

    assert shop.ends == [("requeue", "not-announced"), ("ack", None)]
    first = bus.handled(Desk.handle).attempts(2)[0]
    assert isinstance(first.error, CommittedNotAnnounced)
    assert isinstance(first.error.__cause__, AlreadySettled)


async def fail_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_fail())


async def _fail() -> None:
    await use_clock().sleep(0.01)
    raise OSError("of a task")


async def fail_in_a_group_and_go_on() -> None:
    with contextlib.suppress(ExceptionGroup):
        await fail_in_a_group()


@serving(Desk, Audit)
@pytest.mark.parametrize("place", ["body", "hook"])
async def test_a_group_of_tasks_that_fails_is_no_shutdown(shop: Shop, script: Script, bus: Bus, place: str) -> None:
    """Up to Python 3.12 such a group leaves a cancellation counted: of the group's own making, and nobody else's."""

    async def body(message: Message[Order]) -> None:
        await book(message)
        use_unit_of_work().before_commit({"body": _nothing, "hook": fail_in_a_group}[place])
        await {"body": fail_in_a_group, "hook": _nothing}[place]()

    bus.expect_errors(ExceptionGroup)
    script.body = body
    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])


@serving(Hurried, Audit)
@pytest.mark.parametrize(
    ("then", "end"), [(_nothing, ("ack", None)), (passes_on, ("dead-letter", "timeout"))], ids=["done", "late"]
)
async def test_a_handler_that_goes_on_after_such_a_group_ends_like_any_other(
    shop: Shop, script: Script, bus: Bus, then: Hang, end: tuple[str, str | None]
) -> None:
    async def body(message: Message[Order]) -> None:
        await book(message)
        await fail_in_a_group_and_go_on()
        use_unit_of_work().before_commit(fail_in_a_group_and_go_on)
        await then()

    bus.expect_errors(HandlerTimeout)
    script.body = body
    await shop.place()
    await until(shop.app, lambda: shop.ends)

    assert shop.ends == [end]
