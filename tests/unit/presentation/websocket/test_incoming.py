"""A client's message answers for what it has not."""

import pytest

from jararaca.presentation.websocket.incoming import Incoming, WrongFrameKind


@pytest.mark.parametrize(("has", "lacks"), [("text", "bytes"), ("bytes", "text")])
def test_what_a_server_sets_to_none_is_not_there(has: str, lacks: str) -> None:
    """Servers may send both kinds, one of them None."""
    message = Incoming({"type": "websocket.receive", has: "", lacks: None}, path="/ws")

    assert message[has] == ""
    assert message.get(lacks) is None
    assert not message.was_refused
    with pytest.raises(WrongFrameKind) as refused:
        message[lacks]
    assert message.was_refused
    assert refused.value.code == 1003


@pytest.mark.parametrize(
    ("kind", "key"), [("websocket.receive", "code"), ("websocket.disconnect", "text"), ("websocket.connect", "bytes")]
)
def test_anything_else_that_is_missing_is_a_plain_key_error(kind: str, key: str) -> None:
    message = Incoming({"type": kind}, path="/ws")

    with pytest.raises(KeyError) as missing:
        message[key]
    assert type(missing.value) is KeyError
    assert not message.was_refused
