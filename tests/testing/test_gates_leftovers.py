"""What is left on the broker, found in the same way in every profile, and what a test says about it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from jararaca import IncomingHandler, Message, MessageBusController, Microservice
from jararaca.errors import InvalidOption, UnroutableMessage
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.handlers import collect_handlers
from jararaca.messagebus.retry import RetryPolicy
from jararaca.ports.broker import Envelope
from jararaca_testing import Bus, RunningApplication
from jararaca_testing.gates.leftovers import Expected, Leftovers, expected
from jararaca_testing.gates.names import standing
from jararaca_testing.ledger import Ledger


class Order(BaseModel):
    id: int


class Refused(Exception):
    pass


@MessageBusController()
class Billing:
    @IncomingHandler("order.*", retry=RetryPolicy(max_attempts=2, first_delay=10))
    async def charge(self, message: Message[Order]) -> None:
        if message.payload().id < 0:
            raise Refused("negative")

    @IncomingHandler("refund", auto_ack=False)
    async def refund(self, message: Message[Order]) -> None:
        await message.reject(reason="never")


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(name="billing", controllers=[Billing])


async def found(app: RunningApplication) -> list[tuple[str, str]]:
    """What the gates find at this moment, by gate, without the places."""
    return [(finding.gate, finding.what) for finding in await app.findings_at_rest(standing("all"))]


def connection_of(app: RunningApplication) -> BusConnection:
    connection = app.environment.resource(BusKey("default"))
    assert isinstance(connection, BusConnection)
    return connection


async def test_nothing_is_left_of_messages_that_were_handled(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.publish(Order(id=1), "order.placed")

    assert await found(jararaca_app) == []


async def test_a_dead_letter_is_left_until_the_test_looks_at_it_by_name(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Order(id=1), "refund")

    left = [("dead-letters", "'refund' was given up by Billing.refund: rejected, attempt 1")]
    assert await found(jararaca_app) == left
    assert len(bus.dead_lettered()) == 1
    assert await found(jararaca_app) == left
    bus.dead_lettered("refund").one()
    assert await found(jararaca_app) == []


async def test_a_dead_letter_that_was_taken_out_of_its_queue_is_not_left(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Order(id=1), "refund")
    await jararaca_app.settle()
    connection = connection_of(jararaca_app)
    letter = await connection.broker.get(connection.names.dead_letters("Billing.refund"))
    assert letter is not None
    letter.ack()
    await connection.broker.flush()

    assert await found(jararaca_app) == []


async def test_a_dead_letter_that_the_broker_made_is_left_too(bus: Bus, jararaca_app: RunningApplication) -> None:
    """Such as one that came too often: no step of the application tells of it."""
    connection = connection_of(jararaca_app)
    queue = connection.names.dead_letters("Billing.refund")
    await connection.broker.publish(Envelope(b"{}", message_id="m"), exchange="", routing_key=queue)
    await connection.broker.flush()

    assert await found(jararaca_app) == [
        ("dead-letters", "1 message that the broker itself gave up on for Billing.refund")
    ]
    bus.expect_leftover(handler=Billing.refund, kind="dead-letter")
    assert await found(jararaca_app) == []


async def test_a_message_that_waits_for_another_attempt_is_left_until_it_is_looked_at(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    bus.expect_errors(Refused)
    await bus.publish(Order(id=-1), "order.placed")

    assert await found(jararaca_app) == [
        ("leftovers", "'order.placed' waits to be tried again by Billing.charge: retry, attempt 1")
    ]
    bus.retried(Billing.charge).one()
    assert await found(jararaca_app) == []


async def test_a_delayed_message_is_left_until_its_publish_is_looked_at(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Order(id=1), "order.placed", delay=600)

    assert await found(jararaca_app) == [
        ("leftovers", "'order.placed' was published with a delay, and its time has not come")
    ]
    bus.published("order.placed").one()
    assert await found(jararaca_app) == []


async def test_a_delayed_message_that_came_is_not_left(bus: Bus, jararaca_app: RunningApplication) -> None:
    await bus.publish(Order(id=1), "order.placed", delay=2)
    await jararaca_app.clock.advance(seconds=3)

    assert await found(jararaca_app) == []


@pytest.mark.virtual_only
async def test_a_message_that_is_sent_on_from_wait_to_wait_is_still_delayed(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    """A delay between two steps of the ladder takes two waits; looking at its publish accounts for both."""
    await bus.publish(Order(id=1), "order.placed", delay=100)
    await jararaca_app.clock.advance(seconds=70)

    assert await found(jararaca_app) == [
        ("leftovers", "'order.placed' was published with a delay, and its time has not come")
    ]
    bus.published("order.placed").one()
    assert await found(jararaca_app) == []


async def test_an_unroutable_message_is_left_until_it_or_its_publish_is_looked_at(
    bus: Bus, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Order(id=1), "nobody.hears")
    await bus.publish(Order(id=2), "nobody.sees")

    assert [gate for gate, _what in await found(jararaca_app)] == ["unroutable", "unroutable"]
    bus.unroutable("nobody.hears").one()
    bus.published("nobody.sees").one()
    assert await found(jararaca_app) == []


async def test_a_publisher_that_was_told_so_leaves_nothing(bus: Bus, jararaca_app: RunningApplication) -> None:
    with pytest.raises(UnroutableMessage):
        await bus.publish(Order(id=1), "nobody.listens", mandatory=True)

    assert await found(jararaca_app) == []


@pytest.mark.parametrize(
    ("says", "covers"),
    [
        (lambda bus: bus.expect_leftover("refund"), True),
        (lambda bus: bus.expect_leftover("#"), True),
        (lambda bus: bus.expect_leftover(handler="refund"), True),
        (lambda bus: bus.expect_leftover(kind="dead-letter"), True),
        (lambda bus: bus.expect_leftover("refund", handler=Billing.refund, kind="dead-letter"), True),
        (lambda bus: bus.expect_leftover("order.*"), False),
        (lambda bus: bus.expect_leftover(handler=Billing.charge), False),
        (lambda bus: bus.expect_leftover(kind="retry"), False),
        (lambda bus: bus.expect_leftover("refund", kind="retry"), False),
    ],
)
async def test_what_is_announced_before_is_accounted_for(
    bus: Bus, jararaca_app: RunningApplication, says: Callable[[Bus], None], covers: bool
) -> None:
    says(bus)

    await bus.publish(Order(id=1), "refund")

    assert (await found(jararaca_app) == []) is covers
    bus.dead_lettered("refund").one()


async def test_a_delayed_message_belongs_to_whoever_listens_to_it(bus: Bus, jararaca_app: RunningApplication) -> None:
    bus.expect_leftover(handler=Billing.refund, kind="delayed")
    await bus.publish(Order(id=1), "refund", delay=600)
    assert await found(jararaca_app) == []

    await bus.publish(Order(id=1), "order.placed", delay=600)
    assert [gate for gate, _what in await found(jararaca_app)] == ["leftovers"]
    bus.expect_leftover("order.placed")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({}, r"^expect_leftover\(\) needs to be told what: a topic, handler=, or kind="),
        ({"kind": "dead-leter"}, r"Did you mean 'dead-letter'\? There are: dead-letter, unroutable"),
        ({"handler": "chrge"}, r"^'chrge' is no message handler of this application"),
    ],
)
async def test_an_announcement_that_says_nothing_is_refused(bus: Bus, arguments: Any, complaint: str) -> None:
    with pytest.raises(InvalidOption, match=complaint):
        bus.expect_leftover(**arguments)


# -- without an application


@pytest.fixture
def leftovers() -> Leftovers:
    return Leftovers(Ledger(lambda: 0.0), collect_handlers(Microservice(controllers=[Billing])))


def test_what_is_ready_in_a_queue_is_left_with_its_handler(leftovers: Leftovers) -> None:
    (finding,) = leftovers.findings({"Billing.charge": 2, "Billing.refund": 0})

    assert (finding.gate, finding.what) == ("leftovers", "2 messages ready in the queue of Billing.charge")
    assert finding.lines[0].startswith("handled at ")
    assert finding.advice == "Announce it with bus.expect_leftover(handler='Billing.charge', kind='ready')."


@pytest.mark.parametrize(
    "expectation",
    [expected(None, None, "ready"), expected("order.*", None, None), expected(None, ["Billing.charge"], None)],
)
def test_what_is_ready_may_be_expected(leftovers: Leftovers, expectation: Expected) -> None:
    leftovers.expect(expectation)

    assert leftovers.findings({"Billing.charge": 2}) == []


def test_an_expectation_of_another_handler_does_not_cover_it(leftovers: Leftovers) -> None:
    leftovers.expect(replace(expected(None, None, "ready"), handlers=frozenset(["Billing.refund"])))

    assert len(leftovers.findings({"Billing.charge": 2})) == 1
