"""The order of steps, with violations planted: what is settled twice, too early, or sent without its commit."""

from typing import Any

import pytest

from jararaca.core.steps import Kind, Step
from jararaca.core.unit_of_work import State
from jararaca_testing.gates.order import Order

FACTS = {"handler": "Billing.charge", "topic": "order.placed", "attempt": 1}


class Story:
    """The steps of one application, told to the gate one by one."""

    def __init__(self) -> None:
        self.state: State | None = State.COMMITTED
        self.order = Order((), lambda: self.state)

    def tell(self, kind: Kind, phase: Any = "after", subject: Any = None, execution: Any = "e-1", **facts: Any) -> None:
        self.order.on_step(Step(kind, phase, execution, None, subject, {**FACTS, **facts}))

    def delivered(self, subject: object, execution: str = "e-1") -> None:
        self.tell(Kind.DELIVERY, subject=subject, execution=None)
        self.tell(Kind.ATTEMPT, "before", execution=execution)

    def settled(self, subject: object, verb: str = "ack", execution: str | None = "e-1") -> None:
        self.tell(Kind.SETTLE, subject=subject, execution=execution, verb=verb)

    @property
    def found(self) -> list[tuple[str, str]]:
        return [(finding.gate, finding.what) for finding in self.order.findings]


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.mark.parametrize("decision", [Kind.COMMIT, Kind.ROLLBACK])
def test_what_is_decided_and_then_settled_once_is_in_order(story: Story, decision: Kind) -> None:
    delivery = object()
    story.delivered(delivery)
    story.tell(decision)
    story.tell(Kind.ATTEMPT, outcome="ok")
    story.settled(delivery)

    assert story.found == []


def test_a_delivery_that_comes_again_is_settled_again(story: Story) -> None:
    for execution in ("e-1", "e-2"):
        delivery = object()
        story.delivered(delivery, execution)
        story.tell(Kind.ROLLBACK, execution=execution)
        story.tell(Kind.ATTEMPT, execution=execution, outcome="error")
        story.settled(delivery, "wait", execution)

    assert story.found == []


def test_one_delivery_that_is_settled_again_is_found(story: Story) -> None:
    delivery = object()
    story.tell(Kind.DELIVERY, subject=delivery)
    story.settled(delivery, "wait", None)
    story.settled(delivery, "dead-letter", None)

    assert story.found == [
        ("settled-twice", "'order.placed' of Billing.charge, attempt 1, was settled again: dead-letter")
    ]


def test_a_settlement_before_the_commit_is_found(story: Story) -> None:
    delivery = object()
    story.delivered(delivery)
    story.settled(delivery)
    story.tell(Kind.COMMIT)
    story.tell(Kind.ATTEMPT, outcome="ok")

    assert [gate for gate, _what in story.found] == ["ack-before-commit"]


def test_a_settlement_of_an_attempt_that_ended_well_and_committed_nothing_is_found(story: Story) -> None:
    delivery = object()
    story.delivered(delivery)
    story.tell(Kind.ATTEMPT, outcome="ok")
    story.settled(delivery)

    assert [gate for gate, _what in story.found] == ["ack-before-commit"]


@pytest.mark.parametrize("outcome", ["error", "timeout", "cancelled"])
def test_an_attempt_that_never_came_to_a_unit_of_work_may_be_settled(story: Story, outcome: str) -> None:
    delivery = object()
    story.delivered(delivery)
    story.tell(Kind.ATTEMPT, outcome=outcome)
    story.settled(delivery, "wait")

    assert story.found == []


def test_an_early_acknowledgement_belongs_to_no_unit_of_work(story: Story) -> None:
    delivery = object()
    story.delivered(delivery)
    story.settled(delivery, execution=None)
    story.tell(Kind.COMMIT)
    story.tell(Kind.ATTEMPT, outcome="ok")

    assert story.found == []


@pytest.mark.parametrize(("kind", "gate"), [(Kind.PUBLISH, "publish"), (Kind.FRAME, "frame")])
@pytest.mark.parametrize(
    ("state", "how"),
    [
        (State.OPEN, "while it was open"),
        (State.COMMITTING, "while it was committing"),
        (State.ROLLED_BACK, "while it was rolled back"),
        (None, "outside of it"),
    ],
)
def test_what_waits_for_a_commit_and_leaves_without_it_is_found(
    story: Story, kind: Kind, gate: str, state: State | None, how: str
) -> None:
    story.state = state

    story.tell(kind, staged=True)

    ((found, what),) = story.found
    assert (found, how in what, "in the execution e-1" in what) == (f"{gate}-without-commit", True, True)


@pytest.mark.parametrize("state", [*State, None])
def test_what_is_sent_at_once_waits_for_nothing(story: Story, state: State | None) -> None:
    story.state = state

    story.tell(Kind.PUBLISH, staged=False)
    story.tell(Kind.FRAME, staged=False)

    assert story.found == []


def test_what_leaves_after_the_commit_is_in_order(story: Story) -> None:
    story.tell(Kind.PUBLISH, staged=True)
    story.tell(Kind.FRAME, staged=True)

    assert story.found == []
