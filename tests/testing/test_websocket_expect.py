"""`expect(pattern)` of a websocket: what counts as like it, and what is said when nothing that came is."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import BaseModel
from starlette.websockets import WebSocket

from jararaca import Microservice
from jararaca_testing import WebSocketClient, WebSocketClosed
from jararaca_testing.patterns import compare

pytestmark = pytest.mark.virtual_only

Client = Callable[[Callable[[WebSocket], Awaitable[None]]], WebSocketClient]


class Placed(BaseModel):
    type: str = "placed"
    order: int
    lines: list["Line"] = []


class Line(BaseModel):
    article: str


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        await websocket.send({**message, "type": "websocket.send"})


def over_hundred(value: Any) -> bool:
    return bool(value > 100)


@pytest.mark.parametrize(
    ("frame", "pattern", "value"),
    [
        ("hello", "hello", "hello"),
        ("order 17 is placed", re.compile(r"order \d+"), "order 17 is placed"),
        (b"order 17", re.compile(r"order \d+"), b"order 17"),
        (b"\xff\x00", b"\xff\x00", b"\xff\x00"),
        (b"\xff\x00", re.compile(rb"\x00$"), b"\xff\x00"),
        ('{"a": 1, "b": 2}', {"a": 1}, {"a": 1, "b": 2}),
        ('{"a": {"b": [1, {"c": 2}]}}', {"a": {"b": [int, {"c": 2}]}}, {"a": {"b": [1, {"c": 2}]}}),
        ('{"total": 250}', {"total": over_hundred}, {"total": 250}),
        ('{"name": "Ada"}', {"name": re.compile("^A")}, {"name": "Ada"}),
        ('{"name": "Ada", "age": 36}', {"name": str, "age": int}, {"name": "Ada", "age": 36}),
        ("[1, 2]", [1, 2], [1, 2]),
        ("[1, 2]", list, [1, 2]),
        ("5", 5, 5),
        ('{"order": 5}', Placed, Placed(order=5)),
    ],
)
def test_a_frame_is_like_a_pattern(frame: str | bytes, pattern: Any, value: Any) -> None:
    assert compare(frame, pattern, {}) == compare(frame, pattern, {})
    assert (compare(frame, pattern, {}).value, compare(frame, pattern, {}).differences) == (value, ())


@pytest.mark.parametrize(
    ("frame", "pattern", "differences"),
    [
        ("hello", "hell", ["it is 'hello', expected 'hell'"]),
        ("hello", b"hello", ["it is 'hello', expected b'hello'"]),
        ("hello", re.compile("^ello"), ["'hello' has nothing like '^ello'"]),
        ("hello", {"a": 1}, ["it is 'hello', expected an object"]),
        ('{"a": 2}', {"a": 1, "b": str}, ["a is 2, expected 1", "b is missing, expected a value of type str"]),
        ('{"a": {"b": [1, 3]}}', {"a": {"b": [1, 2]}}, ["a.b[1] is 3, expected 2"]),
        ('{"a": [1]}', {"a": [1, 2]}, ["a is [1], expected 2 items"]),
        ('{"a": 7}', {"a": over_hundred}, ["a is 7, expected what over_hundred accepts"]),
        ('{"a": 7}', {"a": re.compile("7")}, ["a is 7, expected something like '7'"]),
        ('{"order": "x"}', Placed, ["order: Input should be a valid integer, unable to parse string as an integer"]),
        ("hello", Placed, ["it: Invalid JSON: expected value at line 1 column 1"]),
        (b"\xff", {"a": 1}, [r"it is b'\xff', expected an object"]),
    ],
)
def test_a_frame_that_is_not_differs_in_named_fields(frame: str | bytes, pattern: Any, differences: list[str]) -> None:
    assert list(compare(frame, pattern, {}).differences) == differences


def test_fields_may_be_given_beside_a_pattern() -> None:
    frame = '{"order": 5, "lines": [{"article": "tea"}]}'

    assert compare(frame, Placed, {"order": 5, "lines": [{"article": "tea"}]}).differences == ()
    assert compare(frame, Placed, {"order": 6}).differences == ("order is 5, expected 6",)
    assert compare(frame, Placed, {"lines": [{"article": "milk"}]}).differences == (
        "lines[0].article is 'tea', expected 'milk'",
    )
    assert compare(frame, {"lines": list}, {"order": 6}).differences == ("order is 5, expected 6",)


async def test_frames_that_are_not_alike_are_passed_over(client: Client) -> None:
    async with client(echo).connect("/") as socket:
        for value in ({"type": "noise"}, {"type": "task", "id": 1}, {"type": "task", "id": 2, "more": True}):
            await socket.send_json(value)
        await socket.send_text("and then")
        await socket.send_json({"order": 7})

        assert await socket.expect(type="task", id=2) == {"type": "task", "id": 2, "more": True}
        assert await socket.expect(re.compile("then")) == "and then"
        assert (await socket.expect(Placed, order=7)).order == 7


async def test_what_came_instead_is_shown_with_the_nearest_and_how_it_differs(client: Client) -> None:
    async with client(echo).connect("/feed") as socket:
        await socket.send_json(["no object"])
        for number in range(8):
            await socket.send_json({"type": "task", "id": number})
        await socket.send_text("bye")
        with pytest.raises(TimeoutError) as failure:
            await socket.expect({"type": "task", "id": 10}, timeout=2)

    assert str(failure.value).splitlines() == [
        "no frame {'type': 'task', 'id': 10} came on /feed within 2 s",
        "10 came instead, the last 5:",
        "  {'type': 'task', 'id': 4}",
        "  {'type': 'task', 'id': 5}",
        "  {'type': 'task', 'id': 6}",
        "  {'type': 'task', 'id': 7}",
        "  'bye'",
        "nearest: {'type': 'task', 'id': 7}",
        "  id is 7, expected 10",
    ]


@pytest.mark.parametrize(
    ("pattern", "fields", "shown"),
    [
        (None, {"id": 1}, "with {'id': 1}"),
        ("text", {}, "'text'"),
        (re.compile("a"), {}, "something like 'a'"),
        (Placed, {}, "a value of type Placed"),
        (Placed, {"order": 1}, "a value of type Placed with {'order': 1}"),
        (over_hundred, {}, "what over_hundred accepts"),
    ],
)
async def test_when_nothing_came_the_pattern_is_named(
    client: Client, pattern: Any, fields: dict[str, Any], shown: str
) -> None:
    async with client(echo).connect("/feed") as socket:
        with pytest.raises(TimeoutError, match=re.escape(f"no frame {shown} came on /feed within 5 s\nnothing came")):
            await socket.expect(pattern, **fields)


async def test_a_connection_that_closes_first_says_what_came(client: Client) -> None:
    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text('{"id": 2}')
        await websocket.close(4000)

    async with client(serve).connect("/") as socket:
        with pytest.raises(WebSocketClosed) as closed:
            await socket.expect(id=1)

    assert closed.value.__notes__ == [
        "expected with {'id': 1}\n1 came instead:\n  {'id': 2}\nnearest: {'id': 2}\n  id is 2, expected 1"
    ]


async def test_a_frame_that_is_no_json_is_shown(client: Client) -> None:
    async with client(echo).connect("/feed") as socket:
        await socket.send_text("hello")
        with pytest.raises(AssertionError, match="a frame on /feed is no JSON: 'hello'"):
            await socket.receive_json()
