"""AMQP 0-9-1 spoken to the in-memory broker in Python: everything that a client of RabbitMQ can say, without bytes.

    AmqpConnection(vhost, listener, *, user="guest")
        .channel(number, listener) -> AmqpChannel      channel.open; 504 if the number is in use
        .close() .drop() .force_close(reason)          in good order; as the network would; as an operator would
        .pause() .resume()                             while the client does not read what it is sent
        .blocked .open .user .vhost
    AmqpChannel
        .exchange_declare(Exchange, *, passive) .exchange_delete(name, *, if_unused)
        .exchange_bind(destination, source, routing_key, arguments) .exchange_unbind(...)
        .queue_declare(Queue, *, passive) -> QueueInfo .queue_delete(queue, *, if_unused, if_empty) -> int
        .queue_bind(queue, exchange, routing_key, arguments) .queue_unbind(...) .queue_purge(queue) -> int
        .basic_qos(prefetch_count, *, prefetch_size, global_)
        .basic_consume(queue, *, consumer_tag, no_ack, exclusive, no_local, arguments) -> str
        .basic_cancel(consumer_tag) -> str .basic_get(queue, *, no_ack) -> GetOk | None
        .basic_publish(Envelope, *, exchange, routing_key, mandatory, immediate)
        .basic_ack(delivery_tag, *, multiple) .basic_nack(..., requeue) .basic_reject(delivery_tag, *, requeue)
        .basic_recover(*, requeue) .basic_recover_async(*, requeue)
        .confirm_select() .tx_select() .tx_commit() .tx_rollback() .flow(active) .close()
    ChannelListener     answered, delivered, returned, acked, nacked, cancelled, closed
    ConnectionListener  blocked, unblocked, closed, lost
    AmqpDelivery        consumer_tag, delivery_tag, redelivered, exchange, routing_key, envelope
    GetOk               delivery, ready

Everything happens at once, and inside a running event loop, whose timers drive expiry. What a call is refused with it
raises: `ChannelClosed` (the channel is closed by then) or `ConnectionClosed` (so is the connection), with RabbitMQ's
code and text and the ids of the method. A close that no call asked for goes to the listener, as everything else that
comes without being asked for. What the model does not have raises `NotEmulated`, and closes nothing.

`Exchange`, `Queue`, `QueueInfo`, `Envelope` and `Returned` are those of `jararaca.ports.broker`. The very envelope that
was published arrives, unless the broker has something to change in it, or it has headers.
"""

from jararaca.adapters.memory.broker.session.channel import AmqpChannel
from jararaca.adapters.memory.broker.session.connection import AmqpConnection
from jararaca.adapters.memory.broker.session.delivery import AmqpDelivery, GetOk
from jararaca.adapters.memory.broker.session.listening import ChannelListener, ConnectionListener

__all__ = ["AmqpChannel", "AmqpConnection", "AmqpDelivery", "ChannelListener", "ConnectionListener", "GetOk"]
