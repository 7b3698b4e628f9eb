"""Publishing as a channel does it: confirms, returns, transactions, copies, and answers without a queue."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from amqp_clients import Bounced, Channel, Client, Confirmed, Refusal

from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Envelope, Exchange, Queue
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

Name = Callable[[str], str]
Put = Callable[..., Awaitable[None]]
QUORUM = {"x-queue-type": "quorum"}
REPLIES = "amq.rabbitmq.reply-to"


async def ready(channel: Channel, queue: str) -> int:
    return (await channel.queue_declare(Queue(queue), passive=True)).ready


async def confirmed_up_to(channel: Channel, last: int) -> list[Confirmed]:
    """The confirms of the publishes 1 to `last`. Each is covered once, by its own tag or by that of a later one."""
    confirms: list[Confirmed] = []
    open_tags = set(range(1, last + 1))
    while open_tags:
        event = await channel.event()
        assert isinstance(event, Confirmed)
        assert event.tag in open_tags
        open_tags -= {tag for tag in open_tags if tag == event.tag or (event.multiple and tag < event.tag)}
        confirms.append(event)
    return confirms


@proves("RMQ-60", "RMQ-10")
async def test_confirms_count_from_the_moment_they_were_asked_for(channel: Channel, name: Name) -> None:
    """For what was routed and for what was not; nothing has to be consumed."""
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await channel.basic_publish(b"0", queue)
    await channel.confirm_select()
    await channel.confirm_select()
    for key in (queue, "nobody", queue):
        await channel.basic_publish(b"1", key)
    assert all(it.accepted for it in await confirmed_up_to(channel, 3))
    assert await ready(channel, queue) == 3


@proves("RMQ-11")
async def test_what_nobody_takes_comes_back_before_its_confirm(channel: Channel, name: Name) -> None:
    """If it was mandatory, with all its properties but `BCC`."""
    nobody = name("nobody")
    await channel.confirm_select()
    sent = Envelope(b"1", headers={"a": 1, "CC": [nobody], "BCC": [nobody]}, message_id="m", priority=3)
    await channel.basic_publish(sent, nobody, exchange="amq.topic", mandatory=True)
    seen = Envelope(b"1", headers={"a": 1, "CC": [nobody]}, message_id="m", priority=3)
    assert await channel.event() == Bounced(312, "NO_ROUTE", "amq.topic", nobody, seen)
    assert await channel.event() == Confirmed(1, False, accepted=True)


@proves("RMQ-47")
async def test_a_full_queue_that_rejects_has_the_publish_nacked(channel: Channel, name: Name) -> None:
    """Though another queue took it."""
    full, roomy, exchange = name("full"), name("roomy"), name("x")
    await channel.exchange_declare(Exchange(exchange, "fanout"))
    await channel.queue_declare(Queue(full, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}))
    await channel.queue_declare(Queue(roomy))
    for queue in (full, roomy):
        await channel.queue_bind(queue, exchange)
    await channel.confirm_select()
    for number in (1, 2):
        await channel.basic_publish(b"x", exchange=exchange)
        event = await channel.event()
        assert isinstance(event, Confirmed)
        assert (event.tag, event.accepted) == (number, number == 1)
    assert (await ready(channel, full), await ready(channel, roomy)) == (1, 2)


@proves("RMQ-48")
async def test_a_limit_in_bytes_counts_bodies(channel: Channel, name: Name, put: Put) -> None:
    """No header counts, and what is unacked does not either."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments={"x-max-length-bytes": 10}))
    await put(queue, *(Envelope(body, headers={"h": "x" * 100}) for body in (b"aaaaa", b"bbbbb")))
    assert await ready(channel, queue) == 2
    await channel.got(queue)
    await put(queue, "ccccc")
    assert await ready(channel, queue) == 2
    await put(queue, "d")
    assert [(await channel.got(queue)).body for _ in range(2)] == [b"ccccc", b"d"]


@proves("RMQ-46")
async def test_a_publisher_is_not_told_of_a_dropped_head(channel: Channel, name: Name) -> None:
    """The first one goes to the dead letters, and all are acked."""
    dead, queue = name("dead"), name("q")
    lettered = {"x-max-length": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    await channel.queue_declare(Queue(dead))
    await channel.queue_declare(Queue(queue, arguments=lettered))
    await channel.confirm_select()
    for body in (b"0", b"1"):
        await channel.basic_publish(body, queue)
    assert all(it.accepted for it in await confirmed_up_to(channel, 2))
    await channel.basic_consume(dead)
    delivery = await channel.delivery()
    assert (delivery.body, delivery.envelope.headers["x-first-death-reason"]) == (b"0", "maxlen")


@proves("RMQ-61")
async def test_a_transaction_is_invisible_until_it_is_committed(
    client: Client, channel: Channel, name: Name, put: Put
) -> None:
    """What it publishes, and what it settles."""
    queue, observer = name("q"), await client.channel()
    await channel.queue_declare(Queue(queue))
    await put(queue, "0")
    await channel.tx_select()
    await channel.tx_select()
    await channel.got(queue)
    await channel.basic_publish(b"1", queue)
    await channel.basic_nack(1)
    await channel.flow(True)
    assert await ready(observer, queue) == 0
    await channel.tx_commit()
    bodies = {(got.body, got.redelivered) for got in [await observer.got(queue) for _ in range(2)]}
    assert bodies == {(b"0", True), (b"1", False)}


@proves("RMQ-61")
async def test_a_rollback_forgets_publishes_and_settlements(channel: Channel, name: Name, put: Put) -> None:
    """The delivery is unacked again, under its tag."""
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await put(queue, *"01")
    await channel.tx_select()
    for _ in range(2):
        await channel.got(queue)
    await channel.basic_publish(b"2", queue)
    await channel.basic_ack(2, multiple=True)
    await channel.tx_rollback()
    await channel.tx_commit()
    assert await ready(channel, queue) == 0
    await channel.basic_nack(1)
    await channel.basic_ack(2)
    await channel.tx_commit()
    assert await ready(channel, queue) == 1


@proves("RMQ-61")
async def test_a_transaction_returns_what_nobody_takes_when_it_is_committed(channel: Channel, name: Name) -> None:
    """A queue that is gone by then takes nothing; one of the same name does."""
    queue, again = name("q"), name("again")
    for each in (queue, again):
        await channel.queue_declare(Queue(each))
    await channel.tx_select()
    for key in ("nobody", queue, again):
        await channel.basic_publish(key[-1:].encode(), key, mandatory=True)
    for each in (queue, again):
        await channel.queue_delete(each)
    await channel.queue_declare(Queue(again))
    assert channel.events.empty()
    await channel.tx_commit()
    events = [await channel.event() for _ in range(2)]
    assert [event.routing_key for event in events if isinstance(event, Bounced)] == ["nobody", queue]
    assert await ready(channel, again) == 1


@proves("RMQ-61", "RMQ-34")
async def test_a_closed_channel_forgets_its_transaction(client: Client, channel: Channel, name: Name, put: Put) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await put(queue, "0")
    await channel.tx_select()
    await channel.got(queue)
    await channel.basic_publish(b"1", queue)
    await channel.basic_ack(1)
    await channel.close()
    got = await (await client.channel()).got(queue)
    assert (got.body, got.redelivered, got.ready) == (b"0", True, 0)


@proves("RMQ-61", "RMQ-47")
async def test_a_transaction_that_a_queue_refuses_in_part_closes_the_channel(
    client: Client, channel: Channel, name: Name
) -> None:
    """The other part is done."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments={"x-max-length": 1, "x-overflow": "reject-publish"}))
    await channel.tx_select()
    for body in (b"0", b"1"):
        await channel.basic_publish(body, queue)
    with pytest.raises(ChannelClosed):
        await channel.tx_commit()
    assert await channel.closed() == Refusal(406, "PRECONDITION_FAILED - partial tx completion", (90, 20))
    assert (await (await client.channel()).got(queue)).ready == 0


@proves("RMQ-07", "RMQ-03")
@pytest.mark.parametrize("exchange", ["", "amq.direct"])
async def test_copies_go_to_each_queue_once(channel: Channel, name: Name, exchange: str) -> None:
    """`CC` stays to be seen, `BCC` does not; one copy, however many ways lead there."""
    queues = [name(label) for label in "abc"]
    for queue in queues:
        await channel.queue_declare(Queue(queue))
        if exchange:
            await channel.queue_bind(queue, exchange, queue)
    first, second, third = queues
    headers: dict[str, Any] = {"CC": [second, first], "BCC": [third, second], "a": 1}
    await channel.basic_publish(Envelope(b"1", headers=headers), first, exchange=exchange)
    for queue in queues:
        got = await channel.got(queue)
        assert (got.routing_key, got.exchange, got.ready) == (first, exchange, 0)
        assert got.envelope.headers == {"CC": [second, first], "a": 1}


@proves("RMQ-07")
async def test_copies_must_be_listed(channel: Channel) -> None:
    await channel.basic_publish(Envelope(b"", headers={"CC": "k"}))
    text = 'PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}'
    assert await channel.closed() == Refusal(406, text, (60, 40))


@proves("RMQ-63")
async def test_an_answer_comes_without_a_queue(client: Client, channel: Channel, name: Name) -> None:
    """Under the next tag, which it does not use up; to `mandatory` it counts as not routed."""
    queue, server = name("q"), await client.channel()
    await channel.queue_declare(Queue(queue))
    await channel.basic_consume(REPLIES, consumer_tag="r", no_ack=True)
    await channel.basic_publish(Envelope(b"?", reply_to=REPLIES), queue)
    await server.basic_consume(queue, no_ack=True)
    request = await server.delivery()
    address = request.envelope.reply_to or ""
    assert address.startswith(f"{REPLIES}.")
    info = await server.queue_declare(Queue(address), passive=True)
    assert (info.name, info.ready, info.consumers) == (address, 0, 1)
    await server.basic_publish(Envelope(b"!", correlation_id="c"), address)
    await server.basic_publish(b"!!", address, mandatory=True)
    answers = await channel.deliveries(2)
    assert [(it.consumer_tag, it.tag, it.exchange, it.routing_key, it.redelivered) for it in answers] == [
        ("r", 1, "", address, False)
    ] * 2
    assert (answers[0].body, answers[0].envelope.correlation_id, answers[1].body) == (b"!", "c", b"!!")
    assert isinstance(await server.event(), Bounced)


@proves("RMQ-63")
async def test_nobody_hears_an_answer_after_the_consumer_or_its_channel_is_gone(
    client: Client, channel: Channel, name: Name
) -> None:
    """Its address is no queue any more."""
    queue, server = name("q"), await client.channel()
    await channel.queue_declare(Queue(queue))
    await server.basic_consume(queue, no_ack=True)
    addresses = []
    for _ in range(2):
        await channel.basic_consume(REPLIES, consumer_tag="r", no_ack=True)
        await channel.basic_publish(Envelope(b"?", reply_to=REPLIES), queue)
        addresses.append((await server.delivery()).envelope.reply_to or "")
        assert await channel.basic_cancel("r") == "r"
    await channel.basic_consume(REPLIES, no_ack=True)
    await channel.basic_publish(Envelope(b"?", reply_to=REPLIES), queue)
    addresses.append((await server.delivery()).envelope.reply_to or "")
    await channel.close()
    for address in addresses:
        await server.basic_publish(b"!", address)
    with pytest.raises(ChannelClosed, match="404"):
        await server.queue_declare(Queue(addresses[-1]), passive=True)


@proves("RMQ-63")
async def test_a_channel_has_one_consumer_of_answers(channel: Channel) -> None:
    info = await channel.queue_declare(Queue(REPLIES))
    assert (info.name, info.ready, info.consumers) == (REPLIES, 0, 1)
    await channel.basic_consume(REPLIES, consumer_tag="r", no_ack=True)
    with pytest.raises(ChannelClosed):
        await channel.basic_consume(REPLIES, consumer_tag="r", no_ack=True)
    assert await channel.closed() == Refusal(406, "PRECONDITION_FAILED - reply consumer already set", (60, 20))
