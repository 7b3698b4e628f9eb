"""The operations as calls of the in-memory broker's AMQP session."""

from jararaca.adapters.memory.broker.session.channel import AmqpChannel
from jararaca.adapters.memory.broker.session.delivery import AmqpDelivery, GetOk
from jararaca.ports.broker import Exchange, Queue, QueueInfo
from jararaca_testing.differential.observations import Answer, Content, without_times
from jararaca_testing.differential.operations import (
    Ack,
    Bind,
    Cancel,
    Commit,
    Consume,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    Get,
    Nack,
    Operation,
    Publish,
    Purge,
    Qos,
    Recover,
    Reject,
    Rollback,
    SelectTransaction,
    Unbind,
)


def carry_out(channel: AmqpChannel, it: Operation) -> Answer | None:
    """Call the method; its reply under the name that it has in AMQP."""
    match it:
        case Publish():
            where = it.exchange, it.routing_key
            channel.basic_publish(it.envelope, exchange=where[0], routing_key=where[1], mandatory=it.mandatory)
        case Ack():
            channel.basic_ack(it.tag, multiple=it.multiple)
        case Nack():
            channel.basic_nack(it.tag, multiple=it.multiple, requeue=it.requeue)
        case Reject():
            channel.basic_reject(it.tag, requeue=it.requeue)
        case Get():
            return _got(channel.basic_get(it.queue, no_ack=it.no_ack))
        case DeclareQueue():
            queue = Queue(it.name, it.durable, it.exclusive, it.auto_delete, it.arguments)
            return _declared(channel.queue_declare(queue, passive=it.passive))
        case Consume():
            tag = channel.basic_consume(
                it.queue, consumer_tag=it.consumer, no_ack=it.no_ack, exclusive=it.exclusive, arguments=it.arguments
            )
            return Answer("Basic.ConsumeOk", (tag,))
        case Cancel():
            return Answer("Basic.CancelOk", (channel.basic_cancel(it.consumer),))
        case Purge():
            return Answer("Queue.PurgeOk", (channel.queue_purge(it.queue),))
        case DeleteQueue():
            count = channel.queue_delete(it.name, if_unused=it.if_unused, if_empty=it.if_empty)
            return Answer("Queue.DeleteOk", (count,))
        case _:
            return _carry_out_plainly(channel, it)
    return None


def _carry_out_plainly(channel: AmqpChannel, it: Operation) -> Answer:
    """Call a method whose reply carries nothing."""
    match it:
        case DeclareExchange():
            exchange = Exchange(it.name, it.type, it.durable, it.auto_delete, it.internal, it.arguments)
            channel.exchange_declare(exchange, passive=it.passive)
            return Answer("Exchange.DeclareOk")
        case DeleteExchange():
            channel.exchange_delete(it.name, if_unused=it.if_unused)
            return Answer("Exchange.DeleteOk")
        case Bind() | Unbind():
            verb, of = type(it).__name__, it.destination_type
            call = getattr(channel, f"{of}_{verb.lower()}")
            call(it.destination, it.source, it.routing_key, it.arguments)
            return Answer(f"{of.title()}.{verb}Ok")
        case Qos():
            channel.basic_qos(it.prefetch, global_=it.shared)
            return Answer("Basic.QosOk")
        case Recover():
            channel.basic_recover(requeue=it.requeue)
            return Answer("Basic.RecoverOk")
        case SelectTransaction():
            channel.tx_select()
            return Answer("Tx.SelectOk")
        case Commit():
            channel.tx_commit()
            return Answer("Tx.CommitOk")
        case Rollback():
            channel.tx_rollback()
            return Answer("Tx.RollbackOk")
    raise TypeError(f"{type(it).__name__} is no operation of a channel")


def _got(got: GetOk | None) -> Answer:
    if got is None:
        return Answer("Basic.GetEmpty")
    delivery = got.delivery
    fields = (delivery.delivery_tag, delivery.redelivered, got.ready, content_of(delivery))
    return Answer("Basic.GetOk", fields)


def _declared(info: QueueInfo) -> Answer:
    return Answer("Queue.DeclareOk", (info.name, info.ready, info.consumers))


def content_of(delivery: AmqpDelivery) -> Content:
    return without_times(Content(delivery.exchange, delivery.routing_key, delivery.envelope))
