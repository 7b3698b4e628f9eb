"""One batch of an outbox: sent in the order of its keys, written down, told to those who look on."""

import logging
from collections.abc import Callable, Sequence

from jararaca.core.environment import Environment
from jararaca.core.steps import Kind
from jararaca.messagebus.connection import BusConnection
from jararaca.messagebus.flushing import flush
from jararaca.messagebus.mails import Mail, waves
from jararaca.ports.outbox import Failure, Outbox

logger = logging.getLogger("jararaca.messagebus")


class Batch:
    """Mails that a relay sends together, and what became of them once they were.

    `sent` are those that the broker has confirmed, `failures` what is to be noted of those it has not, and `held_back`
    those that were not tried, because one of their key had failed or their claim was about to expire.
    """

    def __init__(
        self, environment: Environment, connection: BusConnection, mails: Sequence[Mail], max_attempts: int
    ) -> None:
        self._clock = environment.clock
        self._steps = environment.steps
        self._connection = connection
        self._mails = mails
        self._max_attempts = max_attempts
        self.sent: list[Mail] = []
        self.failed: list[Mail] = []
        self.failures: list[Failure] = []
        self.held_back: list[Mail] = []

    async def send(self, is_ours: Callable[[Mail], bool]) -> None:
        """Publish all of them, those of one key one after the other, each once the one before was confirmed."""
        stuck: set[str] = set()
        for wave in waves(self._mails):
            free: list[Mail] = []
            for mail in wave:
                if mail.key in stuck or not is_ours(mail):
                    self.held_back.append(mail)
                    stuck |= {mail.key} if mail.key is not None else set()
                else:
                    free.append(mail)
            if free:
                stuck |= await self._flush(free)

    async def _flush(self, mails: Sequence[Mail]) -> set[str]:
        """Publish these together, and return the keys of those that failed."""
        found = await flush(self._connection, [mail.outgoing for mail in mails], None)
        unsent = {each.message: each.error for each in found}
        for mail in mails:
            error = unsent.get(mail.outgoing)
            if error is None:
                self.sent.append(mail)
            else:
                self.failed.append(mail)
                self.failures.append(mail.failure(error, self._clock.now(), self._max_attempts))
        return {mail.key for mail in self.failed if mail.key is not None}

    async def note(self, outbox: Outbox, holder: str) -> None:
        """Write down what became of them; called again if it failed."""
        if self._steps.observers:
            for mail in self.sent:
                await self._steps.before(Kind.OUTBOX, mail.outgoing, mail.outgoing.origin, **self._facts(mail, "sent"))
        if self.sent:
            await outbox.sent([mail.id for mail in self.sent])
        if self.failures:
            await outbox.failed(holder, self.failures, self._clock.now())
        if self.held_back:
            await outbox.release(holder, [mail.id for mail in self.held_back])

    def tell(self) -> None:
        """Log what failed, and let those who look on know of everything."""
        for mail, failure in zip(self.failed, self.failures, strict=True):
            parked = failure.next_at is None
            logger.log(
                logging.ERROR if parked else logging.WARNING,
                "a message in the outbox is parked: the broker does not take it"
                if parked
                else "a message in the outbox could not be sent; it is tried again",
                extra={
                    **self._facts(mail, "parked" if parked else "postponed"),
                    "attempts": failure.attempts,
                    "error": failure.error,
                },
            )
        if self._steps.observers:
            self._tell_observers()

    def _tell_observers(self) -> None:
        outcomes: list[tuple[Mail, str, str | None]] = [(mail, "sent", None) for mail in self.sent]
        outcomes += [(mail, "held back", None) for mail in self.held_back]
        for mail, failure in zip(self.failed, self.failures, strict=True):
            outcomes.append((mail, "parked" if failure.next_at is None else "postponed", failure.error))
        for mail, outcome, reason in outcomes:
            facts = self._facts(mail, outcome)
            self._steps.after(Kind.OUTBOX, mail.outgoing, mail.outgoing.origin, **facts, reason=reason)

    def _facts(self, mail: Mail, outcome: str) -> dict[str, object]:
        return {
            "topic": mail.outgoing.topic,
            "message_id": mail.outgoing.envelope.message_id,
            "connection": self._connection.name,
            "row": mail.id,
            "outcome": outcome,
        }
