"""Publishing: when a message leaves, what it carries, and what is refused."""

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from jararaca.core.context import use_unit_of_work
from jararaca.core.steps import Kind
from jararaca.errors import (
    InvalidOption,
    InvalidTopic,
    MessageTooLarge,
    NotConfigured,
    OutsideExecution,
    UnencodableMessage,
    UnencodableValue,
    UnroutableMessage,
)
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.publisher import use_publisher
from jararaca.ports.broker import Delivery
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


# -- when


async def test_outside_of_any_execution_there_is_no_publisher() -> None:
    with pytest.raises(OutsideExecution, match=r"use_publisher\(\) works only while something is being handled"):
        use_publisher()


async def test_a_publisher_that_was_kept_does_not_publish_outside_of_an_execution(rig: "Rig") -> None:
    await rig.connected()

    async def keep() -> Any:
        return use_publisher()

    kept = await rig.in_execution(keep)
    with pytest.raises(OutsideExecution, match=r"publish\(\) works only"):
        await kept.publish(Order(), "order.placed")


async def test_without_a_unit_of_work_a_message_leaves_at_once_and_is_confirmed(rig: "Rig") -> None:
    await rig.connected()
    (message_id,) = await rig.in_execution(publishing())
    (delivery,) = await rig.received()
    assert delivery.envelope.message_id == message_id


async def test_in_a_unit_of_work_messages_leave_after_the_commit_in_their_order(rig: "Rig") -> None:
    await rig.connected()
    waiting: list[int] = []

    async def call() -> list[str]:
        ids = await publishing({}, {}, {})()
        use_unit_of_work().before_commit(look)
        return ids

    async def look() -> None:
        waiting.append(len(await rig.received()))

    outcome = await rig.in_unit_of_work(call)
    assert waiting == [0]
    assert [delivery.envelope.message_id for delivery in await rig.received()] == outcome.value


async def test_staged_messages_leave_in_one_flush_before_any_of_them_is_confirmed(rig: "Rig") -> None:
    await rig.connected()
    await rig.in_unit_of_work(publishing({}, {}))
    assert [step.kind for step in rig.steps if step.kind in (Kind.PUBLISH, Kind.CONFIRM) and step.phase == "after"] == [
        Kind.PUBLISH,
        Kind.PUBLISH,
        Kind.CONFIRM,
        Kind.CONFIRM,
    ]


async def test_those_who_look_on_are_told_what_was_staged_and_where_it_was_published(rig: "Rig") -> None:
    await rig.connected()
    rig.environment.steps.locate = iter(["at once", "in the work"]).__next__

    await rig.in_execution(publishing())
    await rig.in_unit_of_work(publishing())

    published = [step for step in rig.steps if step.kind is Kind.PUBLISH and step.phase == "after"]
    told = [(step.facts["staged"], step.subject.place) for step in published]
    assert told == [(False, "at once"), (True, "in the work")]


async def test_nobody_is_asked_for_a_place_where_nobody_looks_on(rig: "Rig") -> None:
    await rig.connected()
    rig.environment.steps.observers = ()
    rig.environment.steps.locate = iter(()).__next__  # would raise

    await rig.in_execution(publishing())

    assert len(await rig.received()) == 1


async def test_what_a_failed_unit_of_work_published_never_leaves(rig: "Rig") -> None:
    await rig.connected()

    async def call() -> None:
        await publishing()()
        raise KeyError("absent")

    outcome = await rig.in_unit_of_work(call)
    assert not outcome.committed
    assert await rig.received() == []
    assert rig.facts(Kind.PUBLISH, "before") == []


async def test_after_the_commit_a_hook_publishes_at_once(rig: "Rig") -> None:
    await rig.connected()
    seen: list[int] = []

    async def hook() -> None:
        await publishing()()
        seen.append(len(await rig.received()))

    async def call() -> None:
        use_unit_of_work().after_commit(hook)

    await rig.in_unit_of_work(call)
    assert seen == [1]


async def test_a_model_that_changes_after_its_publish_leaves_as_it_was(rig: "Rig") -> None:
    await rig.connected()

    async def call() -> None:
        order = Order(note="before")
        await use_publisher().publish(order, "order.placed")
        order.note = "after"

    await rig.in_unit_of_work(call)
    (delivery,) = await rig.received()
    assert delivery.envelope.body == b'{"id":1,"note":"before"}'


async def test_messages_of_two_connections_leave_over_their_own(rig: "Rig") -> None:
    await rig.connected()
    await rig.connected(rig.handler("Audit.note", "#"), name="audit", exchange="audit.events")

    async def call() -> None:
        await use_publisher().publish(Order(id=1), "order.placed")
        await use_publisher("audit").publish(Order(id=2), "order.placed")

    await rig.in_unit_of_work(call)
    assert [delivery.envelope.body for delivery in await rig.received()] == [b'{"id":1,"note":""}']
    assert [delivery.envelope.body for delivery in await rig.received("shop.Audit.note")] == [b'{"id":2,"note":""}']


# -- without a broker


async def test_without_any_broker_the_error_says_how_to_get_one(rig: "Rig") -> None:
    with pytest.raises(NotConfigured) as caught:
        await rig.in_execution(publishing())
    assert str(caught.value) == (
        "use_publisher(): this application has no message broker. Set JARARACA_BROKER_URL (or pass --url) to one, such "
        "as amqp://localhost/, or add "
        "MessageBusPublisherInterceptor(AIOPikaConnectionFactory(url)) to Microservice(interceptors=[...])."
    )


async def test_an_unknown_connection_name_is_answered_with_the_known_ones(rig: "Rig") -> None:
    await rig.connected(name="audit")
    with pytest.raises(NotConfigured, match=r"use_publisher\('default'\): .*there are: audit\."):
        await rig.in_execution(publishing())


# -- what a message carries


async def test_a_message_on_the_wire_is_what_any_amqp_client_understands(rig: "Rig") -> None:
    await rig.connected()
    (message_id,) = await rig.in_execution(publishing(), correlation_id="c-1")
    (delivery,) = await rig.received()
    envelope = delivery.envelope
    assert (delivery.exchange, delivery.routing_key) == ("jararaca.events", "order.placed")
    assert (envelope.content_type, envelope.persistent, envelope.type) == (
        "application/json",
        True,
        "urn:jararaca:Order",
    )
    assert envelope.timestamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert str(UUID(message_id)) == envelope.message_id
    assert sent_headers(delivery) == {"correlation_id": "c-1", "x-jararaca-hops": 1}


async def test_correlation_cause_trace_and_hops_of_what_is_handled_are_passed_on(rig: "Rig") -> None:
    await rig.connected()
    await rig.in_execution(
        publishing(), correlation_id="c-1", causation_id="m-0", traceparent="00-1-2-01", hops=4, cause="m-0"
    )
    (delivery,) = await rig.received()
    assert sent_headers(delivery) == {
        "correlation_id": "c-1",
        "causation_id": "m-0",
        "traceparent": "00-1-2-01",
        "x-jararaca-hops": 5,
    }


async def test_options_of_a_publish_reach_the_wire(rig: "Rig") -> None:
    await rig.connected()
    options = {"headers": {"tenant": "a"}, "message_id": UUID(int=7), "key": "customer-1", "expires_in": 1.5}
    (message_id,) = await rig.in_execution(publishing(options))
    (delivery,) = await rig.received()
    assert message_id == delivery.envelope.message_id == "00000000-0000-0000-0000-000000000007"
    assert delivery.envelope.headers["tenant"] == "a"
    assert delivery.envelope.headers["x-jararaca-key"] == "customer-1"
    assert delivery.envelope.expiration == "1500"


async def test_an_application_may_set_its_own_trace(rig: "Rig") -> None:
    await rig.connected()
    await rig.in_execution(publishing({"headers": {"traceparent": "mine"}}), traceparent="incoming")
    (delivery,) = await rig.received()
    assert delivery.envelope.headers["traceparent"] == "mine"


@proves("F-46")
@pytest.mark.parametrize(("hops", "warnings"), [(99, 0), (998, 0), (999, 1), (1000, 0), (9_999, 1), (99_999, 1)])
async def test_a_chain_of_messages_is_warned_of_at_every_power_of_ten_from_a_thousand(
    hops: int, warnings: int, rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    await rig.connected()
    await rig.in_execution(publishing(), hops=hops)
    found = [record for record in caplog.records if record.levelno == logging.WARNING and "chain" in record.message]
    assert [record.__dict__["hops"] for record in found] == [hops + 1] * warnings


# -- what is refused, where it is published


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"delay": -1}, InvalidOption, r"publish\(delay=-1\) cannot work"),
        ({"delay": float("nan")}, InvalidOption, "Use 0 to"),
        ({"delay": 1e12}, InvalidOption, "Use 0 to"),
        ({"delay": timedelta(seconds=1)}, InvalidOption, r"delay=datetime.*in total_seconds\(\)"),
        ({"delay": "1"}, InvalidOption, r"publish\(delay='1'\) cannot work. Use a number"),
        ({"delay": True}, InvalidOption, "Use a number"),
        ({"at": "tomorrow"}, InvalidOption, "Use a datetime with a time zone"),
        ({"expires_in": "5"}, InvalidOption, r"publish\(expires_in='5'\) cannot work. Use a number"),
        ({"timeout": timedelta(seconds=1)}, InvalidOption, "Use a number"),
        ({"delay": 1, "at": datetime(2027, 1, 1, tzinfo=UTC)}, InvalidOption, "say twice when"),
        ({"at": datetime(2027, 1, 1)}, InvalidOption, "It has no time zone"),
        ({"delay": 1, "mandatory": True}, InvalidOption, "only when it is due"),
        ({"delay": 1, "expires_in": 5}, InvalidOption, "would expire in the wait"),
        ({"expires_in": 0}, InvalidOption, r"publish\(expires_in=0\)"),
        ({"expires_in": 5e6}, InvalidOption, "at most 4294967"),
        ({"timeout": 0}, InvalidOption, r"publish\(timeout=0\)"),
        ({"key": ""}, InvalidOption, r"publish\(key=''\)"),
        ({"dedupe_key": ""}, InvalidOption, r"publish\(dedupe_key=''\)"),
        ({"dedupe_key": "k" * 256}, InvalidOption, "1 to 255 bytes"),
        ({"delivery": "now"}, InvalidOption, r"publish\(delivery='now'\) cannot work. Use 'after_commit' or 'outbox'"),
        ({"delivery": "outbox"}, InvalidOption, "the connection 'default' has no outbox"),
        ({"key": "k" * 256}, InvalidOption, "1 to 255 bytes"),
        ({"key": 5}, InvalidOption, r"publish\(key=5\) cannot work. Use text"),
        ({"key": "\ud800"}, InvalidOption, "not valid Unicode"),
        ({"message_id": 5}, InvalidOption, r"publish\(message_id=5\) cannot work. Use text"),
        ({"message_id": "\ud800"}, InvalidOption, "not valid Unicode"),
        ({"headers": [("h", 1)]}, InvalidOption, "Use a dict"),
        ({"headers": {"CC": "order.placed"}}, InvalidOption, "a list of topics"),
        ({"headers": {"h": float("nan")}}, UnencodableValue, "'h' is nan"),
        ({"message_id": ""}, InvalidOption, r"publish\(message_id=''\)"),
        ({"message_id": "ç" * 128}, InvalidOption, "1 to 255 bytes"),
        ({"headers": {"x-jararaca-hops": 0}}, InvalidOption, "are the framework's"),
        ({"headers": {"h": object()}}, UnencodableValue, "'h' is a object"),
        ({"headers": {"h": "x" * 9000}}, MessageTooLarge, "the largest is 'h'"),
    ],
)
async def test_an_option_that_cannot_work_is_refused_before_anything_is_staged(
    options: dict[str, Any], error: type[Exception], text: str, rig: "Rig"
) -> None:
    await rig.connected()
    outcome = await rig.in_unit_of_work(publishing(options))
    assert not outcome.committed
    with pytest.raises(error, match=text):
        raise outcome.error or AssertionError


async def test_a_topic_with_a_wildcard_and_a_message_without_a_shape_are_refused(rig: "Rig") -> None:
    await rig.connected()
    with pytest.raises(InvalidTopic, match="wildcards of handlers"):
        await rig.in_execution(publishing(topic="order.*"))
    with pytest.raises(UnencodableMessage, match="a dict"):
        await rig.in_execution(lambda: use_publisher().publish({"id": 1}, "order.placed"))


async def test_a_correlation_from_outside_cannot_make_the_headers_too_long(rig: "Rig") -> None:
    await rig.connected()
    with pytest.raises(MessageTooLarge, match=r"the largest is 'correlation_id'"):
        await rig.in_execution(publishing(), correlation_id="x" * 9000)


async def test_a_body_may_have_as_many_bytes_as_configured_and_not_one_more(rig: "Rig") -> None:
    """`{"id":1,"note":""}` has 18 bytes."""
    await rig.connected(config=MessageBusConfig(max_message_bytes=20))
    await rig.in_execution(lambda: use_publisher().publish(Order(note="xx"), "order.placed"))
    with pytest.raises(MessageTooLarge, match=r"the Order for topic 'order.placed' has 21 bytes.*\(a claim check\)"):
        await rig.in_execution(lambda: use_publisher().publish(Order(note="xxx"), "order.placed"))


# -- unroutable


async def test_a_mandatory_message_that_no_queue_takes_is_an_error_that_names_the_nearest_topic(rig: "Rig") -> None:
    await rig.connected()
    with pytest.raises(
        UnroutableMessage, match=r"'order.plcaed' on exchange 'jararaca.events'.*is 'order.placed'\."
    ) as caught:
        await rig.in_execution(publishing({"mandatory": True}, topic="order.plcaed"))
    assert (caught.value.topic, caught.value.exchange) == ("order.plcaed", "jararaca.events")
    assert caught.value.nearest == "order.placed"
    assert [facts["outcome"] for facts in rig.facts(Kind.CONFIRM)] == ["unroutable"]


async def test_a_message_that_no_queue_takes_is_told_each_time_and_logged_once_per_topic(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    await rig.connected()
    await rig.in_execution(publishing({}, {}, topic="nobody.listens"))
    await rig.in_execution(publishing(topic="nobody.cares"))
    assert [facts["outcome"] for facts in rig.facts(Kind.CONFIRM)] == ["unroutable"] * 3
    logged = [record.__dict__ for record in caplog.records if "no queue took" in record.message]
    assert [(each["topic"], each["exchange"], each["nearest_binding"]) for each in logged] == [
        ("nobody.listens", "jararaca.events", "order.placed"),
        ("nobody.cares", "jararaca.events", "order.placed"),
    ]


async def test_topics_made_of_identities_do_not_fill_memory_or_log(
    rig: "Rig", caplog: pytest.LogCaptureFixture
) -> None:
    connection = await rig.connected()
    for number in range(1_100):
        connection.was_unroutable(f"user.{number}")
    assert len([record for record in caplog.records if "no queue took" in record.message]) == 1_000
