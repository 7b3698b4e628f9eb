"""Handlers that do what a test tells them."""

from collections.abc import Awaitable, Callable
from typing import Any

from order_handlers import Order

from jararaca import IncomingHandler, Message, MessageBusController, use_publisher
from jararaca.core.context import use_clock
from jararaca.messagebus.retry import RetryPolicy

Body = Callable[[Message[Any]], Awaitable[None]]

NEVER = 10_000.0
"""Seconds that no test waits."""


class Script:
    """What handlers do: nothing, unless a test sets `body`. `messages` are those they were given, in order."""

    def __init__(self) -> None:
        self.messages: list[Message[Any]] = []
        self.body: Body | None = None
        self.running = 0
        self.most = 0

    async def run(self, message: Message[Any]) -> None:
        """Be the body of a handler."""
        self.messages.append(message)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.body is not None:
                await self.body(message)
        finally:
            self.running -= 1

    @property
    def numbers(self) -> list[int]:
        """The orders of the messages, in the order in which they came."""
        return [message.payload().number for message in self.messages]


class Scripted:
    def __init__(self, script: Script) -> None:
        self.script = script


@MessageBusController()
class Desk(Scripted):
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await self.script.run(message)


@MessageBusController()
class PatientDesk(Scripted):
    @IncomingHandler("order.placed", retry=RetryPolicy(max_attempts=4, first_delay=1.0, factor=3.0, max_delay=5.0))
    async def handle(self, message: Message[Order]) -> None:
        await self.script.run(message)


@MessageBusController()
class OrderedDesk(Scripted):
    @IncomingHandler("order.placed", ordered=True)
    async def handle(self, message: Message[Order]) -> None:
        await self.script.run(message)


def sleeping(seconds: float) -> Body:
    """A body that takes so long."""

    async def body(_message: Message[Any]) -> None:
        await use_clock().sleep(seconds)

    return body


def raising(error: Exception) -> Body:
    """A body that fails."""

    async def body(_message: Message[Any]) -> None:
        raise error

    return body


def retrying_once(delay: float | None) -> Body:
    """A body that asks for another attempt at its first one."""

    async def body(message: Message[Any]) -> None:
        if message.attempt == 1:
            await message.retry(delay=delay)

    return body


def at_first(body: Body) -> Body:
    """Do this to a message that nobody was given before, and nothing to one that comes again."""

    async def first(message: Message[Any]) -> None:
        if not message.redelivered:
            await body(message)

    return first


def republishing(*, hops: int) -> Body:
    """A body that publishes what it is given to where it came from, up to so many hops."""

    async def body(message: Message[Any]) -> None:
        if message.headers["x-jararaca-hops"] < hops:
            await use_publisher().publish(message=message.payload(), topic=message.topic)

    return body
