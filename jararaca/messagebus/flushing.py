"""Sends messages to the broker together, and knows of each one whether the broker has it.

All of them are queued before the first confirm is waited for, under one deadline. While the connection is lost they
wait for it; those whose confirm was lost with it are sent again, under the same message id. A broker that refuses one
message closes the channel that all of them share, and does not tell which one it was: they are sent again one by one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jararaca.core.steps import Kind, Origin
from jararaca.errors import BrokerUnavailable, ChannelClosed, JararacaError, UnroutableMessage
from jararaca.messagebus.connection import BusConnection
from jararaca.ports.broker import Confirm, Envelope


@dataclass(slots=True, eq=False)
class Outgoing:
    """A message that is ready to leave, and is not changed any more.

    `due` is set if it is to be delayed; `timeout` if its publisher gave one.

    `model` is what it was made from, `place` where it was published and `origin` what it belongs to, unless that is
    what the whole flush belongs to: for those who look on.
    """

    envelope: Envelope
    topic: str
    mandatory: bool = False
    due: datetime | None = None
    timeout: float | None = None
    model: Any = field(default=None, compare=False, repr=False)
    place: object = field(default=None, compare=False, repr=False)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message that the broker did not confirm, and why. It may have arrived if the confirm was lost."""

    message: Outgoing
    error: Exception


async def flush(
    connection: BusConnection, messages: Sequence[Outgoing], origin: Origin | None, *, staged: bool = False
) -> list[Unsent]:
    """Send the messages in order, and return those that failed; nothing that fails keeps the others from leaving.

    `staged` is told to those who look on: these messages waited for the commit of a unit of work.
    The deadline is the longest `timeout` that any of them asks for, or else the connection's `publish_timeout`.
    """
    within = max(connection.publish_timeout if message.timeout is None else message.timeout for message in messages)
    flight = _Flight(connection, messages, origin, staged)
    try:
        async with connection.environment.clock.timeout(within):
            await flight.run()
    except TimeoutError:
        flight.give_up(_late(connection, within))
    except JararacaError as error:
        flight.give_up(error)
    finally:
        flight.close()
    return flight.unsent


class _Flight:
    """The messages of one flush; `pending` are those of which nothing is known yet."""

    def __init__(
        self, connection: BusConnection, messages: Sequence[Outgoing], origin: Origin | None, staged: bool
    ) -> None:
        self.pending = list(messages)
        self.unsent: list[Unsent] = []
        self._connection = connection
        self._steps = connection.environment.steps
        self._origin = origin
        self._staged = staged
        self._futures: dict[Outgoing, asyncio.Future[Confirm]] = {}
        self._announced: set[Outgoing] = set()
        self._waiting: set[Outgoing] = set()
        self._suspects: set[Outgoing] = set()
        self._redeclared = False

    async def run(self) -> None:
        while self.pending:
            await self._connection.until_ready(None)
            suspect = next((message for message in self.pending if message in self._suspects), None)
            if suspect is None:
                await self._send(tuple(self.pending))
            else:
                async with self._connection.one_suspect_at_a_time:
                    await self._send((suspect,))

    async def _send(self, messages: tuple[Outgoing, ...]) -> None:
        for message in messages:
            await self._try_to_hand_over(message)
        for future in reversed(tuple(self._futures.values())):  # with the last one, the others are mostly done
            if not future.done():
                await asyncio.wait([future])
        futures, self._futures = self._futures, {}
        missing = [self._settle(message, future) for message, future in futures.items()]
        if any(missing):
            self._redeclared = True
            await self._connection.declare()

    async def _try_to_hand_over(self, message: Outgoing) -> None:
        first = message not in self._announced
        self._announced.add(message)
        try:
            if first and self._steps.observers:
                await self._steps.before(Kind.PUBLISH, message, self._origin_of(message), **self._facts(message))
            # Always mandatory on the wire: how else would anybody know that no queue took it?
            self._futures[message] = (
                self._connection.publish(message.envelope, message.topic, mandatory=True)
                if message.due is None
                else await self._hand_over_late(message, message.due)
            )
        except Exception as error:  # noqa: BLE001 -- of this message alone, and reported with it
            if not self._was_lost(error):
                self._fail(message, error)
        else:
            if first and self._steps.observers:
                self._steps.after(Kind.PUBLISH, message, self._origin_of(message), **self._facts(message))

    async def _hand_over_late(self, message: Outgoing, due: datetime) -> asyncio.Future[Confirm]:
        """Let a message wait on the broker, unless it is due by now."""
        remaining = (due - self._connection.environment.clock.now()).total_seconds()
        if remaining > 0:
            self._waiting.add(message)
            return await self._connection.delay(message.envelope, message.topic, remaining)
        self._waiting.discard(message)
        return self._connection.publish(message.envelope, message.topic, mandatory=True)

    def _was_lost(self, error: BaseException) -> bool:
        """Whether the message can be sent again over the next connection."""
        return isinstance(error, BrokerUnavailable) and not self._connection.ready

    def _settle(self, message: Outgoing, future: asyncio.Future[Confirm]) -> bool:
        """Take note of what became of a message. True if something it needs on the broker is to be declared again."""
        error = future.exception()
        if error is None:
            returned = future.result().returned is not None
            if returned and message in self._waiting and not self._redeclared:
                return True
            self._confirmed(message, routed=not returned)
        elif isinstance(error, ChannelClosed) and error.code == 404 and not self._redeclared:
            return True
        elif isinstance(error, ChannelClosed) and message not in self._suspects:
            self._suspects.add(message)
        elif not self._was_lost(error):
            assert isinstance(error, Exception)
            self._fail(message, error)
        return False

    def _confirmed(self, message: Outgoing, *, routed: bool) -> None:
        if not routed and (message.mandatory or message in self._waiting):
            self._fail(message, _unroutable(self._connection, message), outcome="unroutable")
            return
        self.pending.remove(message)
        if not routed:
            self._connection.was_unroutable(message.topic)
        self._tell(message, "confirmed" if routed else "unroutable")

    def _fail(self, message: Outgoing, error: Exception, *, outcome: str = "failed") -> None:
        self.pending.remove(message)
        self.unsent.append(Unsent(message, error))
        self._tell(message, outcome, exception=error)

    def give_up(self, error: Exception) -> None:
        """Let everything of which nothing is known fail with `error`."""
        for message in tuple(self.pending):
            self._fail(message, error)

    def close(self) -> None:
        """Nobody waits for what is still under way."""
        for future in self._futures.values():
            future.cancel()

    def _tell(self, message: Outgoing, outcome: str, **more: object) -> None:
        if self._steps.observers:
            origin, facts = self._origin_of(message), self._facts(message)
            self._steps.after(Kind.CONFIRM, message, origin, outcome=outcome, **facts, **more)

    def _origin_of(self, message: Outgoing) -> Origin | None:
        return message.origin or self._origin

    def _facts(self, message: Outgoing) -> dict[str, object]:
        return {
            "topic": message.topic,
            "exchange": self._connection.names.exchange,
            "message_id": message.envelope.message_id,
            "connection": self._connection.name,
            "delayed": message.due is not None,
            "staged": self._staged,
        }


def _late(connection: BusConnection, within: float) -> BrokerUnavailable:
    address = connection.address
    if connection.ready and not connection.can_publish:
        return BrokerUnavailable(
            f"the broker at {address} blocks publishes (a memory or disk alarm) and confirmed nothing within "
            f"{within:g} s. Free its memory or disk."
        )
    if connection.ready:
        return BrokerUnavailable(
            f"the broker at {address} did not confirm within {within:g} s: the message may or may not have arrived. "
            "Publish it again with the same message_id, or allow a longer timeout."
        )
    return BrokerUnavailable(
        f"no connection to the broker at {address} within {within:g} s. Start it there, correct the broker URL, or "
        "allow a longer timeout."
    )


def _unroutable(connection: BusConnection, message: Outgoing) -> UnroutableMessage:
    exchange = connection.names.exchange
    near = connection.nearest_binding(message.topic)
    known = (
        f"the nearest topic that a handler of this application listens to is {near!r}"
        if near
        else ("no handler of this application listens to any topic")
    )
    return UnroutableMessage(
        f"no queue took message {message.envelope.message_id} of topic {message.topic!r} on exchange {exchange!r}: "
        f"{known}. Correct the topic, or declare a handler for it.",
        topic=message.topic,
        exchange=exchange,
        nearest=near,
    )
