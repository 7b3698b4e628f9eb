"""What a type checker knows about injection. The file is checked by mypy in strict mode as well as run."""

from typing import Generic, Protocol, TypeVar, assert_type

import pytest

from jararaca.core.container import Container
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token

T = TypeVar("T")


class Redis(Generic[T]):
    pass


class Clock(Protocol):
    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return 1.0


CACHE = Token["Redis[bytes]"](Redis, "CACHE")


def container() -> Container:
    providers = [ProviderSpec(CACHE, use_class=Redis), ProviderSpec(Clock, use_class=SystemClock)]
    return Container(Microservice(providers=providers))


def test_a_class_gives_its_instance() -> None:
    assert_type(container().get_by_type(SystemClock), SystemClock)


def test_a_protocol_is_a_key_like_a_class() -> None:
    assert_type(container().get_by_type(Clock), Clock)


def test_a_token_gives_what_it_was_made_for() -> None:
    assert_type(container().get_by_token(Token(Clock)), Clock)
    assert_type(container().get_by_token(Token[SystemClock]), SystemClock)


def test_a_token_may_say_more_than_its_class() -> None:
    assert_type(container().get_by_token(CACHE), Redis[bytes])


def test_find_may_give_none() -> None:
    assert_type(container().find(Clock), Clock | None)
    assert_type(container().find(CACHE), Redis[bytes] | None)
    assert_type(container().find(Token[SystemClock]), SystemClock | None)


@pytest.mark.asyncio
async def test_resolving_gives_the_same_types() -> None:
    assert_type(await container().resolve(Clock), Clock)
    assert_type(await container().resolve(CACHE), Redis[bytes])
    assert_type(await container().resolve(Token[SystemClock]), SystemClock)


@pytest.mark.asyncio
async def test_scopes_give_the_same_types() -> None:
    async with container().open_scope() as scope:
        assert_type(await scope.resolve(Clock), Clock)
        assert_type(await scope.resolve(CACHE), Redis[bytes])
        assert_type(scope.get(Clock), Clock)
        assert_type(scope.get(CACHE), Redis[bytes])
        assert_type(scope.get(Token[SystemClock]), SystemClock)
