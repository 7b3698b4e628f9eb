"""From a publish to the queues, or back to the publisher."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.errors import ChannelClosed, UnencodableValue
from jararaca.ports.broker import Binding, Confirm, Delivery, Envelope, Exchange, Queue, Returned

pytestmark = pytest.mark.asyncio


async def take(broker: MemoryBroker, queue: str) -> Delivery:
    delivery = await broker.get(queue)
    assert delivery is not None
    return delivery


async def ready(broker: MemoryBroker, *queues: str) -> list[int]:
    return [(await broker.inspect_queue(queue)).ready for queue in queues]


async def test_every_property_arrives_as_it_was_sent(broker: MemoryBroker) -> None:
    """RMQ-64; a timestamp keeps its whole seconds, in UTC."""
    sent = Envelope(
        body=b"\x00\xff",
        content_type="application/json",
        content_encoding="gzip",
        headers={"a": [1, {"b": None}]},
        persistent=False,
        priority=3,
        correlation_id="c",
        reply_to="r",
        expiration="60000",
        message_id="m",
        timestamp=datetime(2026, 1, 1, 2, 0, 0, 5, tzinfo=timezone(timedelta(hours=2))),
        type="t",
        user_id="guest",
        app_id="app",
    )
    await broker.declare_queue(Queue("q"))
    await broker.publish(sent, exchange="", routing_key="q")
    delivery = await take(broker, "q")
    assert delivery.envelope == sent._replace(timestamp=datetime(2026, 1, 1, tzinfo=UTC))
    assert delivery.envelope is delivery.envelope
    assert (delivery.exchange, delivery.routing_key) == ("", "q")


async def test_copies_do_not_share_their_headers(broker: MemoryBroker) -> None:
    headers: dict[str, Any] = {"list": [1]}
    for name in ("a", "b"):
        await broker.declare_queue(Queue(name))
        await broker.bind(Binding("amq.fanout", name))
    await broker.publish(Envelope(b"", headers=headers), exchange="amq.fanout", routing_key="")
    headers["list"].append(2)
    first = (await take(broker, "a")).envelope.headers
    first["list"].append(3)
    assert (await take(broker, "b")).envelope.headers == {"list": [1]}


async def test_an_unroutable_message_is_confirmed_and_returned_only_if_mandatory(broker: MemoryBroker) -> None:
    """RMQ-10, RMQ-11."""
    assert await broker.publish(Envelope(b""), exchange="", routing_key="none") == Confirm()
    assert await broker.publish(Envelope(b""), exchange="", routing_key="none", mandatory=True) == Confirm(
        Returned(312, "NO_ROUTE")
    )


async def test_a_queue_gets_one_copy_however_many_ways_lead_to_it(broker: MemoryBroker) -> None:
    """RMQ-03, RMQ-04: and it shows where the message was published."""
    await broker.declare_queue(Queue("q"))
    await broker.declare_exchange(Exchange("first", "topic"))
    await broker.declare_exchange(Exchange("second", "fanout"))
    await broker.bind(Binding("first", "q", "a.*"))
    await broker.bind(Binding("first", "q", "a.#"))
    await broker.bind(Binding("first", "second", "#", destination_type="exchange"))
    await broker.bind(Binding("second", "q"))
    await broker.bind(Binding("second", "first", destination_type="exchange"))
    await broker.publish(Envelope(b""), exchange="first", routing_key="a.b")
    delivery = await take(broker, "q")
    assert (delivery.exchange, delivery.routing_key) == ("first", "a.b")
    assert await ready(broker, "q") == [0]


async def test_routes_follow_the_bindings(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    for bind in (broker.bind, broker.bind, broker.unbind, broker.unbind):
        await bind(Binding("amq.topic", "q", "a.#"))
        await broker.publish(Envelope(b""), exchange="amq.topic", routing_key="a.b")
    assert await ready(broker, "q") == [2]


async def test_headers_decide_each_time(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    await broker.bind(Binding("amq.headers", "q", arguments={"kind": "a"}))
    for kind in ("a", "b", "a"):
        await broker.publish(Envelope(b"", headers={"kind": kind}), exchange="amq.headers", routing_key="k")
    assert await ready(broker, "q") == [2]


async def test_the_memory_of_routes_is_bounded(broker: MemoryBroker) -> None:
    await broker.declare_queue(Queue("q"))
    await broker.bind(Binding("amq.topic", "q", "order.*"))
    for number in range(10_001):
        await broker.publish(Envelope(b""), exchange="amq.topic", routing_key=f"order.{number}")
    assert await ready(broker, "q") == [10_001]


async def test_what_an_exchange_cannot_route_goes_to_its_alternate(broker: MemoryBroker) -> None:
    """RMQ-09: it is not returned, and keeps its exchange."""
    await broker.declare_exchange(Exchange("main", arguments={"alternate-exchange": "amq.fanout"}))
    await broker.declare_exchange(Exchange("lost", arguments={"alternate-exchange": "missing"}))
    await broker.declare_queue(Queue("q"))
    await broker.bind(Binding("amq.fanout", "q"))
    confirm = await broker.publish(Envelope(b""), exchange="main", routing_key="k", mandatory=True)
    assert confirm == Confirm()
    assert (await take(broker, "q")).exchange == "main"
    confirm = await broker.publish(Envelope(b""), exchange="lost", routing_key="k", mandatory=True)
    assert confirm.returned is not None


@pytest.mark.parametrize("exchange", ["", "amq.direct"])
async def test_cc_and_bcc_route_further_copies(broker: MemoryBroker, exchange: str) -> None:
    """RMQ-07: what is no text in their list is ignored."""
    for name in ("to", "cc", "bcc"):
        await broker.declare_queue(Queue(name))
        await broker.bind(Binding("amq.direct", name, name))
    await broker.publish(
        Envelope(b"", headers={"CC": ["cc", "to", 5], "BCC": ["bcc"]}), exchange=exchange, routing_key="to"
    )
    for name in ("to", "cc", "bcc"):
        delivery = await take(broker, name)
        assert (delivery.routing_key, delivery.envelope.headers) == ("to", {"CC": ["cc", "to", 5]})
        assert await ready(broker, name) == [0]


@pytest.mark.parametrize(
    ("envelope", "text"),
    [
        (Envelope(b"", user_id="bob"), "user_id property set to 'bob' but authenticated user was 'guest'"),
        (Envelope(b"", headers={"CC": "x"}), 'invalid message: {unacceptable_type_in_header,"CC",longstr}'),
        (Envelope(b"", headers={"BCC": {}}), 'invalid message: {unacceptable_type_in_header,"BCC",table}'),
        (
            Envelope(bytes(134_217_729)),
            "message size 134217729 is larger than configured max size 134217728",
        ),
    ],
)
async def test_the_server_refuses_some_messages(broker: MemoryBroker, envelope: Envelope, text: str) -> None:
    """RMQ-62."""
    with pytest.raises(ChannelClosed) as caught:
        await broker.publish(envelope, exchange="", routing_key="q")
    assert (caught.value.code, caught.value.text) == (406, f"PRECONDITION_FAILED - {text}")


async def test_an_internal_exchange_takes_nothing_from_publishers(broker: MemoryBroker) -> None:
    await broker.declare_exchange(Exchange("inside", "fanout", internal=True))
    with pytest.raises(ChannelClosed, match="cannot publish to internal exchange 'inside'") as caught:
        await broker.publish(Envelope(b""), exchange="inside", routing_key="")
    assert caught.value.code == 403


@pytest.mark.parametrize(
    ("envelope", "key", "text"),
    [
        (Envelope("text"), "q", "the body is a str"),  # type: ignore[arg-type]
        (Envelope(b"", headers={"a": object()}), "q", "has no type for it"),
        (Envelope(b""), "k" * 256, "routing key"),
    ],
)
async def test_what_cannot_travel_is_refused_before_it_leaves(
    broker: MemoryBroker, envelope: Envelope, key: str, text: str
) -> None:
    with pytest.raises(UnencodableValue, match=text):
        await broker.publish(envelope, exchange="", routing_key=key)
