"""What happens while objects are built: one builder at a time, and factories that break their promise."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from jararaca.core.tokens import Key
from jararaca.errors import CircularDependency, InvalidProvider

NOTHING: Final = object()


class Construction:
    """An object that a coroutine is building while others wait for it. `builder` is its task, if it is known."""

    __slots__ = ("_builder", "_finished")

    def __init__(self, builder: "asyncio.Task[Any] | None" = None) -> None:
        self._builder = builder
        self._finished: asyncio.Event | None = None

    async def wait(self, owner: str) -> None:
        """Return once the builder is done, whether it succeeded or not.

        Raises:
            CircularDependency: the builder is the one that would wait.
        """
        if self._builder is not None and self._builder is asyncio.current_task():
            raise CircularDependency(
                f"{owner} looks itself up while it runs, directly or through what it calls. Look it up later, when "
                "it is used.",
                path=(owner, owner),
            )
        if self._finished is None:
            self._finished = asyncio.Event()
        await self._finished.wait()

    def finish(self) -> None:
        """Let those who wait look again."""
        if self._finished is not None:
            self._finished.set()


async def wait_for(pending: dict[Key, Construction | None], key: Key, owner: str) -> None:
    """Wait for what another coroutine builds, where nobody has waited yet if there is no `Construction`."""
    construction = pending[key] = pending[key] or Construction()
    await construction.wait(owner)


def no_value(owner: str) -> InvalidProvider:
    """A generator ended before it yielded."""
    return InvalidProvider(f"{owner} is a generator and ended without a yield. Yield the object exactly once.")


def unexpected_coroutine(coroutine: Coroutine[Any, Any, Any], owner: str) -> InvalidProvider:
    """A factory that is not declared as async returned something to await, which is closed here."""
    coroutine.close()
    return InvalidProvider(
        f"{owner} returned a coroutine, but is not an async function, so injection cannot tell beforehand that it must "
        "be awaited. Declare it with async def."
    )
