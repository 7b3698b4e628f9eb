"""The example as it runs in production: two servers, a worker and a scheduler, on RabbitMQ, Redis and PostgreSQL."""

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from websockets.sync.client import ClientConnection, connect

pytestmark = pytest.mark.needs_servers

HEADERS = {"Authorization": "Bearer demo"}
EXAMPLE = Path(__file__).parents[2] / "examples/tasks"


class Deployment:
    """Four processes of one application."""

    def __init__(self, start: Callable[..., Any], environment: dict[str, str]) -> None:
        def run(command: str, *options: str) -> Any:
            words = ("jararaca", command, "--app-dir", str(EXAMPLE), "tasks.main:app", *options)
            return start(*words, environment=environment)

        self._servers = [run("server", "--port", "0"), run("server", "--port", "0")]
        self._others = {run("worker"): "consuming", run("scheduler"): "firing"}
        self.here, self.there = [child.until("serving on").rpartition(" ")[2] for child in self._servers]
        for child, line in self._others.items():
            child.until(line)

    def end(self) -> list[int]:
        """The exit codes after SIGTERM to all of them at once."""
        children = [*self._servers, *self._others]
        for child in children:
            child.ask(signal.SIGTERM)
        return [child.end() for child in children]


@pytest.fixture
def deployment(start: Callable[..., Any], rabbit: Any, redis_url: str, database_url: str) -> Deployment:
    return Deployment(
        start,
        {
            "JARARACA_BROKER_URL": rabbit.url,
            "JARARACA_EXCHANGE": rabbit.exchange,
            "TASKS_DATABASE_URL": database_url,
            "TASKS_NAME": rabbit.name,
            "TASKS_REDIS_URL": redis_url,
            "TASKS_TOKEN": "demo",
        },
    )


def frame(browser: ClientConnection, **wanted: Any) -> dict[str, Any]:
    """The next frame that has these values."""
    while True:
        event: dict[str, Any] = json.loads(browser.recv(timeout=30))
        if wanted.items() <= event.items():
            return event


def rows(database_url: str) -> list[tuple[str, str]]:
    async def read() -> list[tuple[str, str]]:
        engine = create_async_engine(database_url)
        async with engine.connect() as connection:
            found = await connection.execute(text("SELECT name, state FROM tasks"))
        await engine.dispose()
        return [(row.name, row.state) for row in found]

    return asyncio.run(read())


def feed(server: str) -> ClientConnection:
    return connect(server.replace("http", "ws") + "/tasks/feed")


def test_a_task_travels_through_every_process(deployment: Deployment, database_url: str) -> None:
    """HTTP in at one server; a row; a message to the worker; frames out of a websocket of the other server."""
    with feed(deployment.there) as browser:
        answer = httpx.post(f"{deployment.here}/tasks", json={"name": "write the docs"}, headers=HEADERS)
        created = frame(browser, type="created")
        done = frame(browser, type="done")
        count = frame(browser, type="count", count=1)

    assert answer.status_code == 201
    assert created["task"] == answer.json()
    assert done["task"] == {**answer.json(), "state": "done"}
    assert count["count"] == 1
    assert rows(database_url) == [("write the docs", "done")]
    assert deployment.end() == [0, 0, 0, 0]


def test_each_server_reaches_the_browsers_of_the_other_and_its_own(deployment: Deployment) -> None:
    with feed(deployment.here) as near, feed(deployment.there) as far:
        for server, name in ((deployment.here, "from here"), (deployment.there, "from there")):
            httpx.post(f"{server}/tasks", json={"name": name}, headers=HEADERS).raise_for_status()
            heard = [frame(browser, type="created")["task"]["name"] for browser in (near, far)]

            assert heard == [name, name]
