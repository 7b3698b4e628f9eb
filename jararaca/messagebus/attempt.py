"""One delivery from validation to its settlement; the delivery boundary of the worker.

The order never varies: unit of work, commit, confirmed publishes, confirmed copies, and only then the acknowledgement.
"""

import asyncio
import inspect
import logging
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from jararaca.core.context import Execution, Trigger, current_execution
from jararaca.core.disclosure import Given, note_given
from jararaca.core.environment import Environment
from jararaca.core.invocation import Outcome, new_execution
from jararaca.core.steps import Kind
from jararaca.errors import CommittedNotAnnounced, HandlerTimeout
from jararaca.messagebus.config import MessageBusConfig
from jararaca.messagebus.consumed import Consumed, content_id, identity_of
from jararaca.messagebus.copies import Failure, one_line
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.messagebus.headers import readable
from jararaca.messagebus.intake import Intake, Refusal
from jararaca.messagebus.limits import TimeLimit, seconds_after
from jararaca.messagebus.messages import Message
from jararaca.messagebus.once import Once
from jararaca.messagebus.redaction import without_values
from jararaca.messagebus.settlement import Settlement, dead_letter, settle, will_retry
from jararaca.messagebus.settling import PAUSE_AFTER_REFUSAL, Settler

logger = logging.getLogger("jararaca.messagebus")

RESOLUTION = timedelta(milliseconds=1)
"""Of the header that says when a message is due: what is due sooner than that is due."""

_NAMELESS = Refusal(
    "rejected", Failure("", "the message has no message_id to know it by, and its handler refuses such")
)


class Attempts:
    """Runs the deliveries of one handler. What does not change between messages is prepared once."""

    def __init__(
        self,
        environment: Environment,
        handler: HandlerSpec,
        settler: Settler,
        config: MessageBusConfig,
        once: Once | None = None,
    ) -> None:
        self._environment = environment
        self._once = once
        self._handler = handler
        self._settler = settler
        self._intake = Intake(handler.model, max_bytes=config.max_message_bytes, max_hops=config.max_hops)
        self._trigger = Trigger("delivery", handler.name)
        limit = config.handler_timeout if handler.timeout is None else handler.timeout
        after = seconds_after(limit)
        self._limit = TimeLimit(
            environment.clock,
            limit,
            after=after,
            where=handler.where,
            remedy="Raise @IncomingHandler(timeout=...), or split the work into more messages.",
        )
        self._limit_of_exception_handler = TimeLimit(
            environment.clock,
            min(limit, after),
            after=after,
            where=f"the exception_handler of {handler.where}",
            remedy="Let it publish a message, and do the work in the handler of that.",
        )

    async def run(self, consumed: Consumed) -> None:
        """Handle one delivery and settle it, whatever happens. Raises only what cancels the task."""
        try:
            due = consumed.marks.not_before
            if due is not None and due - self._environment.clock.now() >= RESOLUTION:
                await self._settler.send_on(consumed, due)
                return
            payload = self._open(consumed)
            if isinstance(payload, Refusal):
                await self._refuse(consumed, payload)
            else:
                await self._attempt(consumed, payload)
        except asyncio.CancelledError:
            self._settler.requeue(consumed, "cancelled")
            raise
        except Exception as error:
            logger.error("a delivery could not be settled", exc_info=without_values(error), extra=self._extra(consumed))
            await self._environment.clock.sleep(PAUSE_AFTER_REFUSAL)
            self._settler.requeue(consumed, "failed")

    def _open(self, consumed: Consumed) -> Any | Refusal:
        """The payload, once the message has something to know it by if its handler wants that."""
        envelope, marks = consumed.delivery.envelope, consumed.marks
        payload = self._intake.open(envelope, marks)
        is_known = envelope.message_id or marks.dedupe_key or self._handler.missing_id == "allow"
        if is_known or isinstance(payload, Refusal):
            return payload
        if self._handler.missing_id == "reject":
            return _NAMELESS
        consumed.derived_id = content_id(consumed)
        return payload

    async def _refuse(self, consumed: Consumed, refusal: Refusal) -> None:
        extra = {**self._extra(consumed), "reason": refusal.reason, "error": refusal.failure.text}
        logger.warning("a message was refused", extra=extra)
        before = consumed.marks.attempt - 1
        await self._settler.carry_out(dead_letter(refusal.reason), consumed, failure=refusal.failure, attempts=before)

    async def _attempt(self, consumed: Consumed, payload: Any) -> None:
        attempt = consumed.marks.attempt
        message = Message(
            payload,
            consumed,
            will_retry=will_retry(self._handler, attempt),
            acknowledge=self._settler.acknowledge_early,
        )
        execution = self._execution(consumed)
        try:
            outcome = await self._invoke(message, execution)
        except asyncio.CancelledError as cancelled:
            self._cancelled(message, execution, cancelled.__cause__)
            raise
        except BaseException as error:  # not for us to handle, but those who look on want to know
            self._record(message, execution, "error", error)
            raise
        finally:
            message.close()
        consumed.was_attempted, consumed.error = not message.is_duplicate, outcome.error
        if outcome.error is None and message.decision is None and self._handler.auto_ack:
            random = 0.0  # nothing will be delayed, and most messages end here
        else:
            random = self._environment.chance.random()
        if outcome.error is not None:
            note_given(outcome.error, self._given(consumed))
        settlement = settle(self._handler, outcome, message.decision, attempt=attempt, random=random)
        if self._settler.acknowledges_at_once(settlement, consumed):
            return
        try:
            if outcome.error is not None:
                await self._failed(message, outcome, settlement, execution)
        finally:
            self._record(message, execution, _verdict(outcome, message), outcome.error)
        failure = _failure(outcome, message)
        await self._settler.carry_out(settlement, consumed, failure=failure, attempts=attempt, execution=execution)

    def _execution(self, consumed: Consumed) -> Execution:
        envelope, marks = consumed.delivery.envelope, consumed.marks
        message_id = readable(consumed.message_id)
        return new_execution(
            self._environment,
            self._trigger,
            correlation_id=readable(envelope.correlation_id) or marks.correlation_id,
            cause=message_id,
            causation_id=message_id,
            hops=marks.hops,
            traceparent=marks.traceparent,
        )

    def _invoke(self, message: Message[Any], execution: Execution) -> Awaitable[Outcome[None]]:
        if self._environment.steps.observers:
            return self._observed(message, execution)
        return self._limit.invoke(execution, lambda: self._call(message))

    async def _observed(self, message: Message[Any], execution: Execution) -> Outcome[None]:
        try:
            await self._environment.steps.before(Kind.ATTEMPT, message, execution, **self._facts(message))
        except Exception as error:  # noqa: BLE001 -- an observer may stand in for a handler that fails
            return Outcome(None, error, False)
        return await self._limit.invoke(execution, lambda: self._call(message))

    async def _call(self, message: Message[Any]) -> None:
        inner = current_execution()
        scope, work = inner.scope, inner.unit_of_work
        assert scope is not None
        assert work is not None
        message.bind(work)

        identity = None if self._once is None else identity_of(message.consumed)
        if self._once is not None and identity and not await self._once.is_first(identity, work):
            message.is_duplicate = True
            await message.ack()
            return
        controller: Any = await scope.resolve(self._handler.controller)
        await getattr(controller, self._handler.method)(message)
        if message.decision is None and not self._handler.auto_ack:
            work.set_rollback_only("the handler returned without settling its message")

    def _cancelled(self, message: Message[Any], execution: Execution, error: BaseException | None) -> None:
        """`error` is what the handler made of its cancellation. It changes nothing, but somebody should know."""
        if error is not None:
            note_given(error, self._given(message.consumed))
            logger.warning(
                "a message handler failed while it was cancelled; its message is requeued",
                exc_info=without_values(error),
                extra=self._extra(message.consumed),
            )
        self._record(message, execution, "cancelled", error)

    async def _failed(
        self, message: Message[Any], outcome: Outcome[None], settlement: Settlement, execution: Execution
    ) -> None:
        error = outcome.error
        assert error is not None
        decision = message.decision.verb if message.decision is not None else None
        logger.error(
            "a message handler failed",
            exc_info=without_values(error),
            extra={
                **self._extra(message.consumed),
                "decision": decision,
                "settlement": settlement.verb,
                "reason": settlement.reason,
            },
        )
        handler = self._handler.exception_handler
        if handler is None or outcome.committed:
            return
        message.will_retry = settlement.verb == "wait"

        async def announce() -> None:
            result = handler(error, message)
            if inspect.isawaitable(result):
                await result

        announcement = self._execution(message.consumed)._replace(
            correlation_id=execution.correlation_id, cause=execution.id
        )
        after = await self._limit_of_exception_handler.invoke(announcement, announce)
        if after.error is not None:
            note_given(after.error, self._given(message.consumed))
            failure = without_values(after.error)
            logger.error("an exception handler failed", exc_info=failure, extra=self._extra(message.consumed))

    def _record(self, message: Message[Any], execution: Execution, outcome: str, error: BaseException | None) -> None:
        steps = self._environment.steps
        if steps.observers:
            decision = message.decision.verb if message.decision is not None else None
            facts = {**self._facts(message), "outcome": outcome, "exception": error, "decision": decision}
            steps.after(Kind.ATTEMPT, message, execution, **facts, error=type(error).__name__ if error else None)

    def _facts(self, message: Message[Any]) -> dict[str, Any]:
        return {**self._extra(message.consumed), "topic": message.topic, "message": message}

    def _given(self, consumed: Consumed) -> Given:
        """What nobody may be told of."""
        envelope = consumed.delivery.envelope
        words = [str(value) for name, value in envelope.headers.items() if not name.startswith("x-jararaca-")]
        return Given(envelope.body, words, self._environment.secrets)

    def _extra(self, consumed: Consumed) -> dict[str, Any]:
        return {
            "handler": self._handler.name,
            "message_id": consumed.message_id,
            "attempt": consumed.marks.attempt,
        }


def _verdict(outcome: Outcome[None], message: Message[Any]) -> str:
    error = outcome.error
    if error is None and message.is_duplicate:
        return "duplicate"
    if error is None:
        return "ok" if outcome.committed else "rolled back"
    if outcome.committed:
        return "published_failed" if isinstance(error, CommittedNotAnnounced) else "ok"
    return "timeout" if isinstance(error, HandlerTimeout) else "error"


def _failure(outcome: Outcome[None], message: Message[Any]) -> Failure:
    """What the dead letter will say."""
    if outcome.error is not None:
        return Failure.of(outcome.error)
    if message.decision is not None:
        return Failure("", one_line(message.decision.reason))
    return Failure("", "the handler returned without settling its message")
