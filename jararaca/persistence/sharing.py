"""A session that one task uses at a time, that says so if two do, and that says what is wrong if it has no connection.

A connection carries one statement at a time. Drivers notice a second one in words of their own, if they are still busy
with the first; whether they are is a matter of luck. So a task that is not the one of the unit of work lets others run
before each of its calls: tasks that share a session meet in every test, and on every database.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.ext.asyncio import AsyncSession

from jararaca.core.places import stands_at
from jararaca.errors import DatabaseUnavailable, SharedSession

GUARDED = (
    "commit",
    "connection",
    "delete",
    "execute",
    "flush",
    "get",
    "get_one",
    "merge",
    "refresh",
    "run_sync",
    "scalar",
    "scalars",
    "stream",
    "stream_scalars",
)
"""What of a session speaks to its database, but for its end."""

READING = ("execute", "scalar", "scalars", "stream", "stream_scalars")

END_WITHIN = 5.0
"""Seconds that the call of another task may take, before its connection is given up for the end of a session."""

Task = asyncio.Task[Any]


class OneTaskSession(AsyncSession):
    """An `AsyncSession` that raises `SharedSession` when a task calls it while another task's call lasts.

    It raises `DatabaseUnavailable` where there is no connection to be had. `database` is its name; `owner` is the task
    whose calls need not let others run first.
    """

    def __init__(self, bind: Any = None, *, database: str = "", owner: Task | None = None, **options: Any) -> None:
        super().__init__(bind, **options)
        self.database = database
        self.on_first_call: Callable[[], asyncio.TimerHandle] | None = None
        """Sets an alarm that the end of the session cancels."""
        self.on_lost: Callable[[Exception], None] | None = None
        """Told when the database cannot be reached, or a connection to it was lost."""
        self.asks_again = False
        """Whether a first statement that lost its connection is repeated; see `may_ask_again`."""
        self.has_spoken = False
        self.refused_with: DBAPIError | None = None
        """The latest error of a statement, which whoever called may have caught."""
        self._owner = owner
        self._alarm: asyncio.TimerHandle | None = None
        self._user: Task | None = None
        self._free: asyncio.Event | None = None

    async def end(self) -> None:
        """Roll back what is not committed, and close. A call of another task may come to its end first."""
        if self._user is not None and self._user is not asyncio.current_task():
            self._free = asyncio.Event()
            try:
                async with asyncio.timeout(END_WITHIN):
                    await self._free.wait()
            except TimeoutError:
                await self.invalidate()
        await self.close()

    async def demand_alive(self) -> None:
        """See whether the transaction can be committed, if a statement of it failed and somebody caught that.

        PostgreSQL gives the whole transaction up then, and answers its commit with a rollback, which is no error.

        Raises:
            DBAPIError: it cannot; the cause is what was caught.
        """
        caught = self.refused_with
        if caught is None or not self.in_transaction():
            return
        try:
            await self.execute(select(1))
        except DBAPIError as error:
            error.add_note(
                "An error of the database was caught, and the transaction gone on with, which the database had given "
                "up with it. To go on after an error, make what may fail a part: async with session.begin_nested(): ..."
            )
            raise error from caught

    async def close(self) -> None:
        """Close, as every session is; see `end` for one that others may be using."""
        if self._alarm is not None:
            self._alarm.cancel()
        await super().close()

    def note_loss(self, error: DBAPIError) -> None:
        """Tell who wants to know, if an error means that the connection was lost."""
        if error.connection_invalidated and self.on_lost is not None:
            self.on_lost(error)

    def may_ask_again(self, name: str, arguments: Sequence[Any]) -> bool:
        """Whether a first call that loses its connection can be made on another one, because it only reads."""
        if not self.asks_again or self.new or self.dirty or self.deleted:
            return False
        return name in ("get", "get_one") or (name in READING and bool(getattr(arguments[0], "is_select", False)))

    def unreachable(self, error: OSError) -> DatabaseUnavailable:
        """What is raised when there is no way to the database."""
        if self.on_lost is not None:
            self.on_lost(error)
        return DatabaseUnavailable(f"the database {self.database!r} cannot be reached: {type(error).__name__}.")

    def none_free(self) -> DatabaseUnavailable:
        """What is raised when every connection of the pool is in use for too long."""
        pool: Any = self.get_bind().engine.pool
        return DatabaseUnavailable(
            f"no connection to the database {self.database!r} became free within {pool.timeout():g} s "
            f"({pool.checkedout()} are in use). Hold transactions for less long, or raise pool_size or max_overflow in "
            "engine_options."
        )

    async def guarded(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a call, unless one of another task lasts."""
        task = asyncio.current_task()
        user = self._user
        if user is task:
            return await call()
        if user is not None:
            raise SharedSession(
                f"{_shown(task)} uses a session while {_shown(user)} does, which waits at {stands_at(user)}. A "
                "session is for one task at a time: await one after the other, or give each of them `async with "
                "new_session()` or `async with unit_of_work()`.",
                tasks=(_name(user), _name(task)),
            )
        self._user = task
        if self._alarm is None and self.on_first_call is not None:
            self._alarm = self.on_first_call()
        try:
            if task is not self._owner:
                await asyncio.sleep(0)  # noqa: TID251 -- a turn of the loop, which takes no time
            return await call()
        finally:
            self._user = None
            if self._free is not None:
                self._free.set()


def _guarded(name: str) -> Callable[..., Awaitable[Any]]:
    method: Callable[..., Awaitable[Any]] = getattr(AsyncSession, name)

    @functools.wraps(method)
    async def call(self: OneTaskSession, *arguments: Any, **options: Any) -> Any:
        call = functools.partial(method, self, *arguments, **options)
        may_ask_again = not self.has_spoken and self.may_ask_again(name, arguments)
        try:
            result = await self.guarded(call)
        except NoneFree as error:
            raise self.none_free() from error
        except DBAPIError as error:
            self.refused_with = error
            self.note_loss(error)
            if not (error.connection_invalidated and may_ask_again):
                raise
            await self.rollback()
            result = await self.guarded(call)
        except OSError as error:
            if name == "run_sync":  # what that one calls may raise it for any reason
                raise
            raise self.unreachable(error) from error
        self.has_spoken = self.has_spoken or name != "connection" or bool(arguments or options)
        return result

    return call


for _name_of_method in GUARDED:
    setattr(OneTaskSession, _name_of_method, _guarded(_name_of_method))


def _name(task: Task | None) -> str:
    return task.get_name() if task is not None else "no task"


def _shown(task: Task | None) -> str:
    coroutine = getattr(task.get_coro() if task is not None else None, "__qualname__", "")
    return f"the task {_name(task)!r} ({coroutine})"
