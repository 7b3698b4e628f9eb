"""Messages kept in the database of their sender until a broker has them, and the memory of those that were handled.

What is staged is written by the transaction of the unit of work at hand, so that a message exists exactly if that
commits. A relay claims rows, publishes them, and removes them once the broker has confirmed them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from jararaca.ports.broker import Envelope


@dataclass(frozen=True, slots=True)
class OutboxKey:
    """The key under which an application offers the outbox in the database of a connection name."""

    database: str


class Letter(NamedTuple):
    """A message as it waits in an outbox.

    Letters of one `key` leave in the order in which they were staged. `due` is set if it is to be delayed. `execution`
    and `cause` name what published it, for those who look on.
    """

    envelope: Envelope
    topic: str
    key: str | None = None
    mandatory: bool = False
    due: datetime | None = None
    execution: str | None = None
    cause: str | None = None


class Claim(NamedTuple):
    """The right of one relay to send rows, until it expires."""

    holder: str
    until: datetime


class Row(NamedTuple):
    """A letter that is claimed. `attempts` are those that failed."""

    id: int
    letter: Letter
    attempts: int


class Failure(NamedTuple):
    """What became of a row that could not be sent: when to try again, or parked if there is no such time."""

    id: int
    error: str
    next_at: datetime | None
    attempts: int


class Kept(NamedTuple):
    """A row as operators see it: everything but the payload."""

    id: int
    message_id: str
    topic: str
    key: str | None
    attempts: int
    staged_at: datetime
    next_at: datetime
    claimed_by: str | None
    parked_at: datetime | None
    error: str | None


class Stock(NamedTuple):
    """How many rows wait and how many are parked, and since when the oldest that waits does."""

    waiting: int
    parked: int
    oldest: datetime | None


class Outbox(Protocol):
    """The outbox of one publisher of one application. Moments are those of the application's clock, in UTC.

    Every method raises what the database's driver raises; `stage` does so in the unit of work at hand, which is then
    rolled back.
    """

    async def check(self) -> None:
        """Return if everything that is needed of the database is there.

        Raises:
            MissingTable: something is not; the text says what to do.
        """
        ...

    async def stage(self, letters: Sequence[Letter], now: datetime, claim: Claim | None) -> list[int]:
        """Write letters in the transaction of the unit of work at hand, in one statement.

        Those that nothing of their key waits before are claimed by `claim` as they are written, and their ids are what
        the list has at their place; others have 0 there.
        """
        ...

    async def claim(self, claim: Claim, now: datetime, limit: int) -> list[Row]:
        """Take rows that are due and that nobody has claimed, oldest first.

        At most `limit` of those that wait behind no other of their key, and at most as many of those behind these. Of
        each key they are the first that wait, without a gap: behind one that has to wait, nothing is taken.
        """
        ...

    async def sent(self, ids: Sequence[int]) -> None:
        """Remove rows whose letters the broker has."""
        ...

    async def failed(self, holder: str, failures: Sequence[Failure], now: datetime) -> None:
        """Note what became of rows that `holder` has claimed, and give them up; those claimed by others stay as is."""
        ...

    async def release(self, holder: str, ids: Sequence[int] | None = None) -> None:
        """Give up claims of `holder` without an attempt; None gives up all of them."""
        ...

    async def next_due(self) -> datetime | None:
        """When the first of all rows that wait can be claimed, as far as that is known now; None if none waits."""
        ...

    async def stock(self) -> Stock:
        """What there is at the moment."""
        ...

    async def kept(self, limit: int) -> list[Kept]:
        """The oldest rows, parked ones among them."""
        ...

    async def retry(self, ids: Sequence[int] | None, now: datetime) -> list[int]:
        """Let parked rows be sent again, all of them with None, as if they had never failed. Returns which."""
        ...

    async def drop(self, ids: Sequence[int] | None) -> list[int]:
        """Delete parked rows, all of them with None. Returns which."""
        ...


class Inbox(Protocol):
    """Which messages which handlers of one application have handled."""

    async def is_first(self, handler: str, message_id: str, now: datetime) -> bool:
        """Write in the transaction of the unit of work at hand that a handler has handled a message.

        False if it had before. While another transaction is about to write the same, this waits for its end.
        """
        ...

    async def forget(self, before: datetime) -> int:
        """Delete what was handled before a moment. Returns how much that was."""
        ...


class OutboxFactory(Protocol):
    """Makes the outbox and the inbox in the database of a connection name.

    `sender` tells the rows of this publisher from those of others in the same table, and `receiver` the handlers of
    this application from those of others.
    """

    def __call__(self, database: str, *, sender: str, receiver: str) -> "tuple[Outbox, Inbox]": ...
