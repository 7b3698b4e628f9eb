"""What is left on a broker of handlers that an application no longer has."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from jararaca.messagebus.topology import Names, Topology
from jararaca.messagebus.waits import LADDER
from jararaca.ports.broker import Binding, Broker
from jararaca.ports.inventory import Inventory, QueueStock


@dataclass(frozen=True, slots=True)
class Orphan:
    """A queue that carries the application's name and that no handler declares, and the bindings that still fill it."""

    queue: QueueStock
    bindings: tuple[Binding, ...]

    @property
    def kept_because(self) -> str | None:
        """Why it must not be deleted; None if nobody would miss it."""
        if self.queue.messages:
            return f"holds {_counted(self.queue.messages, 'message')}"
        if self.queue.consumers:
            return f"has {_counted(self.queue.consumers, 'consumer')}"
        return "does not say whose it is" if self.queue.application is None else None


@dataclass(frozen=True, slots=True)
class Orphans:
    """Queues without a handler, and bindings by which a handler gets what it does not listen to any more."""

    queues: tuple[Orphan, ...] = ()
    bindings: tuple[Binding, ...] = ()


async def find_orphans(inventory: Inventory, topology: Topology, names: Names) -> Orphans:
    """What an inventory has under the names of an application, and its whole topology has not.

    Raises:
        InventoryUnavailable: nobody tells.
    """
    return orphans_of(await inventory.list_queues(), await inventory.list_bindings(), topology, names)


def orphans_of(queues: Iterable[QueueStock], bindings: Sequence[Binding], topology: Topology, names: Names) -> Orphans:
    """As `find_orphans`. Pure. Waits are nobody's orphans, whichever handler needs them, nor are queues that say that
    they belong to another application.
    """
    declared = {queue.name for queue in topology.queues} | set(_waits(names))
    known = {(each.source, each.destination, each.routing_key) for each in topology.bindings}
    handlers = {binding.destination for binding in topology.bindings} - set(_waits(names))
    return Orphans(
        tuple(
            Orphan(queue, tuple(each for each in bindings if _leads_to(each, queue.name)))
            for queue in sorted(queues, key=lambda each: each.name)
            if queue.name.startswith(names.prefix) and queue.name not in declared
            if queue.application in (None, names.application)
        ),
        tuple(
            each
            for each in bindings
            if each.destination_type == "queue"
            and each.destination in handlers
            and (each.source, each.destination, each.routing_key) not in known
        ),
    )


def _waits(names: Names) -> Iterator[str]:
    for step in LADDER:
        yield names.wait(step)
        yield names.delay(step)


def _leads_to(binding: Binding, queue: str) -> bool:
    return binding.destination_type == "queue" and binding.destination == queue


async def prune(broker: Broker, orphans: Orphans, names: Names) -> Orphans:
    """Take away bindings of the shared exchange that are orphans, and queues that hold nothing and serve nobody.

    A queue that does not say whose it is is kept: it may belong to an application of a longer name.

    Returns what was kept. A queue is unbound, looked at once more, and then deleted; if somebody has come to it
    meanwhile it is bound again.
    """
    for binding in orphans.bindings:
        if binding.source == names.exchange:
            await broker.unbind(binding)
    kept = []
    for orphan in orphans.queues:
        if orphan.kept_because is not None or not await _deleted(broker, orphan):
            kept.append(orphan)
    return Orphans(tuple(kept), tuple(each for each in orphans.bindings if each.source != names.exchange))


async def _deleted(broker: Broker, orphan: Orphan) -> bool:
    for binding in orphan.bindings:
        await broker.unbind(binding)
    now = await broker.inspect_queue(orphan.queue.name)
    if now.ready or now.consumers:
        for binding in orphan.bindings:
            await broker.bind(binding)
        return False
    await broker.delete_queue(orphan.queue.name)
    return True


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
