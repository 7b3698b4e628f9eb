"""What an ASGI application is told of a client that opens a websocket."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from starlette.types import Scope

TEST_HOST = "testserver"


def handshake_scope(path: str, headers: Mapping[str, str], subprotocols: Sequence[str]) -> Scope:
    """The scope in which a server calls an application for a client that asks for a websocket at `path`."""
    url = urlsplit(path)
    sent = {"host": TEST_HOST, **{name.lower(): value for name, value in headers.items()}}
    if subprotocols:
        sent["sec-websocket-protocol"] = ", ".join(subprotocols)
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": url.path,
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
        "client": ("testclient", 50000),
        "server": (TEST_HOST, 80),
        "subprotocols": list(subprotocols),
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }
