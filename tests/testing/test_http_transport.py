"""The way of a test's requests to the application: what ASGI says of both sides, without a server between them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from httpx import AsyncClient
from starlette.types import ASGIApp, Receive, Scope, Send

from jararaca_testing.http import http_client

pytestmark = pytest.mark.asyncio


async def answer(send: Send, *parts: bytes, status: int = 200) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-seen", b"yes")]})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


def client(app: ASGIApp) -> AsyncClient:
    return http_client(app)


async def test_the_scope_tells_what_was_asked() -> None:
    seen: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update(scope)
        await answer(send)

    await client(app).get("/a%20b/c?d=%C3%A9", headers={"X-Mixed": "Case"})

    assert (seen["method"], seen["path"], seen["raw_path"]) == ("GET", "/a b/c", b"/a%20b/c")
    assert (seen["query_string"], seen["scheme"]) == (b"d=%C3%A9", "http")
    assert (b"x-mixed", b"Case") in seen["headers"]


async def test_a_body_travels_in_parts_both_ways() -> None:
    async def asked() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        messages = [await receive() for _part in range(3)]
        assert [each["more_body"] for each in messages] == [True, True, False]
        await answer(send, *(each["body"] for each in messages))

    response = await client(app).post("/", content=asked())

    assert (response.content, response.headers["x-seen"]) == (b"onetwo", "yes")
    assert response.elapsed.total_seconds() >= 0
    assert "content-length" not in response.headers


async def test_an_answer_to_head_has_no_body() -> None:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send, b"not for you")

    assert (await client(app).head("/")).content == b""


async def test_the_client_is_gone_once_it_has_its_answer() -> None:
    seen: list[str] = []

    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()
        await answer(send)
        seen.append((await receive())["type"])

    await client(app).get("/")

    assert seen == ["http.disconnect"]


async def test_what_the_application_raises_is_raised_at_the_request() -> None:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise LookupError("nobody answers this")

    with pytest.raises(LookupError, match="nobody answers this"):
        await client(app).get("/")


async def test_an_application_that_does_not_answer_fails_the_request() -> None:
    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    async def half(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def twice(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send)
        await answer(send)

    async def on_and_on(_scope: Scope, _receive: Receive, send: Send) -> None:
        await answer(send)
        await send({"type": "http.response.body", "body": b"more"})

    for app, complaint in (
        (silent, "without an answer"),
        (half, "before its answer was complete"),
        (twice, "began to answer twice"),
        (on_and_on, "after its answer was complete"),
    ):
        with pytest.raises(AssertionError, match=complaint):
            await client(app).get("/")
