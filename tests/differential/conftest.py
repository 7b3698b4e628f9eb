"""Comparisons of the in-memory broker: with itself, where no server is needed, and with RabbitMQ."""

import os
from collections.abc import Callable, Iterator

import pytest

from jararaca_testing.differential.comparison import Comparison
from jararaca_testing.differential.model import MemoryModel
from jararaca_testing.differential.operations import Operation
from jararaca_testing.differential.server import AmqpServer

Agree = Callable[[list[Operation]], None]


@pytest.fixture
def model() -> Iterator[MemoryModel]:
    model = MemoryModel()
    yield model
    model.close()


@pytest.fixture
def with_itself(model: MemoryModel) -> Iterator[Comparison]:
    """The model in the place of the server, too."""
    reference = MemoryModel()
    yield Comparison(model, reference)
    reference.close()


@pytest.fixture
def server() -> Iterator[AmqpServer]:
    url = os.environ.get("JARARACA_TEST_AMQP_URL")
    if url is None:
        pytest.skip("JARARACA_TEST_AMQP_URL names no RabbitMQ")
    server = AmqpServer(url)
    yield server
    server.close()


@pytest.fixture
def with_rabbitmq(model: MemoryModel, server: AmqpServer) -> Comparison:
    return Comparison(model, server)


@pytest.fixture(params=["memory", pytest.param("rabbitmq", marks=pytest.mark.needs_servers)])
def agree(request: pytest.FixtureRequest) -> Agree:
    """Plays a list of operations on the model and on a server, and fails where they differ."""
    comparison: Comparison = request.getfixturevalue("with_itself" if request.param == "memory" else "with_rabbitmq")

    def agree(operations: list[Operation]) -> None:
        comparison.begin()
        for operation in operations:
            comparison.step(operation)
        comparison.finish()

    return agree
