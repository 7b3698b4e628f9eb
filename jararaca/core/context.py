"""The one context variable of the framework: which execution this code runs in.

An execution surrounds everything one trigger causes: an HTTP exchange, a websocket connection, one attempt at a
message, one firing of a cron action. Tasks started inside inherit it. A unit of work is a transaction inside it.
"""

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jararaca.core.container import Container, Scope
from jararaca.core.environment import Environment
from jararaca.core.unit_of_work import UnitOfWork
from jararaca.errors import NoUnitOfWork, OutsideExecution
from jararaca.ports.clock import Clock


@dataclass(frozen=True, slots=True)
class Trigger:
    """What set an execution going. `name` is the route, the handler or the action."""

    kind: Literal["request", "connection", "delivery", "tick", "manual"]
    name: str


class Execution(NamedTuple):
    """Where code runs. `cause` is the message or execution that led here, `causation_id` the message at hand.

    `hops` counts the publishes from the first trigger to here; `traceparent` is the W3C header, passed on unread. Two
    are made for every request: a named tuple is frozen too, and takes a third of a frozen dataclass's time to make.
    """

    environment: Environment
    trigger: Trigger
    id: str
    correlation_id: str
    cause: str | None = None
    causation_id: str | None = None
    hops: int = 0
    traceparent: str | None = None
    scope: Scope | None = None
    unit_of_work: UnitOfWork | None = None

    def within(self, work: UnitOfWork, scope: Scope) -> "Execution":
        """The same execution, inside a unit of work."""
        return tuple.__new__(Execution, (*self[:-2], scope, work))

    @property
    def open_unit_of_work(self) -> UnitOfWork | None:
        """The unit of work that still takes messages, frames and sessions, if there is one."""
        work = self.unit_of_work
        return work if work is not None and work.is_open else None


_current: ContextVar[Execution] = ContextVar("jararaca_execution")


# The bound methods themselves: a function around each would cost every request four more calls.

enter = _current.set
"""Make an execution the current one until `leave` is called, in the same context, with the token it returns."""

leave = _current.reset
"""Go back to what was current before."""


def current_execution_or_none() -> Execution | None:
    """The execution this code runs in, or None outside of any."""
    return _current.get(None)


def current_execution(caller: str = "this") -> Execution:
    """The execution this code runs in.

    Raises:
        OutsideExecution: no request, connection, message or tick is being handled here. The text names `caller`.
    """
    execution = _current.get(None)
    if execution is None:
        raise OutsideExecution(
            f"{caller} works only while something is being handled: in a controller method, a websocket endpoint, a "
            "message handler, a scheduled action, or what they call. Elsewhere, take what you need from the Container."
        )
    return execution


def use_unit_of_work() -> UnitOfWork:
    """The open unit of work, to add hooks to it or to ask for its rollback.

    Raises:
        OutsideExecution: nothing is being handled here.
        NoUnitOfWork: something is, but outside of a transaction (a websocket connection, a streaming body).
    """
    return open_unit_of_work("use_unit_of_work()")


def open_unit_of_work(caller: str) -> UnitOfWork:
    """The open unit of work; the errors name `caller`."""
    work = current_execution(caller).open_unit_of_work
    if work is None:
        raise NoUnitOfWork(
            f"{caller} needs a transaction, and none is open here: websocket connections, streaming bodies and "
            "background tasks have none. Open one: async with unit_of_work(): ..."
        )
    return work


def use_current_container() -> Container:
    """The container of the running application.

    Raises:
        OutsideExecution: nothing is being handled here.
    """
    return current_execution("use_current_container()").environment.container


def use_clock() -> Clock:
    """The application's clock, which is virtual in tests.

    Raises:
        OutsideExecution: nothing is being handled here.
    """
    return current_execution("use_clock()").environment.clock
