"""An HTTP client on the application's own loop."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from httpx import ASGITransport, AsyncClient
from starlette.types import ASGIApp, Receive, Scope, Send

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
    return AsyncClient(transport=ASGITransport(app=app), base_url=BASE_URL)
