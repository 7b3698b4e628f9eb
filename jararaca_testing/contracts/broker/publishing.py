"""Publishing: what a confirm says, what comes back, and what a refusal costs."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from jararaca.errors import ChannelClosed, PublishRefused, UnencodableValue
from jararaca.ports.broker import DEEPEST, Broker, Confirm, Envelope, Returned
from jararaca_testing.contracts.broker.bench import Bodies, BrokerBench, MakeQueue, Name
from jararaca_testing.contracts.proofs import proves

NO_ROUTE = Confirm(Returned(312, "NO_ROUTE"))


def nested(levels: int) -> list[Any]:
    """So many lists in each other."""
    value: list[Any] = []
    for _ in range(levels - 1):
        value = [value]
    return value


class PublishingContract(BrokerBench):
    """What a publisher is told."""

    @proves("RMQ-60")
    async def test_a_routed_message_is_confirmed_and_in_its_queue(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """A confirm says that the broker has it, not that anybody consumed it."""
        name = await queue()
        confirm = await broker.publish(Envelope(b"1"), exchange="", routing_key=name, mandatory=True)
        assert (confirm, await bodies(name)) == (Confirm(), [b"1"])

    @proves("RMQ-10")
    async def test_an_unroutable_message_is_dropped_and_confirmed(self, broker: Broker, fresh: Name) -> None:
        assert await broker.publish(Envelope(b"1"), exchange="", routing_key=fresh("nowhere")) == Confirm()

    @proves("RMQ-11")
    async def test_an_unroutable_mandatory_message_comes_back_with_its_reason(
        self, broker: Broker, fresh: Name
    ) -> None:
        confirm = await broker.publish(Envelope(b"1"), exchange="", routing_key=fresh("nowhere"), mandatory=True)
        assert confirm == NO_ROUTE

    @proves("RMQ-11")
    async def test_only_the_unroutable_ones_of_a_batch_come_back(
        self, broker: Broker, fresh: Name, queue: MakeQueue
    ) -> None:
        """A return names no number, and still finds its publish, message id or none, twins included."""
        name, nowhere = await queue(), fresh("nowhere")
        batch = [
            (Envelope(b"1"), name),
            (Envelope(b"2"), nowhere),
            (Envelope(b"2"), nowhere),
            (Envelope(b"3", message_id="same"), name),
            (Envelope(b"3", message_id="same"), nowhere),
            (Envelope(b""), name),
        ]
        futures = [broker.publish(envelope, exchange="", routing_key=key, mandatory=True) for envelope, key in batch]
        confirms = await asyncio.gather(*futures)
        assert confirms == [Confirm(), NO_ROUTE, NO_ROUTE, Confirm(), NO_ROUTE, Confirm()]

    @proves("RMQ-12")
    async def test_publishing_to_a_missing_exchange_fails_with_404(self, broker: Broker, fresh: Name) -> None:
        exchange = fresh("missing")
        with pytest.raises(ChannelClosed, match=f"NOT_FOUND - no exchange '{exchange}'") as caught:
            await broker.publish(Envelope(b"1"), exchange=exchange, routing_key="a")
        assert caught.value.code == 404

    @proves("RMQ-12")
    async def test_publishing_goes_on_after_a_refusal(
        self, broker: Broker, fresh: Name, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """The channel that the refusal cost is opened again for whatever comes later."""
        name = await queue()
        for number in range(3):
            with pytest.raises(ChannelClosed):
                await broker.publish(Envelope(b"x"), exchange=fresh("missing"), routing_key="a")
            assert await broker.publish(Envelope(b"%d" % number), exchange="", routing_key=name) == Confirm()
        assert await bodies(name) == [b"0", b"1", b"2"]

    @proves("RMQ-44")
    async def test_an_expiration_that_is_no_number_is_refused_with_406(self, broker: Broker, queue: MakeQueue) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.publish(Envelope(b"1", expiration="abc"), exchange="", routing_key=await queue())
        assert caught.value.code == 406

    @proves("RMQ-62")
    async def test_a_foreign_user_id_is_refused_with_406(self, broker: Broker, queue: MakeQueue) -> None:
        with pytest.raises(ChannelClosed) as caught:
            await broker.publish(Envelope(b"1", user_id="somebody-else"), exchange="", routing_key=await queue())
        assert caught.value.code == 406

    @proves("RMQ-47")
    async def test_a_full_queue_that_rejects_refuses_the_publish(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        name = await queue({"x-max-length": 1, "x-overflow": "reject-publish"})
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        with pytest.raises(PublishRefused):
            await broker.publish(Envelope(b"2"), exchange="", routing_key=name)
        assert await bodies(name) == [b"1"]

    @proves("RMQ-47")
    async def test_publishing_goes_on_when_a_full_queue_has_room_again(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """The refusal concerned one message, not the channel."""
        name = await queue({"x-max-length": 1, "x-overflow": "reject-publish"})
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        with pytest.raises(PublishRefused):
            await broker.publish(Envelope(b"2"), exchange="", routing_key=name)
        await broker.purge(name)
        await broker.publish(Envelope(b"3"), exchange="", routing_key=name)
        assert await bodies(name) == [b"3"]

    @proves("RMQ-60")
    async def test_two_hundred_interleaved_publishes_are_all_confirmed_in_order(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """Nothing waits for a confirm, and each queue has its messages in the order of the calls."""
        names = [await queue() for _ in range(4)]

        async def publish(number: int) -> Confirm:
            return await broker.publish(
                Envelope(b"%d" % number), exchange="", routing_key=names[number % 4], mandatory=bool(number % 2)
            )

        confirms = await asyncio.gather(*[publish(number) for number in range(200)])
        assert confirms == [Confirm()] * 200
        assert [await bodies(name) for name in names] == [
            [b"%d" % number for number in range(start, 200, 4)] for start in range(4)
        ]

    async def test_flush_returns_once_what_was_published_is_written(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        """The first publish too, whose channel has to be opened."""
        name = await queue()
        future = broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        await broker.flush()
        assert await future == Confirm()
        assert await bodies(name) == [b"1"]

    async def test_a_given_up_confirm_harms_no_other(self, broker: Broker, queue: MakeQueue, bodies: Bodies) -> None:
        """A caller whose deadline passed cancels its future; the confirm then belongs to nobody."""
        name = await queue()
        futures = [broker.publish(Envelope(b"%d" % number), exchange="", routing_key=name) for number in range(3)]
        futures[1].cancel()
        assert await asyncio.gather(*futures[::2]) == [Confirm(), Confirm()]
        assert await bodies(name) == [b"0", b"1", b"2"]

    @proves("RMQ-64")
    @pytest.mark.parametrize(
        "envelope",
        [
            pytest.param(Envelope(b"1", headers={"deep": nested(DEEPEST + 1)}), id="lists nested too deeply"),
            pytest.param(Envelope(b"1", headers={"when": object()}), id="a header without AMQP type"),
            pytest.param(Envelope(b"1", headers={"far": 2**63}), id="an integer over 64 bits"),
            pytest.param(Envelope(b"1", headers={"ratio": float("nan")}), id="a float that is no number"),
            pytest.param(Envelope(b"1", headers={"ratios": [float("inf")]}), id="a float without end"),
            pytest.param(Envelope(b"1", headers={"ratio": Decimal("NaN")}), id="a decimal that is no number"),
            pytest.param(Envelope(b"1", headers={"price": Decimal("1e99")}), id="a decimal over 32 bits"),
            pytest.param(Envelope(b"1", headers={"price": Decimal("1e-300")}), id="a decimal of too many places"),
            pytest.param(Envelope(b"1", headers={"name": "\ud800"}), id="a header with half a character"),
            pytest.param(Envelope(b"1", headers={"\ud800": 1}), id="a header name with half a character"),
            pytest.param(Envelope(b"1", message_id="\ud800"), id="a property with half a character"),
            pytest.param(Envelope(b"1", message_id="i" * 256), id="a property over 255 bytes"),
            pytest.param(Envelope("text"), id="a body of text"),  # type: ignore[arg-type]  # what is refused
        ],
    )
    async def test_what_amqp_cannot_carry_is_refused_before_it_is_queued(
        self, broker: Broker, queue: MakeQueue, envelope: Envelope
    ) -> None:
        """The call raises, so that a batch does not lose its channel over one value."""
        name = await queue()
        with pytest.raises(UnencodableValue):
            await broker.publish(envelope, exchange="", routing_key=name)

    async def test_a_routing_key_over_255_bytes_is_refused_before_it_is_queued(self, broker: Broker) -> None:
        with pytest.raises(UnencodableValue):
            await broker.publish(Envelope(b"1"), exchange="", routing_key="é" * 128)
