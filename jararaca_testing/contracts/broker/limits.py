"""Limits: what becomes of what is too much."""

import pytest

from jararaca.errors import PublishRefused
from jararaca.ports.broker import Broker, Confirm, Envelope
from jararaca_testing.contracts.broker.bench import Arrival, Bodies, BrokerBench, Fill, Grave, MakeQueue, Take, told
from jararaca_testing.contracts.proofs import proves


class LimitContract(BrokerBench):
    """Who has to go when a queue is full."""

    @proves("RMQ-46", "RMQ-49")
    async def test_a_full_queue_lets_its_oldest_message_die(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival, bodies: Bodies
    ) -> None:
        arguments, letters = await grave()
        name = await queue(arguments | {"x-max-length": 2})
        for number in range(3):
            await broker.publish(Envelope(b"%d" % number), exchange="", routing_key=name)
        letter = await arrival(letters)
        assert (letter.envelope.body, told(letter.envelope)) == (b"0", [(name, "maxlen", 1)])
        assert await bodies(name) == [b"1", b"2"]

    @proves("RMQ-46")
    async def test_what_is_unacked_takes_no_room_until_it_returns(
        self, broker: Broker, queue: MakeQueue, grave: Grave, take: Take, arrival: Arrival, bodies: Bodies
    ) -> None:
        """It returns to the head, where the oldest is, and has to go."""
        arguments, letters = await grave()
        name = await queue(arguments | {"x-max-length": 1})
        await broker.publish(Envelope(b"held"), exchange="", routing_key=name)
        held = await take(name)
        await broker.publish(Envelope(b"ready"), exchange="", routing_key=name)
        assert (await broker.inspect_queue(name)).ready == 1
        held.nack(requeue=True)
        letter = await arrival(letters)
        assert (letter.envelope.body, told(letter.envelope)) == (b"held", [(name, "maxlen", 1)])
        assert await bodies(name) == [b"ready"]

    @proves("RMQ-47")
    async def test_a_refused_message_becomes_a_dead_letter_if_the_queue_says_so(
        self, broker: Broker, queue: MakeQueue, grave: Grave, fill: Fill, arrival: Arrival, bodies: Bodies
    ) -> None:
        arguments, letters = await grave()
        name = await queue(arguments | {"x-max-length": 1, "x-overflow": "reject-publish-dlx"})
        await fill(name, 1)
        with pytest.raises(PublishRefused):
            await broker.publish(Envelope(b"refused"), exchange="", routing_key=name)
        letter = await arrival(letters)
        assert (letter.envelope.body, told(letter.envelope)) == (b"refused", [(name, "maxlen", 1)])
        assert await bodies(name) == [b"0"]

    @proves("RMQ-48")
    async def test_bytes_of_bodies_are_counted_and_nothing_else(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        name = await queue({"x-max-length-bytes": 10})
        large = Envelope(b"123456", headers={"large": "x" * 100}, message_id="i" * 50)
        for envelope in (large, Envelope(b"7890")):
            assert await broker.publish(envelope, exchange="", routing_key=name) == Confirm()
        assert await bodies(name) == [b"123456", b"7890"]

    @proves("RMQ-48")
    async def test_as_many_messages_go_as_one_more_needs_room(
        self, broker: Broker, queue: MakeQueue, bodies: Bodies
    ) -> None:
        name = await queue({"x-max-length-bytes": 10})
        for body in (b"123", b"456", b"789", b"0" * 8, b"x"):
            await broker.publish(Envelope(body), exchange="", routing_key=name)
        assert await bodies(name) == [b"0" * 8, b"x"]

    @proves("RMQ-48")
    async def test_a_message_larger_than_its_queue_goes_at_once(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        arguments, letters = await grave()
        name = await queue(arguments | {"x-max-length-bytes": 10})
        await broker.publish(Envelope(b"x" * 11), exchange="", routing_key=name)
        assert told((await arrival(letters)).envelope) == [(name, "maxlen", 1)]
