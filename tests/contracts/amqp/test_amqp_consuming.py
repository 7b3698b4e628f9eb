"""Who receives: windows, turns, exclusive consumers, consumers without acks, gets beside them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from amqp_clients import Cancelled, Channel, Client, Refusal

from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Queue
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

Name = Callable[[str], str]
Put = Callable[..., Awaitable[None]]
QUORUM = {"x-queue-type": "quorum"}
KINDS = pytest.mark.parametrize("arguments", [{}, QUORUM], ids=["classic", "quorum"])


async def counts(channel: Channel, queue: str) -> tuple[int, int]:
    info = await channel.queue_declare(Queue(queue), passive=True)
    return info.ready, info.consumers


@proves("RMQ-23")
@KINDS
async def test_a_window_is_that_of_each_consumer(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """And it is fixed when the consumer comes."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=arguments))
    await channel.basic_qos(1)
    await channel.basic_consume(queue, consumer_tag="a")
    await channel.basic_qos(2)
    await channel.basic_consume(queue, consumer_tag="b")
    await put(queue, *"01234")
    came = await channel.deliveries(3)
    assert sorted(it.consumer_tag for it in came) == ["a", "b", "b"]
    await channel.basic_ack(next(it.tag for it in came if it.consumer_tag == "a"))
    assert (await channel.delivery()).consumer_tag == "a"


@proves("RMQ-23")
async def test_a_shared_window_is_that_of_all_consumers_of_the_channel(
    client: Client, channel: Channel, name: Name, put: Put
) -> None:
    """With global=true: across queues, beside the window of each, and not for other channels."""
    first, second = name("a"), name("b")
    for queue in (first, second):
        await channel.queue_declare(Queue(queue))
    await channel.basic_qos(3, global_=True)
    await channel.basic_consume(first, consumer_tag="a")
    await put(first, *"01")
    await channel.deliveries(2)
    await channel.basic_consume(second, consumer_tag="b")
    await put(second, *"234")
    assert (await channel.delivery()).body == b"2"
    await put(first, "5")
    assert [await counts(channel, queue) for queue in (first, second)] == [(1, 1), (2, 1)]
    await channel.basic_ack(3, multiple=True)
    assert sorted(it.body for it in await channel.deliveries(3)) == [b"3", b"4", b"5"]


async def test_a_wider_shared_window_is_filled_at_once_and_none_has_no_limit(
    channel: Channel, name: Name, put: Put
) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await channel.basic_qos(1, global_=True)
    await channel.basic_consume(queue)
    await put(queue, *"01234")
    assert (await channel.delivery()).body == b"0"
    await channel.basic_qos(2, global_=True)
    assert (await channel.delivery()).body == b"1"
    assert await counts(channel, queue) == (3, 1)
    await channel.basic_qos(0, global_=True)
    assert [it.body for it in await channel.deliveries(3)] == [b"2", b"3", b"4"]


async def test_a_window_for_each_ends_the_shared_one(channel: Channel, name: Name, put: Put) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await channel.basic_qos(1, global_=True)
    await channel.basic_consume(queue)
    await put(queue, *"012")
    await channel.basic_qos(1)
    assert [it.body for it in await channel.deliveries(3)] == [b"0", b"1", b"2"]


async def test_a_shared_window_counts_what_was_got_before_it(channel: Channel, name: Name, put: Put) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await put(queue, *"012")
    await channel.got(queue)
    await channel.basic_qos(2, global_=True)
    await channel.basic_consume(queue)
    assert (await channel.delivery()).body == b"1"
    assert await counts(channel, queue) == (1, 1)


@proves("RMQ-58")
async def test_a_quorum_queue_takes_no_shared_window(client: Client, channel: Channel, name: Name) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=QUORUM))
    await channel.basic_qos(3, global_=True)
    with pytest.raises(ConnectionClosed):
        await channel.basic_consume(queue)
    text = f"NOT_IMPLEMENTED - queue '{queue}' in vhost '/' does not support global qos"
    assert await client.closed() == Refusal(540, text, (60, 20))


@proves("RMQ-24")
@pytest.mark.parametrize(
    ("arguments", "expected"), [({}, ["a", "b", "a"]), (QUORUM, ["a", "b", "b"])], ids=["classic", "quorum"]
)
async def test_a_full_consumer_keeps_its_turn_until_a_classic_queue_comes_to_it(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any], expected: list[str]
) -> None:
    """`a` acks before its turn comes. A quorum queue has put it behind by then."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=arguments))
    await channel.basic_qos(1)
    await channel.basic_consume(queue, consumer_tag="a")
    await channel.basic_qos(9)
    await channel.basic_consume(queue, consumer_tag="b")
    turns = []
    for number in range(3):
        await put(queue, str(number))
        turns.append(await channel.delivery())
        if number == 1:
            await channel.basic_ack(turns[0].tag)
            await channel.flow(True)
    assert [it.consumer_tag for it in turns] == expected


@proves("RMQ-27")
@KINDS
async def test_without_acks_everything_comes_and_is_gone(
    client: Client, channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """No window counts, and the tags go on."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=arguments))
    await channel.basic_qos(1)
    await channel.basic_consume(queue, no_ack=True)
    await put(queue, *"012")
    assert [it.tag for it in await channel.deliveries(3)] == [1, 2, 3]
    await channel.basic_ack(3)
    assert (await channel.closed()).code == 406
    assert await (await client.channel()).basic_get(queue) is None


@proves("RMQ-28")
async def test_a_get_counts_as_a_consumer_of_a_quorum_queue_until_it_is_settled(
    channel: Channel, name: Name, put: Put
) -> None:
    """As nothing of a classic one."""
    for arguments, during in (({}, 0), (QUORUM, 2)):
        queue = name("q")
        await channel.queue_declare(Queue(queue, arguments=arguments))
        await put(queue, *"012")
        tags = [(await channel.got(queue)).tag for _ in range(2)]
        await channel.basic_get(queue, no_ack=True)
        assert await counts(channel, queue) == (0, during)
        await channel.basic_ack(tags[1], multiple=True)
        assert await channel.basic_get(queue) is None
        assert await counts(channel, queue) == (0, 0)


@proves("RMQ-28")
@KINDS
async def test_a_get_beside_consumers_takes_what_they_have_no_room_for(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=arguments))
    await channel.basic_qos(1)
    await channel.basic_consume(queue)
    await put(queue, *"012")
    await channel.delivery()
    got = await channel.got(queue)
    assert (got.tag, got.body, got.redelivered, got.ready) == (2, b"1", False, 1)
    await channel.basic_ack(1)
    assert (await channel.delivery()).body == b"2"
    assert await channel.basic_get(queue) is None


async def test_an_exclusive_consumer_is_alone(client: Client, channel: Channel, name: Name) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    await channel.basic_consume(queue, exclusive=True)
    other = await client.channel()
    with pytest.raises(ChannelClosed, match="in exclusive use"):
        await other.basic_consume(queue)
    await channel.close()
    assert await (await client.channel()).basic_consume(queue, consumer_tag="t") == "t"


@proves("RMQ-26")
async def test_no_consumer_of_a_single_active_one_may_be_exclusive(channel: Channel, name: Name) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments={"x-single-active-consumer": True}))
    with pytest.raises(ChannelClosed, match=r"403 ACCESS_REFUSED .* in exclusive use"):
        await channel.basic_consume(queue, exclusive=True)


async def test_a_quorum_queue_lets_everybody_in_beside_an_exclusive_consumer(channel: Channel, name: Name) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=QUORUM))
    await channel.basic_consume(queue, exclusive=True)
    await channel.basic_consume(queue, exclusive=True)
    assert await counts(channel, queue) == (0, 2)


@proves("RMQ-26")
@KINDS
@pytest.mark.parametrize("ending", ["cancel", "close"])
async def test_a_single_active_consumer_is_followed_by_the_next(
    client: Client, channel: Channel, name: Name, put: Put, arguments: dict[str, Any], ending: str
) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments={**arguments, "x-single-active-consumer": True}))
    await channel.basic_consume(queue, consumer_tag="a")
    other = await client.channel()
    await other.basic_consume(queue, consumer_tag="b")
    await put(queue, "0")
    assert (await channel.delivery()).consumer_tag == "a"
    await channel.basic_ack(1)
    await (channel.basic_cancel("a") if ending == "cancel" else channel.close())
    await put(queue, "1")
    assert (await other.delivery()).body == b"1"


@proves("RMQ-33")
async def test_consumers_of_one_channel_and_several_queues_share_its_tags(
    channel: Channel, name: Name, put: Put
) -> None:
    first, second = name("a"), name("b")
    for queue in (first, second):
        await channel.queue_declare(Queue(queue))
        await channel.basic_consume(queue, consumer_tag=queue)
        await put(queue, "1")
        delivery = await channel.delivery()
        assert (delivery.consumer_tag, delivery.tag) == (queue, 1 if queue == first else 2)


@proves("RMQ-16")
async def test_an_auto_delete_queue_goes_with_its_last_consumer(channel: Channel, name: Name) -> None:
    """Not before the first one came; nobody is cancelled, for nobody is there."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, auto_delete=True))
    assert await counts(channel, queue) == (0, 0)
    for tag in ("a", "b"):
        await channel.basic_consume(queue, consumer_tag=tag)
    await channel.basic_cancel("a")
    assert await counts(channel, queue) == (0, 1)
    await channel.basic_cancel("b")
    with pytest.raises(ChannelClosed, match="404"):
        await channel.basic_get(queue)


@proves("RMQ-37")
async def test_whoever_consumes_hears_of_the_end_of_the_queue(client: Client, channel: Channel, name: Name) -> None:
    """On each channel; the tag is free again."""
    queue, other = name("q"), await client.channel()
    await channel.queue_declare(Queue(queue))
    await channel.basic_consume(queue, consumer_tag="a")
    await other.basic_consume(queue, consumer_tag="a")
    await (await client.channel()).queue_delete(queue)
    assert [await each.event() for each in (channel, other)] == [Cancelled("a"), Cancelled("a")]
    await channel.queue_declare(Queue(queue))
    assert await channel.basic_consume(queue, consumer_tag="a") == "a"


@proves("RMQ-21")
async def test_the_broker_makes_up_tags_and_names(channel: Channel) -> None:
    """The queue declared last stands for the empty name, on this channel."""
    info = await channel.queue_declare(Queue("", exclusive=True))
    assert info.name.startswith("amq.gen-")
    assert len(info.name) == len("amq.gen-") + 22
    tag = await channel.basic_consume("")
    assert tag.startswith("amq.ctag-")
    await channel.queue_bind("", "amq.direct")
    await channel.basic_publish(b"1", info.name, exchange="amq.direct")
    assert (await channel.delivery()).routing_key == info.name
    await channel.queue_unbind("", "amq.direct")
    await channel.basic_publish(b"2", info.name, exchange="amq.direct", mandatory=True)
    assert (await channel.event()) is not None
    second = await channel.queue_declare(Queue("", exclusive=True))
    await channel.queue_declare(Queue(info.name), passive=True)
    assert await channel.queue_delete("") == 0
    assert (await channel.event()) == Cancelled(tag)
    assert await counts(channel, second.name) == (0, 0)
