"""From a declaration to what runs: what is declared is used, and what is not gets a default."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from pydantic import BaseModel

from jararaca import (
    AIOPikaConnectionFactory,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
    ProviderSpec,
    ScheduledAction,
    WebSocketEndpoint,
    WebSocketInterceptor,
)
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.bootstrap.assembly import Assembly, assemble, bus_config
from jararaca.bootstrap.settings import DEFAULT_BROKER_URL, Settings
from jararaca.bootstrap.wiring import embedded_ports, system_ports
from jararaca.core.runtimes import Runtime
from jararaca.errors import BrokerUnavailable, ScopeViolation
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.presentation.http_microservice import HttpMicroservice


class Order(BaseModel):
    id: int


class Session: ...


@MessageBusController()
class Orders:
    @IncomingHandler("order.placed")
    async def bill(self, message: Message[Order]) -> None: ...

    @ScheduledAction("0 6 * * *")
    async def remind(self) -> None: ...


class Feed:
    @WebSocketEndpoint("/feed")
    async def feed(self) -> None: ...


class SessionFeed(Feed):
    def __init__(self, session: Session) -> None: ...


class Elsewhere:
    """A way to the other processes, as a websocket backend."""

    broadcast_pubsub_channel = "broadcast"
    send_pubsub_channel = "send"


def assembled(declaration: Microservice, url: str | None = None, *, needs_broker: bool = False) -> Assembly:
    return assemble(declaration, embedded_ports(), MessageBusConfig(url=url), needs_broker=needs_broker)


def declared(url: str, name: str = "default") -> MessageBusPublisherInterceptor:
    return MessageBusPublisherInterceptor(AIOPikaConnectionFactory(url), name)


async def address(assembly: Assembly, name: str = "default") -> str | None:
    """Where the application's broker connection leads, while it runs."""
    await assembly.application.start()
    connection = assembly.application.environment.resource(BusKey(name))
    await assembly.application.stop()
    return connection.address if isinstance(connection, BusConnection) else None


def test_handlers_actions_and_endpoints_are_collected() -> None:
    assembly = assembled(Microservice(controllers=[Orders, Feed]))

    assert [handler.name for handler in assembly.handlers] == ["Orders.bill"]
    assert [action.name for action in assembly.actions] == ["Orders.remind"]
    assert assembly.endpoints == ((Feed, "feed"),)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("declaration", "url", "needs_broker", "leads_to"),
    [
        (Microservice(), None, False, None),
        (Microservice(), None, True, "amqp://***@localhost/"),
        (Microservice(), "memory://said", True, "memory://said"),
        (Microservice(), "memory://said", False, "memory://said"),
        (Microservice(interceptors=[declared("memory://declared")]), None, True, "memory://declared"),
        (Microservice(interceptors=[declared("memory://declared")]), "memory://said", True, "memory://said"),
        (Microservice(interceptors=[declared("memory://x", "other")]), None, True, "amqp://***@localhost/"),
    ],
)
async def test_the_broker_is_where_somebody_says_or_at_the_usual_address(
    declaration: Microservice, url: str | None, needs_broker: bool, leads_to: str | None
) -> None:
    assembly = assembled(declaration, url, needs_broker=needs_broker)

    assert await address(assembly) == leads_to
    assert DEFAULT_BROKER_URL == "amqp://guest:guest@localhost/"


@pytest.mark.asyncio
async def test_another_connection_stays_where_it_is_declared() -> None:
    assembly = assembled(Microservice(interceptors=[declared("memory://x", "other")]), "memory://said")

    assert await address(assembly, "other") == "memory://x"


def test_settings_are_put_over_what_is_given_or_provided() -> None:
    provided = Microservice([ProviderSpec(MessageBusConfig, use_value=MessageBusConfig(concurrency=3, prefetch=4))])
    settings = Settings(prefetch=9)

    assert bus_config(provided, settings) == MessageBusConfig(concurrency=3, prefetch=9)
    assert bus_config(provided, settings, MessageBusConfig(concurrency=5)) == MessageBusConfig(
        concurrency=5, prefetch=9
    )
    assert bus_config(Microservice([Session]), settings) == MessageBusConfig(prefetch=9)


def test_what_the_application_finds_by_injection_is_what_it_runs_with() -> None:
    provided = Microservice([ProviderSpec(MessageBusConfig, use_value=MessageBusConfig(concurrency=3))])

    assembly = assemble(provided, embedded_ports(), MessageBusConfig(concurrency=8), needs_broker=False)

    assert assembly.application.environment.container.get_by_type(MessageBusConfig).concurrency == 8


@pytest.mark.parametrize(
    ("declaration", "stay"),
    [
        (Microservice(controllers=[Orders]), False),
        (Microservice(controllers=[Feed]), True),
        (Microservice(controllers=[Feed], interceptors=[WebSocketInterceptor()]), True),
        (Microservice(controllers=[Feed], interceptors=[WebSocketInterceptor(Elsewhere())]), False),  # type: ignore[arg-type] # never used
    ],
)
def test_frames_stay_in_the_process_unless_there_is_a_way_out(declaration: Microservice, stay: bool) -> None:
    assert assembled(declaration).frames_stay_here is stay


def test_a_websocket_outlives_a_unit_of_work() -> None:
    session = ProviderSpec(Session, use_class=Session, scope="uow")
    assembly = assembled(Microservice([session], [SessionFeed]))

    with pytest.raises(ScopeViolation, match=r"SessionFeed\.feed is a websocket endpoint, but its controller lives"):
        assembly.application.validate()


def test_an_endpoint_whose_controller_lives_as_long_as_the_process_is_fine() -> None:
    assembled(Microservice([Session], [SessionFeed, Feed])).application.validate()


@pytest.mark.asyncio
async def test_every_runtime_of_an_application_can_be_made_and_started() -> None:
    assembly = assembled(Microservice(controllers=[Orders]), "memory://")
    await assembly.application.start()
    await assembly.connect(5)
    runtimes: list[Runtime] = [assembly.worker(), assembly.scheduler()]

    for runtime in runtimes:
        await runtime.start()

    assert runtimes[0].ready
    assert [await runtime.stop(1) for runtime in runtimes] == [True, True]
    assert await assembly.application.stop()


class Overheard:
    """A fan-out that knows how often somebody subscribed to it."""

    def __init__(self) -> None:
        self._inner = MemoryFanout(FanoutHub())
        self.publish, self.close = self._inner.publish, self._inner.close
        self.subscribed = 0
        self.is_heard = asyncio.Event()

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        self.subscribed += 1
        self.is_heard.set()
        async with self._inner.subscribe(*channels) as frames:
            yield frames


@pytest.mark.asyncio
async def test_frames_of_others_are_received_where_there_are_sockets_only() -> None:
    """A worker and a scheduler send frames, and would only throw away those of others."""
    fanout = Overheard()
    ports = replace(embedded_ports(), fanout=lambda: fanout)
    assembly = assemble(Microservice(controllers=[Orders]), ports, MessageBusConfig(url="memory://"), needs_broker=True)
    http = assembly.http(HttpMicroservice(assembly.application.declaration))
    await assembly.application.start()
    await assembly.connect(5)
    others: list[Runtime] = [assembly.worker(), assembly.scheduler()]
    for runtime in others:
        await runtime.start()
        await runtime.stop(1)
    without_sockets = fanout.subscribed
    await http.start()
    async with asyncio.timeout(5):
        await fanout.is_heard.wait()
    await http.stop(1)
    await assembly.application.stop()

    assert (without_sockets, fanout.subscribed) == (0, 1)


@pytest.mark.asyncio
async def test_a_broker_that_does_not_answer_in_time_is_told() -> None:
    assembly = assemble(Microservice(), system_ports(), MessageBusConfig(url="amqp://127.0.0.1:1/"), needs_broker=True)
    await assembly.application.start()

    with pytest.raises(BrokerUnavailable, match=r"no connection to the broker at amqp://127\.0\.0\.1:1/ within"):
        await assembly.connect(0.1)
    await assembly.application.stop()
