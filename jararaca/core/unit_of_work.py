"""One transaction over everything that a handler touches: databases, messages to publish, frames to send.

Phases: the body; `before_commit` hooks, then every participant prepares, and any failure rolls all of them back; the
commits, in rank order; then what only a commit may release: messages, frames, `after_commit` hooks. Commits of
several databases are not atomic: they happen one after another, the one that holds the outbox last.
"""

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from jararaca.core.cancellation import is_asked_to_end
from jararaca.core.steps import Kind, Origin, Steps
from jararaca.errors import CommittedNotAnnounced

logger = logging.getLogger("jararaca.core")

Hook = Callable[[], Awaitable[None] | None]


class Rank(enum.IntEnum):
    """The place of a participant within each phase, lowest first."""

    DATABASE = 0
    OUTBOX_DATABASE = 1
    MESSAGES = 2
    FRAMES = 3


class Participant(Protocol):
    """A resource that takes part in a unit of work. After `prepare` succeeded, `commit` is expected to succeed."""

    @property
    def rank(self) -> Rank: ...
    async def prepare(self) -> None: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...
    async def after_commit(self) -> None: ...


class Watch(Protocol):
    """Looks after the end of a unit of work whose time is limited."""

    def committing(self) -> None:
        """Called right before the first commit, from which on nothing can be undone; what it raises rolls back."""
        ...

    def announcing(self) -> AbstractAsyncContextManager[Any]:
        """Surrounds what follows the commits; a `TimeoutError` of it counts as their failure."""
        ...

    def adopt(self, task: "asyncio.Task[Any]", place: str) -> None:
        """Told of every task that the application starts in the unit of work, and where, if anybody knows."""
        ...


class State(enum.Enum):
    """Where a unit of work is in its life."""

    OPEN = "open"
    COMMITTING = "committing"
    COMMITTED = "committed"
    ROLLED_BACK = "rolled back"


_OPEN, _COMMITTED = State.OPEN, State.COMMITTED  # on Python 3.11 reading a member of an enum is a function call


class UnitOfWork:
    """The participants and hooks of one transaction. Rooms enlist; users add hooks or ask for a rollback."""

    __slots__ = (
        "_after_commit",
        "_after_rollback",
        "_before_commit",
        "_origin",
        "_participants",
        "_steps",
        "rollback_reason",
        "stands",
        "state",
        "task",
        "watch",
    )

    def __init__(self, steps: Steps, origin: Origin) -> None:
        self._steps = steps
        self._origin = origin
        self._participants: dict[Hashable, Participant] = {}
        self._before_commit: Sequence[Hook] = ()  # most transactions have no hooks: nothing is allocated for them
        self._after_commit: Sequence[Hook] = ()
        self._after_rollback: Sequence[Hook] = ()
        self.rollback_reason: str | None = None
        self.state = _OPEN
        self.stands = False
        """Whether a participant was committed, so that not everything can be undone."""
        self.watch: Watch | None = None
        self.task: asyncio.Task[Any] | None = None
        """The task that runs it, once it runs."""

    @property
    def is_open(self) -> bool:
        """Whether it still takes participants, messages and frames: from the body to the end of the hooks."""
        return self.state is _OPEN

    def enlist(self, key: Hashable, participant: Participant) -> None:
        """Let `participant` take part, under a key by which others find it."""
        self._participants[key] = participant

    def participant(self, key: Hashable) -> Participant | None:
        """Who takes part under this key, if anybody does yet."""
        return self._participants.get(key)

    def before_commit(self, hook: Hook) -> None:
        """Call `hook` after the body, while everything can still be undone; raising rolls back."""
        self._before_commit = (*self._before_commit, hook)

    def after_commit(self, hook: Hook) -> None:
        """Call `hook` after the commit and after the staged messages and frames left. Not called on rollback."""
        self._after_commit = (*self._after_commit, hook)

    def after_rollback(self, hook: Hook) -> None:
        """Call `hook` after a rollback. What it raises is logged: the rollback's own cause must not be hidden."""
        self._after_rollback = (*self._after_rollback, hook)

    def set_rollback_only(self, reason: str) -> None:
        """Roll back at the end even if the body succeeds. The first reason stays."""
        self.rollback_reason = self.rollback_reason or reason

    def commits_at_once(self) -> bool:
        """Commit if nothing takes part, nothing was hooked in and nobody looks; False if `commit` must be awaited.

        Without a coroutine, because this is how most reads end.
        """
        if self._participants or self._before_commit or self._after_commit:
            return False
        if self.rollback_reason is not None or self._steps.observers:
            return False
        self.state = _COMMITTED
        return True

    async def commit(self) -> None:
        """Finish: commit everything, or roll back if a hook or `prepare` fails or rollback-only was set.

        Raises:
            CommittedNotAnnounced: the commit stands, but something after it failed.
            Exception: whatever a hook, `prepare` or a commit raised; everything uncommitted is rolled back.
        """
        try:
            await self._prepare()
            if self.rollback_reason is None:
                await self._commit()
        except BaseException:
            await self.rollback()
            raise
        if self.rollback_reason is not None:
            await self.rollback()
        else:
            await self._announce()

    async def _prepare(self) -> None:
        done = 0
        while done < len(self._before_commit) and self.rollback_reason is None:  # a hook may add another one
            await _run(self._before_commit[done])
            done += 1
        if self.rollback_reason is None:
            for participant in self._ranked():
                await participant.prepare()

    async def _commit(self) -> None:
        self.state = State.COMMITTING
        if self._steps.observers:
            await self._steps.before(Kind.COMMIT, self, self._origin, parts=self._parts())
        if self.watch is not None:
            self.watch.committing()
        for participant in self._ranked():
            await participant.commit()
            self.stands = True
        self.state = State.COMMITTED
        if self._steps.observers:
            self._steps.after(Kind.COMMIT, self, self._origin, parts=self._parts())

    async def _announce(self) -> None:
        try:
            if self.watch is None:
                await self._release()
            else:
                async with self.watch.announcing():
                    await self._release()
        except CommittedNotAnnounced:
            raise
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and is_asked_to_end():
                raise
            raise CommittedNotAnnounced(
                f"the transaction is committed, but what should follow it failed: {type(error).__name__}"
            ) from error

    async def _release(self) -> None:
        for participant in self._ranked():
            await participant.after_commit()
        for hook in self._after_commit:
            await _run(hook)

    async def rollback(self) -> None:
        """Undo everything that is not committed; no effect on what was committed or rolled back before."""
        if self.state in (State.COMMITTED, State.ROLLED_BACK):
            return
        self.state = State.ROLLED_BACK
        for participant in reversed(self._ranked()):
            try:
                await participant.rollback()
            except (Exception, asyncio.CancelledError) as error:  # each participant is undone on its own
                if isinstance(error, asyncio.CancelledError) and is_asked_to_end():
                    raise
                logger.exception("rollback of a participant failed", extra={"participant": type(participant).__name__})
        if self._steps.observers:
            reason, parts = self.rollback_reason, self._parts()
            self._steps.after(Kind.ROLLBACK, self, self._origin, reason=reason, parts=parts)
        for hook in self._after_rollback:
            try:
                await _run(hook)
            except (Exception, asyncio.CancelledError) as error:  # a hook must not hide why the rollback happened
                if isinstance(error, asyncio.CancelledError) and is_asked_to_end():
                    raise
                logger.exception("an after_rollback hook failed")

    def _ranked(self) -> list[Participant]:
        participants = list(self._participants.values())
        if len(participants) > 1:
            participants.sort(key=lambda participant: participant.rank)
        return participants

    def _parts(self) -> tuple[str, ...]:
        """What kinds of participants there are, for those who look on."""
        return tuple(dict.fromkeys(participant.rank.name.lower() for participant in self._ranked()))


async def _run(hook: Hook) -> None:
    result = hook()
    if result is not None:
        await result
