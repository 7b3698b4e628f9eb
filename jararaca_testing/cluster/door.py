"""What clients reach of replicas that serve HTTP: a door for each, and a balancer before all of them."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jararaca_testing.mortality import Life


class Door:
    """One replica as its clients see it: it serves in the replica's own life, and falls silent with it.

    A request to a dead replica is refused with `httpx.ConnectError`, one that it dies of ends in
    `httpx.RemoteProtocolError`; its websockets end with 1006.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._life: Life | None = None
        self._app: ASGIApp | None = None

    def open(self, life: Life, app: ASGIApp) -> None:
        """Serve from now on."""
        self._life, self._app = life, app

    def close(self) -> None:
        """Refuse whoever comes."""
        self._app = None

    @property
    def is_open(self) -> bool:
        return self._app is not None and self._life is not None and not self._life.is_over

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.is_open:
            raise refused(scope, f"{self._name} does not serve")
        assert self._app is not None
        assert self._life is not None
        told = _Told(send)
        answer = self._life.spawn(_outcome(self._app, scope, receive, told), name=f"{scope['path']} at {self._name}")
        try:
            await asyncio.wait([answer])
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if answer.cancelled():
            self._vanished(scope, told)
        elif (error := answer.result()) is not None:
            raise error

    def _vanished(self, scope: Scope, told: "_Told") -> None:
        if scope["type"] == "http":
            if not told.is_complete:
                raise httpx.RemoteProtocolError(f"{self._name} died before it had answered")
        elif not told.has_begun:
            raise ConnectionResetError(f"{self._name} died during the handshake")


class _Told:
    """What a client was told so far."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False
        self.is_complete = False

    async def __call__(self, message: Message) -> None:
        self.has_begun = True
        self.is_complete = message["type"] == "http.response.body" and not message.get("more_body", False)
        await self._send(message)


async def _outcome(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Exception | None:
    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 -- raised at the client, as without a cluster
        return error
    return None


class Balancer:
    """Sends each request and each websocket to the next replica that serves."""

    def __init__(self, doors: Callable[[], list[Door]]) -> None:
        self._doors = doors
        self._turn = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        serving = [door for door in self._doors() if door.is_open]
        if not serving:
            raise refused(scope, "no replica serves HTTP")
        door = serving[self._turn % len(serving)]
        self._turn += 1
        await door(scope, receive, send)


def refused(scope: Scope, why: str) -> Exception:
    """What a client is told that nobody listens to."""
    refusal: Any = httpx.ConnectError if scope["type"] == "http" else ConnectionRefusedError
    error: Exception = refusal(f"connection refused: {why}")
    return error
