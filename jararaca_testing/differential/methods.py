"""Operations as AMQP methods, and what a server sends as events."""

from typing import Any

from pamqp import commands

from jararaca_testing.differential.observations import (
    Answer,
    CancelledByServer,
    Confirmed,
    Content,
    Delivered,
    Event,
    ReturnedMessage,
    without_times,
)
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
from jararaca_testing.differential.socket_client import Arrival

Exchange, Queue, Basic, Tx = commands.Exchange, commands.Queue, commands.Basic, commands.Tx


def method_of(operation: Operation) -> Any:
    """The method that carries out an operation. Publishes need their content, too."""
    build = _BUILDERS[type(operation)]
    return build(operation)


def _exchange_declare(it: DeclareExchange) -> Any:
    flags = it.passive, it.durable, it.auto_delete, it.internal
    return Exchange.Declare(0, it.name, it.type, *flags, False, dict(it.arguments))


def _queue_declare(it: DeclareQueue) -> Any:
    flags = it.passive, it.durable, it.exclusive, it.auto_delete
    return Queue.Declare(0, it.name, *flags, False, dict(it.arguments))


def _bind(it: Bind) -> Any:
    if it.destination_type == "exchange":
        return Exchange.Bind(0, it.destination, it.source, it.routing_key, False, dict(it.arguments))
    return Queue.Bind(0, it.destination, it.source, it.routing_key, False, dict(it.arguments))


def _unbind(it: Unbind) -> Any:
    if it.destination_type == "exchange":
        return Exchange.Unbind(0, it.destination, it.source, it.routing_key, False, dict(it.arguments))
    return Queue.Unbind(0, it.destination, it.source, it.routing_key, dict(it.arguments))


_BUILDERS: dict[type[Operation], Any] = {
    DeclareExchange: _exchange_declare,
    DeclareQueue: _queue_declare,
    Bind: _bind,
    Unbind: _unbind,
    DeleteExchange: lambda it: Exchange.Delete(0, it.name, it.if_unused, False),
    DeleteQueue: lambda it: Queue.Delete(0, it.name, it.if_unused, it.if_empty, False),
    Purge: lambda it: Queue.Purge(0, it.queue, False),
    Publish: lambda it: Basic.Publish(0, it.exchange, it.routing_key, it.mandatory, False),
    Qos: lambda it: Basic.Qos(0, it.prefetch, it.shared),
    Consume: lambda it: Basic.Consume(
        0, it.queue, it.consumer, False, it.no_ack, it.exclusive, False, dict(it.arguments)
    ),
    Cancel: lambda it: Basic.Cancel(it.consumer, False),
    Get: lambda it: Basic.Get(0, it.queue, it.no_ack),
    Ack: lambda it: Basic.Ack(it.tag, it.multiple),
    Nack: lambda it: Basic.Nack(it.tag, it.multiple, it.requeue),
    Reject: lambda it: Basic.Reject(it.tag, it.requeue),
    Recover: lambda it: Basic.Recover(it.requeue),
    SelectTransaction: lambda _: Tx.Select(),
    Commit: lambda _: Tx.Commit(),
    Rollback: lambda _: Tx.Rollback(),
}

UNANSWERED = (Publish, Ack, Nack, Reject)
"""Operations whose method has no reply."""


def content_of(arrival: Arrival) -> Content:
    assert arrival.envelope is not None
    return without_times(Content(arrival.method.exchange, arrival.method.routing_key, arrival.envelope))


def event_of(arrival: Arrival) -> Event:
    """What one method says. Confirms, which may be about several publishes, are not told here."""
    method: Any = arrival.method
    match arrival.method:
        case Basic.Deliver():
            return Delivered(method.consumer_tag, method.delivery_tag, method.redelivered, content_of(arrival))
        case Basic.Return():
            return ReturnedMessage(method.reply_code, method.reply_text, content_of(arrival))
        case Basic.Cancel():
            return CancelledByServer(method.consumer_tag)
        case Basic.GetOk():
            fields = (method.delivery_tag, method.redelivered, method.message_count, content_of(arrival))
            return Answer("Basic.GetOk", fields)
        case Basic.GetEmpty():
            return Answer("Basic.GetEmpty")
    return Answer(method.name, tuple(getattr(method, name) for name in method.attributes()))


def confirms_of(method: Any, unconfirmed: set[int]) -> list[Confirmed]:
    """The confirms in an ack or nack of the server, which leave `unconfirmed`."""
    taken = isinstance(method, Basic.Ack)
    tag = method.delivery_tag
    numbers = sorted(number for number in unconfirmed if number == tag or (method.multiple and number <= tag))
    unconfirmed.difference_update(numbers)
    return [Confirmed(number, taken) for number in numbers]
