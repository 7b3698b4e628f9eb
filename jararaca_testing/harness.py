"""One application under test: every runtime on one loop, everything that happens on record."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from httpx import AsyncClient

from jararaca.bootstrap.assembly import DEFAULT, Assembly, assemble, declared_bus_config
from jararaca.bootstrap.factories import as_http
from jararaca.core.lifecycle import Host, TaskScope
from jararaca.core.microservice import Microservice
from jararaca.errors import UsageError
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca_testing.bus import Bus
from jararaca_testing.clock import VirtualClock
from jararaca_testing.cron import Cron
from jararaca_testing.database import TestDatabases
from jararaca_testing.errors import GatesClosed, NotSettled
from jararaca_testing.faults.attaching import reached
from jararaca_testing.faults.vocabulary import Faults
from jararaca_testing.gates.application import ApplicationGates
from jararaca_testing.gates.findings import Finding, report
from jararaca_testing.gates.names import UNSETTLED
from jararaca_testing.gates.tasks import open_sockets
from jararaca_testing.http import ServedApp, http_client
from jararaca_testing.inflight import InFlight
from jararaca_testing.ledger import Ledger
from jararaca_testing.loop import VirtualLoop
from jararaca_testing.outboxes import outbox_tables
from jararaca_testing.overrides import Overrides
from jararaca_testing.profiles.world import World
from jararaca_testing.scheduling import create_schedule_tables
from jararaca_testing.traffic import Traffic
from jararaca_testing.verdict import Verdict, failure_of
from jararaca_testing.websocket import WebSocketClient

MAX_STEPS = 10_000
WITHIN = 60.0
END_IT = "Let what never ends be ended by the test, or let time pass until it has: await clock.advance(...)."
UNUSED_URL = "memory://"
"""Where an application that names no broker has one under test; every URL leads to the profile's broker."""

Watch = Callable[["RunningApplication"], Callable[[], None]]
"""Told of an application before it starts; what it returns is called when that has stopped."""


class RunningApplication:
    """HTTP, worker and scheduler of one application, running on the test's loop in the world of its profile.

    `http`, `ws`, `bus`, `cron`, `db`, `redis`, `override` and `clock` are what the fixtures of those names hand out.
    """

    def __init__(
        self,
        declaration: Microservice | HttpMicroservice,
        world: World,
        *,
        watches: Sequence[Watch] = (),
        standing: Collection[str] = (),
        faults: Faults | None = None,
        clustered: bool = False,
    ) -> None:
        self.declaration = declaration
        self.faults = faults
        self.is_clustered = clustered
        self._watches, self._standing = tuple(watches), frozenset(standing)
        self._has_a_fresh_one = False
        http = as_http(declaration)
        # What is declared counts; the environment does not, so that a test says the same on every machine.
        config = replace(declared_bus_config(http.app), url=UNUSED_URL)
        self._reach = reach = reached(world, faults, clustered)
        self._assembly = assemble(http.app, reach.ports, config, needs_broker=True)
        self.application = self._assembly.application
        self.environment = self.application.environment
        for spec in (*reach.providers, outbox_tables(self.environment, world.databases)):
            self.environment.container.register(spec)
        self.world = world
        self.handlers = self._assembly.handlers
        self.clock = world.clock
        self.ledger = Ledger(world.clock.monotonic)
        self.in_flight = InFlight(self._assembly.handlers, world.clock.monotonic)
        self.ledger.on_step.append(self.in_flight.on_step)
        self.gates = ApplicationGates(self.application, self.ledger, self._assembly.handlers)
        self.left_open, self.left_open_elsewhere = list[Finding](), list[Finding]()
        world.watch(self.in_flight)
        self.verdict = Verdict(self.ledger, world.fail)
        self.tasks = TaskScope("test clients")
        self._http_runtime = self._assembly.http(http)
        self._served = ServedApp(lambda: self.asgi)
        traffic = Traffic(self._served, self.ledger)
        self._traffic = traffic
        self.ws = WebSocketClient(traffic, self.tasks)
        self.bus = Bus(self.environment, self.ledger, self._assembly.handlers, self.verdict, self.gates.expect_leftover)
        self.cron = Cron(self.environment, self.ledger, self._assembly.actions)
        self.db = TestDatabases(self.environment, world.databases)
        self.override = Overrides(self.environment.container)
        self._stack = AsyncExitStack()

    @cached_property
    def http(self) -> AsyncClient:
        """A client of the application, made when it is first asked for, and closed when the application stops."""
        client = http_client(self._traffic)
        self._stack.push_async_callback(client.aclose)
        return client

    @property
    def asgi(self) -> FastAPI:
        """The application's own FastAPI object."""
        return self._http_runtime.asgi

    @property
    def assembly(self) -> Assembly:
        """What the declaration came to: handlers, actions and endpoints."""
        return self._assembly

    @property
    def served(self) -> ServedApp:
        """What clients reach."""
        return self._served

    async def start(self) -> None:
        """Bring everything up, as one process that is server, worker and scheduler would.

        What fails on the way is raised after everything was taken down again.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> None:
        for watch in self._watches:
            self._stack.callback(watch(self))
        self._stack.enter_context(self.gates.logs.listening())
        for observer in (self.ledger, self.verdict):
            self._stack.callback(self.environment.steps.add(observer))
        self._stack.callback(self.override.undo)
        await self.application.start()
        self._stack.push_async_callback(self.application.stop)
        connection = self._connection()
        assert connection is not None
        self.in_flight.exchange = connection.names.exchange
        self.in_flight.queues = {connection.queue_of(handler): handler.name for handler in self.handlers}
        await create_schedule_tables(self._assembly.scheduling, self.environment, self.world.databases)
        if not self.is_clustered:
            await self._serve()
        self._stack.push_async_callback(self.tasks.cancel)
        await self.db.start()

    async def _serve(self) -> None:
        """Run every runtime here; of a clustered application replicas do."""
        scheduler = self._assembly.scheduler()
        if isinstance(self.clock, VirtualClock):
            self._stack.callback(self.clock.on_set(lambda _moment: scheduler.rebase()))
        for runtime in (self._http_runtime, self._assembly.worker(), scheduler):
            self._stack.push_async_callback(runtime.stop, 0)
            await runtime.start()
        self.cron.scheduler = scheduler
        if self._http_runtime.has_lifespan:
            lifespan = Host(self._lifespan, name="lifespan of the application under test")
            await lifespan.start()
            self._stack.push_async_callback(lifespan.stop)

    def _connection(self) -> BusConnection | None:
        found = self.environment.resource(BusKey(DEFAULT))
        return found if isinstance(found, BusConnection) else None

    @asynccontextmanager
    async def _lifespan(self) -> AsyncIterator[None]:
        async with self.asgi.router.lifespan_context(self.asgi) as state:
            self._served.state.update(state or {})
            yield

    async def stop(self) -> None:
        """Take everything down at once; what still runs is cancelled and rolled back."""
        self.cron.scheduler = None
        try:
            await self._stack.aclose()
        finally:
            self.left_open = [*self._reach.checkouts.findings(), *self.left_open_elsewhere, *self.gates.told()]

    async def findings_at_rest(self, gates: Collection[str]) -> list[Finding]:
        """Let the application come to rest, and ask these gates what is left.

        What is left open when it has stopped is in `left_open`.
        """
        loop = asyncio.get_running_loop()
        found = list(open_sockets(loop)) if isinstance(loop, VirtualLoop) else []
        is_settled = UNSETTLED in gates and not found  # virtual time stands still while something is open
        if is_settled:
            try:
                await self.settle()
            except NotSettled as error:
                is_settled = False
                what, *lines = str(error).splitlines()
                found.append(Finding(UNSETTLED, what, tuple(line.strip() for line in lines), END_IT))
        found += await self.gates.findings(self._connection(), at_rest=is_settled)
        found += self.faults.findings() if self.faults is not None else []
        return [finding for finding in found if finding.gate in gates]

    @property
    def redis(self) -> Any:
        """A client of the Redis server that the application's own clients are sent to."""
        return self.world.redis

    @asynccontextmanager
    async def fresh(self, *, clustered: bool = False) -> AsyncIterator["RunningApplication"]:
        """Build the application anew and run it for the length of a block, in a world of its own, for one example.

        Databases, queues, records and overrides are as at the beginning of a test; only the clock goes on. What its
        handlers raised unexpectedly fails the block. One that is `clustered` runs in replicas; see `fresh_cluster`.

        Raises:
            UsageError: another application of this test is running.
        """
        if self.application.is_running or self._has_a_fresh_one:
            raise UsageError(
                "harness.fresh() needs the world for itself, and this test runs an application already. Ask for the "
                "fixture harness only, use one fresh application at a time, and take http, bus and the others from it."
            )
        self._has_a_fresh_one = True
        try:
            async with self.world.fresh() as world:
                application = RunningApplication(
                    self.declaration,
                    world,
                    watches=self._watches,
                    standing=self._standing,
                    faults=Faults(world.clock) if clustered or self.faults is not None else None,
                    clustered=clustered,
                )
                async with application.running():
                    yield application
        finally:
            self._has_a_fresh_one = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run for the length of a block, at whose end what handlers raised unexpectedly is raised, or noted.

        Raises:
            HandlerFailed: something of that is not expected.
            GatesClosed: the gates that stand found what nobody looked at.
        """
        findings: list[Finding] = []
        await self.start()
        try:
            yield
            findings += await self.findings_at_rest(self._standing)
        except BaseException as error:
            self.add_unexpected(error)
            raise
        finally:
            await self.stop()
        self.raise_unexpected()
        findings += [finding for finding in self.left_open if finding.gate in self._standing]
        if findings:
            raise GatesClosed(report(findings))

    async def settle(self, *, max_steps: int = MAX_STEPS, within: float = WITHIN) -> None:
        """Return when nothing is runnable, ready, unacked, staged or being handled.

        Time moves only while a request, an attempt or a firing is being handled. Messages in waits, delayed messages,
        future ticks and leases are not waited for.

        Raises:
            NotSettled: more than `max_steps` steps or `within` seconds; the text names what moves, and the cycle.
        """
        await self.world.settle(max_steps=max_steps, within=within)

    def raise_unexpected(self) -> None:
        """Fail for what handlers and actions raised that `bus.expect_errors` did not announce; each is told once.

        Raises:
            HandlerFailed: the text lists all of them; the first is its cause.
        """
        records = self.verdict.untold()
        if records:
            raise failure_of(records)

    def add_unexpected(self, error: BaseException) -> None:
        """Note on the failure of the test what handlers and actions raised as well."""
        records = self.verdict.untold()
        if records:
            error.add_note(str(failure_of(records)))
