"""Whatever comes in over the socket, the others are served, and no error of ours is behind a refusal."""

import resource
import socket
import struct
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pamqp import commands, frame
from speaking import PREAMBLE, Speaker, publish, raw

from jararaca_testing.amqp_server import RunningAmqpServer

pytestmark = [pytest.mark.hypothesis, pytest.mark.slow]

Unharmed = Callable[[], bool]
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def witness(shared_server: RunningAmqpServer) -> Iterator[Speaker]:
    """A client that was there before, and wants nothing but its queue."""
    with Speaker(shared_server.url) as client:
        client.open()
        client.ask(commands.Queue.Declare(queue="witness"))
        yield client


@pytest.fixture
def is_unharmed(witness: Speaker, caplog: pytest.LogCaptureFixture) -> Unharmed:
    """Whether the server still serves who was there before, and nothing went wrong in it so far."""

    def ask() -> bool:
        answer = witness.ask(commands.Queue.Declare(queue="witness", passive=True))
        errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
        return isinstance(answer, commands.Queue.DeclareOk) and not errors

    return ask


def spoken(url: str, data: bytes, *, opened: bool = False) -> None:
    """Say it, and go without waiting for an answer."""
    with Speaker(url) as client:
        if opened:
            client.open()
        client.say(data)
        client.socket.shutdown(socket.SHUT_WR)
        for _heard in client.frames():
            pass


METHODS = [index for index in commands.INDEX_MAPPING if index >> 16 != 10]  # 10 is the class of connections
TABLE = bytes.fromhex("0000000a") + b"\x01aI\x00\x00\x00\x01\x01bV"
FIELDS = st.sampled_from([b"\x00", b"\x00\x00", b"\x01q", b"\x01q\x00", TABLE, b"\x00\x00\x00\x00", b"\x05" * 5])
FRAMES = st.builds(
    raw, st.sampled_from([1, 2, 3, 8, 0, 255]), st.sampled_from([0, 1, 2, 65_535]), st.binary(max_size=64)
)
CALLS = st.builds(
    lambda index, fields: raw(1, 1, struct.pack(">I", index) + b"\x00\x00" + b"".join(fields)),
    st.sampled_from(METHODS),
    st.lists(FIELDS, max_size=6),
)
HEADERS = st.builds(
    lambda size, flags, rest: raw(2, 1, struct.pack(">HHQH", 60, 0, size, flags) + rest),
    st.integers(0, 8),
    st.integers(0, 0xFFFF),
    st.binary(max_size=48),
)
PUBLISH = raw(1, 1, struct.pack(">I", commands.Basic.Publish.index) + b"\x00\x00\x00\x07witness\x01")


@RELAXED
@given(data=st.binary(max_size=200))
def test_bytes_instead_of_a_protocol(url: str, is_unharmed: Unharmed, data: bytes) -> None:
    spoken(url, data)

    assert is_unharmed()


@RELAXED
@given(data=st.binary(max_size=200))
def test_bytes_behind_a_protocol_header(url: str, is_unharmed: Unharmed, data: bytes) -> None:
    spoken(url, PREAMBLE + data)

    assert is_unharmed()


@RELAXED
@given(frames=st.lists(FRAMES | CALLS, max_size=6))
def test_frames_of_anything(url: str, is_unharmed: Unharmed, frames: list[bytes]) -> None:
    spoken(url, b"".join(frames), opened=True)

    assert is_unharmed()


@RELAXED
@given(header=HEADERS, body=st.binary(max_size=8))
def test_messages_with_any_properties(url: str, is_unharmed: Unharmed, header: bytes, body: bytes) -> None:
    spoken(url, PUBLISH + header + raw(3, 1, body), opened=True)

    assert is_unharmed()


SESSION = b"".join(
    [
        frame.marshal(commands.Queue.Declare(queue="q", arguments={"x-max-length": 5}), 1),
        publish(1, b"body", routing_key="q", headers={"a": [1, {"b": 2}]}, message_id="m"),
        frame.marshal(commands.Basic.Consume(queue="q", consumer_tag="t"), 1),
        frame.marshal(commands.Basic.Nack(1, multiple=True, requeue=False), 1),
        frame.marshal(commands.Tx.Select(), 1),
    ]
)


@RELAXED
@given(at=st.integers(0, len(SESSION) - 1), value=st.integers(0, 255), end=st.integers(1, len(SESSION)))
def test_a_session_with_one_byte_changed_or_cut(url: str, is_unharmed: Unharmed, at: int, value: int, end: int) -> None:
    spoken(url, (SESSION[:at] + bytes([value]) + SESSION[at + 1 :])[:end], opened=True)

    assert is_unharmed()


@pytest.mark.parametrize("length", [200_000, 2**32 - 1])
def test_a_frame_that_is_announced_too_long_is_not_waited_for(url: str, is_unharmed: Unharmed, length: int) -> None:
    with Speaker(url) as client:
        client.open()

        answer = client.ask(raw(3, 1, b"x", size=length))

    assert answer.reply_code == 501
    assert is_unharmed()


def test_a_thousand_connections_that_say_nothing(witness: Speaker, is_unharmed: Unharmed, url: str) -> None:
    """Half of them have sent half a protocol header; somebody else connects all the same."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    parts = urlsplit(url)
    idle = [socket.create_connection((parts.hostname, parts.port), timeout=10) for _ in range(1000)]
    try:
        for each in idle[::2]:
            each.sendall(PREAMBLE[:4])
        with Speaker(url) as client:
            assert isinstance(client.open(), commands.Channel.OpenOk)
        assert is_unharmed()
    finally:
        for each in idle:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
