"""The relay as a part of the application, and what has to be cleared away in its database from time to time."""

import logging
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from jararaca.core.environment import Environment
from jararaca.core.lifecycle import TaskScope
from jararaca.messagebus.connection import BusConnection, BusKey
from jararaca.messagebus.relay import Relay, RelayKey
from jararaca.ports.outbox import Inbox

logger = logging.getLogger("jararaca.messagebus")

FIRST_CLEARING = 60.0
"""Seconds from the start until the inbox is cleared for the first time."""
CLEARING = 3600.0
"""Seconds between two clearings."""


def relaying(connection_name: str) -> Callable[[Environment], AsyncIterator[Relay]]:
    """A factory of the relay of a connection; it runs from when it is built until it is disposed of."""

    async def relay(environment: Environment) -> AsyncIterator[Relay]:
        connection = environment.resource(BusKey(connection_name))
        assert isinstance(connection, BusConnection)
        assert connection.outbox is not None
        relay = Relay(environment, connection, connection.outbox, max_attempts=connection.config.outbox_attempts)
        tasks = TaskScope(f"inbox of {connection_name}")
        await relay.start()
        withdraw = environment.offer(RelayKey(connection_name), relay)
        unwatch = environment.checks(f"outbox {connection_name}", lambda: relay.ready)
        if connection.inbox is not None:
            retention = timedelta(seconds=connection.config.inbox_retention)
            tasks.spawn(_clear(environment, connection.inbox, retention), name=tasks.name)
        try:
            yield relay
        finally:
            unwatch()
            await tasks.cancel()
            await relay.stop()
            withdraw()

    return relay


async def _clear(environment: Environment, inbox: Inbox, retention: timedelta) -> None:
    """Forget what was handled too long ago, now and then."""
    clock = environment.clock
    await clock.sleep(FIRST_CLEARING)
    while True:
        try:
            await inbox.forget(clock.now() - retention)
        except Exception as error:  # noqa: BLE001 -- of the database; it is tried again in an hour
            logger.warning("the inbox could not be cleared", extra={"error": type(error).__name__})
        await clock.sleep(CLEARING)
