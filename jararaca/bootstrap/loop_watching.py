"""Watches the event loop of a process as long as its application runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.core.measures import Measure
from jararaca.core.microservice import Microservice


class LoopWatching:
    """Starts the watch that the process has, if it has one, and lets its numbers be read."""

    @asynccontextmanager
    async def lifecycle(self, app: Microservice, container: Container) -> AsyncIterator[None]:  # noqa: ARG002
        """Watch from here to the end."""
        environment = container.get_by_type(Environment)
        make = environment.ports.loop_watch
        if make is None:
            yield
            return
        watch = make()
        withdraw = environment.measures(
            Measure("loop_lag_seconds", "The longest wait for a turn of the loop lately", "", lambda: {"": watch.lag}),
            Measure("loop_stalls", "How often the loop was held", "", lambda: {"": watch.stalls}, counts=True),
        )
        watch.start()
        try:
            yield
        finally:
            watch.stop()
            withdraw()
