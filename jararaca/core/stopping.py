"""What handlers may ask and say about the process coming to an end, in any runtime."""

from collections.abc import Awaitable
from typing import TypeVar

from jararaca.core.context import current_execution

T = TypeVar("T")


def is_shutting_down() -> bool:
    """Whether the process was asked to stop; long loops look here and end early.

    Raises:
        OutsideExecution: nothing is being handled here. So do the other functions of this module.
    """
    return current_execution("is_shutting_down()").environment.shutdown.is_requested


async def wait_for_shutdown() -> None:
    """Return once the process was asked to stop."""
    await current_execution("wait_for_shutdown()").environment.shutdown.wait()


async def shutdown_race(*awaitables: Awaitable[T]) -> T | None:
    """What the first of them returns or raises, or None if a shutdown was asked for before; the rest is cancelled.

    Raises:
        CancelledError: somebody else has cancelled the first that ended, as awaiting it would raise.
    """
    return await current_execution("shutdown_race()").environment.shutdown.race(*awaitables)


def request_shutdown() -> None:
    """Ask the process to stop as it would on a first SIGTERM: what runs is finished first.

    A server that is not ours (uvicorn, with the object of `create_http_server`) gets that SIGTERM.
    """
    current_execution("request_shutdown()").environment.shutdown.request()
