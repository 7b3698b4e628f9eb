"""A broker that refuses a publish, closes a channel, or holds what waits: nothing is lost, and nobody goes deaf."""

import pytest
from order_handlers import Order
from processes import System
from script import NEVER, Desk, PatientDesk, Script, retrying_once, sleeping
from shopping import connection_of, ends, ready, serving, until

from jararaca import Message
from jararaca.core.steps import Kind
from jararaca.errors import PublishRefused
from jararaca.ports.broker import Binding, Queue
from jararaca_testing.contracts import proves


@proves("F-34")
@serving(Desk)
async def test_a_publish_that_the_broker_refuses_raises_and_the_next_one_is_taken(system: System) -> None:
    """A queue that is full and set to reject does so; what it rejected is in no queue of that kind."""
    process = await system.start(working=False)
    connection = connection_of(system)
    full = connection.names.queue("full")
    await connection.broker.declare_queue(
        Queue(full, arguments={"x-max-length": 1, "x-overflow": "reject-publish", "x-expires": 60_000})
    )
    await connection.broker.bind(Binding(connection.names.exchange, full, "order.kept"))

    await process.publish(Order(number=1), "order.kept")
    with pytest.raises(PublishRefused):
        await process.publish(Order(number=2), "order.kept")
    await process.publish(Order(number=3), "order.placed")

    assert (await ready(system, "full"), await ready(system, "Desk.handle")) == (1, 1)
    await connection.broker.delete_queue(full)


@proves("F-3")
@serving(Desk)
async def test_a_consumer_whose_channel_the_broker_closes_consumes_again_within_five_seconds(
    system: System, script: Script, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection lives all the while, and nothing else would tell that nobody consumes any more."""

    async def settle_twice(message: Message[Order]) -> None:
        message.consumed.delivery.ack()  # a second one, when the attempt ends, costs the channel (RMQ-33)

    process = await system.start()
    script.body = settle_twice
    await process.publish(Order(number=1), "order.placed")
    await until(system, lambda: "a consumer lost its channel" in caplog.messages)
    script.body = None

    lost = system.clock.monotonic()
    await process.publish(Order(number=2), "order.placed")
    await until(system, lambda: script.numbers[-1] == 2)

    assert system.clock.monotonic() - lost <= 5.0
    assert [record.outcome for record in system.ledger.of_kind(Kind.CONNECTION)] == ["connected"]


@proves("F-41")
@serving(Desk)
async def test_a_worker_holds_as_many_messages_as_it_handles_unless_it_was_told_otherwise(
    system: System, script: Script
) -> None:
    script.body = sleeping(NEVER)
    modest = await system.start(concurrency=3)
    for number in range(10):
        await modest.publish(Order(number=number), "order.placed")
    await until(system, lambda: script.running == 3)

    held = await ready(system, "Desk.handle")
    await system.start(concurrency=1, prefetch=4)
    await until(system, lambda: script.running == 4)

    assert (held, await ready(system, "Desk.handle")) == (7, 3)


@proves("F-40")
@serving(PatientDesk)
async def test_what_waits_does_so_on_the_broker_and_outlives_the_process_that_sent_it(
    system: System, script: Script
) -> None:
    """A delayed publish and a retry: the process that made them is gone, and another one handles them when due."""
    first = await system.start()
    script.body = retrying_once(2.0)
    began = system.clock.monotonic()
    await first.publish(Order(number=1), "order.placed")
    await first.publish(Order(number=2), "order.placed", delay=3.0)
    await until(system, lambda: ends(system) == [("wait", "retry")])
    await first.stop()

    script.body = None
    await system.start()
    await until(system, lambda: len(ends(system)) == 3)

    assert sorted((message.payload().number, message.attempt) for message in script.messages) == [
        (1, 1),
        (1, 2),
        (2, 1),
    ]
    assert system.clock.monotonic() - began >= 2.0
