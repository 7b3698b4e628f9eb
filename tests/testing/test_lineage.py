"""Causes: which record led to which, by executions, messages and clients."""

import pytest

from jararaca.core.steps import Kind, Step
from jararaca_testing.lineage import CLIENT, REMEMBERED, Lineage


@pytest.fixture
def lineage() -> Lineage:
    """Knows a request, what it published, and an attempt at that."""
    lineage = Lineage()
    lineage.remember(step(Kind.REQUEST, "web"), 1)
    lineage.remember(step(Kind.PUBLISH, "web", message_id="m"), 2)
    lineage.remember(step(Kind.ATTEMPT, "work", cause="m", message_id="m"), 3)
    return lineage


def step(kind: Kind, execution: str | None = None, cause: str | None = None, **facts: object) -> Step:
    return Step(kind, "after", execution, cause, None, facts)


@pytest.mark.parametrize("kind", [Kind.DELIVERY, Kind.ATTEMPT, Kind.CONFIRM])
def test_a_publish_leads_to_everything_that_its_message_goes_through(lineage: Lineage, kind: Kind) -> None:
    assert lineage.cause_of(step(kind, "another", cause="m", message_id="m")) == 2


@pytest.mark.parametrize("kind", [Kind.PUBLISH, Kind.COMMIT, Kind.ROLLBACK, Kind.FRAME, Kind.SETTLE, Kind.COPY])
def test_an_execution_leads_to_what_happens_inside_of_it(lineage: Lineage, kind: Kind) -> None:
    """Though the message has a publish of its own: what is nearer counts."""
    assert lineage.cause_of(step(kind, "work", cause="m", message_id="m")) == 3


def test_an_execution_that_nobody_announced_was_led_to_by_its_own_cause(lineage: Lineage) -> None:
    """As that of an exception handler, whose cause is the attempt that failed."""
    assert lineage.cause_of(step(Kind.PUBLISH, "handler of it", cause="work", message_id="n")) == 3
    assert lineage.cause_of(step(Kind.COMMIT, "of a message", cause="m")) == 2


def test_what_is_settled_without_an_attempt_was_led_to_by_its_publish(lineage: Lineage) -> None:
    assert lineage.cause_of(step(Kind.SETTLE, message_id="m")) == 2


def test_a_client_of_the_test_leads_to_what_serves_it_and_to_nothing_nearer(lineage: Lineage) -> None:
    token = CLIENT.set(7)

    assert lineage.cause_of(step(Kind.REQUEST, "new")) == 7
    assert lineage.cause_of(step(Kind.COMMIT, "work")) == 3
    assert lineage.cause_of(step(Kind.DELIVERY, message_id="foreign")) is None
    CLIENT.reset(token)


def test_what_came_from_nowhere_has_no_cause(lineage: Lineage) -> None:
    assert lineage.cause_of(step(Kind.TICK, "new")) is None
    assert lineage.cause_of(step(Kind.CONNECTION)) is None
    assert lineage.cause_of(step(Kind.PUBLISH, "new", cause="foreign", message_id="x")) is None


def test_only_the_latest_are_remembered(lineage: Lineage) -> None:
    for number in range(REMEMBERED):
        lineage.remember(step(Kind.TICK, f"tick {number}"), 10 + number)

    assert lineage.cause_of(step(Kind.COMMIT, "web")) is None
    assert lineage.cause_of(step(Kind.COMMIT, "tick 0")) == 10
    assert lineage.cause_of(step(Kind.DELIVERY, message_id="m")) == 2
