"""What tests of message semantics ask of the running application and of its broker."""

from collections.abc import Callable
from typing import Any, Protocol

import pytest
from order_handlers import Order, OrderRow
from sqlalchemy import select

from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.ports.broker import Envelope
from jararaca_testing import Record, RunningApplication
from jararaca_testing.ledger import Ledger
from jararaca_testing.profiles.world import World

STEP = 0.125
"""Seconds by which time is let pass while something is waited for."""


def serving(*controllers: type) -> pytest.MarkDecorator:
    """Marks a test with the controllers of its application."""
    return pytest.mark.controllers.with_args(*controllers)  # called, a mark takes a single class for what to mark


class Running(Protocol):
    """An application under test, in one process or in several."""

    clock: Any
    ledger: Ledger

    @property
    def environment(self) -> Environment: ...
    async def settle(self) -> None: ...


def connection_of(app: Running) -> BusConnection:
    """The application's connection to its broker."""
    connection = app.environment.resource(BusKey("default"))
    assert isinstance(connection, BusConnection)
    return connection


class Connected(Running, Protocol):
    """One whose connections a test can cut."""

    world: World


async def lose_once_confirmed(app: Connected) -> None:
    """Cut every connection once the broker has confirmed what brought us here; before, that would be sent again."""
    while not app.ledger.of_kind(Kind.CONFIRM):
        await app.clock.sleep(0.01)
    app.world.lose_connections()


async def until(app: Running, reached: Callable[[], object], within: float = 600.0) -> None:
    """Let time pass, in every profile, until `reached()`; come to rest then."""
    waited = 0.0
    while not reached():
        assert waited < within, f"not reached within {within} s:\n" + "\n".join(map(str, app.ledger))
        await app.clock.sleep(STEP)
        waited += STEP
    await app.settle()


def settlements(app: Running, handler: str = "handle") -> list[Record]:
    """How the deliveries to a method ended, in order: `outcome` is the verb, `reason` why. Looked at by that name."""
    found = [record for record in app.ledger.of_kind(Kind.SETTLE) if str(record.handler).endswith(f".{handler}")]
    app.ledger.look(found)
    return found


def ends(app: Running, handler: str = "handle") -> list[tuple[str | None, str | None]]:
    """Verb and reason of each settlement, in order, but for those of early messages, which are sent on."""
    return [(record.outcome, record.reason) for record in settlements(app, handler) if record.reason != "early"]


async def take_all(app: Running, queue: str) -> list[Envelope]:
    """Take everything that is ready out of a queue of the application, named without its prefix.

    What the broker notes about the taking itself is left out.
    """
    connection = connection_of(app)
    found = []
    while (delivery := await connection.broker.get(connection.names.queue(queue))) is not None:
        delivery.ack()
        headers = {name: value for name, value in delivery.envelope.headers.items() if name != "x-delivery-count"}
        found.append(delivery.envelope._replace(headers=headers))
    return found


async def ready(app: Running, queue: str) -> int:
    """How many messages are ready in a queue of the application."""
    connection = connection_of(app)
    return (await connection.broker.inspect_queue(connection.names.queue(queue))).ready


async def publish_raw(app: Running, envelope: Envelope, topic: str) -> None:
    """Publish as a producer would that knows nothing of the framework."""
    connection = connection_of(app)
    await connection.broker.publish(envelope, exchange=connection.names.exchange, routing_key=topic)


class Shop:
    """The application that books orders: what it was asked for, and what came of it."""

    def __init__(self, app: RunningApplication) -> None:
        self.app = app

    async def place(self, number: int = 7, **options: Any) -> None:
        """Publish an order, and let the application come to rest."""
        await self.app.bus.publish(Order(number=number), "order.placed", **options)
        await self.app.settle()

    async def rows(self) -> list[int]:
        """The numbers of the orders that are in the database."""
        async with self.app.db.session() as session:
            return sorted(await session.scalars(select(OrderRow.number)))

    @property
    def announced(self) -> list[int]:
        """The numbers of the orders of which others heard."""
        return [record.payload.number for record in self.app.bus.handled("hear")]

    @property
    def ends(self) -> list[tuple[str | None, str | None]]:
        """How the deliveries of orders ended."""
        return ends(self.app)

    async def dead_letter(self) -> Envelope:
        """The only dead letter, out of its queue."""
        handler = settlements(self.app)[0].handler
        (found,) = await take_all(self.app, f"{handler}.dlq")
        return found
