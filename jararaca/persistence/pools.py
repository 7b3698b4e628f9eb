"""How many transactions of a process may have a connection at the same time."""

from dataclasses import replace
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.pool import QueuePool

from jararaca.persistence.config import AIOSQAConfig

POOL_SIZE, MAX_OVERFLOW = 5, 10
"""Of a pool that was told nothing."""

_SAID = frozenset(("pool", "poolclass", "pool_size", "max_overflow"))


def sized(config: AIOSQAConfig, attempts: int) -> AIOSQAConfig:
    """The database with a pool that has a connection for each of so many attempts at a time.

    It keeps five open as any other does; the rest are opened while they are needed. What `engine_options` say of the
    pool stands, and one that lends no number of connections is as it was.
    """
    options = config.engine_options
    if attempts <= POOL_SIZE + MAX_OVERFLOW or not _SAID.isdisjoint(options):
        return config
    url = make_url(config.url)
    dialect: Any = url.get_dialect()
    if not issubclass(dialect.get_pool_class(url), QueuePool):
        return config
    return replace(config, engine_options={**options, "max_overflow": attempts - POOL_SIZE})
