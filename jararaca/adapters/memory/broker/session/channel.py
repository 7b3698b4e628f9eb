"""A channel of AMQP 0-9-1."""

from jararaca.adapters.memory.broker.refusals import not_implemented
from jararaca.adapters.memory.broker.session.answers import answered
from jararaca.adapters.memory.broker.session.publishing import PublishingMethods


class AmqpChannel(PublishingMethods):
    """One open channel, made by `AmqpConnection.channel`.

    Its methods are in `topology` (`exchange_*`, `queue_*`), `consuming` and `publishing`.
    """

    @answered(20, 20)
    def flow(self, active: bool) -> bool:
        """Ask the broker to go on sending, which it does anyway. Raises `ConnectionClosed` 540 for a pause."""
        if not active:
            raise not_implemented("active=false")
        return active

    def close(self) -> None:
        """End the channel in good order: what is unacked is requeued. No effect when it is closed."""
        self.end()
