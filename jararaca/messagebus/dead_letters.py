"""The dead letters of one handler: looked at, sent back, or dropped, while the application may be running.

AMQP has no way to look at a message without taking it. So dead letters are taken without being acknowledged, and what
is to stay is put back in the same order, whatever happens meanwhile. All are taken before the first is sent anywhere:
a handler that fails on what is sent back to it cannot keep this going. A process that dies in between loses nothing,
because the broker puts back what was not acknowledged.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from jararaca.errors import ChannelClosed, InvalidOption
from jararaca.messagebus import headers as names
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.copies import revived_copy
from jararaca.messagebus.headers import read_marks
from jararaca.messagebus.topology import Listener
from jararaca.ports.broker import Delivery, Envelope

MOST_HELD = 10_000
"""How many dead letters one call takes at most: all of them are in memory until those that stay are put back."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that a handler will never see again, and why.

    `reason` is one of the vocabulary of `docs/semantics.md`, or what the broker says if it gave the message up itself.
    `attempts` and the moments (ISO 8601, UTC) are None where the broker did.
    """

    message_id: str | None
    topic: str
    reason: str
    error_type: str | None
    error: str | None
    attempts: int | None
    first_failed_at: str | None
    last_failed_at: str | None
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Handled:
    """How many dead letters were sent back or dropped, and how many are left."""

    done: int
    left: int


class DeadLetters:
    """What is in the dead-letter queue of one handler."""

    def __init__(self, connection: BusConnection, handler: Listener) -> None:
        self._connection = connection
        self._broker = connection.broker
        self._queue = connection.queue_of(handler)
        self._dlq = connection.dlq_of(handler)

    async def count(self) -> int | None:
        """About how many there are: a quorum queue counts late, and not what somebody is looking at just now.

        None if their queue does not exist, because no process of the application has declared it.
        """
        try:
            return (await self._broker.inspect_queue(self._dlq)).ready
        except ChannelClosed as refusal:
            if refusal.code != 404:
                raise
            return None

    async def preview(self, limit: int = 20) -> list[DeadLetter]:
        """The oldest ones, at most `limit`. All of them stay where they are, in their order.

        Raises:
            BrokerUnavailable: the connection was lost; nothing is.
        """
        seen: list[DeadLetter] = []

        async def look(delivery: Delivery) -> bool:
            if len(seen) < limit:
                seen.append(described(delivery))
            return False

        await self._each(look)
        return seen

    async def requeue(self, message_ids: Collection[str] | None = None) -> Handled:
        """Send dead letters back to the handler's own queue, as if they had never been tried: under their message id.

        None is all of them. Each is taken from the dead letters only after the broker has its copy.

        Raises:
            InvalidOption: there is no dead letter with one of these ids; the others have been sent.
            BrokerUnavailable, UnroutableMessage: a copy was not taken; it and what follows stay.
        """

        async def send(delivery: Delivery) -> bool:
            letter = described(delivery)
            await self._connection.copy(revived_copy(letter.envelope, letter.topic), self._queue)
            return True

        return await self._those(message_ids, send)

    async def drop(self, message_ids: Collection[str] | None = None) -> Handled:
        """Forget dead letters for ever; None is all of them.

        Raises:
            InvalidOption: there is no dead letter with one of these ids; the others are gone.
        """

        async def forget(_delivery: Delivery) -> bool:
            return True

        return await self._those(message_ids, forget)

    async def _those(self, message_ids: Collection[str] | None, act: "Act") -> Handled:
        missing = set(message_ids or ())

        async def decide(delivery: Delivery) -> bool:
            identity = delivery.envelope.message_id
            if message_ids is not None and identity not in message_ids:
                return False
            missing.discard(identity or "")
            return await act(delivery)

        handled = await self._each(decide)
        if missing:
            raise InvalidOption(
                f"{self._dlq} has no dead letter with the message id {', '.join(map(repr, sorted(missing)))}. Look at "
                "those that it has."
            )
        return handled

    async def _each(self, decide: "Act") -> Handled:
        """Take what is there, acknowledge what `decide` answers True to, and put the rest back."""
        done, taken = 0, deque[Delivery]()
        staying: list[Delivery] = []
        try:
            while len(taken) < MOST_HELD and (delivery := await self._take()) is not None:
                taken.append(delivery)
            while taken:
                if await decide(taken[0]):
                    taken.popleft().ack()
                    done += 1
                else:
                    staying.append(taken.popleft())
        finally:
            for delivery in (*staying, *taken):
                delivery.nack(requeue=True)
            await self._broker.flush()
        return Handled(done, len(staying))

    async def _take(self) -> Delivery | None:
        """The next one; None if there is none, or no queue for them."""
        try:
            return await self._broker.get(self._dlq)
        except ChannelClosed as refusal:
            if refusal.code != 404:
                raise
            return None


Act = Callable[[Delivery], Awaitable[bool]]
"""What is done with one dead letter; True if it is gone."""


def described(delivery: Delivery) -> DeadLetter:
    """A dead letter as its headers tell it; a copy made here says everything, one made by the broker only why."""
    envelope = delivery.envelope
    found = envelope.headers
    marks = read_marks(found)
    death = _death(found)
    return DeadLetter(
        message_id=envelope.message_id,
        topic=marks.original_topic or str(death.get("topic") or delivery.routing_key),
        reason=_text(found, names.REASON) or str(death.get("reason") or "unknown"),
        error_type=_text(found, names.ERROR_TYPE),
        error=_text(found, names.ERROR),
        attempts=found[names.ATTEMPTS] if isinstance(found.get(names.ATTEMPTS), int) else None,
        first_failed_at=_text(found, names.FIRST_FAILED_AT),
        last_failed_at=_text(found, names.LAST_FAILED_AT),
        envelope=envelope,
    )


def _text(headers: Mapping[str, Any], name: str) -> str | None:
    value = headers.get(name)
    return value if isinstance(value, str) else None


def _death(headers: Mapping[str, Any]) -> dict[str, str]:
    """Why and under which topic the broker itself gave a message up, if it did."""
    deaths = headers.get("x-death")
    latest = deaths[0] if isinstance(deaths, list) and deaths and isinstance(deaths[0], Mapping) else {}
    told: dict[str, str] = {}
    if isinstance(reason := latest.get("reason"), str):
        told["reason"] = reason.replace("_", "-")
    keys = latest.get("routing-keys")
    if isinstance(keys, list) and keys and isinstance(keys[0], str):
        told["topic"] = keys[0]
    return told
