"""Carries out settlements: copies are confirmed before the original is acknowledged, and nothing is settled twice."""

import logging
from datetime import datetime, timedelta
from typing import Any

from jararaca.core.context import Execution
from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca.errors import BrokerError, ServerUnavailable
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.consumed import Consumed
from jararaca.messagebus.copies import Failure, dead_copy, wait_copy
from jararaca.messagebus.handlers import HandlerSpec
from jararaca.messagebus.settlement import ACK, Settlement

logger = logging.getLogger("jararaca.messagebus")

PAUSE_AFTER_REFUSAL = 1.0
"""Seconds that a message is held when the broker refuses its copy, or what it should have announced: the requeue must
not become a hot loop that commits again and again."""


class Settler:
    """Ends the deliveries of one handler."""

    def __init__(self, environment: Environment, handler: HandlerSpec, connection: BusConnection) -> None:
        self._environment = environment
        self._handler = handler
        self._connection = connection
        self._queue = connection.queue_of(handler)
        self._dead_letters = connection.dlq_of(handler)

    def acknowledges_at_once(self, settlement: Settlement, consumed: Consumed) -> bool:
        """Acknowledge if nothing else is to be done and nobody looks; False if `carry_out` must be awaited.

        Without a coroutine, because this is how most deliveries end.
        """
        if settlement is not ACK or consumed.settled or self._environment.steps.observers:
            return False
        self._end(consumed, consumed.delivery.ack(), "ack", None, None)
        return True

    async def carry_out(
        self,
        settlement: Settlement,
        consumed: Consumed,
        *,
        failure: Failure,
        attempts: int,
        execution: Execution | None = None,
    ) -> None:
        """Do what was decided. A copy that the broker does not take sends the original back to its queue.

        Of a delivery whose channel was lost no copy is made: the broker hands the original out again.
        A dead letter says what went wrong, `failure`, and how many `attempts` it has had.
        """
        if settlement.verb == "none" or consumed.settled:
            return
        if self._environment.steps.observers:
            facts = self._facts(consumed, settlement.verb, settlement.reason)
            await self._environment.steps.before(Kind.SETTLE, consumed.delivery, execution, **facts)
        if settlement.verb == "requeue":
            await self._environment.clock.sleep(PAUSE_AFTER_REFUSAL)
            self.requeue(consumed, settlement.reason or "requeue", execution)
            return
        if settlement.verb in ("wait", "dead-letter"):
            if consumed.delivery.is_stale:
                self.requeue(consumed, "channel-lost", execution)
                return
            try:
                await self._send_copy(settlement, consumed, failure, attempts, execution)
            except (ServerUnavailable, BrokerError) as error:
                await self._copy_failed(consumed, error)
                return
        self._end(consumed, consumed.delivery.ack(), settlement.verb, settlement.reason, execution)

    async def send_on(self, consumed: Consumed, due: datetime) -> None:
        """Let a message that came before it is due wait for the rest of the time; no attempt is counted."""
        now = self._environment.clock.now()
        rest = Settlement("wait", "early", (due - now).total_seconds(), consumed.marks.attempt)
        await self.carry_out(rest, consumed, failure=Failure("", ""), attempts=0)

    async def acknowledge_early(self, consumed: Consumed) -> None:
        """Acknowledge before the unit of work ends, because the handler asked for it."""
        if not consumed.settled:
            self._end(consumed, consumed.delivery.ack(), "ack", "early-ack", None)
            await self._connection.broker.flush()

    def requeue(self, consumed: Consumed, reason: str, execution: Execution | None = None) -> None:
        """Hand it back to the broker with its attempt unchanged; no effect if it is settled."""
        if not consumed.settled:
            # Not reject: RabbitMQ 4.3 counts that towards the delivery limit.
            self._end(consumed, consumed.delivery.nack(requeue=True), "requeue", reason, execution)

    async def _send_copy(
        self,
        settlement: Settlement,
        consumed: Consumed,
        failure: Failure,
        attempts: int,
        execution: Execution | None,
    ) -> None:
        now = self._environment.clock.now()
        if settlement.verb == "dead-letter":
            copy = dead_copy(
                consumed.delivery,
                consumed.marks,
                handler=self._handler.name,
                reason=str(settlement.reason),
                failure=failure,
                attempts=attempts,
                now=now,
            )
            await self._connection.copy(copy, self._dead_letters, origin=execution)
            return
        copy = wait_copy(
            consumed.delivery,
            consumed.marks,
            attempt=settlement.attempt,
            now=now,
            due=now + timedelta(seconds=settlement.delay),
            failed=settlement.reason == "retry" or bool(failure.error_type),
        )
        await self._connection.send_to_wait(copy, self._queue, settlement.delay, origin=execution)

    async def _copy_failed(self, consumed: Consumed, error: Exception) -> None:
        logger.error(
            "the broker did not take a copy; the original goes back to its queue",
            extra={**self._facts(consumed, "requeue", None), "error": f"{type(error).__name__}: {error}"},
        )
        if isinstance(error, BrokerError):
            await self._environment.clock.sleep(PAUSE_AFTER_REFUSAL)
        self.requeue(consumed, "copy-failed")

    def _end(self, consumed: Consumed, taken: bool, verb: str, reason: str | None, execution: Execution | None) -> None:
        consumed.settled = True
        if not taken:
            logger.info("a settlement came after its channel was lost", extra=self._facts(consumed, verb, reason))
        if self._environment.steps.observers:
            facts = self._facts(consumed, verb, reason)
            self._environment.steps.after(Kind.SETTLE, consumed.delivery, execution, **facts, stale=not taken)

    def _facts(self, consumed: Consumed, verb: str, reason: str | None) -> dict[str, Any]:
        return {
            "handler": self._handler.name,
            "queue": self._queue,
            "topic": consumed.topic,
            "message_id": consumed.message_id,
            "attempt": consumed.marks.attempt,
            "verb": verb,
            "reason": reason,
        }
