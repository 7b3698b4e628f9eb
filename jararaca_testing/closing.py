"""How the websockets of a test end."""

ABNORMAL = 1006


class WebSocketClosed(Exception):
    """The connection is closed: `code` and `reason` as the application gave them; 1006 if it vanished."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(f"the websocket is closed: {code} {reason}".rstrip())
        self.code = code
        self.reason = reason


class WebSocketRejected(WebSocketClosed):
    """The handshake was answered with HTTP `status` instead of a websocket."""

    def __init__(self, status: int) -> None:
        super().__init__(ABNORMAL, f"handshake answered with HTTP {status}")
        self.status = status


SENDABLE = frozenset({*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)})
LONGEST_REASON = 123


def demand_sendable(code: int, reason: str) -> None:
    """Refuse a close frame that no peer may send.

    Raises:
        ValueError: the code is reserved or unknown, or the reason is longer than a close frame has room for.
    """
    if code not in SENDABLE:
        raise ValueError(
            f"a websocket cannot be closed with {code}: 1005, 1006 and 1015 say that no close frame came, and codes of "
            "an application are 3000 to 4999"
        )
    if len(reason.encode()) > LONGEST_REASON:
        raise ValueError(
            f"the reason of a close has at most {LONGEST_REASON} bytes, and this one {len(reason.encode())}"
        )
