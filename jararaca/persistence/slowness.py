"""Transactions that take long are told of.

A connection is held from the first statement of a unit of work to its end, whatever it waits for meanwhile: a call of
another service, say, which then decides how many requests the pool can serve.
"""

import asyncio
import logging
from typing import Any

from jararaca.core.context import Execution
from jararaca.core.places import waits_at
from jararaca.persistence.config import AIOSQAConfig

logger = logging.getLogger("jararaca.persistence")


def warn_later(config: AIOSQAConfig, execution: Execution, task: "asyncio.Task[Any] | None") -> asyncio.TimerHandle:
    """Set the alarm for a transaction that begins now, in `execution` and by `task`."""
    return asyncio.get_running_loop().call_later(config.warn_after, _warn, config, execution, task)


def _warn(config: AIOSQAConfig, execution: Execution, task: "asyncio.Task[Any] | None") -> None:
    logger.warning(
        "a transaction is open for long, and holds a connection meanwhile",
        extra={
            "trigger": execution.trigger.name,
            "execution": execution.id,
            "connection": config.connection_name,
            "seconds": config.warn_after,
            "stack": [] if task is None else waits_at(task),
        },
    )
