"""Keeps what a FastAPI object's lifespan raised, which ASGI would turn into text."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Lifespanned:
    """An ASGI application as it is, except that `failure` is what kept its lifespan from starting."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.failure: BaseException | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._app(scope, receive, send) if scope["type"] != "lifespan" else self._live(scope, receive, send)

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
