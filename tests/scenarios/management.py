"""A small server that answers as RabbitMQ's management API does; what it says was recorded from 3.10.8."""

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class ManagementApi:
    """`answers` are by path, without the query; `asked` are the paths that were asked for, with it."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {}
        self.asked: list[str] = []
        self.login = "guest:guest"
        self.url = ""

    def lists(self, what: str, rows: list[dict[str, Any]], *, vhost: str = "%2F") -> None:
        """Answer with these rows, as `/api/queues/%2F` does."""
        self.answers[f"/api/{what}/{vhost}"] = (200, rows)

    def answer(self, path: str, login: str) -> tuple[int, Any]:
        self.asked.append(path)
        if login != self.login:
            return 401, {"error": "not_authorised", "reason": "Login failed"}
        return self.answers.get(urlsplit(path).path, (404, {"error": "Object Not Found", "reason": "Not Found"}))


def queue_row(name: str, messages: int = 0, consumers: int = 0, application: str | None = None) -> dict[str, Any]:
    arguments = {"x-queue-type": "quorum"} | ({} if application is None else {"jararaca-application": application})
    return {"arguments": arguments, "consumers": consumers, "messages": messages, "name": name}


def binding_row(source: str, destination: str, key: str) -> dict[str, Any]:
    return {
        "source": source,
        "destination": destination,
        "destination_type": "queue",
        "routing_key": key,
        "arguments": {},
    }


@contextmanager
def serving_management() -> Iterator[ManagementApi]:
    """The server, on a port of its own."""
    api = ManagementApi()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
            status, body = api.answer(self.path, login)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_request(self, *_: object) -> None:
            """Nothing: the test looks at `asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
