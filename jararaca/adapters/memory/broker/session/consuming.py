"""The methods of a channel that receive messages and settle them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jararaca.adapters.memory.broker import version
from jararaca.adapters.memory.broker.consumer_arguments import consumer_priority
from jararaca.adapters.memory.broker.consumers import Consumer
from jararaca.adapters.memory.broker.message import REPLY_TO_QUEUE, Message
from jararaca.adapters.memory.broker.queue import MessageQueue
from jararaca.adapters.memory.broker.refusals import (
    not_allowed,
    not_implemented,
    precondition,
    unknown_delivery_tag,
)
from jararaca.adapters.memory.broker.session.answers import answered
from jararaca.adapters.memory.broker.session.delivery import AmqpDelivery, GetOk
from jararaca.adapters.memory.broker.session.topology import TopologyMethods
from jararaca.adapters.memory.broker.session.unacked import Unacked
from jararaca.errors import ChannelClosed

_NONE: Mapping[str, Any] = {}
_Receipt = tuple[MessageQueue, Consumer | None]


class ConsumingMethods(TopologyMethods):
    """Settlements have no answer: whatever they are refused with is raised, and the channel is closed."""

    _prefetch = 0

    @answered(60, 10)
    def basic_qos(self, prefetch_count: int, *, prefetch_size: int = 0, global_: bool = False) -> None:
        """How many deliveries may be unacked: for each consumer that comes, or (global) for all of the channel.

        0 is no limit. What is said of each consumer ends what was said of all.
        Raises `ConnectionClosed` 540 for any prefetch size but 0.
        """
        if prefetch_size:
            raise not_implemented(f"prefetch_size!=0 ({prefetch_size})")
        if global_:
            self._shared.set(prefetch_count, len(self._unacked) if prefetch_count else 0)
        else:
            self._prefetch = prefetch_count
            self._shared.set(0, 0)
        self._widen()

    @answered(60, 20)
    def basic_consume(
        self,
        queue: str = "",
        *,
        consumer_tag: str = "",
        no_ack: bool = False,
        exclusive: bool = False,
        no_local: bool = False,  # noqa: ARG002 - RabbitMQ takes it, and does nothing about it
        arguments: Mapping[str, Any] = _NONE,
    ) -> str:
        """Start a consumer; returns its tag, made up by the broker if none is given.

        A consumer of `amq.rabbitmq.reply-to` gets the answers to what this channel publishes with that `reply_to`.

        Raises `ConnectionClosed` 530 for a tag in use.
        """
        if consumer_tag in self._consumers:
            raise not_allowed(f"attempt to reuse consumer tag '{consumer_tag}'")
        tag = consumer_tag or self._vhost.generated_name("amq.ctag-")
        if queue == REPLY_TO_QUEUE:
            self._consume_replies(tag, no_ack=no_ack)
            return tag
        found = self._vhost.queues.find(self._named(queue), self._connection)
        consumer = Consumer(
            self,
            tag=tag,
            prefetch=self._prefetch,
            priority=consumer_priority(arguments, found.name, quorum=found.options.quorum),
            no_ack=no_ack,
            exclusive=exclusive,
            shared=self._shared,
        )
        found.check_consumer(consumer)
        self._consumers[tag] = (consumer, found)
        found.add_consumer(consumer)
        return tag

    @answered(60, 30)
    def basic_cancel(self, consumer_tag: str) -> str:
        """End a consumer; what it has unacked stays so. Returns the tag, known or not."""
        if self._answers_to is not None and self._replies == consumer_tag:
            self._end_replies()
        elif (known := self._consumers.pop(consumer_tag, None)) is not None:
            consumer, queue = known
            queue.remove_consumer(consumer, cancelled=True)
        return consumer_tag

    @answered(60, 70)
    def basic_get(self, queue: str = "", *, no_ack: bool = False) -> GetOk | None:
        """Take one ready message; None if there is none."""
        found = self._vhost.queues.find(self._named(queue), self._connection)
        found.check_get()
        before = len(found)
        message = found.take(no_ack=no_ack)
        if message is None:
            return None
        if no_ack:
            self._unacked.tag += 1
            tag = self._unacked.tag
        else:
            tag = self._unacked.add(message, found, None)
        returns = version.delivery_count(message.returns, got=True) if found.options.quorum else None
        # a quorum queue counts before the next message expires, unless the one that was taken is settled already
        left = before - 1 if found.options.quorum and not no_ack else len(found)
        return GetOk(AmqpDelivery(self, message, "", tag, returns), left)

    def basic_ack(self, delivery_tag: int, *, multiple: bool = False) -> None:
        """Done with a delivery, or with all up to it; tag 0 and `multiple` is all.

        Raises `ChannelClosed` 406 for a tag that is not unacked here.
        """
        self._settle(delivery_tag, 80, None, multiple=multiple)

    def basic_nack(self, delivery_tag: int, *, multiple: bool = False, requeue: bool = True) -> None:
        """Refuse a delivery, or all up to it: back to the queue, or to its dead-letter exchange."""
        self._settle(delivery_tag, 120, requeue, multiple=multiple)

    def basic_reject(self, delivery_tag: int, *, requeue: bool = True) -> None:
        """Refuse one delivery, as `basic_nack` does."""
        self._settle(delivery_tag, 90, requeue)

    @answered(60, 110)
    def basic_recover(self, *, requeue: bool) -> None:
        """Let all that is unacked here be delivered again. Raises `ConnectionClosed` 540 without `requeue`."""
        self._recover(requeue=requeue)

    @answered(60, 100)
    def basic_recover_async(self, *, requeue: bool) -> None:
        """As `basic_recover`. AMQP has no answer to this one: its listener drops the one that it hears."""
        self._recover(requeue=requeue)

    def pause(self) -> None:
        """Deliver nothing until `resume`: the client does not read what it has been sent."""
        for consumer, _queue in self._consumers.values():
            consumer.pause()

    def resume(self) -> None:
        """Deliver again."""
        for consumer, _queue in self._consumers.values():
            consumer.resume()
        self._widen()

    def settle_one(self, tag: int, method_id: int, requeue: bool | None) -> bool:
        """As a client that waits for no answer: a misuse is told to the listener. False if the channel is gone."""
        if not self.open:
            return False
        try:
            self._settle(tag, method_id, requeue)
        except ChannelClosed as refusal:
            self._listener.closed(refusal)
        return True

    def _consume_replies(self, tag: str, *, no_ack: bool) -> None:
        if not no_ack:
            raise precondition("reply consumer cannot acknowledge")
        if self._answers_to is not None:
            raise precondition("reply consumer already set")
        self._replies = tag
        self._answers_to = self._vhost.generated_name(f"{REPLY_TO_QUEUE}.")
        self._vhost.repliers[self._answers_to] = self

    def _recover(self, *, requeue: bool) -> None:
        if not requeue:
            raise not_implemented("requeue=false")
        self.carry_out(self._unacked.take_up_to(0) or [], requeue=True)

    def _settle(self, tag: int, method_id: int, requeue: bool | None, *, multiple: bool = False) -> None:
        if not self.open:
            self.begin(60, method_id)
        if multiple:
            taken = self._unacked.take_up_to(tag)
        else:
            entry = self._unacked.take_one(tag)
            if entry is not None and requeue is None and self._transaction is None and not self._shared.limit:
                entry[1].done(entry[2])
                return
            taken = entry and [(tag, entry)]
        if taken is None:
            raise self.refuse(unknown_delivery_tag(tag), 60, method_id)
        if self._transaction is None:
            self.carry_out(taken, requeue=requeue)
        else:
            self._transaction.settlements.append((taken, requeue))

    def carry_out(self, taken: Sequence[tuple[int, Unacked]], *, requeue: bool | None) -> None:
        """Settle what was taken out of the window, queue by queue, and in each consumer by consumer."""
        for (queue, consumer), messages in _grouped(taken):
            if requeue is None:
                queue.done(consumer, len(messages))
            elif requeue:
                queue.put_back(messages, consumer)
            else:
                queue.reject(messages, consumer)
        if self._shared.limit:
            self._shared.release(sum(consumer is not None for _tag, (_m, _q, consumer, _at) in taken))
            self._widen()

    def _widen(self) -> None:
        """The shared window has room again, perhaps: whoever waited for it may receive."""
        for consumer, queue in list(self._consumers.values()):
            queue.consumers.rejoin(consumer)
            queue.drain()


def _grouped(taken: Sequence[tuple[int, Unacked]]) -> Iterable[tuple[_Receipt, list[Message]]]:
    """The messages by queue and consumer, in the server's order: by the names of both; what was got comes first."""
    if len(taken) == 1:
        message, queue, consumer, _at = taken[0][1]
        return (((queue, consumer), [message]),)
    groups: dict[tuple[str, str, int], tuple[_Receipt, list[Message]]] = {}
    for tag, (message, queue, consumer, _at) in taken:
        key = (queue.name, "", tag) if consumer is None else (queue.name, consumer.tag, 0)
        groups.setdefault(key, ((queue, consumer), []))[1].append(message)
    return [groups[key] for key in sorted(groups)]
