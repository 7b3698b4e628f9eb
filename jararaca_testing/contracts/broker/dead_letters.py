"""Dead letters: where they go, and what they say of their deaths."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jararaca.ports.broker import Binding, Broker, Envelope, Exchange, Queue, QueueInfo
from jararaca_testing.contracts.broker.bench import (
    QUORUM,
    Arrival,
    Bodies,
    BrokerBench,
    Fill,
    Grave,
    Inbox,
    MakeQueue,
    Name,
    Passes,
    Take,
    told,
)
from jararaca_testing.contracts.proofs import proves

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_LEAST_ONCE = {"x-dead-letter-strategy": "at-least-once", "x-overflow": "reject-publish"}


class DeadLetterContract(BrokerBench):
    """What becomes of a dead letter."""

    @proves("RMQ-49", "RMQ-50", "RMQ-51", "RMQ-52")
    async def test_a_rejected_message_tells_its_death_exactly(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        arguments, letters = await grave()
        name = await queue(arguments)
        sent = Envelope(b"1", message_id="m", content_type="text/plain", type="t", headers={"mine": 1})
        await broker.publish(sent, exchange="", routing_key=name)
        delivery = await broker.get(name)
        assert delivery is not None
        delivery.reject(requeue=False)
        letter = await arrival(letters)
        headers = dict(letter.envelope.headers)
        (death,) = headers.pop("x-death")
        time = death.pop("time")
        assert death == {"count": 1, "reason": "rejected", "queue": name, "exchange": "", "routing-keys": [name]}
        assert isinstance(time, datetime)
        assert time.utcoffset() == timedelta(0)
        assert headers == {
            "mine": 1,
            "x-first-death-exchange": "",
            "x-first-death-queue": name,
            "x-first-death-reason": "rejected",
        }
        assert (letter.exchange, letter.routing_key, letter.redelivered) == (
            "",
            arguments["x-dead-letter-routing-key"],
            False,
        )
        assert (letter.envelope.body, letter.envelope.message_id, letter.envelope.type) == (b"1", "m", "t")

    @proves("RMQ-50")
    async def test_a_dead_letter_keeps_its_routing_key_unless_the_queue_names_one(
        self, broker: Broker, fresh: Name, queue: MakeQueue, arrival: Arrival
    ) -> None:
        """And it comes from the dead-letter exchange."""
        exchange, letters = fresh("dead"), Inbox()
        await broker.declare_exchange(Exchange(exchange, "topic"))
        name, target = await queue({"x-dead-letter-exchange": exchange}), await queue()
        await broker.bind(Binding(exchange, target, "#"))
        await broker.consume(target, prefetch=1, on_delivery=letters.put_nowait)
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        delivery = await broker.get(name)
        assert delivery is not None
        delivery.nack(requeue=False)
        letter = await arrival(letters)
        assert (letter.exchange, letter.routing_key) == (exchange, name)

    @proves("RMQ-55")
    async def test_without_a_dead_letter_exchange_to_go_to_a_letter_is_dropped(
        self, broker: Broker, fresh: Name, queue: MakeQueue, bodies: Bodies
    ) -> None:
        name = await queue({"x-dead-letter-exchange": fresh("missing")})
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        delivery = await broker.get(name)
        assert delivery is not None
        assert delivery.reject(requeue=False)
        assert await bodies(name) == []

    @proves("RMQ-49", "RMQ-57")
    @pytest.mark.parametrize("verb", ["nack", "reject"])
    async def test_a_message_that_returns_too_often_dies(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival, verb: str
    ) -> None:
        """Four deliveries with a limit of three."""
        arguments, letters = await grave()
        name, inbox = await queue(QUORUM | arguments | {"x-delivery-limit": 3}), Inbox()
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        for _ in range(4):
            getattr(await arrival(inbox), verb)(requeue=True)
        assert told((await arrival(letters)).envelope) == [(name, "delivery_limit", 1)]
        assert inbox.empty()

    @proves("RMQ-55")
    async def test_a_rejected_message_reaches_its_letter_box_at_least_once(
        self, broker: Broker, queue: MakeQueue, arrival: Arrival
    ) -> None:
        """The strategy that the queues of handlers have, with the letter box they have."""
        letters, box = Inbox(), await queue(QUORUM)
        await broker.consume(box, prefetch=1, on_delivery=letters.put_nowait)
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": box, "x-delivery-limit": 20}
        name = await queue(QUORUM | AT_LEAST_ONCE | arguments)
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        delivery = await broker.get(name)
        assert delivery is not None
        delivery.reject(requeue=False)
        letter = await arrival(letters)
        assert (letter.envelope.body, told(letter.envelope)) == (b"1", [(name, "rejected", 1)])

    @proves("RMQ-51", "RMQ-52", "RMQ-54")
    async def test_repeated_deaths_are_counted_newest_first(
        self, broker: Broker, fresh: Name, arrival: Arrival
    ) -> None:
        """One entry for each queue and reason; a circle with a rejection goes on."""
        name, wait, inbox = fresh("main"), fresh("wait"), Inbox()
        for declared, target, ttl in ((name, wait, {}), (wait, name, {"x-message-ttl": 30})):
            arguments: dict[str, Any] = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": target, **ttl}
            await broker.declare_queue(Queue(declared, arguments=arguments))
        await broker.consume(name, prefetch=1, on_delivery=inbox.put_nowait)
        await broker.publish(Envelope(b"1"), exchange="", routing_key=name)
        for _ in range(2):
            (await arrival(inbox)).reject(requeue=False)
        envelope = (await arrival(inbox)).envelope
        assert told(envelope) == [(wait, "expired", 2), (name, "rejected", 2)]
        assert envelope.headers["x-first-death-queue"] == name

    @proves("RMQ-50")
    async def test_a_wait_brings_a_copy_back_to_the_queue_that_its_key_names(
        self, broker: Broker, fresh: Name, queue: MakeQueue, arrival: Arrival
    ) -> None:
        """A fanout exchange and a queue without dead-letter routing key serve the waits of all handlers."""
        wait, inboxes = fresh("wait.60"), {await queue(QUORUM): Inbox() for _ in range(2)}
        for name, inbox in inboxes.items():
            await broker.consume(name, prefetch=10, on_delivery=inbox.put_nowait)
        await broker.declare_exchange(Exchange(wait, "fanout"))
        await broker.declare_queue(Queue(wait, arguments=QUORUM | {"x-message-ttl": 60, "x-dead-letter-exchange": ""}))
        await broker.bind(Binding(wait, wait))
        for name in inboxes:
            confirm = await broker.publish(Envelope(name.encode()), exchange=wait, routing_key=name, mandatory=True)
            assert confirm.returned is None
        for name, inbox in inboxes.items():
            back = await arrival(inbox)
            assert (back.envelope.body, back.exchange, back.routing_key) == (name.encode(), "", name)
            assert told(back.envelope) == [(wait, "expired", 1)]
            assert inbox.empty()

    @proves("RMQ-07", "RMQ-50")
    async def test_a_dead_letter_loses_its_carbon_copies_if_its_queue_names_a_key(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival
    ) -> None:
        """Otherwise they would be routed again."""
        arguments, letters = await grave()
        name, copied = await queue(arguments), await queue()
        await broker.publish(Envelope(b"1", headers={"CC": [copied]}), exchange="", routing_key=name)
        delivery = await broker.get(name)
        assert delivery is not None
        delivery.reject(requeue=False)
        letter = await arrival(letters)
        assert "CC" not in letter.envelope.headers
        assert letter.envelope.headers["x-death"][0]["routing-keys"] == [name, copied]

    @proves("RMQ-22")
    async def test_purging_and_deleting_a_queue_makes_no_dead_letters(
        self, broker: Broker, queue: MakeQueue, grave: Grave, fill: Fill, arrival: Arrival, take: Take
    ) -> None:
        """The first letter is the one of a message that is rejected afterwards."""
        arguments, letters = await grave()
        name, marked = await queue(arguments), await queue(arguments)
        await fill(name, 2)
        assert await broker.purge(name) == 2
        await fill(name, 3)
        assert await broker.delete_queue(name) == 3
        await broker.publish(Envelope(b"marker"), exchange="", routing_key=marked)
        (await take(marked)).reject(requeue=False)
        assert (await arrival(letters)).envelope.body == b"marker"

    @proves("RMQ-53")
    async def test_a_death_that_the_publisher_made_up_is_counted_on(
        self, broker: Broker, queue: MakeQueue, grave: Grave, arrival: Arrival, take: Take
    ) -> None:
        """So does whoever republishes a dead letter with its headers."""
        arguments, letters = await grave()
        name = await queue(arguments)
        death = {"queue": name, "reason": "rejected", "count": 5, "exchange": "", "routing-keys": [name], "time": NOON}
        await broker.publish(Envelope(b"1", headers={"x-death": [death]}), exchange="", routing_key=name)
        (await take(name)).reject(requeue=False)
        headers = (await arrival(letters)).envelope.headers
        assert headers == {"x-death": [{**death, "count": 6}]}

    @proves("RMQ-54")
    async def test_a_message_that_expires_round_in_a_circle_is_dropped(
        self, broker: Broker, fresh: Name, fill: Fill, passes: Passes
    ) -> None:
        """It came back to the queue where it died, and nobody rejected it on the way."""
        name = fresh("circle")
        arguments = {"x-message-ttl": 20, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": name}
        await broker.declare_queue(Queue(name, arguments=arguments))
        await fill(name, 1)
        await passes(200)
        assert await broker.inspect_queue(name) == QueueInfo(name, 0, 0)

    @proves("RMQ-31", "RMQ-57")
    async def test_the_count_of_returns_is_absent_on_the_first_push_and_0_on_the_first_get(
        self, broker: Broker, queue: MakeQueue, fill: Fill, take: Take, arrival: Arrival
    ) -> None:
        got, pushed, inbox = await queue(QUORUM), await queue(QUORUM), Inbox()
        for name in (got, pushed):
            await fill(name, 1)
        await broker.consume(pushed, prefetch=1, on_delivery=inbox.put_nowait)
        assert (await take(got)).envelope.headers == {"x-delivery-count": 0}
        first = await arrival(inbox)
        first.nack(requeue=True)
        again = await arrival(inbox)
        assert (first.envelope.headers, again.envelope.headers) == ({}, {"x-delivery-count": 1})
