"""What survives the wire: bodies, properties and the types of headers."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from jararaca.ports.broker import DEEPEST, Broker, Envelope
from jararaca_testing.contracts.broker.bench import BrokerBench, MakeQueue
from jararaca_testing.contracts.proofs import proves

Travel = Callable[[Envelope], Awaitable[Envelope]]

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


class MessageContract(BrokerBench):
    """What a message still is when it arrives."""

    @pytest.fixture
    def travel(self, broker: Broker, queue: MakeQueue) -> Travel:
        """Sends a message through a queue, and tells what arrives."""

        async def travel(envelope: Envelope) -> Envelope:
            name = await queue()
            await broker.publish(envelope, exchange="", routing_key=name)
            delivery = await broker.get(name)
            assert delivery is not None
            return delivery.envelope

        return travel

    @proves("RMQ-64")
    @pytest.mark.parametrize(
        "value",
        [
            pytest.param(value, id=repr(value)[:40])
            for value in (
                None,
                True,
                False,
                0,
                -1,
                127,
                -129,
                65_535,
                2**31 - 1,
                -(2**31),
                2**31,
                2**63 - 1,
                -(2**63),
                0.1,
                -1e300,
                "",
                "Grüße",
                "x" * 70_000,
                b"\x00\xff",
                b"",
                NOON,
                Decimal("12.34"),
                Decimal("-7"),
                [],
                {},
                [1, "two", None, [3.0], {"four": b"4"}],
                {"deep": {"deeper": [NOON, {"deepest": True}]}},
            )
        ],
    )
    async def test_a_header_arrives_as_it_was(self, travel: Travel, value: Any) -> None:
        """Value and type."""
        arrived = (await travel(Envelope(b"1", headers={"value": value}))).headers["value"]
        assert (arrived, type(arrived)) == (value, type(value))

    @proves("RMQ-64")
    @pytest.mark.parametrize(
        ("value", "arrives"),
        [
            pytest.param((1, 2), [1, 2], id="a tuple as a list"),
            pytest.param(bytearray(b"raw"), b"raw", id="a buffer as bytes"),
            pytest.param(datetime(2026, 3, 1, 12, 0, 0), NOON, id="a naive time as UTC"),
            pytest.param(datetime(1969, 7, 20), datetime(1970, 1, 1, tzinfo=UTC), id="a time before 1970 as its start"),
            pytest.param(
                datetime(2026, 3, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2))),
                NOON,
                id="a time in seconds",
            ),
        ],
    )
    async def test_a_header_without_a_type_of_its_own_arrives_as_the_nearest(
        self, travel: Travel, value: Any, arrives: Any
    ) -> None:
        arrived = (await travel(Envelope(b"1", headers={"value": value}))).headers["value"]
        assert (arrived, type(arrived)) == (arrives, type(arrives))

    async def test_a_header_may_be_nested_as_deeply_as_the_port_says(self, travel: Travel) -> None:
        deep: list[Any] = []
        for _ in range(DEEPEST - 1):
            deep = [deep]
        assert (await travel(Envelope(b"1", headers={"deep": deep}))).headers == {"deep": deep}

    @proves("RMQ-64")
    async def test_every_property_arrives_as_it_was(self, travel: Travel) -> None:
        sent = Envelope(
            b'{"a": 1}',
            content_type="application/json",
            content_encoding="utf-8",
            headers={"a": 1},
            persistent=True,
            priority=7,
            correlation_id="c",
            reply_to="r",
            expiration="60000",
            message_id="m",
            timestamp=NOON,
            type="order.created",
            app_id="shop",
        )
        assert await travel(sent) == sent

    @proves("RMQ-64")
    async def test_nothing_is_made_up_for_a_bare_message(self, travel: Travel) -> None:
        """No id, no time, no header."""
        assert await travel(Envelope(b"1")) == Envelope(b"1")

    async def test_a_transient_message_stays_transient(self, travel: Travel) -> None:
        assert not (await travel(Envelope(b"1", persistent=False))).persistent

    @pytest.mark.parametrize("size", [0, 1, 131_063, 131_064, 131_065, 262_128, 1_000_000])
    async def test_a_body_of_any_size_arrives_whole(self, travel: Travel, size: int) -> None:
        """A body is split at the longest frame that the server takes, which is 131,072 bytes by default."""
        body = bytes(range(256)) * (size // 256 + 1)
        assert (await travel(Envelope(body[:size]))).body == body[:size]
