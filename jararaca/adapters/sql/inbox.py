"""The inbox in a table of PostgreSQL or SQLite."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from jararaca.adapters.sql.letters import storable
from jararaca.adapters.sql.tables import inbox


class SqlInbox:
    """The memory of one application; `session` and `engine` as for the outbox.

    A message is known by the primary key of its row: PostgreSQL lets a second transaction that inserts the same wait
    for the end of the first, and SQLite has one writer at a time.
    """

    def __init__(
        self, receiver: str, *, session: Callable[[], AsyncSession], engine: Callable[[], AsyncEngine]
    ) -> None:
        self._receiver = receiver
        self._session = session
        self._engine = engine

    async def is_first(self, handler: str, message_id: str, now: datetime) -> bool:
        """See `Inbox.is_first`."""
        session = self._session()
        dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
        row = {
            "receiver": self._receiver,
            "handler": handler,
            "message_id": _stored(message_id),
            "handled_at": now,
        }
        result = await session.execute(dialect.insert(inbox).values(row).on_conflict_do_nothing())
        return cast("CursorResult[Any]", result).rowcount == 1

    async def forget(self, before: datetime) -> int:
        """See `Inbox.forget`."""
        old = delete(inbox).where(inbox.c.receiver == self._receiver, inbox.c.handled_at < before)
        async with self._engine().begin() as connection:
            return cast("CursorResult[Any]", await connection.execute(old)).rowcount


def _stored(message_id: str) -> str:
    """An identity as every database takes it; one that cannot be stored as it is must not become that of another."""
    if storable(message_id) == message_id:
        return message_id
    return f"sha256:{hashlib.sha256(message_id.encode('utf-8', 'surrogatepass')).hexdigest()}"
