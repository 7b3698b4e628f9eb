"""Servers are asked before the first test: one that is not there is an error that names the place and the remedy."""

import socket
import sys
from collections.abc import Iterator

import pytest

from jararaca.errors import MissingExtra, ServerUnavailable
from jararaca_testing.profiles.probing import POSTGRESQL, RABBITMQ, REDIS, Product

pytestmark = pytest.mark.asyncio

SCHEMES = {RABBITMQ: "amqp", REDIS: "redis", POSTGRESQL: "postgresql+asyncpg"}
each_product = pytest.mark.parametrize("product", SCHEMES, ids=lambda product: product.name)


@pytest.fixture
def port() -> Iterator[int]:
    """One that nobody listens on, and that nobody else gets meanwhile."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield reserved.getsockname()[1]


async def refusal(product: Product, url: str) -> str:
    with pytest.raises(ServerUnavailable) as refused:
        await product.answer(url)
    return str(refused.value)


@each_product
async def test_where_nobody_answers_the_error_says_where_and_what_to_do(product: Product, port: int) -> None:
    said = await refusal(product, f"{SCHEMES[product]}://user:secret@127.0.0.1:{port}/0")

    assert f"{SCHEMES[product]}://user:***@127.0.0.1:{port}/0: " in said
    assert "Start it" in said
    assert product.variable in said
    assert "secret" not in said


@each_product
async def test_what_is_no_url_is_not_shown_since_it_may_be_a_password(product: Product) -> None:
    said = await refusal(product, "secret")

    assert said == f"the value of {product.variable} is no URL of {product.name}. Correct it."


@each_product
async def test_a_server_that_stays_silent_is_not_waited_for_for_ever(
    product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jararaca_testing.profiles.probing.WITHIN", 0.05)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        said = await refusal(product, f"{SCHEMES[product]}://user:secret@127.0.0.1:{listener.getsockname()[1]}/0")

    assert "no answer within 0.05 s" in said


async def test_a_missing_driver_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncpg", None)

    with pytest.raises(MissingExtra, match=r'a test on PostgreSQL needs an extra: pip install "jararaca\[postgres\]"'):
        await POSTGRESQL.answer("postgresql+asyncpg://host/test")
