"""Looks at everything outside of its process that an application needs, and changes none of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from jararaca.bootstrap.assembly import Assembly
from jararaca.bootstrap.wiring import inventory_at, open_store
from jararaca.errors import InventoryUnavailable, TopologyMismatch
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.interceptor import MessageBusPublisherInterceptor
from jararaca.messagebus.orphans import find_orphans
from jararaca.messagebus.topology import Topology
from jararaca.ports.inventory import Inventory
from jararaca.presentation.websocket.interceptor import WebSocketInterceptor

ANSWER_WITHIN = 15.0
"""Seconds for everything that is asked of one server."""

NEEDS_FLAG = "stream_queue"
"""Without this feature flag a quorum queue may lose dead letters that the broker itself makes."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found at `what`: in words, or an `error` that keeps the application from working there.

    A finding is something that works, and should not be so.
    """

    what: str
    found: str = ""
    error: Exception | None = None
    is_finding: bool = False


async def look_around(assembly: Assembly, management_url: str | None) -> AsyncIterator[Look]:
    """Every server that the application declares, one after the other; none keeps the next from being looked at."""
    application = assembly.application
    application.validate()
    assembly.expect_worker()
    async with AsyncExitStack() as stack:
        for each in _databases(application.declaration):
            await stack.enter_async_context(each.lifecycle(application.declaration, application.environment.container))
        probes: list[tuple[str, AsyncIterator[Look]]] = []
        for publisher in assembly.publishers:
            name = f"broker {publisher.connection_name}"
            probes.append((name, _broker(name, assembly, publisher, management_url)))
        for each in _databases(application.declaration):
            name = f"database {each.config.connection_name}"
            probes.append((name, _database(name, assembly, each.config)))
        if assembly.actions and assembly.scheduling.store_url is not None:
            probes.append(("schedule store", _schedule_store("schedule store", assembly)))
        if any(isinstance(e, WebSocketInterceptor) and e.backend is not None for e in application.interceptors):
            probes.append(("websockets", _websockets("websockets", assembly)))
        for name, probe in probes:
            async for look in _guarded(name, probe, assembly):
                yield look


async def _guarded(name: str, probe: AsyncIterator[Look], assembly: Assembly) -> AsyncIterator[Look]:
    """What a probe finds; whatever it raises is what it found."""
    looks: list[Look] = []
    try:
        async with assembly.application.environment.clock.timeout(ANSWER_WITHIN):
            async for look in probe:
                looks.append(look)
    except Exception as error:  # noqa: BLE001 -- drivers raise what they like, and the next server is to be looked at
        looks.append(Look(name, error=error))
    for look in looks:
        yield look


async def _broker(
    name: str, assembly: Assembly, publisher: MessageBusPublisherInterceptor, management_url: str | None
) -> AsyncIterator[Look]:
    connection = publisher.connection(assembly.application.declaration, assembly.application.environment)
    try:
        topology = await connection.look()
        queues = f"{len(topology.queues)} queues" if topology.queues else "its exchange"
        yield Look(name, f"{connection.address} has {queues} as declared")
        if topology.bindings:
            inventory = inventory_at(connection.broker, assembly.broker_url(connection), management_url)
            try:
                async for look in _inventory(name, inventory, connection, topology):
                    yield look
            except InventoryUnavailable as error:
                yield Look(name, f"bindings and orphans were not looked at: {error}")
    except TopologyMismatch as mismatch:
        if mismatch.differences or connection.config.topology != "declare":
            raise
        yield Look(name, str(mismatch), is_finding=True)  # the next start makes what is missing
    finally:
        await connection.stop()


async def _inventory(
    name: str, inventory: Inventory, connection: BusConnection, topology: Topology
) -> AsyncIterator[Look]:
    there = {(each.source, each.destination, each.routing_key) for each in await inventory.list_bindings()}
    for binding in topology.bindings:
        if (binding.source, binding.destination, binding.routing_key) not in there:
            said = f"{binding.destination} is not bound to {binding.routing_key!r}: run `jararaca declare`"
            yield Look(name, said, is_finding=True)
    orphans = await find_orphans(inventory, topology, connection.names)
    count = len(orphans.queues) + len(orphans.bindings)
    if count:
        orphaned = "1 orphan" if count == 1 else f"{count} orphans"
        yield Look(name, f"{orphaned} of earlier releases: `jararaca declare` shows them", is_finding=True)
    if connection.config.queue_type == "quorum" and NEEDS_FLAG in await inventory.disabled_features():
        said = f"dead-lettering at least once is off: rabbitmqctl enable_feature_flag {NEEDS_FLAG}"
        yield Look(name, said, is_finding=True)


async def _database(name: str, assembly: Assembly, config: Any) -> AsyncIterator[Look]:
    from sqlalchemy import text

    from jararaca.persistence.pools import sized
    from jararaca.persistence.session import database_of

    environment = assembly.application.environment
    engine = database_of(environment, config.connection_name).engine
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
    yield Look(name, f"{engine.url.render_as_string()} answers")
    for publisher in assembly.publishers:
        if publisher.delivery == "outbox" and publisher.outbox == config.connection_name:
            await publisher.boxes(environment)[0].check()
            yield Look(name, "has the tables of outbox and inbox")
    attempts = assembly.attempts
    capacity = _capacity(engine.pool, sized(config, attempts).engine_options)
    if capacity is not None and capacity < attempts:
        said = (
            f"its pool has {capacity} connections, and a worker may run {attempts} attempts at a time: some wait for "
            'one. Raise engine_options={"pool_size": ...}, or lower JARARACA_CONCURRENCY'
        )
        yield Look(name, said, is_finding=True)


def _capacity(pool: Any, options: Any) -> int | None:
    """How many connections a pool lends at a time; None if there is no limit, or it is no pool of several."""
    overflow = options.get("max_overflow", 10)  # SQLAlchemy's own
    if not hasattr(pool, "overflow") or overflow < 0 or pool.size() == 0:
        return None
    return int(pool.size() + overflow)


async def _schedule_store(name: str, assembly: Assembly) -> AsyncIterator[Look]:
    store = open_store(assembly.application.environment, assembly.scheduling)
    try:
        await store.check()
        for action in assembly.actions:
            await store.last(assembly.application.environment.owned(action.name))
    finally:
        await store.close()
    yield Look(name, "answers")


async def _websockets(name: str, assembly: Assembly) -> AsyncIterator[Look]:
    container = assembly.application.environment.container
    for each in assembly.application.interceptors:
        if isinstance(each, WebSocketInterceptor) and each.backend is not None:
            fanout = each.backend.fanout(container)
            try:
                async with fanout.subscribe(assembly.application.environment.owned("check")):
                    yield Look(name, "their backend takes subscriptions")
            finally:
                await fanout.close()


def _databases(declaration: Any) -> list[Any]:
    try:
        from jararaca.persistence.interceptor import AIOSqlAlchemySessionInterceptor
    except ModuleNotFoundError:
        return []  # what is not installed is declared by nobody
    return [each for each in declaration.interceptors if isinstance(each, AIOSqlAlchemySessionInterceptor)]
