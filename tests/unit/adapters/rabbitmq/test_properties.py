"""Basic properties to bytes and back."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jararaca.adapters.rabbitmq.properties import body_size_of, decode_header, encode_header
from jararaca.ports.broker import Envelope

TEXT = st.none() | st.text(st.characters(codec="utf-8"), max_size=60)
ENVELOPES = st.builds(
    Envelope,
    body=st.binary(max_size=20),
    content_type=TEXT,
    content_encoding=TEXT,
    headers=st.dictionaries(st.text(max_size=5, alphabet="abc"), st.integers(0, 9), max_size=3),
    persistent=st.booleans(),
    priority=st.none() | st.integers(0, 255),
    correlation_id=TEXT,
    reply_to=TEXT,
    expiration=TEXT,
    message_id=TEXT,
    timestamp=st.none() | st.just(datetime(2026, 1, 1, tzinfo=UTC)),
    type=TEXT,
    user_id=TEXT,
    app_id=TEXT,
)


@pytest.mark.hypothesis
@given(ENVELOPES)
def test_every_envelope_comes_back_as_it_was(envelope: Envelope) -> None:
    header = encode_header(envelope)
    assert (decode_header(header, envelope.body), body_size_of(header)) == (envelope, len(envelope.body))


@pytest.mark.parametrize(("given_", "sent"), [(-1, 0), (256, 255)])
def test_a_priority_beyond_its_byte_is_the_nearest(given_: int, sent: int) -> None:
    """A queue caps what is above its own maximum anyway."""
    assert decode_header(encode_header(Envelope(b"", priority=given_)), b"").priority == sent


@pytest.mark.hypothesis
@given(st.integers(0, 0xFFFF), st.binary(max_size=100))
def test_whatever_bytes_the_properties_are_the_message_is_read(flags: int, properties: bytes) -> None:
    header = struct.pack(">HHQH", 60, 0, 4, flags) + properties
    assert decode_header(header, b"body").body == b"body"


def test_properties_up_to_a_damaged_one_are_read(caplog: pytest.LogCaptureFixture) -> None:
    whole = encode_header(Envelope(b"body", content_type="text/plain", headers={"a": 1}, message_id="m-1"))
    cut = whole[: -len("\x03m-1")]

    assert decode_header(cut, b"body") == Envelope(b"body", content_type="text/plain", headers={"a": 1})
    assert "properties of a message are damaged" in caplog.text
