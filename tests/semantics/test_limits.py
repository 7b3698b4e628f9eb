"""Bounds on messages: how far they lead, how long they are kept, how many leave at once."""

import asyncio

from order_handlers import Order
from processes import System
from script import Desk, Script, republishing
from shopping import ends, ready, serving, take_all, until

from jararaca_testing.contracts import proves


@proves("F-46")
@serving(Desk)
async def test_a_chain_of_messages_ends_at_the_limit_of_hops(system: System, script: Script) -> None:
    script.body = republishing(hops=100)
    process = await system.start(max_hops=3)

    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: len(ends(system)) == 4)

    assert ends(system) == [("ack", None)] * 3 + [("dead-letter", "hop-limit")]
    (letter,) = await take_all(system, "Desk.handle.dlq")
    assert letter.headers["x-jararaca-error"] == "published 4 times since its first cause; max_hops is 3"


@serving(Desk)
async def test_a_chain_of_messages_has_no_limit_unless_one_is_set(system: System, script: Script) -> None:
    script.body = republishing(hops=200)
    process = await system.start()

    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: len(ends(system)) == 200)

    assert set(ends(system)) == {("ack", None)}


@serving(Desk)
async def test_a_message_that_expired_is_not_handled_and_not_lost(system: System, script: Script) -> None:
    """The broker puts it where an operator finds it, and says why."""
    server = await system.start(working=False)
    await server.publish(Order(number=1), "order.placed", expires_in=1.0)
    await server.publish(Order(number=2), "order.placed", expires_in=3600.0)
    await asyncio.wait_for(_until_ready(system, "Desk.handle.dlq"), timeout=30.0)

    await system.start()
    await until(system, lambda: ends(system))

    assert script.numbers == [2]
    (letter,) = await take_all(system, "Desk.handle.dlq")
    assert (letter.body, letter.headers["x-death"][0]["reason"]) == (b'{"number":1}', "expired")


async def _until_ready(system: System, queue: str) -> None:
    while not await ready(system, queue):
        await system.clock.sleep(1.0)


@serving(Desk)
async def test_a_process_limits_what_it_publishes_and_what_it_takes(system: System, script: Script) -> None:
    """A message of another process, which allows more, is dead-lettered unread."""
    generous = await system.start(working=False)
    await system.start(max_message_bytes=10)

    await generous.publish(Order(number=1), "order.placed")
    await until(system, lambda: ends(system))

    assert (script.messages, ends(system)) == ([], [("dead-letter", "too-large")])
