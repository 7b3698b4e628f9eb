"""Start and end of the objects of the process."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from jararaca.core.container import Container
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec

pytestmark = pytest.mark.asyncio


class Config:
    pass


class Pool:
    def __init__(self, config: Config) -> None:
        self.config = config


class Cache:
    pass


class Service:
    def __init__(self, pool: Pool) -> None:
        self.pool = pool


@pytest.fixture
def log() -> list[str]:
    return []


def noting(log: list[str], cls: type, name: str) -> Callable[[], Iterator[object]]:
    def make() -> Iterator[object]:
        log.append(f"+{name}")
        yield object.__new__(cls)
        log.append(f"-{name}")

    return make


def noting_async(log: list[str], cls: type, name: str) -> Callable[[], AsyncIterator[object]]:
    async def make() -> AsyncIterator[object]:
        log.append(f"+{name}")
        yield object.__new__(cls)
        log.append(f"-{name}")

    return make


def container(*providers: ProviderSpec | type) -> Container:
    return Container(Microservice(providers=providers))


async def test_registered_providers_are_built_in_order_and_disposed_in_reverse(log: list[str]) -> None:
    declared = container(
        ProviderSpec(Cache, use_factory=noting_async(log, Cache, "cache")),
        ProviderSpec(Pool, use_factory=noting(log, Pool, "pool")),
        ProviderSpec(Service, use_factory=noting(log, Service, "service"), scope="uow"),
    )
    await declared.start()
    assert log == ["+cache", "+pool"]
    await declared.close()
    assert log == ["+cache", "+pool", "-pool", "-cache"]


async def test_what_a_provider_needs_is_built_before_it_and_disposed_after_it(log: list[str]) -> None:
    def pool(config: Config) -> Iterator[Pool]:
        log.append("+pool")
        yield Pool(config)
        log.append("-pool")

    declared = container(
        ProviderSpec(Pool, use_factory=pool), ProviderSpec(Config, use_factory=noting(log, Config, "config"))
    )
    await declared.start()
    await declared.close()
    assert log == ["+config", "+pool", "-pool", "-config"]


async def test_late_providers_come_after_the_interceptors_and_go_before_them(log: list[str]) -> None:
    class Warmed:
        def __init__(self, cache: Cache) -> None: ...

    declared = container(
        ProviderSpec(Cache, use_factory=noting(log, Cache, "late"), after_interceptors=True),
        ProviderSpec(Pool, use_factory=noting_async(log, Pool, "early")),
    )
    await declared.start()
    assert log == ["+early"]
    await declared.start_late()
    before = await declared.resolve(Warmed)
    await declared.close_late()
    assert log == ["+early", "+late", "-late"]
    assert (await declared.resolve(Warmed)) is not before
    await declared.close()
    assert log == ["+early", "+late", "-late", "+late", "-late", "-early"]


async def test_a_start_that_fails_takes_down_what_it_built(log: list[str]) -> None:
    def refuse() -> Pool:
        raise ConnectionError

    declared = container(
        ProviderSpec(Cache, use_factory=noting(log, Cache, "cache")), ProviderSpec(Pool, use_factory=refuse)
    )
    with pytest.raises(ConnectionError):
        await declared.start()
    assert log == ["+cache", "-cache"]


async def test_a_closed_container_builds_anew(log: list[str]) -> None:
    declared = container(ProviderSpec(Cache, use_factory=noting(log, Cache, "cache")))
    first = await declared.resolve(Cache)
    await declared.close()
    await declared.close()
    assert (await declared.resolve(Cache)) is not first
    await declared.close()
    assert log == ["+cache", "-cache"] * 2


async def test_a_failed_build_disposes_of_what_it_built_and_can_be_tried_again(log: list[str]) -> None:
    def refuse() -> Service:
        raise ConnectionError

    answers: list[Callable[[], object]] = [refuse, Cache]

    async def connect(config: Config, pool: Pool) -> object:
        return answers.pop(0)()

    declared = container(
        ProviderSpec(Config, use_factory=noting(log, Config, "config")),
        ProviderSpec(Pool, use_factory=noting_async(log, Pool, "pool")),
        ProviderSpec(Cache, use_factory=connect),
    )
    with pytest.raises(ConnectionError):
        await declared.resolve(Cache)
    assert log == ["+config", "+pool", "-pool", "-config"]
    assert isinstance(await declared.resolve(Cache), Cache)
    await declared.close()


async def test_a_failed_build_leaves_alone_what_was_there_before(log: list[str]) -> None:
    def refuse(config: Config, pool: Pool) -> Cache:
        raise ConnectionError

    declared = container(
        ProviderSpec(Config, use_factory=noting(log, Config, "config")),
        ProviderSpec(Pool, use_factory=noting(log, Pool, "pool")),
        ProviderSpec(Cache, use_factory=refuse),
    )
    declared.get_by_type(Config)
    with pytest.raises(ConnectionError):
        declared.get_by_type(Cache)
    assert log == ["+config", "+pool", "-pool"]
    await declared.close()


async def test_a_failed_build_leaves_alone_what_another_coroutine_took_meanwhile(log: list[str]) -> None:
    """The other one took the pool, and with it the configuration that the pool needs."""
    taken = asyncio.Event()

    def pool(config: Config) -> Iterator[Pool]:
        log.append("+pool")
        yield Pool(config)
        log.append("-pool")

    async def refuse(pool: Pool, cache: Cache) -> Service:
        await taken.wait()
        raise ConnectionError

    declared = container(
        ProviderSpec(Config, use_factory=noting(log, Config, "config")),
        ProviderSpec(Pool, use_factory=pool),
        ProviderSpec(Cache, use_factory=noting(log, Cache, "cache")),
        ProviderSpec(Service, use_factory=refuse),
    )

    async def take() -> Pool:
        found = await declared.resolve(Pool)
        taken.set()
        return found

    failed, found = await asyncio.gather(declared.resolve(Service), take(), return_exceptions=True)
    assert isinstance(failed, ConnectionError)
    assert log == ["+config", "+pool", "+cache", "-cache"]
    assert (await declared.resolve(Pool)) is found
    await declared.close()


async def test_a_disposal_that_fails_does_not_hide_why_the_build_failed(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Iterator[Pool]:
        yield Pool(Config())
        raise OSError

    def refuse(pool: Pool) -> Cache:
        raise ConnectionError

    declared = container(ProviderSpec(Pool, use_factory=broken), ProviderSpec(Cache, use_factory=refuse))
    with caplog.at_level(logging.ERROR, logger="jararaca.core"), pytest.raises(ConnectionError):
        await declared.resolve(Cache)
    assert [record.getMessage() for record in caplog.records] == ["disposing of what a failed build had made failed"]


async def test_every_disposal_runs_whatever_the_others_do(log: list[str]) -> None:
    def broken() -> Iterator[Pool]:
        yield Pool(Config())
        raise OSError("pool")

    async def broken_async() -> AsyncIterator[Service]:
        yield Service(Pool(Config()))
        raise ValueError("service")

    declared = container(
        ProviderSpec(Cache, use_factory=noting(log, Cache, "cache")),
        ProviderSpec(Pool, use_factory=broken),
        ProviderSpec(Service, use_factory=broken_async),
    )
    await declared.start()
    with pytest.raises(ExceptionGroup) as caught:
        await declared.close()
    assert [str(error) for error in caught.value.exceptions] == ["service", "pool"]
    assert log == ["+cache", "-cache"]


async def test_a_provider_registered_later_replaces_what_was_built(log: list[str]) -> None:
    declared = container(ProviderSpec(Pool, use_factory=noting(log, Pool, "pool")))
    before = declared.get_by_type(Service)
    replacement = Pool(Config())
    declared.register(ProviderSpec(Pool, use_value=replacement))
    assert log == ["+pool", "-pool"]
    assert declared.get_by_type(Service) is not before
    assert declared.get_by_type(Service).pool is replacement
    declared.register(Cache)
    assert declared.find(Cache) is not None
