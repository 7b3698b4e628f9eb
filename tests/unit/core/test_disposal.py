"""The end of what generators made."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from jararaca.core.disposal import dispose
from jararaca.errors import InvalidProvider

pytestmark = pytest.mark.asyncio


def passing(log: list[BaseException | None]) -> Iterator[int]:
    try:
        yield 1
    except BaseException as error:
        log.append(error)
        raise
    log.append(None)


async def passing_async(log: list[BaseException | None]) -> AsyncIterator[int]:
    try:
        yield 1
    except BaseException as error:
        log.append(error)
        raise
    log.append(None)


def catching(log: list[BaseException | None]) -> Iterator[int]:
    try:
        yield 1
    except BaseException as error:  # noqa: BLE001 -- catching everything is the subject
        log.append(error)


async def catching_async(log: list[BaseException | None]) -> AsyncIterator[int]:
    try:
        yield 1
    except BaseException as error:  # noqa: BLE001 -- catching everything is the subject
        log.append(error)


def replacing(log: list[BaseException | None]) -> Iterator[int]:
    try:
        yield 1
    finally:
        log.append(None)
        raise OSError("replaced")


async def replacing_async(log: list[BaseException | None]) -> AsyncIterator[int]:
    try:
        yield 1
    finally:
        log.append(None)
        raise OSError("replaced")


def repeating(log: list[BaseException | None]) -> Iterator[int]:
    try:
        yield 1
    except ValueError as error:
        log.append(error)
    yield 2


async def repeating_async(log: list[BaseException | None]) -> AsyncIterator[int]:
    try:
        yield 1
    except ValueError as error:
        log.append(error)
    yield 2


Factory = Callable[[list[BaseException | None]], Any]


async def advanced(factory: Factory, log: list[BaseException | None]) -> Any:
    """A generator of either kind that has yielded once."""
    generator = factory(log)
    advance = getattr(generator, "__anext__", None)
    first = next(generator) if advance is None else await advance()
    assert first == 1
    return generator


@pytest.fixture
def log() -> list[BaseException | None]:
    return []


@pytest.mark.parametrize("factory", [passing, passing_async, catching, catching_async])
async def test_without_an_error_the_rest_of_a_generator_runs(factory: Factory, log: list[BaseException | None]) -> None:
    generator = await advanced(factory, log)
    await dispose([generator])
    assert log in ([None], [])


@pytest.mark.parametrize("factory", [passing, passing_async, catching, catching_async])
@pytest.mark.parametrize(
    "error", [ValueError(), asyncio.CancelledError(), StopIteration(), StopAsyncIteration()], ids=repr
)
async def test_an_error_is_thrown_in_and_neither_passing_nor_catching_it_fails(
    factory: Factory, error: BaseException, log: list[BaseException | None]
) -> None:
    await dispose([await advanced(factory, log)], error)
    assert log == [error]


@pytest.mark.parametrize("factory", [passing, passing_async])
async def test_the_traceback_of_the_error_stays_as_it_was(factory: Factory, log: list[BaseException | None]) -> None:
    error = ValueError()
    await dispose([await advanced(factory, log)], error)
    assert error.__traceback__ is None


@pytest.mark.parametrize("factory", [replacing, replacing_async])
@pytest.mark.parametrize("error", [None, ValueError()])
async def test_another_error_on_the_way_out_is_raised(
    factory: Factory, error: BaseException | None, log: list[BaseException | None]
) -> None:
    generator = await advanced(factory, log)
    with pytest.raises(OSError, match="replaced"):
        await dispose([generator], error)


@pytest.mark.parametrize("factory", [repeating, repeating_async])
@pytest.mark.parametrize("error", [None, ValueError()])
async def test_a_second_value_is_refused(
    factory: Factory, error: BaseException | None, log: list[BaseException | None]
) -> None:
    generator = await advanced(factory, log)
    with pytest.raises(InvalidProvider, match=rf"{factory.__name__} yields more than once"):
        await dispose([generator], error)


async def test_every_generator_is_finished_whatever_the_others_do(log: list[BaseException | None]) -> None:
    factories = [passing, replacing, passing_async, replacing_async]
    generators = [await advanced(factory, log) for factory in factories]
    with pytest.raises(ExceptionGroup, match="several disposals failed") as caught:
        await dispose(generators)
    assert [str(error) for error in caught.value.exceptions] == ["replaced", "replaced"]
    assert log == [None, None, None, None]


async def test_a_cancellation_is_raised_by_itself(log: list[BaseException | None]) -> None:
    async def cancelled(log: list[BaseException | None]) -> AsyncIterator[int]:
        yield 1
        raise asyncio.CancelledError

    generators = [await advanced(factory, log) for factory in (passing, replacing, cancelled)]
    with pytest.raises(asyncio.CancelledError):
        await dispose(generators)
    assert log == [None, None]
