"""What becomes of deliveries: acks and refusals of one and of many, redelivery, and the ends of channels."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from amqp_clients import Channel, Client, Refusal

from jararaca.ports.broker import Envelope, Queue
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

Name = Callable[[str], str]
Put = Callable[..., Awaitable[None]]
QUORUM = {"x-queue-type": "quorum"}
LIMITED = {**QUORUM, "x-delivery-limit": 9}
KINDS = pytest.mark.parametrize("arguments", [{}, QUORUM, LIMITED], ids=["classic", "quorum", "limited"])
UNKNOWN = Refusal(406, "PRECONDITION_FAILED - unknown delivery tag 2", (60, 80))


async def bodies(channel: Channel, queue: str) -> list[bytes]:
    """Take all that is ready, in order."""
    taken = []
    while (got := await channel.basic_get(queue, no_ack=True)) is not None:
        taken.append(got.body)
    return taken


async def consuming(channel: Channel, queue: str, arguments: dict[str, Any], put: Put, *sent: str) -> None:
    """Declare a queue, consume from it with acks as `t`, and let messages come."""
    await channel.queue_declare(Queue(queue, arguments=arguments))
    await channel.basic_consume(queue, consumer_tag="t")
    await put(queue, *sent)


@proves("RMQ-32")
@KINDS
async def test_an_ack_of_many_ends_at_its_tag(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """What comes after the tag stays unacked, and returns with the channel."""
    queue = name("q")
    await consuming(channel, queue, arguments, put, *"0123")
    assert [delivery.tag for delivery in await channel.deliveries(4)] == [1, 2, 3, 4]
    await channel.basic_ack(3, multiple=True)
    await channel.basic_cancel("t")
    await channel.basic_nack(4)
    got = await channel.got(queue)
    assert (got.tag, got.body, got.redelivered, got.ready) == (5, b"3", True, 0)


@proves("RMQ-32")
@KINDS
async def test_tag_zero_and_many_is_all_of_the_channel(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """Also when there is nothing, and what was got as well."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=arguments))
    await channel.basic_ack(0, multiple=True)
    await put(queue, *"012")
    await channel.got(queue)
    await channel.got(queue)
    await channel.basic_nack(0, multiple=True, requeue=True)
    await channel.basic_ack(0, multiple=True)
    returned = [await channel.got(queue) for _ in range(3)]
    assert sorted((got.body, got.redelivered) for got in returned) == [(b"0", True), (b"1", True), (b"2", False)]
    await channel.basic_ack(0, multiple=True)
    assert (await channel.queue_declare(Queue(queue), passive=True)).ready == 0


@proves("RMQ-32", "RMQ-33")
async def test_an_ack_of_many_settles_nothing_if_its_own_tag_is_unknown(
    client: Client, channel: Channel, name: Name, put: Put
) -> None:
    """Tag 2 was settled before; tag 1 returns with the channel."""
    queue = name("q")
    await consuming(channel, queue, {}, put, *"01")
    await channel.deliveries(2)
    await channel.basic_ack(2)
    await channel.basic_ack(2, multiple=True)
    assert await channel.closed() == UNKNOWN
    got = await (await client.channel()).got(queue)
    assert (got.body, got.redelivered) == (b"0", True)


@proves("RMQ-33")
async def test_a_tag_belongs_to_its_channel(client: Client, channel: Channel, name: Name, put: Put) -> None:
    """The other channel dies, and the delivery stays where it is."""
    queue, other = name("q"), await client.channel()
    await consuming(channel, queue, {}, put, *"01")
    await channel.deliveries(2)
    await other.basic_ack(2)
    assert await other.closed() == UNKNOWN
    await channel.basic_ack(2)
    await channel.basic_ack(1)
    assert await bodies(channel, queue) == []


@proves("RMQ-29", "RMQ-30", "RMQ-32")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({}, b"0123"), (QUORUM, b"3012"), (LIMITED, b"0123")],
    ids=["classic", "quorum", "limited"],
)
async def test_many_that_are_refused_return_in_order(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any], expected: bytes
) -> None:
    queue = name("q")
    await channel.basic_qos(3)
    await consuming(channel, queue, arguments, put, *"0123")
    await channel.deliveries(3)
    await channel.basic_cancel("t")
    await channel.basic_nack(3, multiple=True)
    assert b"".join(await bodies(channel, queue)) == expected


@proves("RMQ-32", "RMQ-49")
@KINDS
async def test_what_is_refused_for_good_is_dead_lettered_in_order(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """From two queues at once, queue by queue in the order of their names."""
    dead, first, second = name("dead"), name("a"), name("b")
    await channel.queue_declare(Queue(dead))
    for queue in (second, first):
        lettered = {**arguments, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
        await channel.queue_declare(Queue(queue, arguments=lettered))
        await put(queue, *(f"{queue[-1]}{number}" for number in range(2)))
    for queue in (second, first, second, first):
        await channel.got(queue)
    await channel.basic_nack(4, multiple=True, requeue=False)
    await channel.basic_consume(dead, no_ack=True)
    came = [(await channel.delivery()).body for _ in range(4)]
    assert [body for body in came if body.startswith(b"a")] == [b"a0", b"a1"]
    assert [body for body in came if body.startswith(b"b")] == [b"b0", b"b1"]


@proves("RMQ-36")
@KINDS
async def test_recovering_redelivers_everything_under_new_tags(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    await consuming(channel, name("q"), arguments, put, *"01")
    await channel.deliveries(2)
    await channel.basic_recover(requeue=True)
    again = await channel.deliveries(2)
    assert [(it.tag, it.body, it.redelivered) for it in again] == [(3, b"0", True), (4, b"1", True)]


@proves("RMQ-34")
@KINDS
async def test_a_closed_channel_returns_what_it_held(
    client: Client, channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """The consumers that are left get it, in order."""
    queue, other = name("q"), await client.channel()
    await consuming(channel, queue, arguments, put, *"012")
    await channel.deliveries(3)
    await other.basic_consume(queue)
    await channel.close()
    assert [(it.body, it.redelivered) for it in await other.deliveries(3)] == [
        (b"0", True), (b"1", True), (b"2", True)
    ]  # fmt: skip


@proves("RMQ-35")
@KINDS
async def test_a_cancelled_consumer_may_still_ack(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """And what it refuses goes to whoever is left."""
    queue = name("q")
    await consuming(channel, queue, arguments, put, *"01")
    await channel.deliveries(2)
    assert await channel.basic_cancel("t") == "t"
    await channel.basic_ack(1)
    await channel.basic_reject(2)
    got = await channel.got(queue)
    assert (got.body, got.redelivered) == (b"1", True)


@proves("RMQ-37", "RMQ-22")
async def test_a_deleted_queue_cancels_its_consumers_and_forgets_their_acks(
    channel: Channel, name: Name, put: Put
) -> None:
    """The channel stays open, and a late ack is good."""
    queue = name("q")
    await consuming(channel, queue, {}, put, *"01")
    await channel.deliveries(2)
    assert await channel.queue_delete(queue) == 0
    event = await channel.event()
    assert repr(event) == "Cancelled(consumer_tag='t')"
    await channel.basic_ack(1)
    await channel.basic_nack(2)
    assert await channel.flow(True)


@proves("RMQ-59", "RMQ-29")
@pytest.mark.parametrize("ending", ["refused", "lost"])
async def test_a_priority_queue_takes_each_message_back_to_its_place(
    client: Client, channel: Channel, name: Name, put: Put, ending: str
) -> None:
    """Among those of its priority. More than the highest priority is the highest, and none is 0."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments={"x-max-priority": 5}))
    await put(queue, *(Envelope(b"%d" % number, priority=priority) for number, priority in enumerate([0, 9, None, 5])))
    taken = [await channel.got(queue) for _ in range(4)]
    assert [got.body for got in taken] == [b"1", b"3", b"0", b"2"]
    if ending == "refused":
        for got in reversed(taken):
            await channel.basic_reject(got.tag)
    else:
        await channel.close()
    await put(queue, Envelope(b"4", priority=7))
    assert await bodies(await client.channel(), queue) == [b"1", b"3", b"4", b"0", b"2"]
