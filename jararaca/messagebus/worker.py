"""The worker: every handler of an application, consuming until it is asked to stop."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from jararaca.core.adoption import adopt_tasks
from jararaca.core.application import Application
from jararaca.core.ending import ToldEnding
from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.core.measures import Measure
from jararaca.errors import NotConfigured, UsageError
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.consumer import HandlerConsumer
from jararaca.messagebus.depths import DeadLetterDepths
from jararaca.messagebus.handlers import HandlerSpec, attempts_of, collect_handlers

logger = logging.getLogger("jararaca.messagebus")

CONNECT_WITHIN = 60.0
"""Seconds that the start of a worker waits for its broker."""


class WorkerRuntime:
    """Consumes the queues of all handlers of a running application over one connection.

    The connection is started and stopped by whoever made it. Losing it is no failure: everything is consumed again
    once it is back.
    """

    name = "worker"

    def __init__(
        self,
        environment: Environment,
        handlers: Sequence[HandlerSpec],
        connection: BusConnection,
        config: MessageBusConfig,
    ) -> None:
        self._environment = environment
        self._connection = connection
        self._tasks = TaskScope("worker")
        self._consumers = [
            HandlerConsumer(environment, handler, connection, config, self._tasks) for handler in handlers
        ]
        self._depths = DeadLetterDepths(connection, handlers)
        self._measures = (*_measures(self._consumers), self._depths.measure)
        self._withdraw: Callable[[], None] = lambda: None
        self._keepers: list[asyncio.Task[None]] | None = None
        self._stopping: asyncio.Task[bool] | None = None
        self._ending = ToldEnding("attempts", self._attempts, logger)

    @property
    def ready(self) -> bool:
        """Whether every queue is being consumed, or paused on purpose."""
        return (
            self._keepers is not None
            and self._connection.ready
            and all(consumer.consuming.is_set() or consumer.is_paused for consumer in self._consumers)
        )

    @property
    def running(self) -> int:
        """How many attempts are under way."""
        return len(self._attempts())

    @property
    def under_way(self) -> dict[str, int]:
        """How many attempts a stop would wait for."""
        return {"attempts": self.running}

    async def start(self) -> None:
        """Begin to consume; returns once every queue is consumed, or a shutdown was asked for.

        Raises:
            BrokerUnavailable: there is no connection to the broker within 60 seconds.
            LoginRefused, BrokerError: the broker answered, and refused.
        """
        self._withdraw = self._environment.measures(*self._measures)
        if self._connection.ready and not self._environment.shutdown.is_requested:
            self._keep()
            if self._consumers:
                await self._environment.clock.sleep(0)  # a broker in this process answers meanwhile
            if all(consumer.consuming.is_set() for consumer in self._consumers):
                return
        await self._environment.shutdown.race(self._come_up())

    def _keep(self) -> None:
        self._keepers = [
            self._tasks.spawn(consumer.keep(), name=f"consumer of {consumer.queue}") for consumer in self._consumers
        ]
        if self._keepers and self._environment.ports.polls:
            self._keepers.append(self._tasks.spawn(self._depths.keep(), name="depths of dead letters"))

    async def _come_up(self) -> None:
        await self._connection.until_ready(CONNECT_WITHIN)
        if self._keepers is None:
            self._keep()
        for consumer in self._consumers:
            await consumer.consuming.wait()

    async def stop(self, grace: float) -> bool:
        """Take nothing new, requeue what was not started, let attempts end within `grace` seconds, cancel the rest.

        What is cancelled is rolled back and requeued with its attempt unchanged; what does not end all the same is
        abandoned ten seconds later. A second call while the first one waits cancels at once. True if nothing had to be
        cancelled.
        """
        if self._stopping is None:
            self._stopping = self._tasks.spawn(self._stop(grace), name="stop of the worker")
        else:
            self._ending.at_once()
        return await asyncio.shield(self._stopping)

    async def _stop(self, grace: float) -> bool:
        self._withdraw()
        for keeper in self._keepers or ():
            keeper.cancel()
        self._keepers = None
        for consumer in self._consumers:
            await consumer.stop_taking()
        attempts = self._attempts().keys()
        await self._ending.within(grace)
        clean = not any(task.cancelled() for task in attempts | self._ending.cut) and not self._attempts()
        for consumer in self._consumers:
            await consumer.close()
        return clean

    def _attempts(self) -> Mapping[asyncio.Task[None], str]:
        return {task: task.get_name() for consumer in self._consumers for task in consumer.running}


class MessageBusWorker:
    """The worker of one application as an object to start and stop. Building it does no I/O."""

    def __init__(self, application: Application, config: MessageBusConfig) -> None:
        self._application = application
        self._config = config
        self._runtime: WorkerRuntime | None = None
        self._ended = asyncio.Event()
        self._ended.set()
        self._grace = application.declaration.shutdown_grace

    def start_sync(self) -> bool:
        """Run until a shutdown is asked for, on an event loop of its own. True if no work had to be cancelled."""
        return asyncio.run(self.start_async())

    async def start_async(self) -> bool:
        """Run until a shutdown is asked for, or `stop` is called. True if no work had to be cancelled.

        Raises:
            DeclarationError: the application cannot work.
            NotConfigured: nobody says where the broker is.
            BrokerUnavailable: nobody answers at the broker's address.
            LoginRefused: the broker answered and refused.
            UsageError: it runs already.
        """
        if not self._ended.is_set():
            raise UsageError("this MessageBusWorker runs already. Make another one, or stop() it first.")
        self._ended.clear()
        try:
            return await self._run()
        finally:
            self._ended.set()

    async def stop(self, grace: float | None = None) -> None:
        """Stop as the process would on SIGTERM, and return once it has; called again meanwhile, cancel at once.

        `grace` is how many seconds running attempts may take; None: the `shutdown_grace` of the application.
        """
        asked_before = self._application.environment.shutdown.is_requested
        self._grace = self._application.declaration.shutdown_grace if grace is None else grace
        self._application.environment.shutdown.request()
        if asked_before:
            if self._runtime is not None:
                await self._runtime.stop(0)
            self._application.at_once()
        await self._ended.wait()

    async def _run(self) -> bool:
        adopt_tasks()
        application = self._application
        handlers = collect_handlers(application.declaration)
        application.environment.attempts = attempts_of(handlers, self._config)
        clean = True
        await application.start()
        try:
            async with self._connected(handlers) as connection:
                runtime = WorkerRuntime(application.environment, handlers, connection, self._config)
                self._runtime = runtime
                try:
                    await runtime.start()
                    await application.environment.shutdown.wait()
                finally:
                    clean = await runtime.stop(self._grace)
                    self._runtime = None
        finally:
            clean = await application.stop() and clean
        return clean

    @asynccontextmanager
    async def _connected(self, handlers: Sequence[HandlerSpec]) -> AsyncIterator[BusConnection]:
        environment = self._application.environment
        shared = environment.resource(BusKey("default"))
        if shared is not None:
            yield shared
            return
        if self._config.url is None:
            raise NotConfigured(
                "a worker needs a message broker, and nobody says where it is. Set JARARACA_BROKER_URL, or give "
                "MessageBusConfig(url=...)."
            )
        connection = BusConnection(
            environment, name="default", url=self._config.url, config=self._config, handlers=handlers
        )
        withdraw = environment.offer(BusKey("default"), connection)
        try:
            await connection.start(wait=False)
            yield connection
        finally:
            withdraw()
            await connection.stop()


def _measures(consumers: Sequence[HandlerConsumer]) -> Iterator[Measure]:
    """What is shown of consumers; one whose circuit is open is not wanted for the time being."""
    circuits = {each.handler: each.circuit for each in consumers if each.circuit is not None}
    yield Measure(
        "consumers_wanted",
        "Consumers that there should be",
        "handler",
        lambda: {each.handler: float(not each.is_paused) for each in consumers},
    )
    yield Measure(
        "consumers_actual",
        "Consumers that there are",
        "handler",
        lambda: {each.handler: float(each.consuming.is_set()) for each in consumers},
    )
    yield Measure(
        "circuit_open",
        "Whether a handler is paused because it fails too often, or on trial",
        "handler",
        lambda: {name: float(circuit.state != "closed") for name, circuit in circuits.items()},
    )
    yield Measure(
        "circuit_trips",
        "How often a handler was paused because it failed too often",
        "handler",
        lambda: {name: circuit.trips for name, circuit in circuits.items()},
        counts=True,
    )
