"""A project under test: an application, a configuration, and its tests run by pytest inside pytest."""

import importlib
import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

# Loaded here, because pytest inside pytest forgets modules that it was the first to load, and these bear it once only.
for name in ("asyncpg", "sqlalchemy.dialects.postgresql.asyncpg"):
    importlib.import_module(name)

SHOP = """
    from pydantic import BaseModel
    from jararaca import (
        Get, IncomingHandler, Message, MessageBusController, Microservice, Post, ProviderSpec, RestController,
        ScheduledAction, Token, use_publisher,
    )
    from jararaca.messagebus.retry import RetryPolicy
    from jararaca.presentation.http_microservice import HttpMicroservice

    class Order(BaseModel):
        id: int

    class Gateway:
        calls = 0
        async def charge(self, order):
            type(self).calls += 1

    @MessageBusController()
    @RestController("/orders")
    class Orders:
        def __init__(self, gateway: Gateway) -> None:
            self.gateway = gateway

        @Post(options={"status_code": 201})
        async def place(self, order: Order) -> Order:
            await use_publisher().publish(order, topic="order.placed")
            return order

        @IncomingHandler("order.placed", retry=RetryPolicy(max_attempts=3, first_delay=60))
        async def charge(self, message: Message[Order]) -> None:
            await self.gateway.charge(message.payload())

        @ScheduledAction("0 6 * * *")
        async def remind(self) -> None:
            await self.gateway.charge(None)

    app = Microservice(name="shop", controllers=[Orders])
    http_app = HttpMicroservice(app)
"""

INI = """
    [pytest]
    pythonpath = .
    jararaca_app = storefront:app
    asyncio_default_fixture_loop_scope = function
    filterwarnings = error
"""

Run = Callable[..., pytest.RunResult]


@pytest.fixture(autouse=True)
def a_developers_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pytest repeats whole messages in its summary where it sees a build server; counts of them must not change."""
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shop(request: pytest.FixtureRequest, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project with an application, and pytest configured for it; no option comes from outside.

    What stays is where servers are, and for a test that starts containers the images of them.
    """
    kept = ("_URL", "_IMAGE") if request.node.get_closest_marker("needs_docker") else ("_URL",)
    for name in tuple(os.environ):
        if name.startswith("JARARACA_TEST_") and not name.endswith(kept):
            monkeypatch.delenv(name)
    pytester.makepyfile(storefront=SHOP)
    pytester.makeini(INI)
    return pytester


@pytest.fixture
def run(shop: pytest.Pytester) -> Run:
    """Runs a test file of that project, in this process, with further arguments of pytest."""

    def run_tests(tests: str, *arguments: str) -> pytest.RunResult:
        shop.makepyfile(test_storefront=tests)
        return shop.runpytest_inprocess("-p", "no:randomly", "-p", "no:cacheprovider", "--timeout=60", *arguments)

    return run_tests


@pytest.fixture
async def client(jararaca_clock: Any) -> AsyncIterator[Callable[[Any], Any]]:
    """Makes websocket clients of an application that serves every websocket with one function."""
    from starlette.types import Receive, Scope, Send
    from starlette.websockets import WebSocket

    from jararaca.core.lifecycle import TaskScope
    from jararaca_testing import WebSocketClient

    tasks = TaskScope("clients")

    def make(serve: Callable[[WebSocket], Any]) -> WebSocketClient:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await serve(WebSocket(scope, receive, send))

        return WebSocketClient(app, tasks)

    yield make
    await tasks.cancel()
