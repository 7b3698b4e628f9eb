"""Which adapter serves which URL: the only place that knows every adapter's name.

Drivers are imported when a URL asks for them, so that a process loads only those it uses.
"""

from urllib.parse import urlsplit

from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.adapters.memory.schedule_store import MemoryScheduleStore
from jararaca.adapters.system.chance import SystemChance
from jararaca.adapters.system.clock import SystemClock
from jararaca.adapters.system.loop_watch import ThreadedLoopWatch
from jararaca.core.environment import BrokerFactory, Environment, Ports
from jararaca.errors import InvalidOption, MissingExtra
from jararaca.ports.broker import Broker
from jararaca.ports.clock import Clock
from jararaca.ports.inventory import Inventory
from jararaca.ports.schedule_store import ScheduleStore
from jararaca.scheduler.config import SchedulerConfig

REDIS = ("redis", "rediss", "unix")
DATABASES = ("database", "postgresql", "sqlite")
"""Schemes of schedule stores, without the driver that may follow a plus; `database` is one of the application's own."""


class MemoryBrokers:
    """Makes connections to in-memory virtual hosts, one host for each `memory://name` of this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hosts: dict[str, VirtualHost] = {}

    def host(self, name: str = "") -> VirtualHost:
        """The virtual host of that name; there from the first time somebody asks."""
        return self._hosts.setdefault(name, VirtualHost(self._clock))

    def __call__(self, url: str, *, heartbeat: int, name: str) -> Broker:  # noqa: ARG002 -- there is no connection
        return MemoryBroker(self.host(urlsplit(url).netloc))


def broker_factory(clock: Clock) -> BrokerFactory:
    """Makes brokers by the scheme of their URL: `amqp` and `amqps` are RabbitMQ, `memory` is this process."""
    in_memory = MemoryBrokers(clock)

    def make(url: str, *, heartbeat: int, name: str) -> Broker:
        match urlsplit(url).scheme:
            case "memory":
                return in_memory(url, heartbeat=heartbeat, name=name)
            case "amqp" | "amqps":
                try:
                    from jararaca.adapters.rabbitmq.broker import RabbitMQBroker
                except ModuleNotFoundError as error:
                    raise MissingExtra("rabbitmq", feature="a broker at an amqp:// URL") from error
                return RabbitMQBroker(url, heartbeat=heartbeat, name=name)
            case _:  # not shown: what has no scheme of a broker may well be a password
                raise InvalidOption(
                    "a broker URL starts with amqp://, amqps:// or memory://, and the given one does not. Correct "
                    "--url, JARARACA_BROKER_URL or the AIOPikaConnectionFactory."
                )

    return make


def system_ports() -> Ports:
    """The ports of a real process: its own clock and randomness, brokers by URL, nothing shared but through them."""
    clock = SystemClock()
    return Ports(
        clock=clock,
        chance=SystemChance(),
        broker=broker_factory(clock),
        fanout=lambda: MemoryFanout(FanoutHub()),
        schedule_store=lambda declared: MemoryScheduleStore(clock) if declared is None else declared(),
        loop_watch=ThreadedLoopWatch,
    )


def embedded_ports() -> Ports:
    """The ports of a process that is a whole system: broker and fan-out are in its memory, whatever is declared."""
    clock = SystemClock()
    hub = FanoutHub()
    brokers = MemoryBrokers(clock)

    def in_one_host(url: str, *, heartbeat: int, name: str) -> Broker:  # noqa: ARG001 -- one host serves every URL
        return brokers("memory://", heartbeat=heartbeat, name=name)

    return Ports(
        clock=clock,
        chance=SystemChance(),
        broker=in_one_host,
        fanout=lambda: MemoryFanout(hub),
        schedule_store=lambda _declared: MemoryScheduleStore(clock),
        embedded=True,
        loop_watch=ThreadedLoopWatch,
    )


def inventory_at(broker: Broker, broker_url: str, management_url: str | None) -> Inventory:
    """What lists the queues and bindings of a broker: itself, or RabbitMQ's management API at a URL.

    Raises:
        ConfigurationError: the URL is not one of HTTP.
    """
    if isinstance(broker, Inventory):
        return broker
    from jararaca.adapters.rabbitmq.management import ManagementInventory

    return ManagementInventory(broker_url, management_url)


def check_store_url(url: str) -> None:
    """Find a URL that leads to no kind of schedule store.

    Raises:
        InvalidOption: see above; the URL is not shown, because what has no known scheme may well be a password.
    """
    if not is_redis(url) and urlsplit(url).scheme.partition("+")[0] not in DATABASES:
        raise InvalidOption(
            "the URL of a schedule store starts with redis://, rediss://, unix://, database://, postgresql+asyncpg:// "
            "or sqlite+aiosqlite://, and the given one does not. Correct JARARACA_SCHEDULE_STORE_URL or "
            "SchedulerConfig(store_url=...)."
        )


def is_redis(url: str) -> bool:
    """Whether a schedule store is on a Redis server; otherwise it is in a database."""
    return urlsplit(url).scheme in REDIS


def open_store(environment: Environment, config: SchedulerConfig) -> ScheduleStore:
    """The schedule store of one runtime; raises as `connect_store`, where one is declared."""
    url = config.store_url
    return environment.ports.schedule_store(None if url is None else lambda: connect_store(url, environment))


def connect_store(url: str, environment: Environment) -> ScheduleStore:
    """The schedule store at a URL, for an application that runs; it connects at its first use.

    Raises:
        MissingExtra: the driver is not installed.
        NotConfigured: the application declares no database of that name.
        InvalidOption: the URL cannot be used.
    """
    if is_redis(url):
        return _redis_store(url, environment)
    try:
        from jararaca.bootstrap.schedule_database import store_in_database
    except ModuleNotFoundError as error:
        raise MissingExtra("sqlalchemy", feature="a schedule store in a database") from error
    return store_in_database(url, environment)


def _redis_store(url: str, environment: Environment) -> ScheduleStore:
    try:
        from redis.asyncio import Redis

        from jararaca.adapters.redis.connection import RedisClientFactory, same_client
        from jararaca.adapters.redis.schedule_store import RedisScheduleStore
    except ModuleNotFoundError as error:
        raise MissingExtra("redis", feature="a schedule store on Redis") from error
    try:
        client = Redis.from_url(url)
    except ValueError as error:
        raise InvalidOption(f"the URL of the schedule store cannot be used: {error}. Correct it.") from None
    make = environment.container.find(RedisClientFactory) or same_client
    return RedisScheduleStore(make(client))
