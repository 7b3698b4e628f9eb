"""Frames between instances: whatever a room is called and whatever a payload holds, it arrives as it was."""

import json
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from jararaca.errors import UnencodableMessage
from jararaca.presentation.websocket.frames import Frame, UndecodableFrame, payload_of

ROOMS = st.lists(st.text(), max_size=5).map(tuple)
PAYLOADS = st.binary() | st.text(st.characters(exclude_categories=["Cs"]))


def with_head(head: object, body: bytes = b"") -> bytes:
    encoded = json.dumps(head).encode()
    return struct.pack(">I", len(encoded)) + encoded + body


@given(rooms=ROOMS, payload=PAYLOADS, seq=st.integers(0), origin=st.text())
@example(rooms=("a,b", "a", "b", "", "\0", "\ud800"), payload=b"\0,]", seq=1, origin="one")
def test_a_frame_arrives_as_it_was_sent(rooms: tuple[str, ...], payload: bytes | str, seq: int, origin: str) -> None:
    frame = Frame("send", origin, seq, payload, rooms)

    assert Frame.decode(frame.encode()) == frame


@given(st.binary())
@example(struct.pack(">I", 100_000) + b"[" * 100_000)
def test_bytes_of_others_are_refused_and_never_anything_worse(data: bytes) -> None:
    with pytest.raises(UndecodableFrame):
        Frame.decode(data)


@pytest.mark.parametrize(
    "head",
    [
        ["shout", "one", 1, [], False],
        ["send", "one", True, [], False],
        ["send", "one", "1", [], False],
        ["send", "one", 1, "room", False],
        ["send", "one", 1, [1], False],
        ["send", 1, 1, [], False],
        ["send", "one", 1, [], 0],
        ["send", "one", 1, []],
        [["send"], "one", 1, [], False],
        {"kind": "send"},
        None,
    ],
)
def test_a_head_of_another_shape_is_refused(head: object) -> None:
    with pytest.raises(UndecodableFrame):
        Frame.decode(with_head(head))


def test_a_text_frame_whose_body_is_no_text_is_refused() -> None:
    with pytest.raises(UndecodableFrame):
        Frame.decode(with_head(["send", "one", 1, [], True], b"\xff"))


class Announcement(BaseModel):
    text: str = Field(serialization_alias="announcedText")


@pytest.mark.parametrize(
    ("message", "payload"),
    [(b"\x00\xff", b"\x00\xff"), ("ol\u00e1", "ol\u00e1"), (Announcement(text="hi"), '{"announcedText":"hi"}')],
)
def test_bytes_stay_binary_and_text_and_models_become_text(message: bytes | str | BaseModel, payload: object) -> None:
    assert payload_of(message) == payload


@pytest.mark.parametrize("message", [{"a": 1}, bytearray(b"x"), None, 1])
def test_anything_else_is_refused_with_a_way_out(message: object) -> None:
    with pytest.raises(UnencodableMessage, match=f"not {type(message).__name__}. Encode it"):
        payload_of(message)  # type: ignore[arg-type] # the mistake


def test_text_that_utf_8_cannot_carry_is_refused_where_it_is_sent() -> None:
    with pytest.raises(UnencodableMessage, match="surrogates not allowed"):
        payload_of("\ud800")
