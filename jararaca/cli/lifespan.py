"""What a server knows of the application it serves: why its lifespan failed, and which exchanges are under way."""

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Lifespanned:
    """An ASGI application as it is, except that `failure` is what kept its lifespan from starting.

    ASGI would turn that into text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way: dict[asyncio.Task[Any], Scope] = {}
        self.failure: BaseException | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        run = self._live if scope["type"] == "lifespan" else self._serve
        return run(scope, receive, send)

    def under_way(self) -> Mapping[asyncio.Task[Any], str]:
        """The tasks of what is being served, and each one's method and route: not its URL, which has values."""
        return {task: f"{scope.get('method', 'WS')} {_route_of(scope)}" for task, scope in self._under_way.items()}

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way[task] = scope
        try:
            await self._app(scope, receive, send)
        finally:
            del self._under_way[task]

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def without_traceback(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "lifespan.startup.complete"
            await send(message if started else {**message, "message": ""})

        try:
            await self._app(scope, receive, without_traceback)
        except BaseException as error:
            self.failure = error if not started else None
            raise


def _route_of(scope: Scope) -> str:
    """The template of the path that was routed to; routes of others do not say which they are."""
    return getattr(scope.get("route"), "path", None) or "(no route)"
