"""The ports of one process: those of the test's world, with everything in between that can go wrong."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.redis.connection import RedisClientFactory
from jararaca.core.environment import Ports
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import UsageError
from jararaca.persistence.config import EngineFactory
from jararaca.ports.broker import Broker
from jararaca.ports.schedule_store import ScheduleStore
from jararaca_testing.databases import SQLiteDatabases
from jararaca_testing.faults.broker import FaultyBroker
from jararaca_testing.faults.database import ProcessDatabases
from jararaca_testing.faults.neighbours import FaultyStore, ProcessClock, cut_client
from jararaca_testing.faults.process import Process, Server
from jararaca_testing.faults.vocabulary import Faults
from jararaca_testing.gates.connections import Checkouts
from jararaca_testing.profiles.world import World


@dataclass(frozen=True, slots=True)
class Attachment:
    """How one process reaches the world: its ports, and its substitutes for engines and clients."""

    ports: Ports
    providers: Sequence[ProviderSpec]
    checkouts: Checkouts


def reached(world: World, faults: Faults | None, clustered: bool) -> Attachment:
    """How the application of a test reaches its world: as it is, or with what may go wrong in between."""
    if faults is None:
        return Attachment(world.ports, world.providers, world.checkouts)
    role = "test" if clustered else "app"
    return attach(world, faults.process(role, role, is_of_test=clustered))


def attach(world: World, process: Process) -> Attachment:
    """Connections for one process, which are lost when it dies, or is cut off.

    Raises:
        UsageError: the world is not that of the memory profile.
    """
    if not isinstance(world.databases, SQLiteDatabases):
        raise UsageError(
            "faults and clusters are those of the memory profile, where time is virtual. Mark the test with "
            "@pytest.mark.virtual_only to skip it in others."
        )
    databases = ProcessDatabases(world.databases, process)
    brokers: list[FaultyBroker] = []

    def lose(server: Server) -> bool:
        if server == "broker":
            return sum(broker.drop() for broker in brokers) > 0  # of all of them
        if server == "database":
            databases.lose()  # which is noticed by who uses one of them
        return False

    def end() -> None:
        process.on_cut.remove(lose)
        lose("broker")
        lose("database")

    process.on_cut.append(lose)
    if process.life is not None:
        process.life.on_end.append(end)
    return Attachment(_ports(world.ports, process, brokers), _providers(world, databases, process), databases.checkouts)


def _ports(ports: Ports, process: Process, brokers: list[FaultyBroker]) -> Ports:
    def broker(url: str, *, heartbeat: int, name: str) -> Broker:
        made: Any = FaultyBroker(ports.broker(url, heartbeat=heartbeat, name=name), process)
        brokers.append(made)
        return made  # type: ignore[no-any-return] # it hands on what it does not say

    def store(declared: Callable[[], ScheduleStore] | None) -> Any:
        return FaultyStore(ports.schedule_store(declared), process)

    hub = FanoutHub()  # frames leave a process only over a backend that is declared, as in production
    clock = ProcessClock(ports.clock, process)
    return replace(
        ports,
        clock=clock,
        broker=broker,
        schedule_store=store,
        fanout=lambda: MemoryFanout(hub),
        polls=True,
    )


def _providers(world: World, databases: ProcessDatabases, process: Process) -> Sequence[ProviderSpec]:
    """The substitutes of the world, through this process's own connections."""
    substitutes = {spec.provide: spec.use_value for spec in world.providers}
    make_client: Any = substitutes[RedisClientFactory]
    return (
        ProviderSpec(EngineFactory, use_value=databases.engine),
        ProviderSpec(RedisClientFactory, use_value=lambda client: cut_client(make_client(client), process)),
    )
