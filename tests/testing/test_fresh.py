"""`harness.fresh()`: an application and a world for each of many examples, on the loop and in the time of one test."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from jararaca import (
    AIOSQAConfig,
    AIOSqlAlchemySessionInterceptor,
    BaseEntity,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    RestController,
    ScheduledAction,
    use_publisher,
    use_session,
)
from jararaca.errors import UsageError
from jararaca_testing import GatesClosed, HandlerFailed, RunningApplication, VirtualClock

EXAMPLES = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Sum(BaseModel):
    amount: int


class Payment(BaseEntity):
    __tablename__ = "payments_of_the_harness"

    id: Mapped[int] = mapped_column(primary_key=True)
    amount: Mapped[int]


class Limit:
    most = 100


@MessageBusController()
@RestController("/payments")
class Payments:
    def __init__(self, limit: Limit) -> None:
        self.limit = limit

    @Post()
    async def pay(self, payment: Sum) -> bool:
        if payment.amount > self.limit.most:
            return False
        use_session().add(Payment(amount=payment.amount))
        await use_publisher().publish(payment, topic="paid")
        return True

    @IncomingHandler("paid")
    async def check(self, message: Message[Sum]) -> None:
        if message.payload().amount < 0:
            raise ArithmeticError("below zero")

    @ScheduledAction("0 * * * *")
    async def hourly(self) -> None: ...


@pytest.fixture
def jararaca_microservice() -> Microservice:
    database = AIOSQAConfig("default", "postgresql+asyncpg://nobody@nowhere/x")
    return Microservice(controllers=[Payments], interceptors=[AIOSqlAlchemySessionInterceptor(database)])


async def total(app: RunningApplication) -> int:
    async with app.db.session() as session:
        return await session.scalar(select(func.coalesce(func.sum(Payment.amount), 0))) or 0


@EXAMPLES
@given(amounts=st.lists(st.integers(1, 100), max_size=3))
async def test_every_example_has_an_empty_database_and_empty_records(
    harness: RunningApplication, amounts: list[int]
) -> None:
    async with harness.fresh() as app:
        await app.db.create_all(Payment.metadata)
        for amount in amounts:
            await app.http.post("/payments", json={"amount": amount})
        await app.settle()

        assert await total(app) == sum(amounts)
        app.bus.handled(Payments.check).times(len(amounts))


async def test_overrides_are_gone_in_the_next_one_and_time_goes_on(harness: RunningApplication) -> None:
    class NoLimit(Limit):
        most = 1_000

    answers, moments = [], []
    for limit in (None, NoLimit(), None):
        async with harness.fresh() as app:
            await app.db.create_all(Payment.metadata)
            for each in filter(None, [limit]):
                app.override[Limit] = each
            answers.append((await app.http.post("/payments", json={"amount": 500})).json())
            await app.clock.advance(seconds=1)
            moments.append(app.clock.monotonic())

    assert answers == [False, True, False]
    assert moments == sorted(moments)
    assert moments[-1] >= 3


@pytest.mark.virtual_only
async def test_one_loop_and_one_clock_serve_all_of_them(harness: RunningApplication, clock: VirtualClock) -> None:
    fired = []
    for _ in range(3):
        async with harness.fresh() as app:
            assert app.clock is clock
            await clock.advance(hours=1)
            fired.append(app.cron.fired(Payments.hourly).count)
            clock.set(clock.now())

    assert fired == [1, 1, 1]
    assert clock.monotonic() == 3 * 3600


async def test_what_an_application_leaves_fails_the_block_it_belongs_to(harness: RunningApplication) -> None:
    async def example() -> None:
        async with harness.fresh() as app:
            await app.bus.publish(Sum(amount=1), "paid", delay=3600)

    with pytest.raises(GatesClosed, match="leftovers: 'paid' was published with a delay"):
        await example()


@pytest.mark.jararaca(allow=["leftovers"])
async def test_a_gate_that_a_test_is_let_through_is_open_for_its_applications(harness: RunningApplication) -> None:
    async with harness.fresh() as app:
        await app.bus.publish(Sum(amount=1), "paid", delay=3600)

    assert not app.application.is_running


async def test_messages_left_in_queues_do_not_come_to_the_next(harness: RunningApplication) -> None:
    async with harness.fresh() as app:
        app.bus.expect_leftover("paid")
        await app.bus.publish(Sum(amount=1), "paid", delay=1)
    async with harness.fresh() as app:
        await app.clock.advance(seconds=5)

        app.bus.handled(Payments.check).none()


async def test_what_a_handler_raises_fails_the_block_it_belongs_to(harness: RunningApplication) -> None:
    async def example() -> None:
        async with harness.fresh() as app:
            await app.bus.publish(Sum(amount=-1), "paid")
            await app.settle()

    with pytest.raises(HandlerFailed, match="ArithmeticError: below zero"):
        await example()
    async with harness.fresh() as app:
        app.bus.expect_errors(ArithmeticError)
        app.bus.expect_leftover("paid", kind="dead-letter")
        await app.bus.publish(Sum(amount=-1), "paid")
        await app.settle()


async def test_a_failure_of_the_block_has_what_handlers_raised_as_a_note(harness: RunningApplication) -> None:
    async def example() -> None:
        async with harness.fresh() as app:
            await app.bus.publish(Sum(amount=-1), "paid")
            await app.settle()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as failure:
        await example()

    assert "below zero" in failure.value.__notes__[0]


async def test_nothing_of_it_runs_after_its_block(harness: RunningApplication) -> None:
    before = asyncio.all_tasks()
    async with harness.fresh() as app:
        assert asyncio.all_tasks() != before
        await app.settle()

    assert not app.application.is_running
    async with asyncio.timeout(10):  # on servers, the client library closes its sockets a little later
        while asyncio.all_tasks() != before:
            await harness.clock.sleep(1)


async def test_one_at_a_time_and_none_beside_the_application_of_the_test(
    harness: RunningApplication, request: pytest.FixtureRequest
) -> None:
    async with harness.fresh():
        with pytest.raises(UsageError, match="one fresh application at a time"):
            await harness.fresh().__aenter__()
    await harness.start()
    with pytest.raises(UsageError, match="this test runs an application already"):
        await harness.fresh().__aenter__()
    await harness.stop()


@pytest.mark.virtual_only
async def test_each_example_draws_the_same_chance(harness: RunningApplication) -> None:
    """An example that is tried again must do the same, or nothing can be made smaller."""
    drawn: list[Any] = []
    for _ in range(2):
        async with harness.fresh() as app:
            drawn.append(app.environment.ports.chance.uuid())

    assert drawn[0] == drawn[1]
