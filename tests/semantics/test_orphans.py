"""What is taken away of handlers that an application no longer has, and what is kept."""

from dataclasses import replace

from order_handlers import Order
from processes import System
from script import Desk
from shopping import connection_of, ready, serving

from jararaca.errors import ChannelClosed
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.orphans import Orphan, Orphans, prune
from jararaca.ports.broker import Binding, Envelope, Queue
from jararaca.ports.inventory import QueueStock

QUORUM = {"x-queue-type": "quorum"}


async def left_behind(connection: BusConnection, handler: str) -> Orphan:
    """A queue of an earlier release, and the binding that fills it."""
    queue = Queue(connection.names.queue(handler), arguments=QUORUM)
    binding = Binding(connection.names.exchange, queue.name, "order.old")
    await connection.broker.declare_queue(queue)
    await connection.broker.bind(binding)
    return Orphan(QueueStock(queue.name, 0, 0, connection.names.application), (binding,))


async def exists(connection: BusConnection, orphan: Orphan) -> bool:
    try:
        await connection.broker.inspect_queue(orphan.queue.name)
    except ChannelClosed:
        return False
    return True


@serving(Desk)
async def test_a_queue_that_holds_nothing_is_deleted_and_one_that_does_is_kept(system: System) -> None:
    await system.start(working=False)
    connection = connection_of(system)
    empty = await left_behind(connection, "Old.empty")
    full = Orphan(QueueStock((await left_behind(connection, "Old.full")).queue.name, 1, 0), ())

    kept = await prune(connection.broker, Orphans((empty, full)), connection.names)

    assert kept == Orphans((full,))
    assert (await exists(connection, empty), await exists(connection, full)) == (False, True)
    await connection.broker.delete_queue(full.queue.name)


@serving(Desk)
async def test_a_queue_that_does_not_say_whose_it_is_is_kept_and_bound(system: System) -> None:
    """It may belong to an application of a longer name."""
    process = await system.start(working=False)
    connection = connection_of(system)
    orphan = await left_behind(connection, "eu.Desk.handle")
    orphan = replace(orphan, queue=replace(orphan.queue, application=None))

    kept = await prune(connection.broker, Orphans((orphan,)), connection.names)

    assert kept == Orphans((orphan,))
    await process.publish(Order(number=1), "order.old")
    assert await ready(system, "eu.Desk.handle") == 1
    await connection.broker.delete_queue(orphan.queue.name)


@serving(Desk)
async def test_a_queue_to_which_something_came_meanwhile_is_kept_and_bound(system: System) -> None:
    process = await system.start(working=False)
    connection = connection_of(system)
    orphan = await left_behind(connection, "Old.handle")
    await process.publish(Order(number=1), "order.old")

    kept = await prune(connection.broker, Orphans((orphan,)), connection.names)

    assert kept == Orphans((orphan,))
    await process.publish(Order(number=2), "order.old")
    assert await ready(system, "Old.handle") == 2
    await connection.broker.delete_queue(orphan.queue.name)


@serving(Desk)
async def test_a_binding_of_ours_is_taken_away_and_one_of_another_exchange_is_kept(system: System) -> None:
    process = await system.start(working=False)
    connection = connection_of(system)
    ours = Binding(connection.names.exchange, connection.names.queue("Desk.handle"), "order.old")
    theirs = Binding("amq.topic", connection.names.queue("Desk.handle"), "order.old")
    for binding in (ours, theirs):
        await connection.broker.bind(binding)

    kept = await prune(connection.broker, Orphans((), (ours, theirs)), connection.names)

    assert kept == Orphans((), (theirs,))
    await process.publish(Order(number=1), "order.old")
    await connection.broker.publish(Envelope(b"{}"), exchange="amq.topic", routing_key="order.old")
    assert await ready(system, "Desk.handle") == 1
