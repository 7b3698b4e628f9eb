"""Publishing with delays, and over connections that fail."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from jararaca.core.steps import Kind
from jararaca.errors import (
    BrokerUnavailable,
    ChannelClosed,
    CommittedNotAnnounced,
    LoginRefused,
    PublishRefused,
)
from jararaca.messagebus.flushing import Outgoing, flush
from jararaca.messagebus.publisher import use_publisher
from jararaca.ports.broker import Binding, Delivery, Envelope, Queue
from jararaca_testing.contracts import proves

if TYPE_CHECKING:
    from tests.unit.messagebus.publishing.conftest import Rig

pytestmark = pytest.mark.asyncio


class Order(BaseModel):
    id: int = 1
    note: str = ""


def publishing(*options: dict[str, Any], topic: str = "order.placed") -> Callable[[], Awaitable[list[str]]]:
    """Publishes one order for each of `options`, numbered from 1."""

    async def call() -> list[str]:
        return [
            await use_publisher().publish(message=Order(id=number), topic=topic, **each)
            for number, each in enumerate(options or ({},), 1)
        ]

    return call


def sent_headers(delivery: Delivery) -> dict[str, Any]:
    """Without what the queue itself adds."""
    return {name: value for name, value in delivery.envelope.headers.items() if name != "x-delivery-count"}


# -- delays


async def test_a_delayed_message_waits_the_longest_step_that_fits_and_says_when_it_is_due(rig: "Rig") -> None:
    await rig.connected()
    await rig.in_execution(publishing({"delay": 5.0}))
    assert await rig.received() == []
    assert (await rig.outside.inspect_queue("shop.delay.4000")).ready == 1
    await rig.loop.advance(3.999)
    assert await rig.received() == []
    await rig.loop.advance(0.001)
    (delivery,) = await rig.received()
    assert delivery.routing_key == "order.placed"
    due = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=5)
    assert delivery.envelope.headers["x-jararaca-not-before"] == due.timestamp() * 1000


async def test_a_moment_is_as_good_as_a_delay(rig: "Rig") -> None:
    await rig.connected()
    await rig.in_execution(publishing({"at": rig.clock.now() + timedelta(seconds=2)}))
    assert (await rig.received(), [facts["delayed"] for facts in rig.facts(Kind.PUBLISH)]) == ([], [True])
    await rig.loop.advance(2.0)
    assert len(await rig.received()) == 1


@pytest.mark.parametrize("option", [{"delay": 0}, {"at": datetime(2020, 1, 1, tzinfo=UTC)}])
async def test_a_delay_that_is_over_is_none(option: dict[str, Any], rig: "Rig") -> None:
    await rig.connected()
    await rig.in_execution(publishing(option))
    (delivery,) = await rig.received()
    assert "x-jararaca-not-before" not in delivery.envelope.headers


async def test_a_staged_delay_counts_from_the_publish_and_not_from_the_commit(rig: "Rig") -> None:
    await rig.connected()

    async def call() -> None:
        await publishing({"delay": 3.0}, {"delay": 0.5})()
        await rig.clock.sleep(1.0)

    await rig.in_unit_of_work(call)
    assert [delivery.envelope.body for delivery in await rig.received()] == [b'{"id":2,"note":""}']
    assert (await rig.outside.inspect_queue("shop.delay.2000")).ready == 1


async def test_a_wait_that_somebody_deleted_is_declared_again(rig: "Rig") -> None:
    await rig.connected()
    await rig.in_execution(publishing({"delay": 1.0}))
    await rig.received()
    await rig.outside.delete_queue("shop.delay.1000")
    await rig.in_execution(publishing({"delay": 1.0}))
    assert (await rig.outside.inspect_queue("shop.delay.1000")).ready == 1


async def test_an_exchange_that_somebody_deleted_is_declared_again(rig: "Rig") -> None:
    await rig.connected()
    await rig.outside.connect()
    await rig.outside.delete_exchange("jararaca.events")
    await rig.in_unit_of_work(publishing({}, {}))
    assert len(await rig.received()) == 2
    assert len(rig.facts(Kind.PUBLISH)) == 2


# -- failures


async def test_a_lost_commit_message_is_named_in_the_error_and_the_commit_stands(rig: "Rig") -> None:
    connection = await rig.connected()
    rig.vhost.stop()
    outcome = await rig.in_unit_of_work(publishing({"message_id": "a"}, {"message_id": "b"}))
    assert outcome.committed
    assert isinstance(outcome.error, CommittedNotAnnounced)
    assert outcome.error.message_ids == ("a", "b")
    assert isinstance(outcome.error.__cause__, BrokerUnavailable)
    assert not connection.ready
    assert rig.loop.time() == 5.0
    assert [facts["outcome"] for facts in rig.facts(Kind.CONFIRM)] == ["failed", "failed"]


async def test_only_what_was_refused_counts_as_not_announced(rig: "Rig") -> None:
    await rig.connected()
    await rig.outside.connect()
    await rig.outside.declare_queue(Queue("small", arguments={"x-max-length": 1, "x-overflow": "reject-publish"}))
    await rig.outside.bind(Binding("jararaca.events", "small", "order.placed"))
    outcome = await rig.in_unit_of_work(publishing({"message_id": "a"}, {"message_id": "b"}))
    assert isinstance(outcome.error, CommittedNotAnnounced)
    assert outcome.error.message_ids == ("b",)
    assert isinstance(outcome.error.__cause__, PublishRefused)


async def test_the_one_message_that_the_broker_refuses_fails_alone(rig: "Rig") -> None:
    """Its refusal closes the channel of all; the others are sent again, each by itself and in order."""
    connection = await rig.connected()
    users = [None, None, "somebody-else", None, None]
    messages = [
        Outgoing(Envelope(b"%d" % number, message_id=str(number), user_id=user), "order.placed")
        for number, user in enumerate(users)
    ]
    (unsent,) = await flush(connection, messages, None)
    assert (unsent.message, type(unsent.error)) == (messages[2], ChannelClosed)
    assert list(dict.fromkeys(delivery.envelope.body for delivery in await rig.received())) == [
        b"0",
        b"1",
        b"3",
        b"4",
    ]
    assert sorted(facts["outcome"] for facts in rig.facts(Kind.CONFIRM)) == ["confirmed"] * 4 + ["failed"]


async def test_a_publish_waits_for_a_connection_that_comes_back_in_time(rig: "Rig") -> None:
    await rig.connected()
    rig.vhost.stop()
    rig.loop.call_later(2.5, rig.vhost.start)
    await rig.in_execution(publishing())
    assert rig.loop.time() < 5.0
    assert len(await rig.received()) == 1


async def test_a_message_whose_confirm_was_lost_is_sent_again_under_its_id(rig: "Rig") -> None:
    await rig.connected()
    rig.vhost.block()
    rig.loop.call_later(1.0, rig.vhost.drop_connections)
    rig.loop.call_later(1.0, rig.vhost.unblock)
    await rig.in_execution(publishing({"message_id": "a"}, {"message_id": "b", "delay": 9.0}))
    assert [delivery.envelope.message_id for delivery in await rig.received()] == ["a"]
    assert [facts["message_id"] for facts in rig.facts(Kind.PUBLISH)] == ["a", "b"]


async def test_a_timeout_of_its_own_bounds_a_publish(rig: "Rig") -> None:
    connection = await rig.connected()
    rig.vhost.stop()
    await rig.loop.settle()
    with pytest.raises(
        BrokerUnavailable, match=r"no connection to the broker at amqp://\*\*\*@broker:5672/vhost within 0.1 s"
    ):
        await rig.in_execution(publishing({"timeout": 0.1}))
    assert not connection.ready


async def test_a_flush_takes_the_longest_time_that_its_messages_ask_for(rig: "Rig") -> None:
    await rig.connected(publish_timeout=2.0)
    rig.vhost.stop()
    await rig.in_unit_of_work(publishing({"timeout": 1.0}, {"timeout": 7.0}, {}))
    assert rig.loop.time() == 7.0


@proves("F-35")
async def test_a_broker_that_blocks_is_told_apart_from_one_that_is_away(rig: "Rig") -> None:
    connection = await rig.connected()
    rig.vhost.block()
    with pytest.raises(BrokerUnavailable, match=r"blocks publishes .*Free its memory or disk"):
        await rig.in_execution(publishing())
    assert connection.ready
    assert not connection.can_publish


async def test_a_broker_that_does_not_confirm_may_have_the_message(rig: "Rig") -> None:
    """Unblocked at the very last moment, the broker is fine again, but nothing is confirmed yet."""
    await rig.connected()
    rig.vhost.block()
    rig.loop.call_at(5.0, setattr, rig.vhost, "blocked", False)
    with pytest.raises(BrokerUnavailable, match="may or may not have arrived"):
        await rig.in_execution(publishing())


async def test_a_refused_login_is_told_at_once_to_who_publishes(rig: "Rig") -> None:
    await rig.connected()
    rig.failures += [LoginRefused("the password was changed")] * 2
    rig.vhost.drop_connections()
    with pytest.raises(LoginRefused):
        await rig.in_execution(publishing())
    outcome = await rig.in_unit_of_work(publishing({"message_id": "a"}))
    assert isinstance(outcome.error, CommittedNotAnnounced)
    assert (outcome.error.message_ids, type(outcome.error.__cause__)) == (("a",), LoginRefused)
    assert rig.loop.time() == 0.5


async def test_a_delay_whose_connection_is_lost_while_its_wait_is_declared_is_sent_over_the_next(rig: "Rig") -> None:
    await rig.connected()
    rig.hangs.add("declare_queue")
    rig.loop.call_later(1.0, rig.hangs.clear)
    rig.loop.call_later(1.0, rig.vhost.drop_connections)
    await rig.in_execution(publishing({"delay": 9.0}))
    assert rig.loop.time() == 1.5
    await rig.outside.connect()
    assert (await rig.outside.inspect_queue("shop.delay.4000")).ready == 1


async def test_a_message_that_was_given_up_before_its_confirm_came_is_not_confirmed_later(rig: "Rig") -> None:
    await rig.connected()
    rig.vhost.block()
    with pytest.raises(BrokerUnavailable):
        await rig.in_execution(publishing({"timeout": 1.0}))
    rig.vhost.unblock()
    await rig.loop.settle()
    assert [facts["outcome"] for facts in rig.facts(Kind.CONFIRM)] == ["failed"]
    assert len(await rig.received()) == 1


async def test_an_observer_that_raises_stands_in_for_the_failure_of_one_message(rig: "Rig") -> None:
    await rig.connected()

    class Fault:
        def observe(self, step: Any) -> None:
            ({("publish", "before", "a"): self.strike}).get(
                (step.kind, step.phase, step.facts.get("message_id")), lambda: None
            )()

        def strike(self) -> None:
            raise BrokerUnavailable("cut")

    rig.environment.steps.add(Fault())
    outcome = await rig.in_unit_of_work(publishing({"message_id": "a"}, {"message_id": "b"}))
    assert isinstance(outcome.error, CommittedNotAnnounced)
    assert outcome.error.message_ids == ("a",)
    assert [delivery.envelope.message_id for delivery in await rig.received()] == ["b"]


async def test_every_step_of_a_publish_names_its_message_and_nothing_of_its_payload(rig: "Rig") -> None:
    await rig.connected()
    (message_id,) = await rig.in_execution(publishing())
    expected = {
        "topic": "order.placed",
        "exchange": "jararaca.events",
        "message_id": message_id,
        "connection": "default",
        "delayed": False,
        "staged": False,
    }
    assert rig.facts(Kind.PUBLISH, "before") == rig.facts(Kind.PUBLISH) == [expected]
    assert rig.facts(Kind.CONFIRM) == [{**expected, "outcome": "confirmed"}]


async def test_without_observers_publishing_works_the_same(rig: "Rig") -> None:
    rig.environment.steps.observers = ()
    await rig.connected()
    await rig.in_unit_of_work(publishing({}, {"delay": 1}))
    assert len(await rig.received()) == 1
