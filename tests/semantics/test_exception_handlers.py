"""What an `exception_handler` may do: announce a failure, in a unit of work of its own, and change nothing else."""

from typing import Any

import pytest
from order_handlers import Audit, Booked, GatewayDown, Order, book
from script import Script, Scripted, raising
from shopping import Shop, serving, until

from jararaca import IncomingHandler, Message, MessageBusController, use_publisher
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing import Bus

TWICE = RetryPolicy(max_attempts=2, first_delay=1.0, dead_letter_on=(ValueError,))


async def apologize(error: Exception, message: Message[Any]) -> None:
    """Tells everybody, with the attempt for a number; 100 more if there will be another one."""
    number = message.attempt + 100 * message.will_retry
    await use_publisher().publish(message=Booked(number=number), topic="order.booked")


async def stumble(error: Exception, message: Message[Any]) -> None:
    await apologize(error, message)
    raise OSError("a failure of its own")


@MessageBusController()
class Polite(Scripted):
    @IncomingHandler("order.placed", retry=TWICE, exception_handler=apologize)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await self.script.run(message)


@MessageBusController()
class Clumsy(Scripted):
    @IncomingHandler("order.placed", retry=TWICE, exception_handler=stumble)
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await self.script.run(message)


@serving(Polite, Audit)
async def test_each_failed_attempt_is_announced_once_and_its_own_effects_are_not(
    shop: Shop, script: Script, bus: Bus
) -> None:
    bus.expect_errors(GatewayDown)
    script.body = raising(GatewayDown("no answer"))
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert (await shop.rows(), shop.announced) == ([], [101, 2])
    assert shop.ends == [("wait", "retry"), ("dead-letter", "retries-exhausted")]
    announced = [record.cause for record in bus.published("order.booked")]
    assert announced == [record.seq for record in bus.failed(Polite.handle)]


@serving(Polite, Audit)
async def test_a_failure_that_the_policy_gives_up_at_once_is_announced_as_the_last(
    shop: Shop, script: Script, bus: Bus
) -> None:
    bus.expect_errors(ValueError)
    script.body = raising(ValueError("no such customer"))
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 1)

    assert (shop.announced, shop.ends) == ([1], [("dead-letter", "error")])


@serving(Polite, Audit)
async def test_a_success_is_none_of_its_business(shop: Shop) -> None:
    await shop.place(7)

    assert (await shop.rows(), shop.announced, shop.ends) == ([7], [7], [("ack", None)])


@serving(Polite, Audit)
async def test_a_rejection_is_none_of_its_business(shop: Shop, script: Script) -> None:
    async def reject(message: Message[Order]) -> None:
        await message.reject()

    script.body = reject

    await shop.place(7)

    assert (shop.announced, shop.ends) == ([], [("dead-letter", "rejected")])


@serving(Clumsy, Audit)
async def test_one_that_fails_is_rolled_back_and_logged_and_changes_nothing(
    shop: Shop, script: Script, bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    bus.expect_errors(GatewayDown)
    script.body = raising(GatewayDown("no answer"))
    await shop.place(7)

    await until(shop.app, lambda: len(shop.ends) == 2)

    assert (await shop.rows(), shop.announced) == ([], [])
    assert shop.ends == [("wait", "retry"), ("dead-letter", "retries-exhausted")]
    assert (await shop.dead_letter()).headers["x-jararaca-error-type"] == "order_handlers.GatewayDown"
    logged = [record for record in caplog.records if record.message == "an exception handler failed"]
    assert len(logged) == 2
