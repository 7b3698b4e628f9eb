"""What the test's own clients and the application tell each other, on record: exchanges, websockets, frames.

It stands between the two as a server does, so it sees what no step tells: a path that no route has, what a middleware
refuses, the bodies, and each frame as one client is sent it.
"""

import asyncio
import json
from typing import Any
from urllib.parse import unquote_plus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jararaca_testing.ledger import Ledger
from jararaca_testing.lineage import CLIENT

EXCHANGE = "exchange"
"""An HTTP request of the test and its response: `outcome` is the status, `payload` what was asked with."""

WEBSOCKET = "websocket"
"""A websocket of the test, from the handshake to its end; `outcome` says how it ended."""

SENT = "sent"
"""A frame of the test that the application has read."""

RECEIVED = "received"
"""A frame that the application wrote to the test."""

CUT = "cancelled"
CUT_BY_THE_HARNESS = "cancelled by the harness, because the test had failed"

KEPT_OF_A_BODY = 65_536
"""Bytes; what follows is only counted."""


class Traffic:
    """An application, with everything that clients tell it in `ledger`."""

    def __init__(self, app: ASGIApp, ledger: Ledger) -> None:
        self._app = app
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one exchange or one websocket; what happens inside is caused by it."""
        conversation = _Exchange(scope, self._ledger) if scope["type"] == "http" else _Socket(scope, self._ledger)
        token = CLIENT.set(conversation.seq)
        error: BaseException | None = None
        try:
            await self._app(scope, conversation.reading(receive), conversation.writing(send))
        except BaseException as raised:
            error = raised
            raise
        finally:
            CLIENT.reset(token)
            conversation.end(error)


class _Conversation:
    """What both have in common: a record from beginning to end, and a look at each message that passes."""

    kind: str

    def __init__(self, scope: Scope, ledger: Ledger) -> None:
        self._ledger = ledger
        query = unquote_plus(scope["query_string"].decode("latin-1"))
        facts = {"path": scope["path"] + (f"?{query}" if query else "")}
        if "method" in scope:
            facts["method"] = scope["method"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self._record = ledger.begin(self.kind, facts=facts, headers=headers)
        self.seq = self._record.seq

    def reading(self, receive: Receive) -> Receive:
        async def looked_at() -> Message:
            message = await receive()
            self.read(message)
            return message

        return looked_at

    def writing(self, send: Send) -> Send:
        async def looked_at(message: Message) -> None:
            self.written(message)
            await send(message)

        return looked_at

    def facts(self, error: BaseException | None) -> dict[str, Any]:
        """What is known of it at its end; if somebody cut it off, who that was."""
        if not isinstance(error, asyncio.CancelledError):
            return dict(self._record.facts)
        has_failed = getattr(asyncio.get_running_loop(), "failure", None) is not None
        return {**self._record.facts, "cut": CUT_BY_THE_HARNESS if has_failed else CUT}

    def read(self, message: Message) -> None: ...
    def written(self, message: Message) -> None: ...
    def end(self, error: BaseException | None) -> None: ...


class _Exchange(_Conversation):
    kind = EXCHANGE

    def __init__(self, scope: Scope, ledger: Ledger) -> None:
        super().__init__(scope, ledger)
        self._asked = bytearray()
        self._answered = bytearray()
        self._status: int | None = None

    def read(self, message: Message) -> None:
        _collect(self._asked, message)

    def written(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
        _collect(self._answered, message)

    def end(self, error: BaseException | None) -> None:
        is_answered_for = error is not None and not isinstance(error, asyncio.CancelledError)  # as a server would
        status = self._status or (500 if is_answered_for else None)
        facts = {**self.facts(error), "status": status, "response": readable(bytes(self._answered))}
        outcome = None if status is None else str(status)
        self._ledger.end(self._record, payload=readable(bytes(self._asked)), outcome=outcome, error=error, facts=facts)


class _Socket(_Conversation):
    kind = WEBSOCKET
    _accepted = False
    _outcome: str | None = None

    def read(self, message: Message) -> None:
        if message["type"] == "websocket.receive":
            self._ledger.note(SENT, cause=self.seq, payload=_frame(message), facts=self._record.facts)
        elif message["type"] == "websocket.disconnect":
            self._ends(f"left with {message.get('code', 1005)}")

    def written(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self._ledger.note(RECEIVED, cause=self.seq, payload=_frame(message), facts=self._record.facts)
        elif message["type"] == "websocket.accept":
            self._accepted = True
        elif message["type"] == "websocket.close":
            self._ends(f"closed with {message.get('code', 1000)}" if self._accepted else "refused")
        elif message["type"] == "websocket.http.response.start":
            self._ends(f"refused with {message['status']}")

    def _ends(self, outcome: str) -> None:
        self._outcome = self._outcome or outcome

    def end(self, error: BaseException | None) -> None:
        self._ledger.end(self._record, outcome=self._outcome, error=error, facts=self.facts(error))


def _collect(body: bytearray, message: Message) -> None:
    body += message.get("body", b"")[: KEPT_OF_A_BODY - len(body)]


def _frame(message: Message) -> Any:
    text = message.get("text")
    return readable(text if text is not None else message.get("bytes") or b"")


def readable(body: bytes | str) -> Any:
    """A body as people read it: parsed JSON, else text, else bytes; None if it is empty."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return body if isinstance(body, str) else body.decode()
    except UnicodeDecodeError:
        return body
