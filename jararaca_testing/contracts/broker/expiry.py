"""Expiry and limits: when a message leaves its queue by itself."""

import pytest

from jararaca.ports.broker import Broker, Envelope
from jararaca_testing.contracts.broker.bench import QUORUM, Arrival, BrokerBench, Grave, Inbox, MakeQueue, told
from jararaca_testing.contracts.proofs import proves


class ExpiryContract(BrokerBench):
    """What becomes of messages that are too old, too many or too large."""

    @proves("RMQ-40", "RMQ-49")
    @pytest.mark.parametrize("kind", [{}, QUORUM], ids=["classic", "quorum"])
    async def test_a_message_older_than_its_queue_allows_dies_of_expiry(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival, kind: dict[str, str]
    ) -> None:
        arguments, letters = await grave()
        name = await queue(kind | arguments | {"x-message-ttl": 50})
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        letter = await arrival(letters)
        assert told(letter.envelope) == [(name, "expired", 1)]
        assert letter.envelope.headers["x-first-death-reason"] == "expired"

    @proves("RMQ-44", "RMQ-45")
    async def test_an_expiration_is_taken_off_and_remembered(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        """It would act again where the letter goes."""
        arguments, letters = await grave()
        name = await queue(arguments)
        await broker.publish(Envelope(b"1", expiration="50"), exchange="", routing_key=name)
        envelope = (await arrival(letters)).envelope
        assert envelope.expiration is None
        assert envelope.headers["x-death"][0]["original-expiration"] == "50"

    @proves("RMQ-41")
    @pytest.mark.parametrize(
        ("of_queue", "of_message"), [(60_000, "50"), (50, "60000")], ids=["the message's", "the queue's"]
    )
    async def test_the_shorter_time_to_live_counts(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival, of_queue: int, of_message: str
    ) -> None:
        arguments, letters = await grave()
        name = await queue(arguments | {"x-message-ttl": of_queue})
        await broker.publish(Envelope(b"1", expiration=of_message), exchange="", routing_key=name)
        assert told((await arrival(letters)).envelope) == [(name, "expired", 1)]

    @proves("RMQ-39")
    async def test_a_message_expires_only_at_the_head_of_its_queue(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        """A short life behind a long one lasts as long as the long one."""
        arguments, letters = await grave()
        name = await queue(arguments)
        await broker.publish(Envelope(b"long", expiration="300"), exchange="", routing_key=name)
        await broker.publish(Envelope(b"short", expiration="20"), exchange="", routing_key=name)
        assert [(await arrival(letters)).envelope.body for _ in range(2)] == [b"long", b"short"]

    @proves("RMQ-42")
    async def test_what_is_unacked_does_not_expire_until_it_returns(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        """A later message with a longer life dies first."""
        arguments, letters = await grave()
        name, clock = await queue(arguments | {"x-message-ttl": 50}), await queue(arguments | {"x-message-ttl": 150})
        await broker.publish(Envelope(b"held"), exchange="", routing_key=name)
        held = await broker.get(name)
        assert held is not None
        await broker.publish(Envelope(b"clock"), exchange="", routing_key=clock)
        assert (await arrival(letters)).envelope.body == b"clock"
        held.nack(requeue=True)
        assert (await arrival(letters)).envelope.body == b"held"

    @proves("RMQ-43")
    async def test_a_time_to_live_of_zero_is_long_enough_for_a_waiting_consumer(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        """Without one it has expired at once."""
        arguments, letters = await grave()
        name, inbox = await queue(arguments | {"x-message-ttl": 0}), Inbox()
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        assert (await arrival(letters)).envelope.body == b"1"
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        await broker.publish(Envelope(b"2"), exchange="", routing_key=name)
        assert (await arrival(inbox)).envelope.body == b"2"
