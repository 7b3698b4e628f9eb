"""What becomes of a delivery after its attempt: a pure function, and the whole of the rule.

The worker only carries out what `settle` says, after the unit of work has ended.
"""

from dataclasses import dataclass
from typing import Any, Literal

from jararaca.core.invocation import Outcome
from jararaca.errors import CommittedNotAnnounced, HandlerTimeout
from jararaca.messagebus.handlers import SHORTEST_WAIT, WAIT_AFTER_EXCEPTION, HandlerSpec
from jararaca.messagebus.messages import Decision
from jararaca.messagebus.retry import RetryPolicy

Reason = Literal[
    "rejected",
    "error",
    "retries-exhausted",
    "timeout",
    "unsettled",
    "invalid-payload",
    "unknown-type",
    "too-large",
    "delivery-limit",
    "hop-limit",
]
"""Why a message is in a dead-letter queue: one vocabulary. `delivery-limit` is the broker's own."""

Verb = Literal["ack", "requeue", "wait", "dead-letter", "none"]


@dataclass(frozen=True, slots=True)
class Settlement:
    """One way to end a delivery.

    `ack` is done; `requeue` hands it back to the broker; `wait` brings a copy back to the handler's own queue after
    `delay` seconds, as attempt number `attempt`; `dead-letter` copies it to the dead letters; `none` sends nothing,
    because it was acknowledged early. `reason` is a `Reason` for dead letters and a remark for the others.
    """

    verb: Verb
    reason: str | None = None
    delay: float = 0.0
    attempt: int = 0


ACK = Settlement("ack")
REQUEUE = Settlement("requeue")
NOTHING = Settlement("none", "early-ack")
_DEFAULT_POLICY = RetryPolicy()


def dead_letter(reason: Reason) -> Settlement:
    """Copy the message to the dead letters of its handler."""
    return Settlement("dead-letter", reason)


def settle(
    handler: HandlerSpec, outcome: Outcome[Any], decision: Decision | None, *, attempt: int, random: float
) -> Settlement:
    """What to do with a delivery whose attempt ended like this.

    An error in `outcome` wins over the `decision` that the handler recorded. `attempt` is counted from 1; `random`,
    from 0.0 up to not including 1.0, is the part that jitter takes off a delay.
    """
    if decision is not None and decision.early:
        return NOTHING
    if outcome.error is not None:
        if outcome.committed:
            return _after_commit(outcome.error)
        return _after_failure(handler, outcome.error, attempt, random)
    if decision is None:
        return ACK if handler.auto_ack else dead_letter("unsettled")
    match decision.verb:
        case "ack":
            return ACK
        case "requeue":
            return Settlement("wait", "nack", SHORTEST_WAIT, attempt)
        case "reject":
            return dead_letter("rejected")
        case "retry":
            return _retried(handler.retry or _DEFAULT_POLICY, attempt, random, delay=decision.delay)


def will_retry(handler: HandlerSpec, attempt: int) -> bool:
    """Whether an exception that the policy retries would bring the message back after this attempt."""
    if handler.retry is None:
        return handler.nack_on_exception
    return attempt < handler.retry.max_attempts


def _after_commit(error: BaseException) -> Settlement:
    # Only a failed announcement has something left to do; anything else that fails so late is logged, not repeated.
    if isinstance(error, CommittedNotAnnounced):
        return Settlement("requeue", "not-announced")
    return Settlement("ack", "failed-after-commit")


def _after_failure(handler: HandlerSpec, error: BaseException, attempt: int, random: float) -> Settlement:
    given_up = dead_letter("timeout" if isinstance(error, HandlerTimeout) else "error")
    if handler.retry is None:
        if handler.nack_on_exception:
            return Settlement("wait", "nack", WAIT_AFTER_EXCEPTION, attempt)
        return given_up
    match handler.retry.verdict(error):
        case "ignore":
            return Settlement("ack", "ignored")
        case "dead-letter":
            return given_up
        case "retry":
            return _retried(handler.retry, attempt, random)


def _retried(policy: RetryPolicy, attempt: int, random: float, *, delay: float | None = None) -> Settlement:
    wait = policy.delay_before(attempt + 1, random=random)
    if wait is None:
        return dead_letter("retries-exhausted")
    return Settlement("wait", "retry", wait if delay is None else delay, attempt + 1)
