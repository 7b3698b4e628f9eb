"""Effects that happen once: a handler remembers in its own transaction which messages it has handled."""

from jararaca.core.environment import Environment
from jararaca.core.unit_of_work import Rank, UnitOfWork
from jararaca.messagebus.connection import BusConnection
from jararaca.ports.outbox import Inbox


class Once:
    """The inbox of one handler."""

    def __init__(self, environment: Environment, inbox: Inbox, handler: str) -> None:
        self._clock = environment.clock
        self._inbox = inbox
        self._handler = handler

    async def is_first(self, message_id: str, work: UnitOfWork) -> bool:
        """Remember the message as a part of `work`; False if it is remembered already."""
        is_first = await self._inbox.is_first(self._handler, message_id, self._clock.now())
        work.enlist(REMEMBERS, _REMEMBERING)  # behind the session, whose commit is the first that cannot be undone
        return is_first


def once(environment: Environment, connection: BusConnection, handler: str, *, idempotent: bool) -> Once | None:
    """What an idempotent handler remembers by; None for others, and where there is no outbox."""
    return Once(environment, connection.inbox, handler) if idempotent and connection.inbox is not None else None


class _Remembering:
    """Marks a unit of work that will not be run again once it is committed."""

    rank = Rank.OUTBOX_DATABASE

    async def prepare(self) -> None:
        """Nothing: the session does all of it. So for the others."""

    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...
    async def after_commit(self) -> None: ...


REMEMBERS = "jararaca.messagebus.once"
"""The key under which such a unit of work is marked."""
_REMEMBERING = _Remembering()
