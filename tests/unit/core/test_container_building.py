"""Objects that live as long as the process."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import pytest
from pydantic import BaseModel
from pydantic_settings import BaseSettings

from jararaca.core.container import Container
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec, Token
from jararaca.errors import AsyncFactory, CircularDependency, InvalidProvider, MissingProvider, ScopeViolation

pytestmark = pytest.mark.asyncio

T = TypeVar("T")


class Pool:
    pass


class Clock(Protocol):
    def now(self) -> float: ...


class SystemClock:
    def now(self) -> float:
        return 1.0


class Service:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool


class Repository(Generic[T]):
    def __init__(self, pool: Pool) -> None:
        self.pool = pool


def container(*providers: ProviderSpec | type, controllers: tuple[type, ...] = ()) -> Container:
    return Container(Microservice(providers=providers, controllers=controllers))


def make_pool() -> Pool:
    return Pool()


async def connect_pool() -> Pool:
    return Pool()


def opened_pool() -> Iterator[Pool]:
    yield Pool()


async def connected_pool() -> AsyncIterator[Pool]:
    yield Pool()


class PoolMaker:
    def __call__(self) -> Pool:
        return Pool()


class AsyncPoolMaker:
    async def __call__(self) -> Pool:
        return Pool()


SYNCHRONOUS = [make_pool, opened_pool, contextmanager(opened_pool), PoolMaker(), Pool, functools.partial(make_pool)]
ASYNCHRONOUS = [connect_pool, connected_pool, asynccontextmanager(connected_pool), AsyncPoolMaker()]


@pytest.mark.parametrize("factory", [*SYNCHRONOUS, *ASYNCHRONOUS, functools.partial(connect_pool)])
async def test_every_kind_of_factory_makes_the_object_once(factory: Callable[..., Any]) -> None:
    declared = container(ProviderSpec(Pool, use_factory=factory))
    first = await declared.resolve(Service)
    assert isinstance(first.pool, Pool)
    assert (await declared.resolve(Pool)) is first.pool
    await declared.close()


@pytest.mark.parametrize("factory", SYNCHRONOUS)
async def test_synchronous_factories_need_no_awaiting(factory: Callable[..., Any]) -> None:
    declared = container(ProviderSpec(Pool, use_factory=factory))
    assert isinstance(declared.get_by_type(Service).pool, Pool)
    await declared.close()


@pytest.mark.parametrize("factory", ASYNCHRONOUS)
async def test_a_synchronous_look_up_of_something_async_says_what_to_call(factory: Callable[..., Any]) -> None:
    declared = container(ProviderSpec(Pool, use_factory=factory))
    with pytest.raises(AsyncFactory, match=r"is async. Use await container.resolve\(Service\)"):
        declared.get_by_type(Service)


@pytest.mark.parametrize("factory", ASYNCHRONOUS)
async def test_what_is_built_already_needs_no_awaiting(factory: Callable[..., Any]) -> None:
    declared = container(ProviderSpec(Pool, use_factory=factory))
    pool = await declared.resolve(Pool)
    assert declared.get_by_type(Service).pool is pool
    await declared.close()


@pytest.mark.parametrize("value", [None, 0, "", False])
async def test_falsy_values_are_provided(value: object) -> None:
    token = Token(object, "VALUE")
    assert container(ProviderSpec(token, use_value=value)).get_by_token(token) == value


async def test_the_later_of_two_providers_of_a_key_wins() -> None:
    first, second = Pool(), Pool()
    declared = container(ProviderSpec(Pool, use_value=first), ProviderSpec(Token[Pool], use_value=second))
    assert declared.get_by_type(Pool) is second


async def test_an_alias_gives_the_same_object() -> None:
    declared = container(ProviderSpec(Clock, use_existing=SystemClock))
    assert declared.get_by_type(Clock) is declared.get_by_type(SystemClock)


async def test_a_class_serves_another_key() -> None:
    assert container(ProviderSpec(Clock, use_class=SystemClock)).get_by_type(Clock).now() == 1.0


async def test_a_class_in_the_list_of_providers_provides_itself() -> None:
    declared = container(Pool)
    assert declared.find(Pool) is declared.get_by_type(Pool)


async def test_the_container_is_in_the_container() -> None:
    declared = container()
    assert declared.get_by_type(Container) is declared


async def test_parameters_of_factories_are_injected() -> None:
    def make(pool: Pool, /, size: Annotated[int, Token(int, "SIZE")], *, name: str = "main") -> Service:
        service = Service(pool)
        return (service, size, name)  # type: ignore[return-value]

    declared = container(ProviderSpec(Service, use_factory=make), ProviderSpec(Token(int, "SIZE"), use_value=3))
    made: Any = declared.get_by_type(Service)
    assert (made[0].pool, made[1], made[2]) == (declared.get_by_type(Pool), 3, "main")


class Flexible:
    def __init__(
        self,
        spare: int = 7,
        /,
        clock: Clock | None = None,
        *more: int,
        pool: Pool | None,
        mode: Literal["fast"] = "fast",
        extra: Pool = Pool(),  # noqa: B008 -- what a default does is the subject
        **options: int,
    ) -> None:
        self.seen = (spare, clock, more, pool, extra, {"mode": mode, **options})


async def test_without_provider_defaults_and_none_are_passed() -> None:
    spare, clock, more, pool, extra, options = container().get_by_type(Flexible).seen
    assert (spare, clock, more, pool, options) == (7, None, (), None, {"mode": "fast"})
    assert isinstance(extra, Pool)


async def test_with_a_provider_defaults_and_none_are_not_used() -> None:
    mine = Pool()
    declared = container(ProviderSpec(Pool, use_value=mine), ProviderSpec(int, use_value=9))
    spare, _, _, pool, extra, _ = declared.get_by_type(Flexible).seen
    assert (spare, pool, extra) == (9, mine, mine)


async def test_dataclasses_models_and_settings_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclass
    class Holder:
        pool: Pool
        names: list[str] = field(default_factory=list)

    class Model(BaseModel):
        size: int = 3
        names: list[str] = []

    class Settings(BaseSettings):
        holder_url: str

    monkeypatch.setenv("HOLDER_URL", "memory://")
    declared = container()
    assert isinstance(declared.get_by_type(Holder).pool, Pool)
    assert declared.get_by_type(Model) == Model(size=3)
    assert declared.get_by_type(Settings).holder_url == "memory://"


async def test_generic_classes_with_different_arguments_are_different_objects() -> None:
    declared = container()
    repositories: list[Repository[Any]] = [
        declared.get_by_type(Repository[int]),
        declared.get_by_type(Repository[str]),
    ]
    assert repositories[0] is not repositories[1]
    assert repositories[0].pool is repositories[1].pool


async def test_a_generic_class_is_served_by_the_provider_of_the_class() -> None:
    class Users:
        def __init__(self, repository: Repository[int]) -> None:
            self.repository = repository

    declared = container(Repository)
    assert declared.get_by_type(Users).repository is declared.get_by_type(Repository)


async def test_find_gives_none_without_a_provider() -> None:
    assert container().find(Pool) is None
    assert container().find(Token(Pool, "OTHER")) is None


async def test_something_of_a_unit_of_work_is_not_in_the_container() -> None:
    declared = container(ProviderSpec(Pool, use_class=Pool, scope="uow"))
    with pytest.raises(ScopeViolation, match=r"Service lives for one unit of work.*await scope.resolve"):
        await declared.resolve(Service)


async def test_a_look_up_of_something_missing_fails_like_validation() -> None:
    with pytest.raises(MissingProvider, match="Clock is asked for"):
        await container().resolve(Clock)


async def test_a_generator_must_yield() -> None:
    def make() -> Iterator[Pool]:
        yield from ()

    async def make_async() -> AsyncIterator[Pool]:
        for pool in list[Pool]():
            yield pool

    with pytest.raises(InvalidProvider, match="make is a generator and ended without a yield"):
        container(ProviderSpec(Pool, use_factory=make)).get_by_type(Pool)
    with pytest.raises(InvalidProvider, match="make_async is a generator and ended without a yield"):
        await container(ProviderSpec(Pool, use_factory=make_async)).resolve(Pool)


async def test_a_factory_that_hides_that_it_is_async_is_told_to_show_it() -> None:
    def connect() -> Any:
        return connect_pool()

    with pytest.raises(InvalidProvider, match=r"connect returned a coroutine.*Declare it with async def"):
        container(ProviderSpec(Pool, use_factory=connect)).get_by_type(Pool)


async def test_two_coroutines_that_ask_at_once_get_one_object() -> None:
    connected = asyncio.Event()
    made: list[Pool] = []

    async def connect() -> Pool:
        await connected.wait()
        made.append(Pool())
        return made[-1]

    declared = container(ProviderSpec(Pool, use_factory=connect))
    async with asyncio.TaskGroup() as group:
        first = group.create_task(declared.resolve(Service))
        second = group.create_task(declared.resolve(Pool))
        third = group.create_task(declared.resolve(Pool))
        asyncio.get_running_loop().call_soon(connected.set)
    assert first.result().pool is second.result() is third.result() is made[0]
    assert len(made) == 1


async def test_who_waits_for_a_build_that_fails_builds_it_again() -> None:
    def refuse() -> Pool:
        raise ConnectionError

    answers = [refuse, Pool]
    asked = asyncio.Event()

    async def connect() -> Pool:
        await asked.wait()
        return answers.pop(0)()

    declared = container(ProviderSpec(Pool, use_factory=connect))
    asyncio.get_running_loop().call_soon(asked.set)
    first, second = await asyncio.gather(declared.resolve(Pool), declared.resolve(Pool), return_exceptions=True)
    assert isinstance(first, ConnectionError)
    assert isinstance(second, Pool)


async def test_a_cancelled_build_does_not_cancel_those_who_wait() -> None:
    go_on = asyncio.Event()

    async def connect() -> Pool:
        await go_on.wait()
        return Pool()

    declared = container(ProviderSpec(Pool, use_factory=connect))
    first = asyncio.get_running_loop().create_task(declared.resolve(Pool))
    second = asyncio.get_running_loop().create_task(declared.resolve(Pool))
    asyncio.get_running_loop().call_soon(first.cancel)
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert isinstance(await second, Pool)


async def test_those_who_look_on_see_what_is_built_and_build_nothing() -> None:
    declared = container(Pool)
    assert declared.built() == []

    pool = await declared.resolve(Pool)

    assert declared.built() == [pool]


async def test_a_factory_that_looks_itself_up_is_told_so() -> None:
    async def connect(container: Container) -> Pool:
        return await container.resolve(Pool)

    with pytest.raises(CircularDependency, match="connect looks itself up while it runs"):
        await container(ProviderSpec(Pool, use_factory=connect)).resolve(Pool)
