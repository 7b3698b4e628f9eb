"""Which call of a channel each method of AMQP is, and how its answer is written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from pamqp import commands
from pamqp.base import Frame

from jararaca.adapters.memory.broker.session import AmqpChannel
from jararaca.amqpserver.codec import encode_method
from jararaca.ports.broker import Exchange, ExchangeType, Queue, QueueInfo

Fields = dict[str, Any]


def _nothing(_answer: Any) -> Fields:
    return {}


@dataclass(frozen=True, slots=True)
class Served:
    """One method: how it is carried out, and the method and the fields that answer it."""

    call: Callable[[AmqpChannel, Any], object]
    answer: type[Frame] | None = None
    fields: Callable[[Any], Fields] = _nothing

    def reply(self, channel: int, answer: Any) -> bytes:
        """The frame that answers; empty if AMQP has no answer."""
        return b"" if self.answer is None else encode_method(channel, self.answer, **self.fields(answer))


def _exchange(method: Any) -> Exchange:
    kind = cast(ExchangeType, method.exchange_type)  # the broker refuses what it does not know
    return Exchange(
        method.exchange, kind, method.durable, method.auto_delete, method.internal, method.arguments
    )  # fmt: skip


def _queue(method: Any) -> Queue:
    return Queue(method.queue, method.durable, method.exclusive, method.auto_delete, method.arguments)


def _consume(channel: AmqpChannel, method: Any) -> str:
    return channel.basic_consume(
        method.queue,
        consumer_tag=method.consumer_tag,
        no_ack=method.no_ack,
        exclusive=method.exclusive,
        no_local=method.no_local,
        arguments=method.arguments,
    )


def _declared(info: QueueInfo) -> Fields:
    return {"queue": info.name, "message_count": info.ready, "consumer_count": info.consumers}


def _counted(count: int) -> Fields:
    return {"message_count": count}


def _tagged(consumer_tag: str) -> Fields:
    return {"consumer_tag": consumer_tag}


SERVED: dict[type[Frame], Served] = {
    commands.Channel.Flow: Served(
        lambda channel, m: channel.flow(m.active), commands.Channel.FlowOk, lambda active: {"active": active}
    ),
    commands.Exchange.Declare: Served(
        lambda channel, m: channel.exchange_declare(_exchange(m), passive=m.passive), commands.Exchange.DeclareOk
    ),
    commands.Exchange.Delete: Served(
        lambda channel, m: channel.exchange_delete(m.exchange, if_unused=m.if_unused), commands.Exchange.DeleteOk
    ),
    commands.Exchange.Bind: Served(
        lambda channel, m: channel.exchange_bind(m.destination, m.source, m.routing_key, m.arguments),
        commands.Exchange.BindOk,
    ),
    commands.Exchange.Unbind: Served(
        lambda channel, m: channel.exchange_unbind(m.destination, m.source, m.routing_key, m.arguments),
        commands.Exchange.UnbindOk,
    ),
    commands.Queue.Declare: Served(
        lambda channel, m: channel.queue_declare(_queue(m), passive=m.passive), commands.Queue.DeclareOk, _declared
    ),
    commands.Queue.Bind: Served(
        lambda channel, m: channel.queue_bind(m.queue, m.exchange, m.routing_key, m.arguments), commands.Queue.BindOk
    ),
    commands.Queue.Unbind: Served(
        lambda channel, m: channel.queue_unbind(m.queue, m.exchange, m.routing_key, m.arguments),
        commands.Queue.UnbindOk,
    ),
    commands.Queue.Purge: Served(lambda channel, m: channel.queue_purge(m.queue), commands.Queue.PurgeOk, _counted),
    commands.Queue.Delete: Served(
        lambda channel, m: channel.queue_delete(m.queue, if_unused=m.if_unused, if_empty=m.if_empty),
        commands.Queue.DeleteOk,
        _counted,
    ),
    commands.Basic.Qos: Served(
        lambda channel, m: channel.basic_qos(m.prefetch_count, prefetch_size=m.prefetch_size, global_=m.global_),
        commands.Basic.QosOk,
    ),
    commands.Basic.Consume: Served(_consume, commands.Basic.ConsumeOk, _tagged),
    commands.Basic.Cancel: Served(
        lambda channel, m: channel.basic_cancel(m.consumer_tag), commands.Basic.CancelOk, _tagged
    ),
    commands.Basic.Get: Served(
        lambda channel, m: channel.basic_get(m.queue, no_ack=m.no_ack),
        commands.Basic.GetEmpty,
        lambda _none: {"cluster_id": ""},
    ),
    commands.Basic.Nack: Served(
        lambda channel, m: channel.basic_nack(m.delivery_tag, multiple=m.multiple, requeue=m.requeue)
    ),
    commands.Basic.Reject: Served(lambda channel, m: channel.basic_reject(m.delivery_tag, requeue=m.requeue)),
    commands.Basic.Recover: Served(
        lambda channel, m: channel.basic_recover(requeue=m.requeue), commands.Basic.RecoverOk
    ),
    commands.Basic.RecoverAsync: Served(lambda channel, m: channel.basic_recover_async(requeue=m.requeue)),
    commands.Confirm.Select: Served(lambda channel, _m: channel.confirm_select(), commands.Confirm.SelectOk),
    commands.Tx.Select: Served(lambda channel, _m: channel.tx_select(), commands.Tx.SelectOk),
    commands.Tx.Commit: Served(lambda channel, _m: channel.tx_commit(), commands.Tx.CommitOk),
    commands.Tx.Rollback: Served(lambda channel, _m: channel.tx_rollback(), commands.Tx.RollbackOk),
}
"""All but Basic.Publish and Basic.Ack, which are not decoded into objects, and the opening and closing of a channel."""
