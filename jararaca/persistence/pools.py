"""How many transactions of a process may have a connection at the same time."""

from sqlalchemy.pool import QueuePool

from jararaca.persistence.config import AIOSQAConfig

POOL_SIZE, MAX_OVERFLOW = 5, 10
"""Of a pool that was told nothing."""


def capacity_of(config: AIOSQAConfig) -> int | None:
    """The most connections that the pool of a database opens; None if there is no limit."""
    options = config.engine_options
    kind = options.get("poolclass", QueuePool)
    size, overflow = options.get("pool_size", POOL_SIZE), options.get("max_overflow", MAX_OVERFLOW)
    if "pool" in options or not issubclass(kind, QueuePool) or size == 0 or overflow == -1:
        return None
    return int(size + overflow)


def too_small(config: AIOSQAConfig, concurrency: int) -> str | None:
    """What to say of a pool that has fewer connections than a process handles messages; None of one that has enough.

    `concurrency` is how many it handles at the same time: the sum over all handlers.
    """
    capacity = capacity_of(config)
    if capacity is None or capacity >= concurrency:
        return None
    return (
        f"the database {config.connection_name!r} has at most {capacity} connections, and up to {concurrency} messages "
        "are handled at the same time: some will wait for a connection, and fail after pool_timeout. Give AIOSQAConfig "
        f"engine_options={{'pool_size': {concurrency}}}, or lower the concurrency."
    )
