"""What a handler sees of a message, and the decision it may record."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jararaca.core.steps import Steps
from jararaca.core.unit_of_work import UnitOfWork
from jararaca.errors import AlreadySettled, InvalidOption
from jararaca.messagebus.consumed import Consumed
from jararaca.messagebus.headers import Marks
from jararaca.messagebus.messages import Decision, Message
from jararaca.ports.broker import Envelope

Verb = Callable[[Message[str]], Coroutine[Any, Any, None]]


@dataclass
class Arrived:
    """A delivery that was handed out; nobody settles it here."""

    envelope: Envelope = field(default_factory=lambda: Envelope(b'"hello"', message_id="m-1"))
    exchange: str = "jararaca.events"
    routing_key: str = "order.placed"
    redelivered: bool = True
    delivery_tag: int = 1
    is_stale: bool = False

    def ack(self) -> bool:
        raise NotImplementedError

    def nack(self, *, requeue: bool) -> bool:
        raise NotImplementedError

    def reject(self, *, requeue: bool) -> bool:
        raise NotImplementedError


@dataclass
class Origin:
    """The execution that the unit of work belongs to."""

    id: str = "e-1"
    cause: str | None = None


class Given:
    """A message, its unit of work, and what was acknowledged early."""

    def __init__(self, delivery: Arrived | None = None, marks: Marks | None = None) -> None:
        self.acknowledged: list[Consumed] = []
        self.work = UnitOfWork(Steps(), Origin())
        self.message = Message(
            "hello",
            Consumed(delivery or Arrived(), marks or Marks()),
            will_retry=True,
            acknowledge=self._acknowledge,
        )
        self.message.bind(self.work)

    async def _acknowledge(self, consumed: Consumed) -> None:
        self.acknowledged.append(consumed)


@pytest.fixture
def given() -> Given:
    return Given()


def test_a_message_shows_where_it_comes_from() -> None:
    sent = datetime(2026, 1, 1, tzinfo=UTC)
    envelope = Envelope(b"", headers={"x-tenant": "blue"}, message_id="m-1", correlation_id="c", timestamp=sent)
    message = Given(Arrived(envelope), Marks(attempt=2, causation_id="m-0")).message
    assert (message.payload(), message.topic, message.message_id) == ("hello", "order.placed", "m-1")
    assert (message.correlation_id, message.causation_id) == ("c", "m-0")
    assert (message.attempt, message.redelivered, message.will_retry) == (2, True, True)
    assert (message.published_at, message.headers, message.envelope) == (sent, {"x-tenant": "blue"}, envelope)
    assert repr(message) == "<Message m-1 of 'order.placed', attempt 2>"


def test_the_correlation_may_come_as_a_header(given: Given) -> None:
    assert Given(marks=Marks(correlation_id="from-header")).message.correlation_id == "from-header"


VERBS: list[tuple[Verb, Decision]] = [
    (lambda message: message.ack(), Decision("ack")),
    (lambda message: message.nack(), Decision("requeue")),
    (lambda message: message.nack(requeue=False), Decision("reject")),
    (lambda message: message.reject(requeue=True), Decision("requeue")),
    (lambda message: message.reject(reason="bad"), Decision("reject", "bad")),
    (lambda message: message.retry(), Decision("retry")),
    (lambda message: message.retry(delay=2.5, reason="busy"), Decision("retry", "busy", 2.5)),
]


@pytest.mark.asyncio
@pytest.mark.parametrize(("verb", "decision"), VERBS)
async def test_each_verb_records_a_decision_and_sends_nothing(verb: Verb, decision: Decision, given: Given) -> None:
    await verb(given.message)
    assert given.message.decision == decision
    assert given.acknowledged == []


@pytest.mark.asyncio
@pytest.mark.parametrize(("verb", "decision"), VERBS)
async def test_only_an_ack_lets_the_unit_of_work_commit(verb: Verb, decision: Decision, given: Given) -> None:
    await verb(given.message)
    assert (given.work.rollback_reason is None) is (decision.verb == "ack")


@pytest.mark.asyncio
@pytest.mark.parametrize(("verb", "decision"), VERBS)
async def test_deciding_the_same_twice_is_deciding_once(verb: Verb, decision: Decision, given: Given) -> None:
    await verb(given.message)
    await verb(given.message)
    assert given.message.decision == decision


@pytest.mark.asyncio
async def test_a_second_and_different_decision_is_an_error(given: Given) -> None:
    await given.message.reject()
    with pytest.raises(AlreadySettled, match=r"message m-1 of topic 'order.placed' .* \(reject\(\)\), so ack\(\)"):
        await given.message.ack()


@pytest.mark.asyncio
async def test_an_early_ack_is_sent_at_once_and_once(given: Given) -> None:
    await given.message.ack(early=True)
    await given.message.ack(early=True)
    await given.message.ack()
    assert len(given.acknowledged) == 1
    assert given.message.decision == Decision("ack", early=True)


@pytest.mark.asyncio
@pytest.mark.parametrize("verb", [verb for verb, decision in VERBS if decision.verb != "ack"])
async def test_nothing_takes_an_early_ack_back(verb: Verb, given: Given) -> None:
    await given.message.ack(early=True)
    with pytest.raises(AlreadySettled):
        await verb(given.message)


@pytest.mark.asyncio
async def test_an_early_ack_after_a_plain_one_is_a_different_decision(given: Given) -> None:
    await given.message.ack()
    with pytest.raises(AlreadySettled):
        await given.message.ack(early=True)
    assert given.acknowledged == []


@pytest.mark.asyncio
async def test_a_decision_after_the_attempt_is_an_error(given: Given) -> None:
    """A task that outlives its handler must not believe that it settled something."""
    given.message.close()
    with pytest.raises(AlreadySettled, match="by the end of its attempt"):
        await given.message.ack()


@pytest.mark.asyncio
@pytest.mark.parametrize("delay", [-1.0, float("nan"), float("inf"), 1e12, "5", True, timedelta(seconds=1)])
async def test_a_delay_that_no_clock_can_measure_is_refused(delay: Any, given: Given) -> None:
    with pytest.raises(InvalidOption, match=r"Message\.retry\(delay="):
        await given.message.retry(delay)
    assert given.message.decision is None
