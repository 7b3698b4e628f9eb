"""When a published message leaves, what it carries, and what is refused before it is staged."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from httpx import AsyncClient
from order_handlers import Booked, Order
from publishing_handlers import Audit, Orders, Relay
from pydantic import BaseModel
from script import Script
from shopping import publish_raw, serving

from jararaca.core.steps import Kind
from jararaca.errors import (
    ChannelClosed,
    InvalidOption,
    InvalidTopic,
    MessageTooLarge,
    UnencodableMessage,
    UnencodableValue,
)
from jararaca.ports.broker import Envelope
from jararaca_testing import Bus, RunningApplication, WebSocketClient
from jararaca_testing.contracts import proves


@serving(Orders, Audit)
async def test_staged_messages_leave_in_the_order_of_their_publishes(
    http: AsyncClient, jararaca_app: RunningApplication, script: Script
) -> None:
    await http.post("/orders/staged")
    await jararaca_app.settle()

    assert script.numbers == [1, 2, 3, 4, 5]


@serving(Orders)
async def test_staged_messages_leave_after_the_commit_and_are_confirmed_before_the_answer(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    bus.expect_leftover("order.booked", kind="unroutable")

    await http.post("/orders/staged")

    records = jararaca_app.ledger.of_kind(Kind.COMMIT, Kind.CONFIRM, Kind.REQUEST)
    ends = sorted(records, key=lambda record: record.ended or 0)
    assert [record.kind for record in ends] == ["commit", *["confirm"] * 5, "request"]


@proves("F-12")
@serving(Orders, Audit)
async def test_nothing_leaves_a_request_that_raises(http: AsyncClient, bus: Bus) -> None:
    with pytest.raises(OSError, match="after the publish"):
        await http.post("/orders/failed")

    bus.published().none()


@serving(Orders, Audit)
async def test_nothing_leaves_a_request_that_asks_for_a_rollback(http: AsyncClient, bus: Bus) -> None:
    response = await http.post("/orders/doubted")

    assert response.status_code == 200
    bus.published().none()


@serving(Orders, Audit)
async def test_a_background_task_publishes_at_once(
    http: AsyncClient, jararaca_app: RunningApplication, script: Script
) -> None:
    await http.post("/orders/later")
    await jararaca_app.settle()

    assert script.numbers == [1]


@serving(Orders, Audit)
async def test_a_websocket_endpoint_publishes_at_once(
    ws: WebSocketClient, jararaca_app: RunningApplication, script: Script
) -> None:
    """The connection is no unit of work: what it announces is heard while it is open."""
    async with ws.connect("/orders/socket") as client:
        await client.send_text("7")
        assert await client.receive_text() == "announced"
        await jararaca_app.settle()

        assert script.numbers == [7]


@serving(Orders, Audit)
async def test_a_block_of_a_websocket_endpoint_stages_until_its_end(
    ws: WebSocketClient, jararaca_app: RunningApplication, bus: Bus, script: Script
) -> None:
    async with ws.connect("/orders/block") as client:
        assert await client.receive_text() == "staged"
        bus.published().none()
        await client.send_text("go on")
        assert await client.receive_text() == "committed"
        await jararaca_app.settle()

        assert script.numbers == [7]


@serving(Orders, Audit)
async def test_hooks_publish_too_before_the_commit_with_it_and_after_it_at_once(
    http: AsyncClient, jararaca_app: RunningApplication, script: Script
) -> None:
    await http.post("/orders/hooks")
    await jararaca_app.settle()

    assert script.numbers == [1, 2, 3]


@serving(Orders)
async def test_a_request_that_cannot_announce_is_answered_with_503(http: AsyncClient, bus: Bus) -> None:
    response = await http.post("/orders/mandatory")

    assert response.status_code == 503
    assert response.json() == {"detail": "committed, but not announced", "committed": True}
    bus.unroutable("nobody.listens").one()


@serving(Relay, Audit)
async def test_correlation_causation_and_hops_go_from_message_to_message(
    jararaca_app: RunningApplication, bus: Bus, script: Script
) -> None:
    await bus.publish(Order(number=1), "order.placed", headers={"traceparent": "00-0af7-b7ad-01"})
    await jararaca_app.settle()

    placed, (booked,) = bus.published("order.placed").one(), script.messages
    assert booked.correlation_id == placed.headers["correlation_id"]
    assert booked.causation_id == placed.message_id
    assert (placed.headers["x-jararaca-hops"], booked.headers["x-jararaca-hops"]) == (1, 2)
    assert booked.headers["traceparent"] == "00-0af7-b7ad-01"


@serving(Relay, Audit)
async def test_headers_of_an_incoming_message_are_not_copied_to_new_ones(
    jararaca_app: RunningApplication, bus: Bus, script: Script
) -> None:
    await bus.publish(Order(number=1), "order.placed", headers={"tenant": "a", "secret": "s"}, key="k")
    await jararaca_app.settle()

    (booked,) = script.messages
    assert booked.headers.keys() == {"correlation_id", "causation_id", "x-jararaca-hops"}


@serving(Audit)
async def test_headers_arrive_as_they_were_given(jararaca_app: RunningApplication, bus: Bus, script: Script) -> None:
    given: dict[str, Any] = {
        "text": "Größe",
        "whole": 2**40,
        "negative": -1,
        "part": 0.5,
        "yes": True,
        "bytes": b"\x00\xff",
        "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "list": ["a", 1, {"deep": None}],
    }
    await bus.publish(Booked(number=1), "order.booked", headers=given)
    await jararaca_app.settle()

    (message,) = script.messages
    assert {name: message.headers[name] for name in given} == given


@serving(Audit)
async def test_a_message_says_what_it_is(jararaca_app: RunningApplication, bus: Bus, script: Script) -> None:
    identity = UUID(int=7, version=4)
    await bus.publish(Booked(number=1), "order.booked", message_id=identity)
    await jararaca_app.settle()

    (message,) = script.messages
    assert message.message_id == str(identity)
    envelope = message.envelope
    assert (envelope.content_type, envelope.type, envelope.persistent) == (
        "application/json",
        "urn:jararaca:Booked",
        True,
    )
    assert message.published_at is not None
    assert abs((jararaca_app.clock.now() - message.published_at).total_seconds()) <= 60.0


@serving(Audit)
async def test_a_message_gets_an_identity_of_its_own(
    jararaca_app: RunningApplication, bus: Bus, script: Script
) -> None:
    await bus.publish(Booked(number=1), "order.booked")
    await bus.publish(Booked(number=1), "order.booked")
    await jararaca_app.settle()

    assert len({UUID(message.message_id) for message in script.messages}) == 2


class Foreign:
    pass


class Unjson(BaseModel, arbitrary_types_allowed=True):
    thing: Foreign


class Large(BaseModel):
    text: str


@serving(Audit)
@pytest.mark.parametrize(
    ("message", "topic", "options", "error"),
    [
        (Booked(number=1), "order.*", {}, InvalidTopic),
        (Booked(number=1), "order.#", {}, InvalidTopic),
        (Booked(number=1), "", {}, InvalidTopic),
        (Booked(number=1), "x" * 256, {}, InvalidTopic),
        ({"number": 1}, "order.booked", {}, UnencodableMessage),
        (Booked, "order.booked", {}, UnencodableMessage),
        (Unjson(thing=Foreign()), "order.booked", {}, UnencodableMessage),
        (Large(text="x" * 1_048_576), "order.booked", {}, MessageTooLarge),
        (Booked(number=1), "order.booked", {"headers": {"trail": "x" * 9_000}}, MessageTooLarge),
        (Booked(number=1), "order.booked", {"headers": {"thing": Foreign()}}, UnencodableValue),
        (Booked(number=1), "order.booked", {"headers": {"ratio": float("nan")}}, UnencodableValue),
        (Booked(number=1), "order.booked", {"headers": {"ratio": float("inf")}}, UnencodableValue),
        (Booked(number=1), "order.booked", {"headers": {"price": Decimal("1e99")}}, UnencodableValue),
        (Booked(number=1), "order.booked", {"headers": {"name": "\ud800"}}, UnencodableValue),
        (Booked(number=1), "order.booked", {"headers": {"CC": "x"}}, InvalidOption),
        (Booked(number=1), "order.booked", {"headers": {"BCC": 7}}, InvalidOption),
        (Booked(number=1), "order.booked", {"message_id": "\ud800"}, InvalidOption),
        (Booked(number=1), "order.booked", {"key": "\ud800"}, InvalidOption),
        (Booked(number=1), "order.booked", {"delay": timedelta(seconds=1)}, InvalidOption),
        (Booked(number=1), "order.booked", {"headers": {"x-jararaca-attempt": 3}}, InvalidOption),
        (Booked(number=1), "order.booked", {"delay": 1.0, "mandatory": True}, InvalidOption),
        (Booked(number=1), "order.booked", {"at": datetime(2026, 1, 1)}, InvalidOption),
        (Booked(number=1), "order.booked", {"expires_in": 0}, InvalidOption),
    ],
)
async def test_what_cannot_travel_is_refused_where_it_is_published(
    bus: Bus, message: Any, topic: str, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await bus.publish(message, topic, **options)

    bus.published().none()


@proves("F-26")
@serving(Audit)
async def test_a_body_of_exactly_the_limit_is_published(jararaca_app: RunningApplication, bus: Bus) -> None:
    frame = len(Large(text="").model_dump_json())

    await bus.publish(Large(text="x" * (1_048_576 - frame)), "order.large")

    bus.published("order.large").one()


@serving(Audit)
async def test_a_message_does_not_fail_because_the_broker_refused_another_one(
    jararaca_app: RunningApplication, bus: Bus, script: Script
) -> None:
    """RMQ-62: the refusal closes the channel that they share."""
    hostile = publish_raw(jararaca_app, Envelope(b"1", user_id="somebody-else"), "order.booked")

    refusal, *_ids = await asyncio.gather(
        hostile, *(bus.publish(Booked(number=number), "order.booked") for number in range(5)), return_exceptions=True
    )
    await jararaca_app.settle()

    assert isinstance(refusal, ChannelClosed)
    assert set(script.numbers) == {0, 1, 2, 3, 4}
