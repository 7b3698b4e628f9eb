"""What RabbitMQ's management API is asked, and what is made of its answers."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from management import ManagementApi, binding_row, queue_row, serving_management

from jararaca.adapters.rabbitmq.management import ManagementInventory
from jararaca.errors import ConfigurationError, InventoryUnavailable
from jararaca.ports.broker import Binding
from jararaca.ports.inventory import QueueStock

BROKER = "amqp://guest:guest@127.0.0.1:5672/"


@pytest.fixture(scope="module")
def server() -> Iterator[ManagementApi]:
    with serving_management() as api:
        yield api


@pytest.fixture
def api(server: ManagementApi) -> ManagementApi:
    server.answers, server.asked, server.login = {}, [], "guest:guest"
    return server


@pytest.mark.asyncio
async def test_queues_are_listed_with_what_they_hold(api: ManagementApi) -> None:
    api.lists("queues", [queue_row("shop.a", 3, 1, "shop"), queue_row("theirs"), {"name": "shop.new"}])

    found = await ManagementInventory(BROKER, api.url).list_queues()

    assert found == [QueueStock("shop.a", 3, 1, "shop"), QueueStock("theirs", 0, 0), QueueStock("shop.new", 0, 0)]
    assert api.asked == ["/api/queues/%2F?columns=name,messages,consumers,arguments"]


@pytest.mark.asyncio
async def test_bindings_are_listed_without_those_that_every_queue_has(api: ManagementApi) -> None:
    api.lists("bindings", [binding_row("", "shop.a", "shop.a"), binding_row("events", "shop.a", "order.*")])

    assert await ManagementInventory(BROKER, api.url).list_bindings() == [Binding("events", "shop.a", "order.*")]


@pytest.mark.asyncio
async def test_the_virtual_host_and_the_login_are_those_of_the_broker(api: ManagementApi) -> None:
    api.login = "ann:p@ss"
    api.lists("queues", [], vhost="shop%2Feu")

    assert await ManagementInventory("amqp://ann:p%40ss@host/shop%2Feu", api.url).list_queues() == []


@pytest.mark.asyncio
async def test_a_login_of_its_own_wins(api: ManagementApi) -> None:
    api.login = "ops:secret"
    api.lists("queues", [])

    inventory = ManagementInventory(BROKER, api.url.replace("http://", "http://ops:secret@"))

    assert await inventory.list_queues() == []
    assert inventory.address == api.url


@pytest.mark.asyncio
async def test_an_api_below_a_path_is_found_there(api: ManagementApi) -> None:
    api.answers["/rabbit/api/queues/%2F"] = (200, [])

    assert await ManagementInventory(BROKER, f"{api.url}/rabbit/").list_queues() == []


@pytest.mark.asyncio
async def test_a_login_that_is_refused_says_what_to_give_it(api: ManagementApi) -> None:
    inventory = ManagementInventory("amqp://ann:secret@host/", api.url)

    with pytest.raises(InventoryUnavailable, match=r"refuses the user 'ann'.*set_user_tags ann management") as caught:
        await inventory.list_queues()
    assert "secret" not in str(caught.value)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "answer", [(200, b"<html>"), (200, {"error": "?"}), (200, ["shop.a"]), (200, [{"id": 1}]), (404, []), (500, b"")]
)
async def test_something_else_that_answers_is_told_apart(api: ManagementApi, answer: tuple[int, Any]) -> None:
    api.answers["/api/queues/%2F"] = answer

    with pytest.raises(InventoryUnavailable, match=rf"\({answer[0]}\) is no management API"):
        await ManagementInventory(BROKER, api.url).list_queues()


@pytest.mark.asyncio
async def test_nobody_at_the_address_says_how_to_turn_it_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(InventoryUnavailable, match=rf"nobody answers at http://127\.0\.0\.1:{port} .*rabbitmq-plugins"):
        await ManagementInventory(BROKER, f"http://127.0.0.1:{port}").list_queues()


@pytest.mark.parametrize(
    ("broker", "address"),
    [
        ("amqp://guest:guest@rabbit:5673/", "http://rabbit:15672"),
        ("amqps://rabbit/", "https://rabbit:15671"),
        ("amqp://[::1]:5672/", "http://[::1]:15672"),
        ("amqp:///", "http://localhost:15672"),
    ],
)
def test_unless_told_it_is_looked_for_on_the_broker_s_host(broker: str, address: str) -> None:
    assert ManagementInventory(broker).address == address


@pytest.mark.parametrize("url", ["rabbit:15672", "amqp://rabbit", "http://", "http://rabbit:s3cret"])
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://host:15672") as caught:
        ManagementInventory(BROKER, url)
    assert "s3cret" not in str(caught.value)
