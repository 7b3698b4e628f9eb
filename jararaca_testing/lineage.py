"""What led to what: told by executions, messages and the clients of the test, never by time."""

from collections import OrderedDict
from contextvars import ContextVar

from jararaca.core.steps import Kind, Step

REMEMBERED = 10_000

CLIENT: ContextVar[int | None] = ContextVar("jararaca_testing_client", default=None)
"""The record of the test's own exchange or websocket that this code serves."""

RUNS = frozenset({Kind.REQUEST, Kind.CONNECTION, Kind.ATTEMPT, Kind.TICK})
"""What is an execution of its own."""

_OF_MESSAGE = frozenset({Kind.DELIVERY, Kind.ATTEMPT, Kind.CONFIRM})


class Lineage:
    """Knows, for the latest 10,000 executions and messages, which record stands for them.

    What happens to a message was caused by its publish, what happens inside of an execution by the request, attempt or
    firing that the execution is. Where neither is known, an execution's own cause is asked, and then the client.
    """

    def __init__(self) -> None:
        self._executions: OrderedDict[str, int] = OrderedDict()
        self._messages: OrderedDict[str, int] = OrderedDict()

    def cause_of(self, step: Step) -> int | None:
        """The number of the record that led to a step; None if nothing that is known did."""
        message = self._messages.get(step.facts.get("message_id") or "")
        if step.kind in _OF_MESSAGE:
            return message
        inside = self._executions.get(step.execution or "") or self._named(step.cause)
        if step.kind in (Kind.SETTLE, Kind.COPY, Kind.OUTBOX):
            return inside or message
        return inside or CLIENT.get()

    def _named(self, cause: str | None) -> int | None:
        if cause is None:
            return None
        return self._executions.get(cause) or self._messages.get(cause)

    def remember(self, step: Step, seq: int) -> None:
        """Let record `seq` stand for the execution or the message that a step begins."""
        message_id = step.facts.get("message_id")
        if step.kind is Kind.PUBLISH and message_id is not None:
            _remember(self._messages, message_id, seq)
        elif step.kind in RUNS and step.execution is not None:
            _remember(self._executions, step.execution, seq)


def _remember(known: OrderedDict[str, int], name: str, seq: int) -> None:
    known[name] = seq
    if len(known) > REMEMBERED:
        known.popitem(last=False)
