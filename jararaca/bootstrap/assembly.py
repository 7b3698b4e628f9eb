"""From a declaration to a running system: the application, its default interceptors, and the runtimes asked for."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from jararaca.bootstrap.loop_watching import LoopWatching
from jararaca.bootstrap.outboxes import check_outboxes, outbox_factory
from jararaca.bootstrap.settings import DEFAULT_BROKER_URL, Settings
from jararaca.bootstrap.ticks import publish_tick, receives_ticks, tick_providers, with_tick_handlers
from jararaca.bootstrap.wiring import check_store_url, open_store
from jararaca.core.application import Application
from jararaca.core.environment import Ports
from jararaca.core.metadata import method_facts
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import ScopeViolation
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.handlers import attempts_of, collect_handlers
from jararaca.messagebus.interceptor import AIOPikaConnectionFactory, MessageBusPublisherInterceptor
from jararaca.messagebus.worker import WorkerRuntime
from jararaca.ports.outbox import OutboxFactory
from jararaca.presentation.http_microservice import HttpMicroservice, Lifespan
from jararaca.presentation.server import HttpRuntime
from jararaca.presentation.websocket.decorators import WebSocketFact
from jararaca.presentation.websocket.interceptor import WebSocketInterceptor
from jararaca.scheduler.actions import collect_actions
from jararaca.scheduler.config import SchedulerConfig
from jararaca.scheduler.scheduler import SchedulerRuntime

DEFAULT = "default"

T = TypeVar("T")


class Assembly:
    """One application, not started, and a maker for each runtime that may serve it."""

    def __init__(self, application: Application, config: MessageBusConfig, scheduling: SchedulerConfig) -> None:
        self.application = application
        self.config = config
        self.scheduling = scheduling
        self.handlers = collect_handlers(application.declaration)
        self.actions = collect_actions(application.declaration)
        self.endpoints = tuple(_websocket_endpoints(application.declaration))

    @property
    def publishers(self) -> list[MessageBusPublisherInterceptor]:
        """What gives the application its broker connections, the default one first."""
        found = [e for e in self.application.interceptors if isinstance(e, MessageBusPublisherInterceptor)]
        return sorted(found, key=lambda each: each.connection_name != DEFAULT)

    @property
    def frames_stay_here(self) -> bool:
        """Whether there are websockets, and no way from another process to them."""
        interceptors = (e for e in self.application.declaration.interceptors if isinstance(e, WebSocketInterceptor))
        return bool(self.endpoints) and not any(each.backend is not None for each in interceptors)

    @property
    def leases_stay_here(self) -> bool:
        """Whether there are actions that workers keep from overlapping, and no store in which to tell each other."""
        travel = (each for each in self.actions if each.fact.dispatch == "broker" and not each.fact.allow_overlap)
        return self.scheduling.store_url is None and any(travel)

    def http(self, http: HttpMicroservice, *, lifespan: Lifespan | None = None) -> HttpRuntime:
        """The HTTP runtime; its `asgi` is complete at once, also before the application starts."""
        return HttpRuntime(self.application, http, lifespan=lifespan)

    async def connect(self, within: float) -> None:
        """Return once the broker is connected and the topology declared; the application is running.

        Raises:
            ServerUnavailable: nobody answered within so many seconds, or the login was refused.
            TopologyMismatch: something exists on the broker with other arguments than the application declares.
        """
        await self._connection().until_ready(within)

    @asynccontextmanager
    async def bus(self, within: float) -> AsyncIterator[BusConnection]:
        """The connection over which handlers consume, while nothing else of the application starts.

        Nothing is declared over it: what is on the broker may differ from what the application declares, or be missing.

        Raises:
            DeclarationError: something in the declaration cannot work.
            ServerUnavailable: as `connect`.
        """
        self.application.validate()
        connection = self.publishers[0].connection(self.application.declaration, self.application.environment)
        try:
            await connection.open(within)
            yield connection
        finally:
            await connection.stop()

    @asynccontextmanager
    async def buses(self, within: float) -> AsyncIterator[tuple[BusConnection, ...]]:
        """Every broker connection of the application, the default one first, with the topology declared.

        Nothing else of the application starts.

        Raises:
            DeclarationError: something in the declaration cannot work.
            ServerUnavailable, TopologyMismatch: as `connect`.
        """
        application, environment = self.application, self.application.environment
        application.validate()
        async with AsyncExitStack() as stack:
            connections = []
            for each in self.publishers:
                await stack.enter_async_context(each.lifecycle(application.declaration, environment.container))
                connection = environment.resource(BusKey(each.connection_name))
                assert isinstance(connection, BusConnection)
                await connection.until_ready(within)
                connections.append(connection)
            yield tuple(connections)

    def broker_url(self, connection: BusConnection) -> str:
        """Where the broker of a connection is, with the password."""
        named = (each for each in self.publishers if each.connection_name == connection.name)
        factory = next(named).connection_factory
        return (self.config.url if connection.name == DEFAULT else None) or factory.url

    @property
    def attempts(self) -> int:
        """How many attempts at messages its worker runs at a time."""
        return attempts_of(self.handlers, self.config)

    def expect_worker(self) -> None:
        """Let the application, before it starts, have as many database connections as a worker needs."""
        self.application.environment.attempts = self.attempts

    def worker(self) -> WorkerRuntime:
        """The worker runtime, once the application is running."""
        return WorkerRuntime(self.application.environment, self.handlers, self._connection(), self.config)

    def _connection(self) -> BusConnection:
        connection = self.application.environment.resource(BusKey(DEFAULT))
        assert isinstance(connection, BusConnection)
        return connection

    def scheduler(self) -> SchedulerRuntime:
        """The scheduler runtime, once the application is running.

        Raises:
            NotConfigured: the schedule store is in a database that is not declared.
            MissingExtra, InvalidOption: it cannot be connected to.
        """
        store = open_store(self.application.environment, self.scheduling)
        return SchedulerRuntime(self.application, self.actions, store, publish_tick)


def bus_config(
    declaration: Microservice, settings: Settings, config: MessageBusConfig | None = None
) -> MessageBusConfig:
    """The configuration of the message bus: `config`, or what the declaration provides, under what settings say."""
    return settings.bus_config(config or _provided(declaration, MessageBusConfig))


def declared_bus_config(declaration: Microservice) -> MessageBusConfig:
    """The configuration of the message bus that the declaration provides, or the default one."""
    return _provided(declaration, MessageBusConfig) or MessageBusConfig()


def scheduler_config(declaration: Microservice, settings: Settings) -> SchedulerConfig:
    """The configuration of schedulers: what the declaration provides, under what settings say."""
    return settings.scheduler_config(_provided(declaration, SchedulerConfig))


def _provided(declaration: Microservice, kind: type[T]) -> T | None:
    specs = [provider for provider in declaration.providers if isinstance(provider, ProviderSpec)]
    provided = [spec.use_value for spec in specs if isinstance(spec.use_value, kind)]
    return provided[-1] if provided else None


def assemble(
    declaration: Microservice,
    ports: Ports,
    config: MessageBusConfig,
    *,
    needs_broker: bool,
    scheduling: SchedulerConfig | None = None,
) -> Assembly:
    """Put an application together. What it does not declare itself gets defaults.

    Args:
        scheduling: how schedulers remember what they fired; None is what the declaration provides.
        needs_broker: whether the process cannot do without a broker, and looks at the usual address if nobody says
            where it is.

    Raises:
        DeclarationError: handlers, actions or their names, or the URL of the schedule store, cannot work.
    """
    if needs_broker and config.url is None and _declared_connection(declaration) is None:
        config = replace(config, url=DEFAULT_BROKER_URL)
    scheduling = scheduling or _provided(declaration, SchedulerConfig) or SchedulerConfig()
    if scheduling.store_url is not None:
        check_store_url(scheduling.store_url)
    declaration = with_tick_handlers(declaration)
    application = Application(declaration, ports, extra_interceptors=tuple(_defaults(declaration, config)))
    container = application.environment.container
    container.register(ProviderSpec(MessageBusConfig, use_value=config))
    container.register(ProviderSpec(OutboxFactory, use_value=outbox_factory(application.environment)))
    if receives_ticks(declaration):
        for spec in tick_providers(container, partial(open_store, application.environment, scheduling)):
            container.register(spec)
    application.validates(check_outboxes)
    application.validates(_check_websocket_controllers)
    return Assembly(application, config, scheduling)


def _defaults(declaration: Microservice, config: MessageBusConfig) -> Iterator[object]:
    yield LoopWatching()
    if config.url is not None and _declared_connection(declaration) is None:
        yield MessageBusPublisherInterceptor(AIOPikaConnectionFactory(config.url))
    if not any(isinstance(each, WebSocketInterceptor) for each in declaration.interceptors):
        yield WebSocketInterceptor()


def _declared_connection(declaration: Microservice) -> MessageBusPublisherInterceptor | None:
    found = (each for each in declaration.interceptors if isinstance(each, MessageBusPublisherInterceptor))
    return next((each for each in found if each.connection_name == DEFAULT), None)


def _websocket_endpoints(declaration: Microservice) -> Iterator[tuple[type, str]]:
    for controller in declaration.controllers:
        for name, _fact in method_facts(controller, WebSocketFact):
            yield controller, name


def _check_websocket_controllers(application: Application) -> None:
    for controller, name in _websocket_endpoints(application.declaration):
        if application.environment.container.scope_of(controller) == "uow":
            raise ScopeViolation(
                f"{controller.__qualname__}.{name} is a websocket endpoint, but its controller lives for one unit of "
                "work, and a connection outlives that. Move the endpoint to a controller that needs nothing of scope "
                "'uow', and open `async with unit_of_work()` inside it."
            )
