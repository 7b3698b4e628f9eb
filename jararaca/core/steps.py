"""The one stream of facts about what the framework does.

Logs, metrics, traces and every view of the test harness are observers of this stream; nothing else in the framework
knows about any of them. Without observers a step costs its caller one branch: `if steps.observers: ...`.
"""

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol


class Kind(enum.StrEnum):
    """What a step is about."""

    REQUEST = "request"
    DELIVERY = "delivery"
    ATTEMPT = "attempt"
    HANDLER = "handler"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    PUBLISH = "publish"
    CONFIRM = "confirm"
    SETTLE = "settle"
    COPY = "copy"
    FRAME = "frame"
    TICK = "tick"
    CLAIM = "claim"
    LEASE = "lease"
    CONNECTION = "connection"
    OUTBOX = "outbox"


class Origin(Protocol):
    """Whatever a step can belong to; an `Execution` is one."""

    @property
    def id(self) -> str: ...
    @property
    def cause(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One fact. `subject` is the object it is about (an envelope, a tick); `facts` may be logged: no payload in them.

    `execution` names the execution in which it happened, `cause` the message or execution that led to that one.
    """

    kind: Kind
    phase: Literal["before", "after"]
    execution: str | None
    cause: str | None
    subject: Any
    facts: Mapping[str, Any]


class Observer(Protocol):
    """Told of every step. At `before` it may wait, or raise to stand in for a failure of what was about to happen."""

    def observe(self, step: Step) -> Awaitable[None] | None: ...


def _nowhere() -> None:
    return None


class Steps:
    """The stream itself; one per application.

    `locate` answers where in the user's code it is called from, for observers that want to say so later; None unless
    one of them sets it. It is asked only while there are observers.
    """

    __slots__ = ("locate", "observers")

    def __init__(self) -> None:
        self.observers: tuple[Observer, ...] = ()
        self.locate: Callable[[], object] = _nowhere

    def add(self, observer: Observer) -> Callable[[], None]:
        """Tell `observer` of every step from now on, until the returned function is called."""
        self.observers = (*self.observers, observer)

        def remove() -> None:
            self.observers = tuple(other for other in self.observers if other is not observer)

        return remove

    async def before(self, kind: Kind, subject: Any, origin: Origin | None = None, /, **facts: Any) -> None:
        """Announce what is about to happen; observers may wait, and what they raise is raised here."""
        step = _step(kind, "before", subject, origin, facts)
        for observer in self.observers:
            waiting = observer.observe(step)
            if waiting is not None:
                await waiting

    def after(self, kind: Kind, subject: Any, origin: Origin | None = None, /, **facts: Any) -> None:
        """Record what has happened. It cannot be undone, so nobody may wait here."""
        step = _step(kind, "after", subject, origin, facts)
        for observer in self.observers:
            observer.observe(step)


def _step(
    kind: Kind, phase: Literal["before", "after"], subject: Any, origin: Origin | None, facts: Mapping[str, Any]
) -> Step:
    if origin is None:
        return Step(kind, phase, None, None, subject, facts)
    return Step(kind, phase, origin.id, origin.cause, subject, facts)
