"""The broker's refusals, in RabbitMQ's words: what closes a channel or a connection, with its code and text."""

from jararaca.errors import ChannelClosed, ConnectionClosed


def not_found(kind: str, name: str) -> ChannelClosed:
    """404 for a `kind` ("queue" or "exchange") that does not exist."""
    return ChannelClosed(404, f"NOT_FOUND - no {kind} '{name}' in vhost '/'")


def no_declared_queue() -> ChannelClosed:
    """404 for the empty queue name on a channel that declared no queue."""
    return ChannelClosed(404, "NOT_FOUND - no previously declared queue")


def access_refused(text: str) -> ChannelClosed:
    return ChannelClosed(403, f"ACCESS_REFUSED - {text}")


def default_exchange() -> ChannelClosed:
    return access_refused("operation not permitted on the default exchange")


def reserved(kind: str, name: str) -> ChannelClosed:
    return access_refused(f"{kind} name '{name}' contains reserved prefix 'amq.*'")


def locked(queue: str) -> ChannelClosed:
    """405 for an exclusive queue of another connection."""
    return ChannelClosed(
        405,
        f"RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '{queue}' in vhost '/'. It could be "
        "originally declared on another connection or the exclusive property value does not match that of the "
        "original declaration.",
    )


def no_get_with_single_active_consumer(queue: str) -> ChannelClosed:
    return ChannelClosed(
        405,
        f"RESOURCE_LOCKED - cannot obtain access to locked queue '{queue}' in vhost '/'. basic.get operations are "
        "not supported by quorum queues with single active consumer",
    )


def precondition(text: str) -> ChannelClosed:
    return ChannelClosed(406, f"PRECONDITION_FAILED - {text}")


def unknown_delivery_tag(tag: int) -> ChannelClosed:
    """406 for a settlement of what is not unacked on its channel."""
    return precondition(f"unknown delivery tag {tag}")


def in_exclusive_use(queue: str) -> ChannelClosed:
    """403 for a consumer beside an exclusive one, or for an exclusive one beside others."""
    return access_refused(f"queue '{queue}' in vhost '/' in exclusive use")


def not_implemented(text: str) -> ConnectionClosed:
    """540 for what the protocol has and the server does not."""
    return ConnectionClosed(540, f"NOT_IMPLEMENTED - {text}")


def unknown_exchange_type(exchange_type: str) -> ConnectionClosed:
    return ConnectionClosed(503, f"COMMAND_INVALID - unknown exchange type '{exchange_type}'")


def not_allowed(text: str) -> ConnectionClosed:
    return ConnectionClosed(530, f"NOT_ALLOWED - {text}")


def connection_forced(reason: str) -> ConnectionClosed:
    """320 for a connection that an operator closes."""
    return ConnectionClosed(320, f"CONNECTION_FORCED - {reason}")


def channel_error(text: str) -> ConnectionClosed:
    """504 for a channel that is opened twice, or used while it is not open."""
    return ConnectionClosed(504, f"CHANNEL_ERROR - {text}")


def no_condition_for_quorum(queue: str, condition: str) -> ConnectionClosed:
    """540 for a conditional delete of a quorum queue."""
    return not_implemented(
        f"cannot delete queue '{queue}' in vhost '/'. queue.delete operations with {condition} flag set are not "
        "supported by quorum queues"
    )


def no_server_name_for_quorum() -> ChannelClosed:
    """406 for a quorum queue that leaves its name to the server."""
    return precondition("Cannot declare a server-named queue for type rabbit_quorum_queue")


def no_global_qos(queue: str) -> ConnectionClosed:
    """540 for a consumer of a quorum queue on a channel with a shared window."""
    return not_implemented(f"queue '{queue}' in vhost '/' does not support global qos")


def ack_timeout(channel: int, seconds: float) -> ChannelClosed:
    """406 for a channel that left a delivery unacked for too long."""
    return precondition(
        f"delivery acknowledgement on channel {channel} timed out. Timeout value used: {seconds * 1000:.0f} ms. "
        "This timeout value can be configured, see consumers doc guide to learn more"
    )
