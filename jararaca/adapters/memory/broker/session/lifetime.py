"""A channel from its opening to its end, and how what comes back keeps its order."""

from abc import ABC, abstractmethod
from typing import Any, Protocol

from jararaca.adapters.memory.broker import version
from jararaca.adapters.memory.broker.consumers import Consumer, SharedWindow
from jararaca.adapters.memory.broker.message import Message
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.refusals import ack_timeout, channel_error
from jararaca.adapters.memory.broker.session.delivery import AmqpDelivery
from jararaca.adapters.memory.broker.session.listening import ChannelListener
from jararaca.adapters.memory.broker.session.transaction import Transaction
from jararaca.adapters.memory.broker.session.unacked import UnackedWindow
from jararaca.adapters.memory.broker.vhost import Client, VirtualHost
from jararaca.errors import ChannelClosed, ConnectionClosed

Subscribed = tuple[Consumer, MessageQueue]


class Owner(Client, Protocol):
    """The connection of a channel, as the channel sees it."""

    @property
    def user(self) -> str: ...

    @property
    def vhost(self) -> VirtualHost: ...

    def forget(self, number: int) -> None:
        """The channel of this number has ended."""
        ...

    def close(self) -> None:
        """The connection ends, and every channel with it."""
        ...


class ChannelLifetime(ABC):
    """What every group of a channel's methods stands on. `open` ends with the channel, for whatever reason."""

    def __init__(self, connection: Owner, number: int, listener: ChannelListener) -> None:
        self.number = number
        self.open = True
        self._connection = connection
        self._vhost = connection.vhost
        self._listener = listener
        self._unacked = UnackedWindow(self._fail_overdue)
        self._consumers: dict[str, Subscribed] = {}
        self._shared = SharedWindow()
        self._transaction: Transaction | None = None
        self._user = connection.user
        self._replies = ""  # the tag of the consumer of answers
        self._answers_to: str | None = None  # where answers to it are sent
        self._held: list[AmqpDelivery | str] | None = None  # what waits for an answer: deliveries, cancelled tags

    # What queues ask for

    def deliver(self, consumer: Consumer, message: Message, returns: int | None) -> None:
        """Number one message and send it on."""
        tag = consumer.tag
        if consumer.no_ack:
            number = self._unacked.tag = self._unacked.tag + 1
        else:
            number = self._unacked.add(message, self._consumers[tag][1], consumer)
            if self._shared.limit:
                self._shared.unacked += 1
        if self._held is None:
            self._listener.delivered(AmqpDelivery(self, message, tag, number, returns))
        else:
            self._held.append(AmqpDelivery(self, message, tag, number, returns))

    def queue_deleted(self, consumer: Consumer) -> None:
        """Forget a consumer whose queue is gone, and say so."""
        del self._consumers[consumer.tag]
        if self._held is None:
            self._listener.cancelled(consumer.tag)
        else:
            self._held.append(consumer.tag)

    def reply(self, message: Message) -> None:
        """Send an answer on. RabbitMQ numbers it without counting it, for it is never settled."""
        delivery = AmqpDelivery(self, message, self._replies, self._unacked.tag + 1, None)
        if self._held is None:
            self._listener.delivered(delivery)
        else:
            self._held.append(delivery)

    # How a method is carried out

    def begin(self, class_id: int, method_id: int) -> None:
        """Start a method that has an answer. Raises `ConnectionClosed` 504 if the channel is not open."""
        if not self.open:
            raise self.refuse_connection(channel_error("expected 'channel.open'"), class_id, method_id)
        self._held = []

    def finish(self, answer: Any) -> None:
        """Answer, then let go what was held back meanwhile."""
        self._listener.answered(answer)
        self.abandon()

    def abandon(self) -> None:
        """Let go what was held back, without an answer."""
        held, self._held = self._held or (), None
        for event in held:
            if isinstance(event, AmqpDelivery):
                self._listener.delivered(event)
            else:
                self._listener.cancelled(event)

    def refuse(self, refusal: ChannelClosed, class_id: int, method_id: int) -> ChannelClosed:
        """Close the channel over a method. Returns the refusal that its caller sees."""
        self.end()
        return ChannelClosed(refusal.code, self._vhost.renamed(refusal.text), class_id=class_id, method_id=method_id)

    def refuse_connection(self, refusal: ConnectionClosed, class_id: int, method_id: int) -> ConnectionClosed:
        """Close the connection over a method. Returns the refusal that its caller sees.

        This channel ends first, and what was unacked on it may still go to another of the connection.
        """
        closed = ConnectionClosed(refusal.code, refusal.text, class_id=class_id, method_id=method_id)
        self.end()
        self._connection.close()
        return closed

    @abstractmethod
    def settle_one(self, tag: int, method_id: int, requeue: bool | None) -> bool:
        """Settle a delivery of this channel, for the delivery itself."""

    # The end

    def stop(self) -> None:
        """Take no more deliveries; the rest of the end follows with `end`."""
        for consumer, queue in self._consumers.values():
            queue.consumers.remove(consumer)

    def end(self) -> None:
        """The channel is gone: what is unacked returns to its queues, in order. No effect the second time.

        RabbitMQ tells one queue after the other. One that has not heard of it yet still sends the channel what comes
        back to it from the others, as dead letters; nobody reads that, and it comes back with the rest.
        """
        if not self.open:
            return
        self.open = False
        self._held = []
        self._end_replies()
        self._connection.forget(self.number)
        if self._transaction is not None:
            self._unacked.restore(self._transaction.taken())
        for queue in self._queues_as_told():
            self._leave(queue)
        self._unacked.clear()
        self._held = None

    def _queues_as_told(self) -> list[MessageQueue]:
        """The queues of this channel: the youngest first; quorum queues, which find out by themselves, are last."""
        mine = dict.fromkeys([*self._unacked.queues(), *(queue for _consumer, queue in self._consumers.values())])
        there = [queue for queue in reversed(self._vhost.queues.by_name.values()) if queue in mine]
        there.sort(key=lambda queue: queue.options.quorum)
        return there + [queue for queue in mine if queue.deleted]

    def _leave(self, queue: MessageQueue) -> None:
        consumers = [consumer for consumer, consumed in self._consumers.values() if consumed is queue]
        for consumer in consumers:
            queue.consumers.remove(consumer)
            del self._consumers[consumer.tag]
        entries = self._unacked.take_of(queue)
        got = sum(consumer is None for _message, _queue, consumer, _at in entries)
        queue.put_back_lost([message for message, *_ in entries], got)
        for _message, _queue, holder, _at in entries:
            if holder is not None:
                holder.unacked = 0
        for consumer in consumers:
            queue.remove_consumer(consumer, cancelled=False)

    def _end_replies(self) -> None:
        """Whoever answers from now on answers nobody."""
        if self._answers_to is not None:
            del self._vhost.repliers[self._answers_to]
            self._answers_to = None

    def _fail_overdue(self) -> None:
        self.fail(ack_timeout(self.number, version.ACK_TIMEOUT))

    def fail(self, refusal: ChannelClosed) -> None:
        """The server closes the channel while nobody calls it."""
        self.end()
        self._listener.closed(refusal)
