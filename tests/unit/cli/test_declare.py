"""What `jararaca declare` brings about, and what it says of what is left behind."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from pydantic import BaseModel

from jararaca import (
    AIOPikaConnectionFactory,
    IncomingHandler,
    Message,
    MessageBusController,
    MessageBusPublisherInterceptor,
    Microservice,
)
from jararaca.bootstrap.assembly import assemble
from jararaca.bootstrap.wiring import embedded_ports
from jararaca.cli.declare import Orphanage, declare_and_look
from jararaca.errors import InventoryUnavailable
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.retry import RetryPolicy
from jararaca.ports.broker import Broker, Envelope, Queue

SOURCE = """
from jararaca import *
from pydantic import BaseModel

class Order(BaseModel):
    id: int

@MessageBusController()
class Billing:
    @IncomingHandler("order.placed")
    async def charge(self, message: Message[Order]) -> None: ...

app = Microservice(name="shop", controllers=[Billing])
"""


class Order(BaseModel):
    id: int


@MessageBusController()
class Old:
    @IncomingHandler("order.placed")
    async def full(self, message: Message[Order]) -> None: ...

    @IncomingHandler("order.paid")
    async def empty(self, message: Message[Order]) -> None: ...

    @IncomingHandler("order.sent", name="stays")
    async def stays(self, message: Message[Order]) -> None: ...


@MessageBusController()
class New:
    @IncomingHandler("order.left", name="stays", retry=RetryPolicy(max_attempts=2))
    async def stays(self, message: Message[Order]) -> None: ...


Printed = Callable[[], list[str]]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    """What was printed since it was asked last."""
    return lambda: [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]


class Releases:
    """Releases of one application on one broker, one after the other."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.ports = embedded_ports()
        self._stack = stack

    async def declare(self, *controllers: type, **options: Any) -> BusConnection:
        declaration = Microservice(name=options.pop("name", "shop"), controllers=controllers)
        config = MessageBusConfig(url=options.pop("url", "memory://"))
        assembly = assemble(declaration, self.ports, config, needs_broker=True)
        (connection,) = await self._stack.enter_async_context(assembly.buses(10.0))
        longest_delay = options.pop("longest_delay", 0.0)
        await declare_and_look(assembly, connection, Orphanage(**options), longest_delay=longest_delay)
        return connection


@pytest_asyncio.fixture
async def releases() -> AsyncIterator[Releases]:
    async with AsyncExitStack() as stack:
        yield Releases(stack)


@pytest_asyncio.fixture
async def grown(releases: Releases, printed: Printed) -> Releases:
    """The application after a release that no longer has two of its handlers, and lets the third listen elsewhere."""
    connection = await releases.declare(Old)
    await connection.publish(Envelope(b"{}"), "order.placed")
    printed()
    return releases


@pytest.mark.asyncio
async def test_everything_is_declared_and_shown(releases: Releases, printed: Printed) -> None:
    connection = await releases.declare(New)

    assert printed() == [
        "shop is declared at memory://",
        "exchange jararaca.events",
        "queue shop.stays.dlq",
        "queue shop.stays, for order.left",
        "waits 4 steps",
        "no orphans: all that is there is declared here",
    ]
    await connection.broker.inspect_queue(connection.names.wait(1.0))


@pytest.mark.asyncio
async def test_waits_of_delayed_publishes_are_declared_if_it_is_said_how_long(
    releases: Releases, printed: Printed
) -> None:
    connection = await releases.declare(New, longest_delay=2.0)

    assert "waits 9 steps" in printed()
    await connection.broker.inspect_queue(connection.names.delay(2.0))


@pytest.mark.asyncio
async def test_what_no_handler_declares_any_more_is_shown_and_kept(grown: Releases, printed: Printed) -> None:
    await grown.declare(New)

    assert printed()[5:] == [
        "orphans: no handler declares them any more",
        "queue shop.Old.empty, 0 messages, bound to order.paid",
        "queue shop.Old.empty.dlq, 0 messages",
        "queue shop.Old.full, 1 message, bound to order.placed",
        "queue shop.Old.full.dlq, 0 messages",
        "binding order.sent of jararaca.events to shop.stays",
        "Their bindings still fill them. --prune takes bindings away, and queues that hold nothing.",
    ]


@pytest.mark.asyncio
async def test_pruning_deletes_no_queue_that_holds_messages(grown: Releases, printed: Printed) -> None:
    await grown.declare(New, prune=True)

    assert printed()[6:] == [
        "queue shop.Old.empty, 0 messages, bound to order.paid: taken away",
        "queue shop.Old.empty.dlq, 0 messages: taken away",
        "queue shop.Old.full, 1 message, bound to order.placed: kept, holds 1 message",
        "queue shop.Old.full.dlq, 0 messages: taken away",
        "binding order.sent of jararaca.events to shop.stays: taken away",
    ]


@pytest.mark.asyncio
async def test_what_another_application_of_a_longer_name_has_is_not_looked_at(
    releases: Releases, printed: Printed
) -> None:
    """It is not running, and its queues are empty."""
    await releases.declare(Old, name="shop.eu", longest_delay=2.0)
    printed()

    connection = await releases.declare(New, prune=True)

    assert printed()[-1] == "no orphans: all that is there is declared here"
    assert (await connection.broker.inspect_queue("shop.eu.Old.full")).ready == 0
    await connection.publish(Envelope(b"{}"), "order.placed")
    assert (await connection.broker.inspect_queue("shop.eu.Old.full")).ready == 1


@pytest.mark.asyncio
async def test_a_queue_that_does_not_say_whose_it_is_is_shown_and_kept(releases: Releases, printed: Printed) -> None:
    connection = await releases.declare(New)
    await connection.broker.declare_queue(Queue("shop.Old.handle"))
    printed()

    await releases.declare(New, prune=True)

    assert printed()[-1] == "queue shop.Old.handle, 0 messages: kept, does not say whose it is"


class Silent:
    """A broker that cannot list what it has."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    def __getattr__(self, name: str) -> Any:
        if name.startswith("list_"):
            raise AttributeError(name)
        return getattr(self._broker, name)


@pytest.fixture
def silent(releases: Releases) -> Releases:
    ports = releases.ports
    make: Any = lambda url, **options: Silent(ports.broker(url, **options))  # noqa: E731 -- a factory is a function
    releases.ports = replace(ports, broker=make)
    return releases


NOWHERE = "amqp://guest:guest@255.255.255.255/"
"""An address to which nothing connects, at once."""


@pytest.mark.asyncio
async def test_if_nobody_lists_what_is_there_orphans_are_not_looked_for(silent: Releases, printed: Printed) -> None:
    await silent.declare(New, url=NOWHERE)

    assert printed()[-1].startswith("orphans were not looked for: nobody answers at http://255.255.255.255:15672 ")


@pytest.mark.asyncio
@pytest.mark.parametrize("options", [{"prune": True}, {"management_url": "http://255.255.255.255"}])
async def test_if_it_was_asked_for_this_is_a_failure(silent: Releases, options: dict[str, Any]) -> None:
    with pytest.raises(InventoryUnavailable, match="--management-url"):
        await silent.declare(New, url=NOWHERE, **options)


# -- the command


def test_the_command_declares_and_ends_with_0(said: Callable[..., Any]) -> None:
    ended = said("declare", "app:app", "--url", "memory://", source=SOURCE)

    assert (ended.code, ended.out.splitlines()[0]) == (0, "shop is declared at memory://")
    assert ended.out.splitlines()[-1] == "no orphans: all that is there is declared here"


def test_connections_to_other_brokers_are_declared_as_well(
    said: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    factory, interceptor = AIOPikaConnectionFactory.__name__, MessageBusPublisherInterceptor.__name__
    partner = f"{interceptor}({factory}('memory://partner'), connection_name='partner')"
    source = SOURCE.replace("controllers=[Billing])", f"controllers=[Billing], interceptors=[{partner}])")

    ended = said("declare", "app:app", "--url", "memory://", source=source)

    assert ended.code == 0
    connected = [vars(record)["connection"] for record in caplog.records if record.message.startswith("connected")]
    assert connected == ["default", "partner"]


def test_a_wrong_number_of_seconds_is_refused(said: Callable[..., Any]) -> None:
    assert said("declare", "app:app", "--longest-delay", "-1", source=SOURCE).code == 2
