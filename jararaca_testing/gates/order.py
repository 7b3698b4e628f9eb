"""Whether the steps of messages and units of work came in the only order that is safe.

Told of every step, with what is known of it at that moment, so that no length of a test is too long. A delivery is
settled once, and acknowledged after the commit of its attempt; what a unit of work stages leaves after its commit.
"""

from collections.abc import Callable, Sequence

from jararaca.core.context import current_execution_or_none
from jararaca.core.steps import Kind, Step
from jararaca.core.unit_of_work import State
from jararaca.messagebus.handlers import HandlerSpec
from jararaca_testing.gates.findings import Finding, handled, origin
from jararaca_testing.gates.names import (
    ACK_BEFORE_COMMIT,
    FRAME_WITHOUT_COMMIT,
    PUBLISH_WITHOUT_COMMIT,
    SETTLED_TWICE,
)
from jararaca_testing.ledger import KEPT

WATCHED = frozenset({Kind.DELIVERY, Kind.ATTEMPT, Kind.COMMIT, Kind.ROLLBACK, Kind.SETTLE, Kind.PUBLISH, Kind.FRAME})
STAGED = {Kind.PUBLISH: PUBLISH_WITHOUT_COMMIT, Kind.FRAME: FRAME_WITHOUT_COMMIT}


def state_here() -> State | None:
    """How far the unit of work is that this code runs in."""
    execution = current_execution_or_none()
    work = execution.unit_of_work if execution is not None else None
    return None if work is None else work.state


class Order:
    """Follows the deliveries and executions of one application; `findings` are what came in the wrong order.

    `state` tells how far the unit of work is in which a step happens.
    """

    def __init__(self, handlers: Sequence[HandlerSpec], state: Callable[[], State | None] = state_here) -> None:
        self._handlers = {each.name: each for each in handlers}
        self._state = state
        self._delivered: dict[int, object] = {}
        self._undecided: dict[str, str] = {}
        self._running: set[str] = set()
        self.findings: list[Finding] = []
        self._take: dict[tuple[Kind, str], Callable[[Step], None]] = {
            (Kind.DELIVERY, "after"): self._was_delivered,
            (Kind.ATTEMPT, "before"): self._began,
            (Kind.ATTEMPT, "after"): self._ended,
            (Kind.COMMIT, "after"): self._decided,
            (Kind.ROLLBACK, "after"): self._decided,
            (Kind.SETTLE, "after"): self._was_settled,
            (Kind.PUBLISH, "after"): self._left,
            (Kind.FRAME, "after"): self._left,
        }

    def on_step(self, step: Step) -> None:
        """Take one step into account."""
        take = self._take.get((step.kind, step.phase))
        if take is not None:
            take(step)

    def _was_delivered(self, step: Step) -> None:
        self._delivered[id(step.subject)] = step.subject  # kept alive, so that no other has its id

    def _began(self, step: Step) -> None:
        if step.execution is not None:
            self._running.add(step.execution)
            self._undecided[step.execution] = str(step.facts.get("handler"))

    def _decided(self, step: Step) -> None:
        self._undecided.pop(step.execution or "", None)

    def _ended(self, step: Step) -> None:
        self._running.discard(step.execution or "")
        if step.facts.get("outcome") in ("error", "timeout", "cancelled"):
            self._decided(step)  # what was never begun needs no rollback

    def _was_settled(self, step: Step) -> None:
        if self._delivered.pop(id(step.subject), None) is None:
            self._found(SETTLED_TWICE, step, f"{_message(step)} was settled again: {step.facts.get('verb')}")
        execution = step.execution or ""
        if execution in self._running or execution in self._undecided:
            self._undecided.pop(execution, None)
            self._found(ACK_BEFORE_COMMIT, step, f"{_message(step)} was settled before its unit of work was committed")

    def _left(self, step: Step) -> None:
        if not step.facts.get("staged"):
            return
        state = self._state()
        if state is not State.COMMITTED:
            how = "outside of it" if state is None else f"while it was {state.value}"
            what = f"a message for {step.facts['topic']!r}" if step.kind is Kind.PUBLISH else "a frame"
            found = f"{what} that waited for a unit of work left {how}, in the execution {step.execution}"
            self._found(STAGED[step.kind], step, found)

    def _found(self, gate: str, step: Step, what: str) -> None:
        if len(self.findings) < KEPT:
            handler = self._handlers.get(str(step.facts.get("handler")))
            lines = (*origin("published", getattr(step.subject, "place", None)), *handled(handler))
            self.findings.append(Finding(gate, what, lines))


def _message(step: Step) -> str:
    facts = step.facts
    return f"{facts.get('topic')!r} of {facts.get('handler')}, attempt {facts.get('attempt')},"
