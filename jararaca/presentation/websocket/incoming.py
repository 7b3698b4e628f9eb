"""What a client sent, as an endpoint reads it."""

import logging
from typing import Any

from starlette.types import Message
from starlette.websockets import WebSocketDisconnect

logger = logging.getLogger("jararaca.presentation")

UNSUPPORTED_DATA = 1003


class WrongFrameKind(WebSocketDisconnect, KeyError):
    """A text frame where the endpoint reads bytes, or the other way round: to the endpoint, the end of its client."""


class Incoming(dict[str, Any]):
    """A message of the server to its application, with an answer to a client that sends the other kind of frame.

    Starlette's `receive_text()` looks up what a binary frame has not, and would end in a `KeyError` that any client can
    cause: it raises `WrongFrameKind` instead. `was_refused` says that this has happened.
    """

    def __init__(self, message: Message, *, path: str) -> None:
        super().__init__({name: value for name, value in message.items() if value is not None})
        self.was_refused = False
        self._path = path

    def __missing__(self, key: str) -> Any:
        if self.get("type") != "websocket.receive" or key not in ("text", "bytes"):
            raise KeyError(key)
        self.was_refused = True
        logger.info("a websocket client sent a frame that is not read", extra={"path": self._path, "expected": key})
        raise WrongFrameKind(UNSUPPORTED_DATA, f"expected {key}")
