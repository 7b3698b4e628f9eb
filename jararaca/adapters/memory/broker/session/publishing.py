"""The methods of a channel that publish: plainly, with confirms, and in transactions."""

from jararaca.adapters.memory.broker.message import Message
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.refusals import not_implemented, precondition
from jararaca.adapters.memory.broker.session.answers import answered
from jararaca.adapters.memory.broker.session.consuming import ConsumingMethods
from jararaca.adapters.memory.broker.session.transaction import Transaction
from jararaca.errors import ChannelClosed
from jararaca.ports.broker import Envelope, Returned

_NO_ROUTE = Returned(312, "NO_ROUTE")


class PublishingMethods(ConsumingMethods):
    """A publish has no answer: what it is refused with is raised, and the channel is closed."""

    _confirming = False
    _published = 0

    def basic_publish(
        self,
        envelope: Envelope,
        *,
        exchange: str = "",
        routing_key: str = "",
        mandatory: bool = False,
        immediate: bool = False,
    ) -> None:
        """Publish one message. On a channel that confirms, `acked` or `nacked` of the listener follows at once.

        Raises:
            ChannelClosed: 404 the exchange is missing, 403 it is internal, 406 a property is refused.
            ConnectionClosed: 540, `immediate` is set.
            NotEmulated: the message asks for something that this model does not have; the channel stays open.
        """
        if not self.open:
            self.begin(60, 40)
        if immediate:
            raise self.refuse_connection(not_implemented("immediate=true"), 60, 40)
        try:
            routed = self._vhost.routed(envelope, exchange, routing_key, self._user, self._answers_to)
        except ChannelClosed as refusal:
            raise self.refuse(refusal, 60, 40) from None
        if self._transaction is not None:
            self._transaction.publishes.append((routed, mandatory))
            return
        accepted = self._store(*routed, mandatory=mandatory)
        if self._confirming:
            self._published += 1
            (self._listener.acked if accepted else self._listener.nacked)(self._published, False)

    @answered(85, 10)
    def confirm_select(self) -> None:
        """Let the broker confirm what is published from now on, counted from 1. 406 on a transactional channel."""
        if self._transaction is not None:
            raise precondition("cannot switch from tx to confirm mode")
        self._confirming = True

    @answered(90, 10)
    def tx_select(self) -> None:
        """Let publishes and settlements wait for a commit. 406 on a channel that confirms."""
        if self._confirming:
            raise precondition("cannot switch from confirm to tx mode")
        if self._transaction is None:
            self._transaction = Transaction()

    @answered(90, 20)
    def tx_commit(self) -> None:
        """Do what was asked since the last commit, publishes first. Returns come before the answer.

        Raises `ChannelClosed` 406 after all is done, if a queue refused one of the messages.
        """
        transaction = self._checked_transaction()
        self._transaction = Transaction()
        accepted = [
            self._store(message, self._vhost.still_there(targets), mandatory=mandatory)
            for (message, targets), mandatory in transaction.publishes
        ]
        for taken, requeue in transaction.settlements:
            self.carry_out(taken, requeue=requeue)
        if not all(accepted):
            raise precondition("partial tx completion")

    @answered(90, 30)
    def tx_rollback(self) -> None:
        """Forget what was asked since the last commit: what was settled is unacked again, under its old tag."""
        self._unacked.restore(self._checked_transaction().taken())
        self._transaction = Transaction()

    def _checked_transaction(self) -> Transaction:
        if self._transaction is None:
            raise precondition("channel is not transactional")
        return self._transaction

    def _store(self, message: Message, targets: tuple[MessageQueue, ...], *, mandatory: bool) -> bool:
        if mandatory and not targets:
            self._listener.returned(_NO_ROUTE, message.exchange, message.keys[0], message.envelope(None))
        return self._vhost.store(message, targets, self)
