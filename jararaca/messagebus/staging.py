"""The messages that a unit of work publishes: until its commit in memory, or in the outbox as a part of it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from jararaca.core.context import Execution
from jararaca.core.steps import Kind
from jararaca.core.unit_of_work import Rank, UnitOfWork
from jararaca.errors import CommittedNotAnnounced, UsageError
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.flushing import Outgoing, flush
from jararaca.messagebus.mails import Mail, letter_of
from jararaca.messagebus.once import REMEMBERS
from jararaca.messagebus.relay import Relay, RelayKey
from jararaca.ports.outbox import Claim, Outbox

Delivery = Literal["after_commit", "outbox"]
"""How the messages of a unit of work leave: in one flush after its commit, or as rows of its transaction."""


@dataclass(frozen=True, slots=True)
class StagedKey:
    """The key under which a unit of work keeps the messages staged for one connection, in its outbox or in memory."""

    connection_name: str
    in_outbox: bool


class StagedMessages:
    """The messages of one unit of work for one connection: flushed after its commit, dropped by its rollback."""

    rank = Rank.MESSAGES

    def __init__(self, connection: BusConnection, execution: Execution) -> None:
        self._connection = connection
        self._execution = execution
        self._messages: list[Outgoing] = []

    def add(self, message: Outgoing) -> None:
        """Let a message leave after the commit, behind those that were staged before."""
        self._messages.append(message)

    async def prepare(self) -> None:
        """Nothing: what could be wrong with a message was found when it was published."""

    async def commit(self) -> None:
        """Nothing: the databases commit first."""

    async def rollback(self) -> None:
        """Forget everything."""
        self._messages.clear()

    async def after_commit(self) -> None:
        """Send everything in one flush.

        Raises:
            CommittedNotAnnounced: the broker did not confirm all of it; the first reason is chained.
        """
        unsent = await flush(self._connection, self._messages, self._execution, staged=True)
        if unsent:
            first = unsent[0].error
            raise CommittedNotAnnounced(
                f"the transaction is committed, but {len(unsent)} of its {len(self._messages)} messages were not "
                f"confirmed by the broker. The first reason: {type(first).__name__}: {first}",
                message_ids=tuple(str(each.message.envelope.message_id) for each in unsent),
            ) from first


class StagedLetters:
    """The messages of one unit of work for a connection with an outbox: written by its transaction, sent by the relay.

    Nothing about them can fail after the commit.
    """

    rank = Rank.MESSAGES

    def __init__(self, connection: BusConnection, outbox: Outbox, execution: Execution) -> None:
        self._connection = connection
        self._outbox = outbox
        self._execution = execution
        self._messages: list[Outgoing] = []
        self._claim: Claim | None = None
        self._ids: list[int] | None = None

    def add(self, message: Outgoing) -> None:
        """Let a message be part of the transaction.

        Raises:
            UsageError: that is being committed already, with what was published before.
        """
        if self._ids is not None:
            raise UsageError(
                f"a message for topic {message.topic!r} was published while its unit of work was being committed. "
                "Await what publishes before the handler returns, or open a unit of work around it."
            )
        message.origin = self._execution
        self._messages.append(message)

    async def prepare(self) -> None:
        """Write them."""
        self._ids = []
        relay = self._relay()
        self._claim = relay.claim() if relay is not None else None
        now = self._connection.environment.clock.now()
        self._ids = await self._outbox.stage([letter_of(message) for message in self._messages], now, self._claim)

    async def commit(self) -> None:
        """Nothing: the session that wrote them commits."""

    async def rollback(self) -> None:
        """Forget everything; but a commit whose answer was lost has written them, so the relay looks."""
        self._messages.clear()
        relay = self._relay() if self._ids else None
        if relay is not None:
            relay.hand([], more=True)

    async def after_commit(self) -> None:
        """Hand those over to the relay that were claimed for it."""
        steps = self._connection.environment.steps
        if steps.observers:
            for message in self._messages:
                steps.after(Kind.OUTBOX, message, self._execution, **self._facts(message))
        relay = self._relay()
        if relay is None:
            return  # it is not running yet, and looks for everything when it does
        claim, mails = self._claim, list[Mail]()
        if claim is not None:
            rows = zip(self._ids or (), self._messages, strict=True)
            mails = [Mail(row, message, claim.until) for row, message in rows if row]
        relay.hand(mails, more=len(mails) < len(self._messages))

    def _relay(self) -> Relay | None:
        relay: Relay | None = self._connection.environment.resource(RelayKey(self._connection.name))
        return relay

    def _facts(self, message: Outgoing) -> dict[str, object]:
        return {
            "topic": message.topic,
            "message_id": message.envelope.message_id,
            "connection": self._connection.name,
            "outcome": "staged",
        }


_staged_key = lru_cache(maxsize=64)(StagedKey)


def staged(
    work: UnitOfWork, connection: BusConnection, execution: Execution, outbox: Outbox | None
) -> StagedMessages | StagedLetters:
    """What takes the messages of a unit of work for a connection, into an outbox unless that is None."""
    key = _staged_key(connection.name, outbox is not None)
    known = work.participant(key)
    if isinstance(known, StagedMessages | StagedLetters):
        return known
    if outbox is None and work.participant(REMEMBERS) is not None:
        has_one = connection.outbox is not None
        raise UsageError(
            f"an idempotent handler publishes over the connection {connection.name!r}, "
            f"{'past its outbox' if has_one else 'which has no outbox'}: what it publishes could be lost after the "
            "commit, and would not be published again. "
            + ('Leave delivery="after_commit" out.' if has_one else 'Give that connection delivery="outbox" too.')
        )
    fresh = StagedMessages(connection, execution) if outbox is None else StagedLetters(connection, outbox, execution)
    work.enlist(key, fresh)
    return fresh
