"""How the framework talks to a Redis server that the user's own client names.

A user hands over a `redis.asyncio.Redis`. Its pool, its limits and its decoding are the user's; the framework opens
connections of its own to the same server, with the same credentials, that never decode and never retry: a command
that fails says so at once, and who called decides what comes next.
"""

from typing import Any, Protocol

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection to come about, or a command to be answered, unless the user's client says less."""

OF_ANOTHER_POOL = ("himport_registry", "maint_notifications_pool_handler", "oss_cluster_maint_notifications_handler")


class RedisClientFactory(Protocol):
    """The key under which another client can be put in the place of every Redis client that an application is given.

    Provide one to send all of an application's Redis traffic to another server, such as an in-memory one.
    """

    def __call__(self, client: Redis) -> Redis:
        """The client to use instead of `client`; it may be `client` itself."""
        ...


def same_client(client: Redis) -> Redis:
    """The factory that applies when none is provided: the user's client as it is."""
    return client


def own_pool(client: Redis) -> ConnectionPool:
    """A pool of the framework's own for the server of `client`; it connects at its first use. Close it after use."""
    theirs = client.connection_pool
    options: dict[str, Any] = {
        name: value for name, value in theirs.connection_kwargs.items() if name not in OF_ANOTHER_POOL
    }
    for name in ("socket_timeout", "socket_connect_timeout"):
        options[name] = min(options.get(name) or CONNECT_TIMEOUT, CONNECT_TIMEOUT)
    options |= {"decode_responses": False, "retry": Retry(NoBackoff(), 0), "retry_on_error": []}
    options["health_check_interval"] = 0
    return ConnectionPool(connection_class=theirs.connection_class, **options)


def address_of(client: Redis) -> str:
    """Where the server of `client` is, for messages: never a user name or a password."""
    options = client.connection_pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}"
    return f"redis://{options.get('host', 'localhost')}:{options.get('port', 6379)}"
