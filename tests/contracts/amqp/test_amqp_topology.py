"""Exchanges and queues that come and go, and the ways between them."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest
from amqp_clients import Bounced, Channel, Client, Confirmed

from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Envelope, Exchange, Queue
from jararaca_testing.contracts import proves

pytestmark = pytest.mark.asyncio

Name = Callable[[str], str]
Put = Callable[..., Awaitable[None]]


async def exists(client: Client, exchange: str) -> bool:
    channel = await client.channel()
    with suppress(ChannelClosed):
        await channel.exchange_declare(Exchange(exchange), passive=True)
    return not channel.refusal.done()


@proves("RMQ-17")
async def test_an_auto_delete_exchange_goes_with_its_last_binding(client: Client, channel: Channel, name: Name) -> None:
    """Not before the first one came; an exchange that it feeds counts as a queue does."""
    exchange, fed = name("x"), name("fed")
    await channel.exchange_declare(Exchange(exchange, auto_delete=True))
    await channel.exchange_declare(Exchange(fed, "fanout"))
    await channel.queue_declare(Queue("", exclusive=True))
    assert await exists(client, exchange)
    await channel.queue_bind("", exchange, "k")
    await channel.exchange_bind(fed, exchange, "k")
    await channel.queue_unbind("", exchange, "k")
    assert await exists(client, exchange)
    await channel.exchange_unbind(fed, exchange, "k")
    assert not await exists(client, exchange)


@proves("RMQ-17")
async def test_an_auto_delete_exchange_goes_with_what_it_feeds(client: Client, channel: Channel, name: Name) -> None:
    """The queue is deleted, and so on up the line; being fed keeps nobody alive."""
    top, middle = name("top"), name("middle")
    for exchange in (top, middle):
        await channel.exchange_declare(Exchange(exchange, auto_delete=True))
    queue = (await channel.queue_declare(Queue("", exclusive=True))).name
    await channel.exchange_bind(middle, top, "k")
    await channel.queue_bind(queue, middle, "k")
    await channel.queue_delete(queue)
    assert [await exists(client, exchange) for exchange in (middle, top)] == [False, False]


@proves("RMQ-09")
async def test_a_deleted_exchange_takes_its_bindings_along(client: Client, channel: Channel, name: Name) -> None:
    exchange, queue = name("x"), name("q")
    await channel.exchange_declare(Exchange(exchange))
    await channel.queue_declare(Queue(queue))
    await channel.queue_bind(queue, exchange, "k")
    await channel.exchange_delete(exchange)
    await channel.exchange_declare(Exchange(exchange))
    await channel.basic_publish(b"1", "k", exchange=exchange, mandatory=True)
    assert isinstance(await channel.event(), Bounced)


@proves("RMQ-09")
async def test_an_alternate_exchange_takes_what_finds_no_way(channel: Channel, name: Name) -> None:
    """The message keeps its exchange, and is not returned; the alternate may have one as well."""
    exchange, second, last, queue = name("x"), name("second"), name("last"), name("q")
    await channel.exchange_declare(Exchange(last, "fanout"))
    await channel.exchange_declare(Exchange(second, arguments={"alternate-exchange": last}))
    await channel.exchange_declare(Exchange(exchange, arguments={"alternate-exchange": second}))
    await channel.queue_declare(Queue(queue))
    await channel.queue_bind(queue, last)
    await channel.confirm_select()
    await channel.basic_publish(b"1", "k", exchange=exchange, mandatory=True)
    assert await channel.event() == Confirmed(1, False, accepted=True)
    got = await channel.got(queue)
    assert (got.exchange, got.routing_key) == (exchange, "k")


@proves("RMQ-09")
@pytest.mark.parametrize("alternate", ["missing", "itself"])
async def test_an_alternate_exchange_that_leads_nowhere_changes_nothing(
    channel: Channel, name: Name, alternate: str
) -> None:
    """To one that does not exist, or in a circle."""
    exchange = name("x")
    target = exchange if alternate == "itself" else name("missing")
    await channel.exchange_declare(Exchange(exchange, arguments={"alternate-exchange": target}))
    await channel.basic_publish(b"1", "k", exchange=exchange, mandatory=True)
    assert isinstance(await channel.event(), Bounced)


@proves("RMQ-09")
async def test_a_binding_that_leads_nowhere_still_counts_as_a_way(channel: Channel, name: Name) -> None:
    """An exchange that is bound and finds no queue is a way, so that the alternate is not asked."""
    exchange, empty, alternate, queue = name("x"), name("empty"), name("alternate"), name("q")
    await channel.exchange_declare(Exchange(alternate, "fanout"))
    await channel.exchange_declare(Exchange(empty, "fanout"))
    await channel.exchange_declare(Exchange(exchange, "fanout", arguments={"alternate-exchange": alternate}))
    await channel.exchange_bind(empty, exchange)
    await channel.queue_declare(Queue(queue))
    await channel.queue_bind(queue, alternate)
    await channel.basic_publish(b"1", exchange=exchange, mandatory=True)
    assert isinstance(await channel.event(), Bounced)


@proves("RMQ-04", "RMQ-03")
async def test_exchanges_feed_each_other(channel: Channel, name: Name) -> None:
    """Through a circle and by two ways, in one copy, under the first exchange and key."""
    first, second, queue = name("a"), name("b"), name("q")
    await channel.exchange_declare(Exchange(first, "topic"))
    await channel.exchange_declare(Exchange(second, "topic"))
    await channel.exchange_bind(second, first, "#")
    await channel.exchange_bind(first, second, "x.*")
    await channel.queue_declare(Queue(queue))
    for exchange, key in ((first, "x.#"), (second, "*.y"), (second, "#")):
        await channel.queue_bind(queue, exchange, key)
    await channel.basic_publish(b"1", "x.y", exchange=first)
    got = await channel.got(queue)
    assert (got.exchange, got.routing_key, got.ready) == (first, "x.y", 0)


@proves("RMQ-15")
async def test_the_same_binding_with_other_arguments_is_another(channel: Channel, name: Name) -> None:
    queue = name("q")
    await channel.queue_declare(Queue(queue))
    for arguments in ({}, {"a": 1}, {"a": 1}):
        await channel.queue_bind(queue, "amq.direct", queue, arguments)
    await channel.queue_unbind(queue, "amq.direct", queue)
    await channel.basic_publish(b"1", queue, exchange="amq.direct")
    assert (await channel.got(queue)).ready == 0
    await channel.queue_unbind(queue, "amq.direct", queue, {"a": 1})
    await channel.basic_publish(b"2", queue, exchange="amq.direct", mandatory=True)
    assert isinstance(await channel.event(), Bounced)


@proves("RMQ-15")
async def test_an_exclusive_queue_is_never_durable(channel: Channel) -> None:
    """So that declaring it durable again differs in nothing."""
    info = await channel.queue_declare(Queue(f"exclusive.{id(channel)}", durable=False, exclusive=True))
    again = await channel.queue_declare(Queue(info.name, durable=True, exclusive=True))
    assert again.name == info.name


@proves("RMQ-22")
async def test_deleting_counts_what_was_ready(channel: Channel, name: Name, put: Put) -> None:
    """Neither purge nor delete makes dead letters."""
    dead, queue = name("dead"), name("q")
    await channel.queue_declare(Queue(dead))
    lettered = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    await channel.queue_declare(Queue(queue, arguments=lettered))
    await put(queue, *"0123")
    await channel.got(queue)
    assert await channel.queue_purge(queue) == 3
    await put(queue, *"45")
    assert await channel.queue_delete(queue) == 2
    await channel.basic_ack(1)
    assert (await channel.queue_declare(Queue(dead), passive=True)).ready == 0


@proves("RMQ-45", "RMQ-50", "RMQ-51", "RMQ-52", "RMQ-07")
@pytest.mark.parametrize("arguments", [{}, {"x-queue-type": "quorum"}], ids=["classic", "quorum"])
async def test_a_dead_letter_carries_its_record(
    channel: Channel, name: Name, put: Put, arguments: dict[str, Any]
) -> None:
    """What was sent to `BCC` is not in it."""
    dead, queue = name("dead"), name("q")
    lettered = {**arguments, "x-dead-letter-exchange": "amq.direct", "x-message-ttl": 10}
    await channel.queue_declare(Queue(dead))
    await channel.queue_declare(Queue(queue, arguments=lettered))
    for key in (queue, f"{queue}.copy"):
        await channel.queue_bind(dead, "amq.direct", key)
    await channel.basic_consume(dead)
    headers = {"CC": [f"{queue}.copy"], "BCC": ["secret"]}
    await put(queue, Envelope(b"1", headers=headers, expiration="60000", persistent=False))
    letter = await channel.delivery()
    assert (letter.exchange, letter.routing_key, letter.redelivered) == ("amq.direct", queue, False)
    assert letter.envelope.expiration is None
    (death,) = letter.envelope.headers["x-death"]
    time = death.pop("time")
    assert (time.microsecond, time.tzinfo is None) == (0, False)
    assert death == {
        "count": 1,
        "exchange": "",
        "queue": queue,
        "reason": "expired",
        "routing-keys": [queue, f"{queue}.copy"],
        "original-expiration": "60000",
    }
    assert {key: value for key, value in letter.envelope.headers.items() if key != "x-death"} == {
        "CC": [f"{queue}.copy"],
        "x-first-death-exchange": "",
        "x-first-death-queue": queue,
        "x-first-death-reason": "expired",
    }
