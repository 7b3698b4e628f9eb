"""`jararaca declare`: everything that an application has on its broker, and what it has left there."""

import asyncio
from dataclasses import dataclass, replace

from jararaca.bootstrap.assembly import Assembly, assemble, bus_config
from jararaca.bootstrap.settings import read_settings
from jararaca.bootstrap.wiring import inventory_at, system_ports
from jararaca.cli.exit_codes import CLEAN
from jararaca.cli.loading import load
from jararaca.cli.output import configure_logging, counted, say, show
from jararaca.errors import InventoryUnavailable
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.orphans import Orphans, find_orphans, prune
from jararaca.messagebus.topology import Topology
from jararaca.ports.broker import Binding


@dataclass(frozen=True, slots=True)
class Orphanage:
    """What is to become of orphans: where to look for them, if somebody said so, and whether to take them away."""

    management_url: str | None = None
    prune: bool = False

    @property
    def is_asked_for(self) -> bool:
        """Whether it is a failure if nobody can tell what is there."""
        return self.prune or self.management_url is not None


def run(
    target: str,
    *,
    app_dir: str,
    url: str | None,
    wait_for_broker: float,
    orphanage: Orphanage,
    longest_delay: float,
) -> int:
    """Declare over each broker connection of the application; nothing else of it starts. Returns the exit code.

    Raises:
        TopologyMismatch: something exists with other arguments.
        InventoryUnavailable: nobody tells what there is, and somebody asked for it.
    """
    declaration = load(target, app_dir=app_dir).app
    configure_logging()
    config = replace(bus_config(declaration, read_settings(broker_url=url)), topology="declare")
    assembly = assemble(declaration, system_ports(), config, needs_broker=True)

    async def declared() -> None:
        async with assembly.buses(wait_for_broker) as (default, *others):
            for connection in others:
                await connection.declare_everything()
            await declare_and_look(assembly, default, orphanage, longest_delay=longest_delay)

    asyncio.run(declared())
    return CLEAN


async def declare_and_look(
    assembly: Assembly, connection: BusConnection, orphanage: Orphanage, *, longest_delay: float = 0.0
) -> None:
    """Declare everything over the connection of the handlers, print it, and then what is left of earlier ones."""
    topology = await connection.declare_everything(longest_delay=longest_delay)
    show(f"{assembly.application.declaration.name} is declared at {connection.address}", _rows(topology))
    try:
        inventory = inventory_at(connection.broker, assembly.broker_url(connection), orphanage.management_url)
        orphans = await find_orphans(inventory, topology, connection.names)
    except InventoryUnavailable as error:
        if orphanage.is_asked_for:
            raise
        say(f"orphans were not looked for: {error}")
        return
    if orphans == Orphans():
        say("no orphans: all that is there is declared here")
        return
    kept = await prune(connection.broker, orphans, connection.names) if orphanage.prune else orphans
    show("orphans: no handler declares them any more", _fates(orphans, kept, pruned=orphanage.prune))
    if not orphanage.prune:
        say("Their bindings still fill them. --prune takes bindings away, and queues that hold nothing.")


def _rows(topology: Topology) -> list[tuple[str, str]]:
    topics = {binding.destination: binding.routing_key for binding in topology.bindings}
    fanouts = {exchange.name for exchange in topology.exchanges if exchange.type == "fanout"}
    rows = [("exchange", exchange.name) for exchange in topology.exchanges if exchange.name not in fanouts]
    for queue in topology.queues:
        if queue.name not in fanouts:
            rows.append(("queue", queue.name + (f", for {topics[queue.name]}" if queue.name in topics else "")))
    return [*rows, ("waits", counted(len(fanouts), "step"))]


def _fates(orphans: Orphans, kept: Orphans, *, pruned: bool) -> list[tuple[str, str]]:
    rows = []
    for orphan in orphans.queues:
        what = f"{orphan.queue.name}, {counted(orphan.queue.messages, 'message')}"
        topics = ", ".join(each.routing_key for each in orphan.bindings)
        what += f", bound to {topics}" if topics else ""
        reason = orphan.kept_because or "somebody came to it"
        rows.append(("queue", what + _fate(orphan in kept.queues, reason, pruned=pruned)))
    for binding in orphans.bindings:
        what = f"{_named(binding)} to {binding.destination}"
        rows.append(("binding", what + _fate(binding in kept.bindings, "of another exchange", pruned=pruned)))
    return rows


def _fate(is_kept: bool, reason: str, *, pruned: bool) -> str:
    if not pruned:
        return ""
    return f": kept, {reason}" if is_kept else ": taken away"


def _named(binding: Binding) -> str:
    return f"{binding.routing_key} of {binding.source}"
