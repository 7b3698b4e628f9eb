"""An HTTP client on the application's own loop."""

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import Any

from httpx import AsyncBaseTransport, AsyncByteStream, AsyncClient, ByteStream, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

BASE_URL = "http://testserver"


class ServedApp:
    """The application as a server serves it: each exchange is given a copy of what its lifespan yielded, `state`."""

    def __init__(self, made: Callable[[], ASGIApp]) -> None:
        self._made = made
        self.state: dict[str, Any] = {}

    @cached_property
    def asgi(self) -> ASGIApp:
        """What is served; made when it is first asked for, and whoever stands in between may replace it."""
        return self._made()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.asgi({**scope, "state": dict(self.state)}, receive, send)


def http_client(app: ASGIApp) -> AsyncClient:
    """A client of the application under test. What a handler raises and nobody answers is raised at the request."""
    return AsyncClient(transport=Transport(app), base_url=BASE_URL)


class Transport(AsyncBaseTransport):
    """Hands requests to an application on the same loop, as `httpx.ASGITransport` does.

    That one looks for another library's loop at every request, which takes longer than many a request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: Request) -> Response:
        """What the application answers, once it has returned.

        Raises:
            AssertionError: it returned without a whole answer.
        """
        exchange = _Exchange(request)
        await self._app(_scope(request), exchange.receive, exchange.send)
        assert exchange.status is not None, "the application returned without an answer"
        assert exchange.is_complete.is_set(), "the application returned before its answer was complete"
        return Response(exchange.status, headers=exchange.headers, stream=ByteStream(b"".join(exchange.body)))


def _scope(request: Request) -> Scope:
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.split(b"?")[0],
        "query_string": url.query,
        "server": (url.host, url.port),
        "client": ("127.0.0.1", 123),
        "root_path": "",
    }


class _Exchange:
    """One request and what was answered so far."""

    def __init__(self, request: Request) -> None:
        assert isinstance(request.stream, AsyncByteStream)
        self._shows_body = request.method != "HEAD"
        self._asked = aiter(request.stream)
        self._is_asked = False
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.is_complete = asyncio.Event()

    async def receive(self) -> Message:
        if self._is_asked:
            await self.is_complete.wait()
            return {"type": "http.disconnect"}
        try:
            return {"type": "http.request", "body": await anext(self._asked), "more_body": True}
        except StopAsyncIteration:
            self._is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert self.status is None, "the application began to answer twice"
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            assert not self.is_complete.is_set(), "the application went on after its answer was complete"
            if self._shows_body:
                self.body.append(message.get("body", b""))
            if not message.get("more_body", False):
                self.is_complete.set()
