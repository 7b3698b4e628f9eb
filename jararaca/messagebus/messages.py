"""A message as its handler sees it, and the decision that the handler may record about it.

Recording a decision sends nothing: the worker carries it out after the unit of work, so that no message is
acknowledged before its effects are committed. `ack(early=True)` is the one exception.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from jararaca.core.unit_of_work import UnitOfWork
from jararaca.errors import AlreadySettled, InvalidOption
from jararaca.messagebus.consumed import Consumed
from jararaca.messagebus.quantities import ADVICE, is_number
from jararaca.messagebus.retry import LONGEST_DELAY
from jararaca.ports.broker import Envelope

T_co = TypeVar("T_co", covariant=True)

DecisionVerb = Literal["ack", "requeue", "reject", "retry"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a handler asked for. `delay` is in seconds; None lets the retry policy say."""

    verb: DecisionVerb
    reason: str = ""
    delay: float | None = None
    early: bool = False

    @property
    def keeps_effects(self) -> bool:
        """Whether the unit of work may commit; every other decision rolls it back."""
        return self.verb == "ack"


class Message(Generic[T_co]):
    """One delivery of one message. Built by the worker; a redelivery is another `Message` with the same id."""

    __slots__ = (
        "_acknowledge",
        "_closed",
        "_payload",
        "_work",
        "consumed",
        "decision",
        "is_duplicate",
        "topic",
        "will_retry",
    )

    def __init__(
        self,
        payload: T_co,
        consumed: Consumed,
        *,
        will_retry: bool,
        acknowledge: Callable[[Consumed], Awaitable[None]],
    ) -> None:
        self._payload = payload
        self.consumed = consumed
        self._acknowledge = acknowledge
        self._work: UnitOfWork | None = None
        self._closed = False
        self.topic: str = consumed.topic
        """The topic it was published to, also after retries."""
        self.will_retry = will_retry
        """Whether an exception that the policy retries would bring this message back; for an `exception_handler`,
        whether the one at hand does."""
        self.decision: Decision | None = None
        """What was decided so far."""
        self.is_duplicate = False
        """Whether its idempotent handler was not called, because it had handled the message before."""

    def __repr__(self) -> str:
        return f"<Message {self.message_id} of {self.topic!r}, attempt {self.attempt}>"

    def payload(self) -> T_co:
        """The validated model."""
        return self._payload

    @property
    def envelope(self) -> Envelope:
        """The message as it travelled."""
        return self.consumed.delivery.envelope

    @property
    def message_id(self) -> str | None:
        """The same for every copy and redelivery.

        If a foreign producer set none it is None, or derived from the content by a handler with `missing_id="hash"`.
        """
        return self.consumed.message_id

    @property
    def headers(self) -> Mapping[str, Any]:
        """All headers, as they came."""
        return self.consumed.delivery.envelope.headers

    @property
    def correlation_id(self) -> str | None:
        """Shared by everything that one first trigger led to."""
        return self.consumed.delivery.envelope.correlation_id or self.consumed.marks.correlation_id

    @property
    def causation_id(self) -> str | None:
        """The message or execution that published this one."""
        return self.consumed.marks.causation_id

    @property
    def attempt(self) -> int:
        """Which attempt at this message this is, from 1. Only retries raise it, not requeues."""
        return self.consumed.marks.attempt

    @property
    def redelivered(self) -> bool:
        """Whether the broker handed this copy out before."""
        return self.consumed.delivery.redelivered

    @property
    def published_at(self) -> datetime | None:
        """When it was published, in whole seconds; None if a foreign producer did not say."""
        return self.consumed.delivery.envelope.timestamp

    async def ack(self, *, early: bool = False) -> None:
        """Done with it: commit, publish what was staged, then acknowledge.

        `early=True` acknowledges at once: if the process dies or the handler fails after that, the message is lost.

        Raises:
            AlreadySettled: something else was decided before. So do the other verbs.
        """
        if early and (self.decision is None or not self.decision.early):
            self._decide(Decision("ack", early=True))
            await self._acknowledge(self.consumed)
        elif not early:
            self._decide(Decision("ack"))

    async def nack(self, requeue: bool = True) -> None:
        """Roll back; see it again after at least 0.125 s with the same attempt, or dead-letter it as `reject` does."""
        self._decide(Decision("requeue" if requeue else "reject"))

    async def reject(self, requeue: bool = False, reason: str = "") -> None:
        """Roll back and dead-letter it with reason `rejected`; `reason` goes into the dead letter's error text."""
        self._decide(Decision("requeue" if requeue else "reject", reason))

    async def retry(self, delay: float | None = None, reason: str = "") -> None:
        """Roll back and make another attempt after `delay` seconds, or after what the handler's policy says.

        Raises:
            InvalidOption: the delay is no number, negative, or longer than ten years.
            AlreadySettled: something else was decided before.
        """
        if delay is not None and not is_number(delay):
            raise InvalidOption(f"Message.retry(delay={delay!r}): a delay has seconds. {ADVICE}")
        if delay is not None and not 0 <= delay <= LONGEST_DELAY:
            raise InvalidOption(
                f"Message.retry(delay={delay}): a delay has 0 to {LONGEST_DELAY} seconds. Use 0 for the shortest wait."
            )
        self._decide(Decision("retry", reason, delay))

    def bind(self, work: UnitOfWork) -> None:
        """Let decisions that ask for a rollback reach the attempt's unit of work.

        A unit of work that is run again decides again; only an early acknowledgement cannot be taken back.
        """
        self._work = work
        self.is_duplicate = False
        if self.decision is not None and not self.decision.early:
            self.decision = None

    def close(self) -> None:
        """The attempt is over: a decision from now on raises `AlreadySettled`."""
        self._closed = True

    def _decide(self, decision: Decision) -> None:
        before = self.decision
        if before is not None and before.early and decision == Decision("ack"):
            return
        over = self._closed or (self._work is not None and not self._work.is_open)
        if over or (before is not None and before != decision):
            taken = f"{before.verb}()" if before is not None else "by the end of its attempt"
            raise AlreadySettled(
                f"message {self.message_id} of topic {self.topic!r} was settled before ({taken}), so {decision.verb}() "
                "cannot take effect. Decide once, and before the handler returns."
            )
        self.decision = decision
        if not decision.keeps_effects and self._work is not None:
            self._work.set_rollback_only(decision.reason or f"the message was settled with {decision.verb}()")
