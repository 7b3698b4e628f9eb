"""`jararaca check --live` with an application that needs RabbitMQ, Redis and PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from management import ManagementApi, binding_row, queue_row, serving_management

pytestmark = pytest.mark.needs_servers

APP = """
import os

from jararaca import *
from pydantic import BaseModel
from redis.asyncio import Redis

class Order(BaseModel):
    id: int

@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None: ...

    @ScheduledAction("0 6 * * *")
    async def nightly(self) -> None: ...

app = Microservice(name=os.environ["NAME"], controllers=[C], interceptors=[
    AIOSqlAlchemySessionInterceptor(AIOSQAConfig("default", os.environ["DATABASE"], engine_options={"pool_size": 3})),
    WebSocketInterceptor(RedisWebSocketConnectionBackend(Redis.from_url(os.environ["REDIS"]))),
])
"""


@pytest.fixture
def api() -> Iterator[ManagementApi]:
    with serving_management() as api:
        yield api


@pytest.fixture
def run(
    tmp_path: Path, start: Callable[..., Any], rabbit: Any, database_url: str, redis_url: str, api: ManagementApi
) -> Callable[..., Any]:
    """Run a command on the application to its end; the first word is the exit code that is expected."""
    (tmp_path / "app.py").write_text(APP)
    own = {
        "NAME": rabbit.name,
        "DATABASE": database_url,
        "REDIS": redis_url,
        "JARARACA_EXCHANGE": rabbit.exchange,
        "JARARACA_BROKER_URL": rabbit.url,
        "JARARACA_SCHEDULE_STORE_URL": redis_url,
        "JARARACA_MANAGEMENT_URL": api.url,
    }

    def run(code: int, command: str, *options: str, **environment: str) -> str:
        child = start("jararaca", command, "app:app", *options, environment={**own, **environment})
        assert child.end() == code, child.output
        return str(child.output).replace(rabbit.name, "NAME")

    return run


def test_every_server_is_looked_at(run: Callable[..., Any], api: ManagementApi, rabbit: Any) -> None:
    queue = f"{rabbit.name}.C.handle"
    api.lists("queues", [queue_row(queue), queue_row(f"{queue}.dlq")])
    api.lists("bindings", [binding_row(rabbit.exchange, queue, "order.placed")])
    api.answers["/api/feature-flags"] = (200, [{"name": "stream_queue", "state": "enabled"}])
    before = run(1, "check", "--live")
    assert "suspicious: broker default: the exchange 'NAME.events', the queue 'NAME.C.handle.dlq'" in before
    assert "not exist on the broker, and this application" in run(4, "check", "--live", JARARACA_TOPOLOGY="verify")

    run(0, "declare")
    found = run(0, "check", "--live")

    for words in ("2 queues as declared", "answers", "their backend takes subscriptions"):
        assert words in found
    assert found.count("answers") == 2  # the database, and the schedule store


def test_what_works_and_should_not_be_so_ends_it_with_1(
    run: Callable[..., Any], api: ManagementApi, rabbit: Any
) -> None:
    run(0, "declare", JARARACA_MANAGEMENT_URL="")
    api.lists("queues", [queue_row(f"{rabbit.name}.Old.handle")])
    api.lists("bindings", [])
    api.answers["/api/feature-flags"] = (200, [{"name": "stream_queue", "state": "disabled"}])

    found = run(1, "check", "--live", JARARACA_CONCURRENCY="20")

    for words in (
        "suspicious: broker default: NAME.C.handle is not bound to 'order.placed'",
        "suspicious: broker default: 1 orphan of earlier releases",
        "suspicious: broker default: dead-lettering at least once is off",
        "suspicious: database default: its pool has 13 connections, and a worker may run 20",
    ):
        assert words in found


def test_a_server_that_is_away_ends_it_with_3(run: Callable[..., Any]) -> None:
    assert "broker default: no broker can be reached" in run(3, "check", "--live", "--url", "amqp://127.0.0.1:1/")
