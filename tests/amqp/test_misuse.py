"""Who breaks the protocol is told what it did in RabbitMQ's words, with the same code, class and method."""

import struct
from typing import Any

import pytest
from pamqp import commands
from pamqp.base import Frame
from speaking import BODY, HEADER, METHOD, Speaker, raw, shown


def start_of(method: type[Frame]) -> bytes:
    return struct.pack(">I", method.index)


def header(size: int = 0, *, class_id: int = 60, weight: int = 0, flags: int = 0, rest: bytes = b"") -> bytes:
    return raw(HEADER, 1, struct.pack(">HHQH", class_id, weight, size, flags) + rest)


DECLARE, PUBLISH = start_of(commands.Queue.Declare), start_of(commands.Basic.Publish)
PUBLISHED = raw(METHOD, 1, PUBLISH + b"\x00\x00\x00\x01q\x00")
IMMEDIATE = raw(METHOD, 1, PUBLISH + b"\x00\x00\x00\x01q\x02")
TABLE_TOO_LONG = b"\x00\x00\x01q\x00\x00\x00\x00\xff\x01aZZ"
INTERNAL = ("Connection.Close", 541, "INTERNAL_ERROR", 0, 0)


def frame_error(text: str, class_id: int = 0, method_id: int = 0) -> tuple[Any, ...]:
    return "Connection.Close", 501, f"FRAME_ERROR - {text}", class_id, method_id


def unexpected(text: str, class_id: int = 0, method_id: int = 0) -> tuple[Any, ...]:
    return "Connection.Close", 505, f"UNEXPECTED_FRAME - {text}", class_id, method_id


def wrong_state(text: str, class_id: int, method_id: int) -> tuple[Any, ...]:
    return "Connection.Close", 504, f"CHANNEL_ERROR - {text}", class_id, method_id


NO_METHOD = unexpected("expected method frame, got non method frame instead")
NO_HEADER = unexpected("expected content header for class 60, got non content header frame instead", 60, 40)

MISUSES: dict[str, tuple[int, list[Any], tuple[Any, ...]]] = {
    "a frame without its end": (
        1,
        [raw(METHOD, 1, start_of(commands.Channel.Flow) + b"\x01", end=0)],
        frame_error("type 1, all octets = <<0,20,0,20,1>>: {invalid_frame_end_marker,0}"),
    ),
    "an unknown type of frame": (1, [raw(7, 1, b"")], frame_error("type 7, all octets = <<>>: unknown_frame")),
    "an unknown type on channel 0": (
        0,
        [raw(7, 0, b"ab")],
        frame_error('type 7, all octets = <<"ab">>: unknown_frame'),
    ),
    "a frame that is too long": (
        1,
        [raw(BODY, 1, b"x" * 200_000)],
        frame_error("type 3, all octets = <<>>: {frame_too_large,200000,131064}"),
    ),
    "half a method id": (1, [raw(METHOD, 1, b"\x00")], frame_error("type 1, all octets = <<0>>: unknown_frame")),
    "a long unknown frame": (
        1,
        [raw(9, 1, b"0123456789abcdefgh")],
        frame_error('type 9, first 16 octets = <<"0123456789abcdef">>: unknown_frame'),
    ),
    "arguments that are cut": (1, [raw(METHOD, 1, DECLARE + b"\x00")], frame_error("cannot decode <<0>>", 50, 10)),
    "arguments that are too long": (
        1,
        [raw(METHOD, 1, start_of(commands.Basic.Ack) + bytes(20))],
        frame_error(f"cannot decode <<{','.join('0' * 20)}>>", 60, 80),
    ),
    "a table longer than its frame": (
        1,
        [raw(METHOD, 1, DECLARE + TABLE_TOO_LONG)],
        frame_error("cannot decode <<0,0,1,113,0,0,0,0,255,1,97,90,90>>", 50, 10),
    ),
    "a name that is no text": (
        1,
        [raw(METHOD, 1, DECLARE + b"\x00\x00\x02\xff\xfe\x08\x00\x00\x00\x00")],
        frame_error("Malformed UTF-8 in shortstr"),
    ),
    "a heartbeat with something in it": (
        0,
        [raw(8, 0, b"abc")],
        frame_error('type 8, all octets = <<"abc">>: unknown_frame'),
    ),
    "a heartbeat on a channel": (1, [raw(8, 1, b"")], unexpected("type 8, all octets = <<>>")),
    "half a header": (
        1,
        [PUBLISHED, raw(HEADER, 1, b"\x00\x3c")],
        frame_error("type 2, all octets = <<0,60>>: unknown_frame"),
    ),
    "a header without a method": (1, [header()], NO_METHOD),
    "a body without a method": (1, [raw(BODY, 1, b"abc")], NO_METHOD),
    "a body on a channel that is not open": (5, [raw(BODY, 5, b"abc")], NO_METHOD),
    "a method where a header is due": (1, [PUBLISHED, PUBLISHED], NO_HEADER),
    "a body where a header is due": (1, [PUBLISHED, raw(BODY, 1, b"abc")], NO_HEADER),
    "a header with a weight": (1, [PUBLISHED, header(weight=7)], NO_HEADER),
    "a header of another class": (
        1,
        [PUBLISHED, header(class_id=50)],
        unexpected("expected content header for class 60, got one for class 50 instead", 60, 40),
    ),
    "a method where a body is due": (
        1,
        [PUBLISHED, header(2), PUBLISHED],
        unexpected("expected content body, got non content body frame instead", 60, 40),
    ),
    "a header where a body is due": (
        1,
        [PUBLISHED, header(2), header(2)],
        unexpected("expected content body, got non content body frame instead", 60, 40),
    ),
    "properties that are cut": (1, [PUBLISHED, header(flags=0x8000, rest=b"\xffabc")], INTERNAL),
    "properties that go on": (1, [PUBLISHED, header(flags=1, rest=b"\x00\x00")], INTERNAL),
    "a delivery mode that does not exist": (
        1,
        [PUBLISHED, header(flags=0x1000, rest=b"\x07")],
        ("Channel.Close", 406, "PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,7}", 60, 40),
    ),
    "immediate": (
        1,
        [IMMEDIATE, header()],
        ("Connection.Close", 540, "NOT_IMPLEMENTED - immediate=true", 60, 40),
    ),
    "a pause of deliveries": (
        1,
        [commands.Channel.Flow(False)],
        ("Connection.Close", 540, "NOT_IMPLEMENTED - active=false", 20, 20),
    ),
    "a prefetch in bytes": (
        1,
        [commands.Basic.Qos(prefetch_size=5)],
        ("Connection.Close", 540, "NOT_IMPLEMENTED - prefetch_size!=0 (5)", 60, 10),
    ),
    "a channel that is not open": (
        5,
        [commands.Queue.Declare(queue="q")],
        wrong_state("expected 'channel.open'", 50, 10),
    ),
    "a channel opened twice": (1, [commands.Channel.Open()], wrong_state("second 'channel.open' seen", 20, 10)),
    "a connection opened twice": (
        0,
        [commands.Connection.Open("/")],
        wrong_state("unexpected method in connection state running", 10, 40),
    ),
    "a queue declared on channel 0": (
        0,
        [commands.Queue.Declare(queue="q")],
        wrong_state("unexpected method in connection state running", 50, 10),
    ),
    "a connection closed on a channel": (
        1,
        [commands.Connection.Close(200, "bye", 0, 0)],
        ("Connection.Close", 503, "COMMAND_INVALID - unimplemented method", 10, 50),
    ),
    "a connection closed on a channel that is not open": (
        5,
        [commands.Connection.Close(200, "bye", 0, 0)],
        wrong_state("expected 'channel.open'", 10, 50),
    ),
    "an answer that only a server gives": (
        1,
        [commands.Queue.DeclareOk("q", 0, 0)],
        ("Connection.Close", 503, "COMMAND_INVALID - unimplemented method", 50, 11),
    ),
    "a missing exchange": (
        1,
        [commands.Exchange.Declare(exchange="socket-none", passive=True)],
        ("Channel.Close", 404, "NOT_FOUND - no exchange 'socket-none' in vhost '{vhost}'", 40, 10),
    ),
    "a tag that nobody knows": (
        1,
        [commands.Basic.Ack(77)],
        ("Channel.Close", 406, "PRECONDITION_FAILED - unknown delivery tag 77", 60, 80),
    ),
}


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_misuse_is_refused_in_the_words_of_rabbitmq(either: str, misuse: str) -> None:
    channel, frames, expected = MISUSES[misuse]
    with Speaker(either) as client:
        client.open()

        answer = shown(client.ask(*frames, channel=channel))

        assert answer == tuple(
            each.replace("{vhost}", client.vhost) if isinstance(each, str) else each for each in expected
        )
        if answer[0] == "Connection.Close":
            client.say(commands.Connection.CloseOk(), channel=0)
            assert client.hear() is None
        else:
            client.say(commands.Channel.CloseOk())
            assert isinstance(client.ask(commands.Channel.Open()), commands.Channel.OpenOk)


def test_more_channels_than_agreed_end_the_connection(either: str) -> None:
    with Speaker(either) as client:
        client.open(channels=3, channel_max=3)

        answer = client.ask(commands.Channel.Open(), channel=4)

        text = "NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)"
        assert shown(answer) == ("Connection.Close", 530, text, 0, 0)


OURS_ALONE: dict[str, tuple[list[Any], tuple[Any, ...]]] = {
    "an unknown class": (
        [raw(METHOD, 1, b"\x00\x99\x00\x01")],
        ("Connection.Close", 503, "COMMAND_INVALID - class 153 has no method 1", 153, 1),
    ),
    "a body longer than announced": (
        [PUBLISHED, header(2), raw(BODY, 1, b"abc")],
        frame_error("the body is longer than the 2 bytes that its header announced", 60, 40),
    ),
    "a message that is too long": (
        [PUBLISHED, header(200_000_000)],
        (
            "Channel.Close",
            406,
            "PRECONDITION_FAILED - message size 200000000 is larger than configured max size 134217728",
            60,
            40,
        ),
    ),
    "a type of field that AMQP has not": (
        [raw(METHOD, 1, DECLARE + b"\x00\x00\x01q\x00\x00\x00\x00\x04\x01aZZ")],
        frame_error("cannot decode <<0,0,1,113,0,0,0,0,4,1,97,90,90>>", 50, 10),
    ),
    "what the model does not have": (
        [commands.Exchange.Declare(exchange="e", exchange_type="x-delayed-message")],
        (
            "Connection.Close",
            540,
            "NOT_IMPLEMENTED - the in-memory broker does not emulate the exchange type 'x-delayed-message' of "
            "exchange 'e'. Run this against RabbitMQ instead.",
            0,
            0,
        ),
    ),
}


@pytest.mark.parametrize("misuse", OURS_ALONE)
def test_where_rabbitmq_hangs_up_or_waits_for_ever_ours_says_why(url: str, misuse: str) -> None:
    frames, expected = OURS_ALONE[misuse]
    with Speaker(url) as client:
        client.open()

        assert shown(client.ask(*frames)) == expected
