"""Both servers, as tests of clients use them."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from jararaca.adapters.system.chance import SystemChance
from jararaca_testing.amqp_server import RunningAmqpServer, serving


@pytest.fixture(scope="module")
def shared_server() -> Iterator[RunningAmqpServer]:
    """One server for a whole module, of which every test takes a virtual host."""
    with serving() as server:
        yield server


@pytest.fixture
def url(request: pytest.FixtureRequest) -> str:
    """A virtual host of this test's own on our server."""
    server: RunningAmqpServer = request.getfixturevalue("shared_server")
    return server.add_vhost(SystemChance().uuid().hex)


SERVERS: list[Any] = ["ours", pytest.param("rabbitmq", marks=pytest.mark.needs_servers)]


@pytest.fixture(params=SERVERS)
def either(request: pytest.FixtureRequest) -> str:
    """The address of our server, then of RabbitMQ: what a test says is true of both."""
    if request.param == "ours":
        return str(request.getfixturevalue("url"))
    found = os.environ.get("JARARACA_TEST_AMQP_URL")
    if not found:
        pytest.skip("JARARACA_TEST_AMQP_URL is not set")
    return found


@pytest.fixture
def name() -> str:
    """A name that nothing else on a server has."""
    return f"socket-{SystemChance().uuid().hex[:12]}"
