"""Gives an application a message broker."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import get_args

from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token
from jararaca.errors import InvalidOption
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.handlers import HandlerSpec, collect_handlers
from jararaca.messagebus.relay import Relay
from jararaca.messagebus.relaying import relaying
from jararaca.messagebus.staging import Delivery
from jararaca.ports.outbox import Inbox, Outbox, OutboxFactory, OutboxKey

DEFAULT = "default"
"""The connection over which the handlers' queues are declared and consumed; also the database of that name."""


@dataclass(frozen=True, slots=True)
class AIOPikaConnectionFactory:
    """Where a broker is and how to talk to it; plain data, no driver is loaded for it.

    Args:
        url: `amqp://user:password@host:5672/vhost`, `amqps://` for TLS, or `memory://` for one in this process.
        exchange: the topic exchange; None is the one of `MessageBusConfig`, or `jararaca.events`.
        publish_timeout: seconds that one flush of publishes may take.
        heartbeat: seconds between signs of life; a connection that gives none for twice as long is lost.
    """

    url: str = field(repr=False)
    exchange: str | None = field(default=None, kw_only=True)
    publish_timeout: float = field(default=5.0, kw_only=True)
    heartbeat: int = field(default=30, kw_only=True)

    def __post_init__(self) -> None:
        if not self.publish_timeout > 0:
            raise InvalidOption(
                f"AIOPikaConnectionFactory(publish_timeout={self.publish_timeout}) cannot work. Use seconds above 0."
            )
        if not 1 <= self.heartbeat <= 65_535:
            raise InvalidOption(
                f"AIOPikaConnectionFactory(heartbeat={self.heartbeat}) cannot work. Use 1 to 65535 seconds."
            )


class MessageBusPublisherInterceptor:
    """Keeps a broker connection open while the application runs, so that `use_publisher(connection_name)` finds it.

    The connection named `default` declares the handlers' queues, and is the one that a worker consumes over; a `url`
    in the application's `MessageBusConfig` wins over the factory's. An application whose broker is away starts without.

    Args:
        connection_factory: where the broker is.
        connection_name: by which `use_publisher` finds it; names are unique in an application.
        delivery: how the messages of a unit of work leave: `after_commit`, in one flush; or `outbox`, as rows of its
            transaction that a relay in each process of the application sends, so that none can be lost.
        outbox: the connection name of the database that has those rows.

    Raises:
        InvalidOption: there is no such delivery.
    """

    def __init__(
        self,
        connection_factory: AIOPikaConnectionFactory,
        connection_name: str = DEFAULT,
        *,
        delivery: Delivery = "after_commit",
        outbox: str = DEFAULT,
    ) -> None:
        if delivery not in get_args(Delivery):
            raise InvalidOption(
                f"MessageBusPublisherInterceptor(delivery={delivery!r}) cannot work. Use "
                f"{' or '.join(map(repr, get_args(Delivery)))}."
            )
        self.connection_factory = connection_factory
        self.connection_name = connection_name
        self.delivery = delivery
        self.outbox = outbox

    def providers(self, app: Microservice) -> tuple[ProviderSpec, ...]:  # noqa: ARG002 -- it is the same for all
        """The relay, which needs databases: it starts after every interceptor, and stops before them."""
        if self.delivery != "outbox":
            return ()
        relay = Token(Relay, f"outbox relay of {self.connection_name}")
        return (ProviderSpec(relay, use_factory=relaying(self.connection_name), after_interceptors=True),)

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:
        """Connect, offer the connection, and close it at the end.

        Raises:
            LoginRefused: the broker answered and refused the user, password or virtual host.
            TopologyMismatch: something on the broker has other arguments than this application declares.
        """
        environment = container.get_by_type(Environment)
        key = BusKey(self.connection_name)
        if environment.resource(key) is not None:
            raise InvalidOption(
                f"two broker connections are called {self.connection_name!r}. Give each "
                "MessageBusPublisherInterceptor a connection_name of its own."
            )
        outbox, inbox = self.boxes(environment) if self.delivery == "outbox" else (None, None)
        connection = self.connection(app, environment, outbox, inbox)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(connection.stop)
            stack.callback(environment.offer(key, connection))
            if outbox is not None:
                stack.callback(environment.offer(OutboxKey(self.outbox), outbox))
            stack.callback(environment.checks(f"broker {self.connection_name}", lambda: connection.can_publish))
            await connection.start(wait=False)
            yield

    def boxes(self, environment: Environment) -> tuple[Outbox, Inbox]:
        """The outbox of this connection, and the inbox of the application next to it."""
        make = environment.container.get_by_type(OutboxFactory)
        return make(
            self.outbox, sender=environment.owned(self.connection_name), receiver=environment.shared(environment.name)
        )

    def connection(
        self, app: Microservice, environment: Environment, outbox: Outbox | None = None, inbox: Inbox | None = None
    ) -> BusConnection:
        """The connection, not started."""
        config = environment.container.find(MessageBusConfig) or MessageBusConfig()
        factory = self.connection_factory
        is_default = self.connection_name == DEFAULT
        handlers: tuple[HandlerSpec, ...] = collect_handlers(app) if is_default else ()
        return BusConnection(
            environment,
            name=self.connection_name,
            url=(config.url if is_default else None) or factory.url,
            config=config,
            handlers=handlers,
            exchange=factory.exchange,
            publish_timeout=factory.publish_timeout,
            heartbeat=factory.heartbeat,
            outbox=outbox,
            inbox=inbox,
        )
