"""An HTTP client on the application's own loop."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

from httpx import AsyncBaseTransport, AsyncByteStream, AsyncClient, ByteStream, ReadTimeout, Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jararaca.core.lifecycle import TaskScope

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
    return AsyncClient(transport=Transport(app), base_url=BASE_URL, timeout=None)  # noqa: S113 -- the patience of the test is its limit


class Transport(AsyncBaseTransport):
    """Hands requests to an application on the same loop, as `httpx.ASGITransport` does.

    That one looks for another library's loop at every request, which takes longer than many a request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answering = TaskScope("requests that may wait for so long")

    async def handle_async_request(self, request: Request) -> Response:
        """What the application answers, once it has returned.

        Raises:
            AssertionError: it returned without a whole answer.
            ReadTimeout: it takes longer than the `timeout=` of the request, in seconds of the loop: virtual ones in the
                memory profile. The client is gone then, and the application goes on, as on a server.
        """
        exchange = _Exchange(request)
        answering: Awaitable[None] = self._app(_scope(request), exchange.receive, exchange.send)
        limit = request.extensions.get("timeout", {}).get("read")
        await (answering if limit is None else self._within(limit, answering, exchange, request))
        assert exchange.status is not None, "the application returned without an answer"
        assert exchange.is_complete.is_set(), "the application returned before its answer was complete"
        return Response(exchange.status, headers=exchange.headers, stream=ByteStream(b"".join(exchange.body)))

    async def aclose(self) -> None:
        """End what the application still does for clients that have left."""
        await self._answering.cancel()

    async def _within(self, limit: float, answering: Awaitable[None], exchange: "_Exchange", request: Request) -> None:
        task = self._answering.spawn(_failure_of(answering), name=f"{request.method} {request.url.path}")
        try:
            await asyncio.wait([task], timeout=limit)
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            exchange.leave()
            message = f"{request.method} {request.url.path} was not answered within {limit:g} seconds"
            raise ReadTimeout(message, request=request)
        if (failure := task.result()) is not None:
            raise failure


async def _failure_of(answering: Awaitable[None]) -> Exception | None:
    """What the application raised: of interest as long as the client is there. What a handler raises is on record."""
    try:
        await answering
    except Exception as failure:  # noqa: BLE001 -- raised at the request
        return failure
    return None


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
        self._is_left = False

    def leave(self) -> None:
        """The client is gone: whoever listens to it is told, and nothing reaches it any more."""
        self._is_left = True
        self.is_complete.set()

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
        if self._is_left:
            return
        if message["type"] == "http.response.start":
            assert self.status is None, "the application began to answer twice"
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body":
            assert not self.is_complete.is_set(), "the application went on after its answer was complete"
            if self._shows_body:
                self.body.append(message.get("body", b""))
            if not message.get("more_body", False):
                self.is_complete.set()
