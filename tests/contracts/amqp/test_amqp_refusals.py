"""What RabbitMQ refuses, with its code, its text and the method that it names: channels and connections that die."""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from _pytest.mark import ParameterSet
from amqp_clients import Channel, Client, Refusal

from jararaca.errors import ChannelClosed, ConnectionClosed
from jararaca.ports.broker import Envelope, Exchange, Queue
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

Act = Callable[[Channel], Awaitable[Any]]
NamedAct = Callable[[Channel, str], Awaitable[Any]]
QUORUM = {"x-queue-type": "quorum"}
LOCKED = (
    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{q}' in vhost '/'. It could be originally "
    "declared on another connection or the exclusive property value does not match that of the original declaration."
)
NO_QUEUE = "NOT_FOUND - no queue '{q}' in vhost '/'"
NO_EXCHANGE = "NOT_FOUND - no exchange '{q}' in vhost '/'"
NO_DECLARED = "NOT_FOUND - no previously declared queue"
DEFAULT = "ACCESS_REFUSED - operation not permitted on the default exchange"


WITHOUT_QUEUE: dict[str, tuple[NamedAct, int, str, tuple[int, int]]] = {
    "ack of nothing, RMQ-33": (
        lambda c, q: c.basic_ack(5), 406, "PRECONDITION_FAILED - unknown delivery tag 5", (60, 80)),
    "ack of nothing and all before, RMQ-32": (
        lambda c, q: c.basic_ack(5, multiple=True), 406, "PRECONDITION_FAILED - unknown delivery tag 5", (60, 80)),
    "ack of tag 0 alone, RMQ-32": (
        lambda c, q: c.basic_ack(0), 406, "PRECONDITION_FAILED - unknown delivery tag 0", (60, 80)),
    "nack of nothing, RMQ-33": (
        lambda c, q: c.basic_nack(5), 406, "PRECONDITION_FAILED - unknown delivery tag 5", (60, 120)),
    "reject of nothing, RMQ-33": (
        lambda c, q: c.basic_reject(5), 406, "PRECONDITION_FAILED - unknown delivery tag 5", (60, 90)),
    "commit without transaction, RMQ-61": (
        lambda c, q: c.tx_commit(), 406, "PRECONDITION_FAILED - channel is not transactional", (90, 20)),
    "rollback without transaction, RMQ-61": (
        lambda c, q: c.tx_rollback(), 406, "PRECONDITION_FAILED - channel is not transactional", (90, 30)),
    "publish to a missing exchange, RMQ-12": (
        lambda c, q: c.basic_publish(b"", exchange=q), 404, NO_EXCHANGE, (60, 40)),
    "publish as somebody else, RMQ-62": (
        lambda c, q: c.basic_publish(Envelope(b"", user_id="bob")), 406,
        "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'", (60, 40)),
    "publish with an expiration in words, RMQ-44": (
        lambda c, q: c.basic_publish(Envelope(b"", expiration="abc")), 406,
        "PRECONDITION_FAILED - invalid expiration 'abc': no_integer", (60, 40)),
    "publish for answers that nobody takes, RMQ-63": (
        lambda c, q: c.basic_publish(Envelope(b"", reply_to="amq.rabbitmq.reply-to")), 406,
        "PRECONDITION_FAILED - fast reply consumer does not exist", (60, 40)),
    "take answers with acks, RMQ-63": (
        lambda c, q: c.basic_consume("amq.rabbitmq.reply-to"), 406,
        "PRECONDITION_FAILED - reply consumer cannot acknowledge", (60, 20)),
    "get an answer, RMQ-63": (
        lambda c, q: c.basic_get("amq.rabbitmq.reply-to"), 404,
        "NOT_FOUND - no queue 'amq.rabbitmq.reply-to' in vhost '/'", (60, 70)),
    "count a missing queue, RMQ-14": (
        lambda c, q: c.queue_declare(Queue(q), passive=True), 404, NO_QUEUE, (50, 10)),
    "count the queue without a name, RMQ-21": (
        lambda c, q: c.queue_declare(Queue(""), passive=True), 404, "NOT_FOUND - no queue '' in vhost '/'", (50, 10)),
    "look for a missing exchange, RMQ-14": (
        lambda c, q: c.exchange_declare(Exchange(q), passive=True), 404, NO_EXCHANGE, (40, 10)),
    "consume from a missing queue": (lambda c, q: c.basic_consume(q), 404, NO_QUEUE, (60, 20)),
    "get from a missing queue": (lambda c, q: c.basic_get(q), 404, NO_QUEUE, (60, 70)),
    "purge a missing queue": (lambda c, q: c.queue_purge(q), 404, NO_QUEUE, (50, 30)),
    "bind a missing queue": (lambda c, q: c.queue_bind(q, "amq.direct"), 404, NO_QUEUE, (50, 20)),
    "bind to a missing exchange": (lambda c, q: c.exchange_bind("amq.direct", q), 404, NO_EXCHANGE, (40, 30)),
    "bind a missing exchange": (lambda c, q: c.exchange_bind(q, "amq.direct"), 404, NO_EXCHANGE, (40, 30)),
    "consume from no queue, RMQ-21": (lambda c, q: c.basic_consume(""), 404, NO_DECLARED, (60, 20)),
    "get from no queue, RMQ-21": (lambda c, q: c.basic_get(""), 404, NO_DECLARED, (60, 70)),
    "purge no queue, RMQ-21": (lambda c, q: c.queue_purge(""), 404, NO_DECLARED, (50, 30)),
    "delete no queue, RMQ-21": (lambda c, q: c.queue_delete(""), 404, NO_DECLARED, (50, 40)),
    "bind no queue, RMQ-21": (lambda c, q: c.queue_bind("", "amq.direct"), 404, NO_DECLARED, (50, 20)),
    "declare a reserved queue, RMQ-18": (
        lambda c, q: c.queue_declare(Queue("amq.mine")), 403,
        "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'", (50, 10)),
    "declare a reserved exchange, RMQ-18": (
        lambda c, q: c.exchange_declare(Exchange("amq.mine")), 403,
        "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'", (40, 10)),
    "delete a system exchange, RMQ-18": (
        lambda c, q: c.exchange_delete("amq.direct"), 403,
        "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed", (40, 20)),
    "declare the default exchange, RMQ-08": (lambda c, q: c.exchange_declare(Exchange("")), 403, DEFAULT, (40, 10)),
    "look for the default exchange, RMQ-08": (
        lambda c, q: c.exchange_declare(Exchange(""), passive=True), 403, DEFAULT, (40, 10)),
    "delete the default exchange, RMQ-08": (lambda c, q: c.exchange_delete(""), 403, DEFAULT, (40, 20)),
    "bind the default exchange, RMQ-08": (lambda c, q: c.exchange_bind("", "amq.direct"), 403, DEFAULT, (40, 30)),
    "a nameless quorum queue, RMQ-58": (
        lambda c, q: c.queue_declare(Queue("", arguments=QUORUM)), 406,
        "PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue", (50, 10)),
    "an exclusive quorum queue, RMQ-58": (
        lambda c, q: c.queue_declare(Queue(q, exclusive=True, arguments=QUORUM)), 406,
        "PRECONDITION_FAILED - invalid property 'exclusive-owner' for queue '{q}' in vhost '/'", (50, 10)),
    "a passing quorum queue, RMQ-58": (
        lambda c, q: c.queue_declare(Queue(q, auto_delete=True, arguments=QUORUM)), 406,
        "PRECONDITION_FAILED - invalid property 'auto-delete' for queue '{q}' in vhost '/'", (50, 10)),
}  # fmt: skip
"""Misuses on a fresh channel, of a name that nothing bears."""


WITH_QUEUE: dict[str, tuple[NamedAct, int, str, tuple[int, int]]] = {
    "redeclare as another's, RMQ-15": (lambda c, q: c.queue_declare(Queue(q)), 405, LOCKED, (50, 10)),
    "redeclare with another argument, RMQ-13": (
        lambda c, q: c.queue_declare(Queue(q, exclusive=True, arguments={"x-overflow": "drop-head"})), 406,
        "PRECONDITION_FAILED - inequivalent arg 'x-overflow' for queue '{q}' in vhost '/': received the value "
        "'drop-head' of type 'longstr' but current is none", (50, 10)),
    "delete while consumed, RMQ-19": (
        lambda c, q: c.queue_delete(q, if_unused=True), 406,
        "PRECONDITION_FAILED - queue '{q}' in vhost '/' in use", (50, 40)),
    "a second consumer that wants to be alone": (
        lambda c, q: c.basic_consume(q, exclusive=True), 403,
        "ACCESS_REFUSED - queue '{q}' in vhost '/' in exclusive use", (60, 20)),
    "a consumer whose priority is no number, RMQ-25": (
        lambda c, q: c.basic_consume(q, arguments={"x-priority": "a"}), 406,
        "PRECONDITION_FAILED - invalid arg 'x-priority' for queue '{q}' in vhost '/': "
        '"expected integer, got longstr"', (60, 20)),
    "a consumer that says where in a stream it begins": (
        lambda c, q: c.basic_consume(q, arguments={"x-stream-offset": "first"}), 406,
        "PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue '{q}' in vhost '/' of queue type "
        "rabbit_classic_queue", (60, 20)),
    "a consumer that is not sure about failover": (
        lambda c, q: c.basic_consume(q, arguments={"x-cancel-on-ha-failover": "a"}), 406,
        "PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' for queue '{q}' in vhost '/': "
        "{{unacceptable_type,longstr}}", (60, 20)),
    "bind to the default exchange, RMQ-08": (lambda c, q: c.queue_bind(q, "", "k"), 403, DEFAULT, (50, 20)),
    "unbind from the default exchange, RMQ-08": (lambda c, q: c.queue_unbind(q, "", "k"), 403, DEFAULT, (50, 50)),
    "confirms in a transaction, RMQ-61": (
        lambda c, q: each(c.tx_select, c.confirm_select), 406,
        "PRECONDITION_FAILED - cannot switch from tx to confirm mode", (85, 10)),
    "a transaction with confirms, RMQ-61": (
        lambda c, q: each(c.confirm_select, c.tx_select), 406,
        "PRECONDITION_FAILED - cannot switch from confirm to tx mode", (90, 10)),
}  # fmt: skip
"""Misuses on a channel that declared an exclusive queue of this name, put one message in, and consumes as `t`."""


def cases(misuses: dict[str, tuple[NamedAct, int, str, tuple[int, int]]]) -> list[ParameterSet]:
    """The names of the misuses, each with what it proves."""
    proven = {name: re.findall(r"RMQ-\d+", name) for name in sorted(misuses)}
    return [pytest.param(name, marks=[proves(*ids)] if ids else []) for name, ids in proven.items()]


async def each(*steps: Callable[[], Awaitable[Any]]) -> None:
    for step in steps:
        await step()


async def refused(channel: Channel, act: Act) -> Refusal:
    """Do what is refused. A method with an answer raises it, the others do not."""
    with suppress(ChannelClosed):
        await act(channel)
    return await channel.closed()


@proves("RMQ-20")
@pytest.mark.parametrize("misuse", cases(WITHOUT_QUEUE))
async def test_a_misuse_closes_the_channel(channel: Channel, name: Callable[[str], str], misuse: str) -> None:
    missing = name("missing")
    act, code, text, method = WITHOUT_QUEUE[misuse]
    assert await refused(channel, lambda c: act(c, missing)) == Refusal(code, text.format(q=missing), method)


@pytest.mark.parametrize("misuse", cases(WITH_QUEUE))
async def test_a_misuse_of_a_queue_closes_the_channel(
    channel: Channel, name: Callable[[str], str], misuse: str
) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, exclusive=True))
    await channel.basic_publish(b"1", queue)
    await channel.basic_consume(queue, consumer_tag="t")
    act, code, text, method = WITH_QUEUE[misuse]
    assert await refused(channel, lambda c: act(c, queue)) == Refusal(code, text.format(q=queue), method)


@pytest.mark.parametrize(
    ("act", "code", "text", "method"),
    [
        (lambda c: c.basic_qos(1, prefetch_size=5), 540, "NOT_IMPLEMENTED - prefetch_size!=0 (5)", (60, 10)),
        (lambda c: c.basic_publish(b"", immediate=True), 540, "NOT_IMPLEMENTED - immediate=true", (60, 40)),
        (lambda c: c.basic_recover(requeue=False), 540, "NOT_IMPLEMENTED - requeue=false", (60, 110)),
        (lambda c: c.flow(False), 540, "NOT_IMPLEMENTED - active=false", (20, 20)),
        (
            lambda c: c.exchange_declare(Exchange("strange", "strange")),  # type: ignore[arg-type]
            503,
            "COMMAND_INVALID - unknown exchange type 'strange'",
            (40, 10),
        ),
    ],
    ids=["prefetch size", "immediate", "recover without requeue", "flow", "exchange type"],
)
async def test_some_misuses_close_the_whole_connection(
    client: Client, act: Act, code: int, text: str, method: tuple[int, int]
) -> None:
    channel, other = await client.channel(), await client.channel()
    with suppress(ConnectionClosed):
        await act(channel)
    assert await client.closed() == Refusal(code, text, method)
    assert not other.refusal.done()


async def test_a_quorum_queue_knows_no_failover(channel: Channel, name: Callable[[str], str]) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, arguments=QUORUM))
    with pytest.raises(ChannelClosed):
        await channel.basic_consume(queue, arguments={"x-cancel-on-ha-failover": True})
    where = f"for queue '{queue}' in vhost '/' of queue type rabbit_quorum_queue"
    text = f"PRECONDITION_FAILED - invalid arg 'x-cancel-on-ha-failover' {where}"
    assert await channel.closed() == Refusal(406, text, (60, 20))


async def test_a_consumer_tag_that_is_in_use_closes_the_connection(client: Client, name: Callable[[str], str]) -> None:
    channel, queue = await client.channel(), name("q")
    await channel.queue_declare(Queue(queue, exclusive=True))
    await channel.basic_consume(queue, consumer_tag="t")
    with pytest.raises(ConnectionClosed):
        await channel.basic_consume(queue, consumer_tag="t")
    text = "NOT_ALLOWED - attempt to reuse consumer tag 't'"
    assert await client.closed() == Refusal(530, text, (60, 20))


@pytest.mark.parametrize("condition", ["if-unused", "if-empty"])
async def test_a_quorum_queue_is_deleted_without_conditions(
    client: Client, name: Callable[[str], str], condition: str
) -> None:
    channel, queue = await client.channel(), name("q")
    await channel.queue_declare(Queue(queue, arguments=QUORUM))
    with pytest.raises(ConnectionClosed):
        await channel.queue_delete(queue, if_unused=condition == "if-unused", if_empty=condition == "if-empty")
    text = (
        f"NOT_IMPLEMENTED - cannot delete queue '{queue}' in vhost '/'. queue.delete operations with {condition} flag "
        "set are not supported by quorum queues"
    )
    assert await client.closed() == Refusal(540, text, (50, 40))


@proves("RMQ-19")
async def test_a_queue_with_messages_is_not_deleted_if_empty_is_asked_for(
    channel: Channel, name: Callable[[str], str]
) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue, exclusive=True))
    await channel.basic_publish(b"1", queue)
    with pytest.raises(ChannelClosed):
        await channel.queue_delete(queue, if_empty=True)
    text = f"PRECONDITION_FAILED - queue '{queue}' in vhost '/' not empty"
    assert await channel.closed() == Refusal(406, text, (50, 40))


@proves("RMQ-19")
async def test_an_exchange_with_bindings_is_not_deleted_if_it_must_be_unused(
    channel: Channel, name: Callable[[str], str]
) -> None:
    exchange = name("x")
    await channel.exchange_declare(Exchange(exchange))
    await channel.queue_declare(Queue("", exclusive=True))
    await channel.queue_bind("", exchange, "k")
    with pytest.raises(ChannelClosed):
        await channel.exchange_delete(exchange, if_unused=True)
    text = f"PRECONDITION_FAILED - exchange '{exchange}' in vhost '/' in use"
    assert await channel.closed() == Refusal(406, text, (40, 20))


@proves("RMQ-15")
async def test_nobody_publishes_to_an_internal_exchange(channel: Channel, name: Callable[[str], str]) -> None:
    exchange = name("x")
    await channel.exchange_declare(Exchange(exchange, internal=True))
    await channel.basic_publish(b"", exchange=exchange)
    text = f"ACCESS_REFUSED - cannot publish to internal exchange '{exchange}' in vhost '/'"
    assert await channel.closed() == Refusal(403, text, (60, 40))


async def test_unbinding_and_deleting_what_is_not_there_is_no_misuse(
    channel: Channel, name: Callable[[str], str]
) -> None:
    missing = name("missing")
    await channel.queue_unbind(missing, "amq.direct", "k")
    await channel.queue_unbind(missing, missing, "k")
    await channel.exchange_unbind(missing, "amq.direct", "k")
    await channel.exchange_delete(missing)
    assert await channel.queue_delete(missing) == 0
    assert await channel.basic_cancel("unknown") == "unknown"
    assert await channel.flow(True) is True


async def test_an_exclusive_queue_of_another_connection_is_locked(
    client: Client, channel: Channel, connect: Callable[[], Awaitable[Client]], name: Callable[[str], str]
) -> None:
    """It goes with its connection."""
    queue = name("q")
    await channel.queue_declare(Queue(queue, exclusive=True))
    await channel.queue_bind(queue, "amq.direct", queue)
    stranger = await connect()
    attempts: list[tuple[Act, tuple[int, int]]] = [
        (lambda c: c.queue_declare(Queue(queue), passive=True), (50, 10)),
        (lambda c: c.basic_consume(queue), (60, 20)),
        (lambda c: c.basic_get(queue), (60, 70)),
        (lambda c: c.queue_purge(queue), (50, 30)),
        (lambda c: c.queue_delete(queue), (50, 40)),
        (lambda c: c.queue_bind(queue, "amq.direct"), (50, 20)),
        (lambda c: c.queue_unbind(queue, "amq.direct", queue), (50, 50)),
    ]
    for act, method in attempts:
        assert await refused(await stranger.channel(), act) == Refusal(405, LOCKED.format(q=queue), method)
    await (await stranger.channel()).queue_unbind(queue, "amq.direct", "another key")
    await client.close()
    with pytest.raises(ChannelClosed, match="404"):
        await (await stranger.channel()).queue_declare(Queue(queue), passive=True)
