"""The end of objects that generators made: the rest of each generator runs, last one first.

An error that ended the unit of work is thrown into each of them at its `yield`, as a `with` block would, so that they
can undo what they did. Whether they let it pass or catch it, it is raised to the caller just the same.
"""

from collections.abc import AsyncGenerator, Sequence
from types import GeneratorType
from typing import Any, NoReturn, Union

from jararaca.core.construction import NOTHING
from jararaca.errors import InvalidProvider, UsageError

Opened = Union["GeneratorType[Any, Any, Any]", AsyncGenerator[Any, Any]]


async def dispose(opened: Sequence[Opened], error: BaseException | None = None) -> None:
    """Finish all generators, last one first, each whatever the others do.

    Raises:
        BaseException: what the only one that failed raised.
        BaseExceptionGroup: what they raised, if several failed. A cancellation or an exit is raised by itself.
    """
    failures: list[BaseException] = []
    for generator in reversed(opened):
        try:
            if isinstance(generator, GeneratorType):
                _finish(generator, error)
            elif error is not None:
                await _throw_into(generator, error)
            elif await anext(generator, NOTHING) is not NOTHING:
                await _refuse(generator)
        except BaseException as failure:  # noqa: BLE001 -- the others must be disposed too; raised below
            failures.append(failure)
    if failures:
        raise _combined(failures)


def dispose_now(opened: list[Opened]) -> None:
    """Finish generators from the end of the list, taking them off it, up to the last one that must be awaited.

    Raises:
        BaseException: see `dispose`.
    """
    failures: list[BaseException] = []
    while opened and isinstance(generator := opened[-1], GeneratorType):
        opened.pop()
        try:
            _finish(generator, None)
        except BaseException as failure:  # noqa: BLE001 -- the others must be disposed too; raised below
            failures.append(failure)
    if failures:
        raise _combined(failures)


async def abandon(generator: AsyncGenerator[Any, Any], owner: str) -> NoReturn:
    """Finish a generator that came to its object after the scope was closed."""
    await dispose([generator])
    raise outlived(owner)


def outlived(owner: str) -> UsageError:
    """What is raised where a coroutine goes on building after the scope was closed."""
    return UsageError(f"{owner} was still being built when its unit of work ended. Await it inside the unit of work.")


def _combined(failures: list[BaseException]) -> BaseException:
    """The only one, the one that must not be held up, or all of them as a group."""
    urgent = [failure for failure in failures if not isinstance(failure, Exception)]
    if urgent or len(failures) == 1:
        return (urgent or failures)[0]
    return BaseExceptionGroup("several disposals failed", failures)


def _finish(generator: "GeneratorType[Any, Any, Any]", error: BaseException | None) -> None:
    if error is None:
        if next(generator, NOTHING) is not NOTHING:
            generator.close()
            raise _second_value(generator.__qualname__)
        return
    traceback = error.__traceback__
    try:
        generator.throw(error)
    except StopIteration:
        return
    except BaseException as raised:
        if not _is_same(raised, error):
            raise
        error.__traceback__ = traceback
        return
    generator.close()
    raise _second_value(generator.__qualname__)


async def _throw_into(generator: AsyncGenerator[Any, Any], error: BaseException) -> None:
    traceback = error.__traceback__
    try:
        await generator.athrow(error)
    except StopAsyncIteration:
        return
    except BaseException as raised:
        if not _is_same(raised, error):
            raise
        error.__traceback__ = traceback
        return
    await _refuse(generator)


async def _refuse(generator: AsyncGenerator[Any, Any]) -> None:
    await generator.aclose()
    raise _second_value(getattr(generator, "__qualname__", "a factory"))


def _is_same(raised: BaseException, error: BaseException | None) -> bool:
    """Whether it is the error that was thrown in, or Python's wrapper around one that may not leave a generator."""
    if isinstance(error, StopIteration | StopAsyncIteration):
        return raised is error or (isinstance(raised, RuntimeError) and raised.__cause__ is error)
    return raised is error


def _second_value(name: str) -> InvalidProvider:
    return InvalidProvider(f"{name} yields more than once. Yield the object exactly once; what follows disposes of it.")
