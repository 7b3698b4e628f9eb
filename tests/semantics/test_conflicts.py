"""Transactions that a database gives up for the sake of another one: they are run again at once, and wholly."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from order_handlers import POLICY, Order, OrderRow, book
from shopping import Shop, ends, serving, until
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from jararaca import (
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    ProviderSpec,
    RestController,
    ScheduledAction,
    use_session,
)
from jararaca.core.context import use_clock, use_unit_of_work
from jararaca.core.unit_of_work import Rank
from jararaca.errors import HandlerTimeout
from jararaca_testing.contracts import proves
from jararaca_testing.cron import Cron

DEADLOCK, SERIALIZATION = "40P01", "40001"


class DriverError(Exception):
    """What a driver raises; each has its own name for the same thing."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("the database gave up")
        self.sqlstate = sqlstate


def conflict(sqlstate: str = DEADLOCK) -> DBAPIError:
    return DBAPIError("UPDATE accounts", {}, DriverError(sqlstate))


class Unit:
    """Lives for one unit of work."""


class Losing:
    """Loses a conflict in its first runs; `units` are the objects that were built for each run."""

    losses = 1

    def __init__(self) -> None:
        self.units: list[Unit] = []

    def lose(self, unit: Unit, error: BaseException | None = None) -> None:
        self.units.append(unit)
        if len(self.units) <= self.losses:
            raise error or conflict()


class Losses(Losing):
    """The one of an application, which tests look at."""


class Runs:
    """What is built anew for each run."""

    def __init__(self, losses: Losses, unit: Unit) -> None:
        self.losses, self.unit = losses, unit

    def lose(self, error: BaseException | None = None) -> None:
        self.losses.lose(self.unit, error)


@pytest.fixture
def losses() -> Losses:
    return Losses()


@pytest.fixture
def jararaca_microservice(jararaca_microservice: Microservice, losses: Losses) -> Microservice:
    async def unit() -> AsyncIterator[Unit]:
        yield Unit()

    return Microservice(
        providers=[
            *jararaca_microservice.providers,
            ProviderSpec(Losses, use_value=losses),
            ProviderSpec(Unit, use_factory=unit, scope="uow"),
        ],
        controllers=jararaca_microservice.controllers,
        interceptors=jararaca_microservice.interceptors,
    )


@MessageBusController()
class Audit:
    @IncomingHandler("order.booked")
    async def hear(self, message: Message[Any]) -> None: ...


@MessageBusController()
class Books:
    def __init__(self, runs: Runs) -> None:
        self.runs = runs

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        self.runs.lose()


@proves("F-49")
@serving(Books, Audit)
async def test_a_handler_that_loses_a_deadlock_is_run_again_in_place(
    shop: Shop, losses: Losses, caplog: pytest.LogCaptureFixture
) -> None:
    """What the lost run wrote and staged is gone, and what was built for it too; the attempt is the same."""
    await shop.place()

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", None)])
    shop.app.bus.handled("handle").attempts(1)
    assert len({id(unit) for unit in losses.units}) == 2
    assert caplog.messages.count("the database gave a unit of work up for another one; it is run again") == 1


@serving(Books, Audit)
async def test_it_is_run_again_three_times_and_then_it_is_a_failure(shop: Shop, losses: Losses) -> None:
    losses.losses = 4
    shop.app.bus.expect_errors(DBAPIError)

    await shop.place()

    assert len(losses.units) == 4
    assert (await shop.rows(), shop.announced, shop.ends) == ([], [], [("dead-letter", "error")])


@MessageBusController()
class Wraps(Books):
    """Says it in words of its own, or of several tasks."""

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        try:
            self.runs.lose(conflict(SERIALIZATION))
        except DBAPIError as error:
            if message.payload().number == 1:
                raise LookupError("the account is busy") from error
            raise ExceptionGroup("of several tasks", [error]) from None


@serving(Wraps, Audit)
@pytest.mark.parametrize("number", [1, 2])
async def test_a_conflict_that_the_handler_tells_in_its_own_words_is_one(shop: Shop, number: int) -> None:
    await shop.place(number)

    assert (await shop.rows(), shop.ends) == ([number], [("ack", None)])


@MessageBusController()
class TellsOtherwise(Books):
    @IncomingHandler("order.placed", retry=POLICY)
    async def handle(self, message: Message[Order]) -> None:
        self.runs.losses.units.append(self.runs.unit)
        raise ExceptionGroup("one of them is none", [conflict(), DBAPIError("INSERT", {}, DriverError("23505"))])


@serving(TellsOtherwise)
async def test_other_errors_of_a_database_are_failures_at_once(shop: Shop, losses: Losses) -> None:
    shop.app.bus.expect_errors(ExceptionGroup)

    await shop.place()

    assert len(losses.units) == 1
    assert shop.ends == [("dead-letter", "error")]


@MessageBusController()
class Decides(Books):
    """Decides otherwise in its second run."""

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        if not self.runs.losses.units:
            await message.reject(reason="on second thought")
        self.runs.lose()
        await message.ack()


@serving(Decides, Audit)
async def test_a_run_that_is_given_up_has_decided_nothing(shop: Shop) -> None:
    await shop.place()

    assert (await shop.rows(), shop.ends) == ([7], [("ack", None)])


@MessageBusController()
class LosesItsCommit(Books):
    """The commit that is lost is the first one, or the second."""

    @IncomingHandler("order.placed", timeout=10)
    async def handle(self, message: Message[Order]) -> None:
        work = use_unit_of_work()
        if message.payload().number == 1:
            work.enlist("another database", Commit(self.runs))
        await book(message)
        await use_clock().sleep(6)
        if message.payload().number == 2:
            work.enlist("another database", Commit(self.runs))


class Commit:
    """A participant that fails where databases say that a transaction could not be serialized."""

    rank = Rank.DATABASE

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    async def prepare(self) -> None: ...

    async def commit(self) -> None:
        self._runs.lose(conflict(SERIALIZATION))

    async def rollback(self) -> None: ...
    async def after_commit(self) -> None: ...


@pytest.mark.virtual_only
@serving(LosesItsCommit, Audit)
async def test_all_runs_share_one_time_limit(shop: Shop, losses: Losses) -> None:
    """Also if it was a commit that failed, for which the limit does not count."""
    shop.app.bus.expect_errors(HandlerTimeout)

    await shop.place(1)

    assert shop.ends == [("dead-letter", "timeout")]
    assert len(losses.units) == 1


@pytest.mark.virtual_only
@serving(LosesItsCommit, Audit)
async def test_what_was_committed_in_one_database_is_not_done_again(shop: Shop, losses: Losses) -> None:
    """Several databases are not one transaction: here another one was committed before."""
    shop.app.bus.expect_errors(DBAPIError)

    await shop.place(2)

    assert len(losses.units) == 1
    assert (await shop.rows(), shop.ends) == ([2], [("dead-letter", "error")])


@MessageBusController()
class Nightly(Books):
    @ScheduledAction("0 3 * * *", timeout=10)
    async def close_the_books(self) -> None:
        use_session().add(OrderRow(number=3))
        self.runs.lose()

    @ScheduledAction("0 4 * * *", timeout=10)
    async def takes_its_time(self) -> None:
        await use_clock().sleep(6)
        self.runs.lose()


@pytest.mark.virtual_only
@serving(Nightly, Audit)
async def test_an_action_is_run_again_too(shop: Shop, cron: Cron, losses: Losses) -> None:
    await cron.fire(Nightly.close_the_books)

    assert await shop.rows() == [3]
    assert [record.outcome for record in cron.fired(Nightly.close_the_books)] == ["ok"]
    assert len(losses.units) == 2


@pytest.mark.virtual_only
@serving(Nightly, Audit)
async def test_its_runs_share_one_time_limit(shop: Shop, cron: Cron, losses: Losses) -> None:
    losses.losses = 2
    shop.app.bus.expect_errors(HandlerTimeout)

    await cron.fire(Nightly.takes_its_time)

    assert [record.outcome for record in cron.fired(Nightly.takes_its_time)] == ["timeout"]


@RestController("/orders")
class Orders(Books):
    @Post("/{number}")
    async def place(self, number: int) -> None:
        self.runs.lose()


@serving(Orders)
async def test_a_request_is_not_run_again(shop: Shop, http: httpx.AsyncClient, losses: Losses) -> None:
    """What of its body was read and of its answer was sent cannot be taken back; who sent it may send it again."""
    with pytest.raises(DBAPIError):
        await http.post("/orders/1")

    assert len(losses.units) == 1


# -- on a database that has such conflicts

EACH_OTHER = {1: 2, 2: 1}


class Meeting:
    """Where two handlers wait for each other, in their first runs."""

    def __init__(self) -> None:
        self.runs: Counter[int] = Counter()
        self._both = asyncio.Event()

    async def wait(self, number: int) -> None:
        self.runs[number] += 1
        if len(self.runs) == 2:
            self._both.set()
        await self._both.wait()


@MessageBusController()
class Transfers:
    """Each takes a row, and then that of the other one."""

    meeting = Meeting()

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await use_session().execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        number = message.payload().number
        await self.add(number, number)
        await self.meeting.wait(number)
        await self.add(EACH_OTHER[number], number)

    async def add(self, row: int, number: int) -> None:
        changed = update(OrderRow).where(OrderRow.number % 10 == row).values(number=OrderRow.number + 10 * number)
        await use_session().execute(changed)


@MessageBusController()
class Doctors:
    """Each writes what the other has read, so that one of the commits fails."""

    meeting = Meeting()

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await use_session().connection(execution_options={"isolation_level": "SERIALIZABLE"})
        found = await use_session().scalar(select(func.sum(OrderRow.number))) or 0
        await self.meeting.wait(message.payload().number)
        use_session().add(OrderRow(number=found + 100))


@proves("F-49")
@pytest.mark.usefixtures("postgresql")
@pytest.mark.needs_servers
@pytest.mark.parametrize("kind", [pytest.param(each, marks=serving(each)) for each in (Transfers, Doctors)])
async def test_two_transactions_that_wait_for_each_other_both_end_well(
    shop: Shop, kind: type[Transfers] | type[Doctors]
) -> None:
    kind.meeting = Meeting()
    async with shop.app.db.session() as session:
        session.add_all([OrderRow(number=1), OrderRow(number=2)])

    for number in EACH_OTHER:
        await shop.app.bus.publish(Order(number=number), "order.placed")
    await until(shop.app, lambda: len(ends(shop.app)) == 2)

    assert shop.ends == [("ack", None)] * 2
    assert sum(kind.meeting.runs.values()) >= 3  # one more, or several, if they meet again
    assert await shop.rows() == ([31, 32] if kind is Transfers else [1, 2, 103, 206])
