"""What a user writes on a controller's method to serve a websocket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from jararaca.core.metadata import attach, named
from jararaca.errors import InvalidOption
from jararaca.presentation.options import WebSocketOptions, checked
from jararaca.presentation.paths import checked_path

M = TypeVar("M", bound=Callable[..., Any])
Overflow = Literal["close", "drop_oldest", "drop_newest"]


@dataclass(frozen=True, slots=True)
class WebSocketFact:
    """Left on a method by `WebSocketEndpoint`."""

    path: str
    queue_size: int
    overflow: Overflow
    options: Mapping[str, Any] = field(default_factory=dict)
    sends: Any = None
    receives: Any = None

    def check(self, where: str) -> None:
        """Find values that cannot work; `where` begins the sentence.

        Raises:
            InvalidOption: there is one.
        """
        if not _is_count(self.queue_size):
            raise InvalidOption(f"{where}: queue_size={self.queue_size!r} must be a whole number of at least 1.")
        if self.overflow not in ("close", "drop_oldest", "drop_newest"):
            raise InvalidOption(f"{where}: overflow={self.overflow!r} must be 'close', 'drop_oldest' or 'drop_newest'.")


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 1


def WebSocketEndpoint(  # noqa: N802 -- decorators read as the nouns they make of a method
    path: str,
    options: WebSocketOptions | None = None,
    *,
    queue_size: int = 256,
    overflow: Overflow = "close",
    sends: Any = None,
    receives: Any = None,
) -> Callable[[M], M]:
    """Serve websockets at `path`, relative to the controller's, with the decorated coroutine method.

    The method takes the `WebSocket`, and path parameters and dependencies as FastAPI understands them. It runs for as
    long as the connection lives and holds no session and no transaction: open `async with unit_of_work()` inside.

    Args:
        path: starts with `/`.
        options: `add_api_websocket_route` arguments.
        queue_size: messages that may wait for a slow client before `overflow` decides.
        overflow: `close` the socket with 1013, or drop its oldest or newest waiting message.
        sends: the pydantic model, or union of models, of what clients are told: what `gen-tsi` types. Nothing checks
            what is sent against it.
        receives: the same for what clients send.

    Raises:
        InvalidOption: the path is not one, or an option cannot work.
    """
    where = f"@WebSocketEndpoint({path!r})"
    if checked_path(path, where=where) == "":
        raise InvalidOption(f"{where}: a path starts with '/'. Write '/'.")
    fact = WebSocketFact(path, queue_size, overflow, checked(options, WebSocketOptions, where=where), sends, receives)

    def decorate(method: M) -> M:
        fact.check(f"{where} of {named(method)}")
        return attach(method, fact)

    return decorate
