"""A worker that is asked to stop: what runs may finish, what does not is the broker's again, and nothing is lost."""

import asyncio

from order_handlers import Booked, GatewayDown, Order
from processes import Process, System
from script import NEVER, Desk, OrderedDesk, Script, sleeping
from shopping import ends, ready, serving, until

from jararaca import Message, use_publisher
from jararaca.core.steps import Kind
from jararaca_testing.contracts import proves


async def place(process: Process, count: int) -> None:
    for number in range(count):
        await process.publish(Order(number=number), "order.placed")


@proves("F-8")
@serving(Desk)
async def test_what_runs_finishes_and_what_was_not_started_is_requeued(system: System, script: Script) -> None:
    process = await system.start(concurrency=2, prefetch=5)
    script.body = sleeping(4.0)
    await place(process, 10)
    await until(system, lambda: script.running == 2)

    clean = await process.stop(grace=60.0)

    assert clean
    assert (len(script.messages), script.running) == (2, 0)
    assert ends(system) == [("requeue", "not-started")] * 3 + [("ack", None)] * 2


@proves("F-8")
@serving(Desk)
async def test_only_what_was_handed_out_before_is_marked_as_redelivered(system: System, script: Script) -> None:
    process = await system.start(concurrency=2, prefetch=5)
    script.body = sleeping(4.0)
    await place(process, 10)
    await until(system, lambda: script.running == 2)
    await process.stop(grace=60.0)
    handled = set(script.numbers)
    script.messages.clear()
    script.body = None

    await system.start()
    await until(system, lambda: len(script.messages) == 8)

    assert set(script.numbers) | handled == set(range(10))
    assert sum(message.redelivered for message in script.messages) == 3
    assert {message.attempt for message in script.messages} == {1}


@proves("F-9")
@serving(Desk)
async def test_the_deadline_cancels_rolls_back_and_requeues_with_the_attempt_unchanged(
    system: System, script: Script
) -> None:
    async def announce_and_hang(message: Message[Order]) -> None:
        await use_publisher().publish(message=Booked(number=1), topic="order.booked")
        await sleeping(NEVER)(message)

    process = await system.start()
    script.body = announce_and_hang
    await place(process, 1)
    await until(system, lambda: script.running)

    clean = await process.stop(grace=1.0)

    assert not clean
    assert ends(system) == [("requeue", "cancelled")]
    assert len(system.ledger.of_kind(Kind.ROLLBACK)) == 1
    assert [record.topic for record in system.ledger.of_kind(Kind.PUBLISH)] == ["order.placed"]

    script.body = None
    await system.start()
    await until(system, lambda: len(script.messages) == 2)
    assert [(message.attempt, message.redelivered) for message in script.messages] == [(1, False), (1, True)]


@serving(Desk)
async def test_nothing_is_taken_after_the_stop(system: System, script: Script) -> None:
    server = await system.start(working=False)
    worker = await system.start()
    await worker.stop()

    await place(server, 3)
    await system.clock.sleep(2.0)

    assert (script.messages, await ready_in(system, server)) == ([], 3)


async def ready_in(system: System, process: Process) -> int:
    """How much is ready in the queue, as a process that still runs sees it."""
    return await ready(Seen(system, process), "Desk.handle")


class Seen:
    """A system, looked at from one of its processes."""

    def __init__(self, system: System, process: Process) -> None:
        self.clock, self.ledger, self.settle = system.clock, system.ledger, system.settle
        self.environment = process.environment


@serving(Desk)
async def test_a_worker_handles_as_many_at_a_time_as_it_is_told(system: System, script: Script) -> None:
    process = await system.start(concurrency=3, prefetch=10)
    script.body = sleeping(0.5)
    await place(process, 12)

    await until(system, lambda: len(ends(system)) == 12)

    assert script.most == 3


@proves("F-43")
@serving(OrderedDesk)
async def test_messages_of_one_key_are_handled_one_by_one_in_order(system: System, script: Script) -> None:
    process = await system.start(concurrency=8)
    script.body = sleeping(0.25)
    for number in range(24):
        await process.publish(Order(number=number), "order.placed", key=f"customer {number % 3}")

    await until(system, lambda: len(ends(system)) == 24)

    for customer in range(3):
        assert [number for number in script.numbers if number % 3 == customer] == list(range(customer, 24, 3))
    assert script.most == 3


@proves("F-9")
@serving(Desk)
async def test_a_second_stop_cancels_at_once(system: System, script: Script) -> None:
    process = await system.start()
    script.body = sleeping(NEVER)
    await place(process, 1)
    await until(system, lambda: script.running)
    worker, began = process.worker, system.clock.monotonic()
    assert worker is not None

    async def insist() -> bool:
        await system.clock.sleep(1.0)
        return await worker.stop(grace=500.0)

    first, second = await asyncio.gather(worker.stop(grace=500.0), insist())

    assert (first, second) == (False, False)
    assert system.clock.monotonic() - began < 400.0
    assert ends(system) == [("requeue", "cancelled")]


@serving(Desk)
async def test_a_failure_during_the_grace_is_settled_as_ever(system: System, script: Script) -> None:
    async def fail_late(message: Message[Order]) -> None:
        await sleeping(2.0)(message)
        raise GatewayDown("no answer")

    process = await system.start()
    script.body = fail_late
    await place(process, 1)
    await until(system, lambda: script.running)

    assert await process.stop(grace=60.0)
    assert ends(system) == [("dead-letter", "error")]
