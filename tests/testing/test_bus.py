"""The `bus` fixture against a running application: what it answers, and how its failures explain themselves."""

from typing import Any

import pytest
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice, ScheduledAction, use_publisher
from jararaca.core.context import use_clock
from jararaca.errors import InvalidOption, NotConfigured, UnroutableMessage
from jararaca.messagebus.retry import RetryPolicy
from jararaca_testing import Bus, RunningApplication, VirtualClock


class Order(BaseModel):
    id: int
    country: str = "eu"


class Refused(Exception):
    """What the handlers of this module raise."""


@MessageBusController()
class Billing:
    @IncomingHandler("order.*", retry=RetryPolicy(max_attempts=3, first_delay=10))
    async def charge(self, message: Message[Order]) -> None:
        if message.payload().id < 0:
            raise Refused("negative")
        await use_publisher().publish(message.payload(), "receipt.sent")

    @IncomingHandler("slow", name="slow-one", auto_ack=False)
    async def crawl(self, message: Message[Order]) -> None:
        await use_clock().sleep(300)
        await message.reject(reason="too slow")

    @IncomingHandler("again", auto_ack=False)
    async def put_back(self, message: Message[Order]) -> None:
        await (message.nack() if not message.headers.get("x-jararaca-not-before") else message.ack())

    @ScheduledAction("0 0 1 1 *")
    async def new_year(self) -> None: ...


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(name="billing", controllers=[Billing])


def lines_of(error: pytest.ExceptionInfo[BaseException]) -> list[str]:
    return str(error.value).splitlines()


async def test_a_message_is_published_over_the_real_path_and_its_id_returned(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    message_id = await bus.publish(Order(id=1), "order.paid", headers={"tenant": "a"})
    await jararaca_app.settle()

    handled = bus.handled(Billing.charge).one()
    assert (handled.message_id, handled.payload, handled.topic) == (message_id, Order(id=1), "order.paid")
    assert (handled.headers["tenant"], handled.attempt, handled.outcome, handled.error) == ("a", 1, "ok", None)
    assert bus.published("receipt.sent").one().cause == handled.seq
    assert handled.cause == bus.published("order.*", id=1).one().seq
    assert bus.published("order.*", id=1).one().seq < handled.seq < bus.published("receipt.sent").one().seq


async def test_a_handler_is_asked_for_by_itself_its_name_its_method_or_not_at_all(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    bus.expect_leftover("receipt.sent", kind="unroutable")
    await bus.publish(Order(id=1), "order.paid")
    await jararaca_app.settle()

    for asked in (Billing.charge, Billing().charge, "Billing.charge", "charge", None):
        bus.handled(asked).one()
    for asked in (Billing.crawl, "slow-one", "Billing.crawl", "crawl"):
        bus.handled(asked).none()


@pytest.mark.parametrize(
    ("asked", "shown"), [("chrge", "'chrge'"), (Billing.new_year, "'Billing.new_year'"), (len, "'len'")]
)
async def test_what_is_no_handler_is_an_error_that_lists_those_there_are(bus: Bus, asked: Any, shown: str) -> None:
    with pytest.raises(InvalidOption, match=rf"^{shown} is no message handler.*Billing\.charge, slow-one"):
        bus.handled(asked)


async def test_every_attempt_failure_and_retry_is_on_record_and_so_is_the_end(
    bus: Bus, clock: VirtualClock, jararaca_app: RunningApplication
) -> None:
    bus.expect_errors(Refused)

    await bus.publish(Order(id=-1), "order.paid")
    await clock.advance(seconds=45)

    attempts = bus.handled(Billing.charge).attempts(3)
    assert [(each.attempt, each.outcome) for each in attempts] == [(1, "error"), (2, "error"), (3, "error")]
    assert (attempts[1].at - attempts[0].at, attempts[2].at - attempts[0].at) >= (10, 30)
    assert bus.failed(Billing.charge, id=-1).count == 3
    assert [each.attempt for each in bus.retried(Billing.charge)] == [1, 2]
    dead = bus.dead_lettered("order.paid").one()
    assert (dead.reason, dead.handler, dead.payload) == ("retries-exhausted", "Billing.charge", Order(id=-1))
    assert [str(each.error) for each in bus.failed()] == ["negative"] * 3


async def test_a_message_that_is_put_back_counts_as_retried(bus: Bus, clock: VirtualClock) -> None:
    await bus.publish(Order(id=1), "again")
    await clock.advance(seconds=1)

    assert bus.retried("put_back").one().reason == "nack"
    bus.handled("put_back").attempts(2)


async def test_what_no_queue_takes_is_unroutable(bus: Bus) -> None:
    await bus.publish(Order(id=1), "nobody.listens")
    with pytest.raises(UnroutableMessage):
        await bus.publish(Order(id=2), "nobody.listens", mandatory=True)

    assert [each.payload.id for each in bus.unroutable("nobody.*")] == [1, 2]
    bus.unroutable("order.*").none()


async def test_a_connection_that_is_not_there_is_an_error(bus: Bus) -> None:
    with pytest.raises(NotConfigured, match="'other'"):
        await bus.publish(Order(id=1), "order.paid", connection_name="other")


@pytest.mark.jararaca(allow=["dead-letters", "leftovers", "unroutable", "unsettled"])
class TestFailuresExplain:
    """What a test leaves at its end is what these are about."""

    async def test_nothing_was_published(self, bus: Bus) -> None:
        with pytest.raises(AssertionError) as error:
            bus.handled(Billing.charge).one()

        assert lines_of(error) == [
            "handled(Billing.charge): expected once, but it happened never.",
            "nothing was published",
        ]

    async def test_a_binding_that_does_not_match_and_the_one_that_would(self, bus: Bus) -> None:
        await bus.publish(Order(id=1), "order.eu.paid")

        with pytest.raises(AssertionError) as error:
            bus.handled(Billing.charge).one()

        assert lines_of(error)[1:] == ["binding 'order.*' does not match 'order.eu.paid'; 'order.#' would"]

    async def test_no_advice_where_no_binding_is_near(self, bus: Bus) -> None:
        await bus.publish(Order(id=1), "user.born.today")

        with pytest.raises(AssertionError, match=r"binding 'slow' does not match 'user.born.today'$"):
            bus.handled("slow-one").one()

    async def test_the_nearest_of_many_topics(self, bus: Bus) -> None:
        for number in range(12):
            await bus.publish(Order(id=number), f"elsewhere.number{number}")
        await bus.publish(Order(id=1), "order.eu.paid")

        with pytest.raises(AssertionError) as error:
            bus.handled(Billing.charge).one()

        assert lines_of(error)[1].startswith("binding 'order.*' does not match 'order.eu.paid'")
        assert lines_of(error)[-1] == "and 3 more topics were published"

    async def test_a_message_that_is_delayed(self, bus: Bus) -> None:
        await bus.publish(Order(id=1), "order.paid", delay=60)

        with pytest.raises(AssertionError, match=r"it is delayed, so let time pass with `await clock\.advance"):
            bus.handled(Billing.charge).one()

    async def test_a_message_that_no_handler_saw(self, bus: Bus, jararaca_app: RunningApplication) -> None:
        class Other(BaseModel):
            name: str

        await bus.publish(Other(name="x"), "order.paid")
        await jararaca_app.settle()

        with pytest.raises(AssertionError, match="settled before a handler saw it: dead-letter, unknown-type"):
            bus.handled(Billing.charge).one()

    async def test_a_handler_that_has_not_returned(self, bus: Bus, clock: VirtualClock) -> None:
        await bus.publish(Order(id=1), "slow")
        await clock.advance(seconds=1)

        with pytest.raises(AssertionError, match="slow-one was called and has not returned; let it end with `await"):
            bus.handled(Billing.crawl).one()

    async def test_a_handler_that_was_called_and_raised_nothing(
        self, bus: Bus, jararaca_app: RunningApplication
    ) -> None:
        await bus.publish(Order(id=1), "order.paid")
        await jararaca_app.settle()

        with pytest.raises(AssertionError) as error:
            bus.failed(Billing.charge).one()

        assert lines_of(error)[1] == "Billing.charge was called once:"
        assert lines_of(error)[2].endswith("attempt order.paid Billing.charge attempt 1 ok Order(id=1, country='eu')")

    async def test_attempts_that_are_still_to_come(self, bus: Bus, jararaca_app: RunningApplication) -> None:
        bus.expect_errors(Refused)
        await bus.publish(Order(id=-1), "order.paid")
        await jararaca_app.settle()

        for ask in (lambda: bus.handled(Billing.charge).attempts(3), lambda: bus.dead_lettered("order.paid").one()):
            with pytest.raises(AssertionError) as error:
                ask()
            assert lines_of(error)[-1] == (
                "'order.paid' waits for Billing.charge to try again after attempt 1; let time pass with "
                "`await clock.advance(...)`"
            )

    async def test_other_topics_and_near_misses_with_where_they_went(
        self, bus: Bus, jararaca_app: RunningApplication
    ) -> None:
        await bus.publish(Order(id=1), "order.paid")
        await jararaca_app.settle()
        await bus.publish(Order(id=1), "nobody.listens")

        with pytest.raises(AssertionError, match=r"\nother topics: order\.paid, receipt\.sent, nobody\.listens$"):
            bus.published("order.placed").one()
        with pytest.raises(AssertionError) as error:
            bus.published(id=2).one()

        shown = "\n".join(lines_of(error))
        assert "publish order.paid Order(id=1, country='eu') -> Billing.charge\n    id is 1, expected 2" in shown
        assert "publish nobody.listens Order(id=1, country='eu') -> no handler listens to it" in shown

    async def test_very_many_other_topics_are_cut_short(self, bus: Bus) -> None:
        for number in range(12):
            await bus.publish(Order(id=number), f"topic{number}")

        with pytest.raises(AssertionError, match=r"topic9 and 2 more$"):
            bus.published("order.placed").one()

    async def test_what_became_of_a_message_that_is_not_dead(self, bus: Bus, jararaca_app: RunningApplication) -> None:
        await bus.publish(Order(id=1), "order.paid")
        with pytest.raises(AssertionError, match="nothing of it is settled; let it arrive with"):
            bus.dead_lettered("order.paid").one()

        await jararaca_app.settle()
        with pytest.raises(AssertionError, match=r"settled: #\d+ .*settle order.paid Billing.charge attempt 1 ack"):
            bus.dead_lettered("order.paid").one()


class TestAMessageOfAStranger:
    async def test_comes_to_one_handler_as_it_is(self, bus: Bus, jararaca_app: RunningApplication) -> None:
        message_id = await bus.deliver(
            Billing.charge, '{"id": 3}', topic="order.imported", headers={"tenant": "a"}, type="com.example.order"
        )
        await jararaca_app.settle()

        handled = bus.handled(Billing.charge).one()
        assert (handled.message_id, handled.topic, handled.payload) == (message_id, "order.imported", Order(id=3))
        assert handled.headers["tenant"] == "a"
        assert bus.handled().count == bus.published("receipt.sent").count == 1

    async def test_has_the_topic_of_the_handler_unless_told_and_may_be_anything(
        self, bus: Bus, jararaca_app: RunningApplication
    ) -> None:
        await bus.deliver("slow-one", b"\xff", message_id="m-1", content_type=None)
        await jararaca_app.settle()

        letter = bus.dead_lettered("slow").one()
        assert (letter.message_id, letter.reason) == ("m-1", "invalid-payload")

    async def test_needs_a_handler_that_there_is(self, bus: Bus) -> None:
        with pytest.raises(InvalidOption, match=r"'nobody' is no message handler"):
            await bus.deliver("nobody", b"{}")
