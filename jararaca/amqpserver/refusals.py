"""What ends a connection before the broker itself is asked, in RabbitMQ's words."""

from jararaca.errors import ChannelClosed, ConnectionClosed

FRAME_ERROR, COMMAND_INVALID, CHANNEL_ERROR, UNEXPECTED_FRAME = 501, 503, 504, 505
_SNIPPET = 16


def _closed(code: int, text: str, method: int = 0) -> ConnectionClosed:
    """`method` is class and method id in one number, as the first four bytes of its frame."""
    return ConnectionClosed(code, text, class_id=method >> 16, method_id=method & 0xFFFF)


def _precondition(text: str, method: int) -> ChannelClosed:
    return ChannelClosed(406, f"PRECONDITION_FAILED - {text}", class_id=method >> 16, method_id=method & 0xFFFF)


def unknown_delivery_mode(mode: int, method: int) -> ChannelClosed:
    return _precondition(f"invalid message: {{delivery_mode_unknown,{mode}}}", method)


def too_large(size: int, limit: int, method: int) -> ChannelClosed:
    """Of a message whose body is still to come: RabbitMQ hears it out first."""
    return _precondition(f"message size {size} is larger than configured max size {limit}", method)


def bad_frame(kind: int, payload: bytes, why: str) -> ConnectionClosed:
    return _closed(FRAME_ERROR, f"FRAME_ERROR - {_snippet(kind, payload)}: {why}")


def undecodable(arguments: bytes, method: int) -> ConnectionClosed:
    """The arguments of a method are too short, too long, or contradict themselves."""
    return _closed(FRAME_ERROR, f"FRAME_ERROR - cannot decode {_numbers(arguments)}", method)


def malformed_utf8() -> ConnectionClosed:
    return _closed(FRAME_ERROR, "FRAME_ERROR - Malformed UTF-8 in shortstr")


def unexpected(kind: int, payload: bytes) -> ConnectionClosed:
    """A frame that may come, but not here."""
    return _closed(UNEXPECTED_FRAME, f"UNEXPECTED_FRAME - {_snippet(kind, payload)}")


def no_method() -> ConnectionClosed:
    """Content without the method that it belongs to."""
    text = "UNEXPECTED_FRAME - expected method frame, got non method frame instead"
    return _closed(UNEXPECTED_FRAME, text)


def no_header(method: int) -> ConnectionClosed:
    return _not_content(f"content header for class {method >> 16}, got non content header frame instead", method)


def foreign_header(class_id: int, method: int) -> ConnectionClosed:
    return _not_content(f"content header for class {method >> 16}, got one for class {class_id} instead", method)


def no_body(method: int) -> ConnectionClosed:
    return _not_content("content body, got non content body frame instead", method)


def _not_content(what: str, method: int) -> ConnectionClosed:
    return _closed(UNEXPECTED_FRAME, f"UNEXPECTED_FRAME - expected {what}", method)


def longer_than_announced(announced: int, method: int) -> ConnectionClosed:
    """RabbitMQ waits here for an end that cannot come."""
    text = f"FRAME_ERROR - the body is longer than the {announced} bytes that its header announced"
    return _closed(FRAME_ERROR, text, method)


def not_open(method: int) -> ConnectionClosed:
    return _closed(CHANNEL_ERROR, "CHANNEL_ERROR - expected 'channel.open'", method)


def opened_twice(method: int) -> ConnectionClosed:
    return _closed(CHANNEL_ERROR, "CHANNEL_ERROR - second 'channel.open' seen", method)


def not_now(stage: str, method: int) -> ConnectionClosed:
    return _closed(CHANNEL_ERROR, f"CHANNEL_ERROR - unexpected method in connection state {stage}", method)


def unimplemented(method: int) -> ConnectionClosed:
    return _closed(COMMAND_INVALID, "COMMAND_INVALID - unimplemented method", method)


def unknown_method(method: int) -> ConnectionClosed:
    """RabbitMQ hangs up without a word here."""
    class_id, method_id = method >> 16, method & 0xFFFF
    return _closed(COMMAND_INVALID, f"COMMAND_INVALID - class {class_id} has no method {method_id}", method)


def internal_error() -> ConnectionClosed:
    return _closed(541, "INTERNAL_ERROR")


def too_many_channels(limit: int) -> ConnectionClosed:
    text = f"NOT_ALLOWED - number of channels opened ({limit}) has reached the negotiated channel_max ({limit})"
    return _closed(530, text)


def no_vhost(name: str, method: int) -> ConnectionClosed:
    return _closed(530, f"NOT_ALLOWED - vhost {name} not found", method)


def login_refused(mechanism: str) -> ConnectionClosed:
    return _closed(
        403,
        f"ACCESS_REFUSED - Login was refused using authentication mechanism {mechanism}. "
        "For details see the broker logfile.",
    )


def shutdown() -> ConnectionClosed:
    return _closed(320, "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'")


def not_emulated(text: str) -> ConnectionClosed:
    """What RabbitMQ has and the model does not: never quietly something else."""
    return _closed(540, f"NOT_IMPLEMENTED - {text}")


def _snippet(kind: int, payload: bytes) -> str:
    shown = "all" if len(payload) <= _SNIPPET else f"first {_SNIPPET}"
    return f"type {kind}, {shown} octets = {_erlang(payload[:_SNIPPET])}"


def _erlang(data: bytes) -> str:
    """Bytes as Erlang prints them: as text if they look like it."""
    if data and all(32 <= byte < 127 for byte in data):
        text = data.decode("ascii").replace("\\", "\\\\").replace('"', '\\"')
        return f'<<"{text}">>'
    return _numbers(data)


def _numbers(data: bytes) -> str:
    return f"<<{','.join(map(str, data))}>>"
