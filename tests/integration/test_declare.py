"""`jararaca declare` on RabbitMQ, next to something that answers as its management API does."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aio_pika.abc import AbstractChannel
from management import ManagementApi, binding_row, queue_row, serving_management

from jararaca_testing.rabbitmq_node import RabbitMQNode, installed_program

pytestmark = pytest.mark.needs_servers

APP = """
import os

from jararaca import *
from pydantic import BaseModel

class Order(BaseModel):
    id: int

@MessageBusController()
class C:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None: ...

app = Microservice(name=os.environ["NAME"], controllers=[C])
"""


@pytest.fixture
def api() -> Iterator[ManagementApi]:
    with serving_management() as api:
        yield api


@pytest.fixture
def declare(tmp_path: Path, start: Callable[..., Any], rabbit: Any) -> Callable[..., Any]:
    """Run the command to its end; words are options."""

    def run(*options: str, code: int = 0) -> list[str]:
        (tmp_path / "app.py").write_text(APP)
        own = {"NAME": rabbit.name, "JARARACA_EXCHANGE": rabbit.exchange, "JARARACA_BROKER_URL": rabbit.url}
        child = start("jararaca", "declare", "app:app", *options, environment=own)
        assert child.end() == code, child.output
        return [" ".join(line.split()).replace(rabbit.name, "NAME") for line in child.lines]

    return run


@pytest.fixture
def old(rabbit: Any) -> Iterator[str]:
    """A queue of an earlier release, which is still bound."""
    name = f"{rabbit.name}.Old.handle"

    async def leave(channel: AbstractChannel) -> None:
        queue = await channel.declare_queue(name, durable=True, arguments={"x-queue-type": "quorum"})
        await queue.bind(rabbit.exchange, "order.old")

    async def delete(channel: AbstractChannel) -> None:
        await channel.queue_delete(name)

    rabbit.do(lambda channel: channel.declare_exchange(rabbit.exchange, "topic", durable=True))
    rabbit.do(leave)
    yield name
    rabbit.do(delete)


def test_orphans_are_shown_and_pruned(declare: Callable[..., Any], api: ManagementApi, rabbit: Any, old: str) -> None:
    api.lists("queues", [queue_row(old, application=rabbit.name), queue_row(f"{rabbit.name}.C.handle")])
    api.lists("bindings", [binding_row(rabbit.exchange, old, "order.old")])

    lines = declare("--management-url", api.url)
    assert "queue NAME.C.handle, for order.placed" in lines
    assert "queue NAME.Old.handle, 0 messages, bound to order.old" in lines

    lines = declare("--management-url", api.url, "--prune")
    assert "queue NAME.Old.handle, 0 messages, bound to order.old: taken away" in lines
    rabbit.do(lambda channel: channel.declare_queue(old, durable=True))  # as it never was: it is gone


def test_without_an_answer_the_topology_is_declared_and_orphans_are_not_looked_for(
    declare: Callable[..., Any], api: ManagementApi, rabbit: Any, old: str
) -> None:
    api.login = "somebody:else"

    lines = declare("--management-url", api.url, code=3)

    assert "queue NAME.C.handle, for order.placed" in lines
    assert "refuses the user" in lines[-1]


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[RabbitMQNode]:
    """A RabbitMQ whose management plugin is on."""
    if installed_program() is None:
        pytest.skip("rabbitmq-server is not installed here, and one that others use may have no management plugin")
    (tmp_path / "node").mkdir()
    with RabbitMQNode(tmp_path / "node", plugins=["rabbitmq_management"]) as node:
        node.until_managed()
        yield node


OTHER = APP.replace("class C:", "class D:").replace("controllers=[C]", "controllers=[D]")


@pytest.mark.processes
@pytest.mark.timeout(300)
def test_the_management_plugin_itself_lists_what_is_left(
    managed: RabbitMQNode, start: Callable[..., Any], tmp_path: Path
) -> None:
    """Of the application, and not of the one called `shop.eu`, which has stopped."""
    (tmp_path / "old.py").write_text(APP)
    (tmp_path / "new.py").write_text(OTHER)
    own = {"NAME": "shop", "JARARACA_BROKER_URL": managed.url, "JARARACA_MANAGEMENT_URL": str(managed.management_url)}

    def run(code: int, *words: str) -> list[str]:
        child = start("jararaca", *words, environment=own)
        assert child.end() == code, child.output
        return [" ".join(line.split()) for line in child.lines]

    run(0, "declare", "old:app")
    own["NAME"] = "shop.eu"
    run(0, "declare", "old:app")
    own["NAME"] = "shop"
    run(1, "check", "new:app", "--live")
    run(0, "declare", "new:app")
    finding = "suspicious: broker default: 2 orphans of earlier releases: `jararaca declare` shows them"
    assert finding in run(1, "check", "new:app", "--live")

    lines = run(0, "declare", "new:app", "--prune")
    assert "queue shop.C.handle, 0 messages, bound to order.placed: taken away" in lines
    assert "queue shop.C.handle.dlq, 0 messages: taken away" in lines
    assert run(0, "declare", "new:app")[-1] == "no orphans: all that is there is declared here"
    run(0, "check", "new:app", "--live")
