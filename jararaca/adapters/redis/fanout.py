"""Fan-out over Redis pub/sub."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import AuthenticationError, RedisError

from jararaca.adapters.redis.connection import RedisClientFactory, address_of, own_pool, same_client
from jararaca.adapters.redis.subscription import RedisSubscription
from jararaca.core.container import Container
from jararaca.errors import FanoutUnavailable

PING_INTERVAL = 5.0


class RedisFanout:
    """The `Fanout` of instances that share one Redis server.

    Args:
        client: names the server and the login. The fan-out opens connections of its own, one to publish and one for
            each subscription; the client stays the caller's to close.
        prefix: put before every channel. Redis has one set of channels for all of its databases, so the prefix, not
            the number of a database, keeps applications apart.
        ping_interval: seconds of silence after which a subscription asks the server for a sign of life; after two
            questions without an answer the connection counts as lost.
    """

    def __init__(self, client: Redis, *, prefix: str = "", ping_interval: float = PING_INTERVAL) -> None:
        self._address = address_of(client)
        self._prefix = prefix
        self._ping_interval = ping_interval
        self._pool = own_pool(client)
        self._publisher = Redis(connection_pool=self._pool)
        self._publishing = asyncio.Lock()
        self._open: dict[RedisSubscription, None] = {}
        self._closed = False

    async def publish(self, channel: str, payload: bytes) -> None:
        """Hand `payload` to every present subscriber of `channel`, this process included.

        Concurrent calls leave one after the other over one connection, so that they arrive in the order of the calls.

        Raises:
            FanoutUnavailable: the server cannot be reached, refuses, or does not answer in time.
        """
        async with self._publishing:
            with self._explaining():
                await self._publisher.publish(self._prefix + channel, payload)

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        """Yield `(channel, payload)`; entered once the server has confirmed each of `channels`.

        Raises:
            FanoutUnavailable: the server cannot be reached; from the iterator: the connection was lost, and what is
                published from then on is missed.
        """
        async with PubSub(self._pool) as pubsub:
            subscription = RedisSubscription(
                pubsub, prefix=self._prefix, ping_interval=self._ping_interval, explaining=self._explaining
            )
            self._open[subscription] = None
            try:
                await subscription.start(channels)
                yield subscription
            finally:
                del self._open[subscription]

    async def close(self) -> None:
        """Close every connection; subscriptions that are open raise."""
        self._closed = True
        for subscription in self._open:
            subscription.end()
        await self._publisher.aclose()
        await self._pool.aclose()

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        if self._closed:
            raise FanoutUnavailable(f"the fan-out over {self._address} was closed")
        try:
            yield
        except AuthenticationError as error:
            raise FanoutUnavailable(f"{self._address} refused the login: {error}") from error
        except (RedisError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise FanoutUnavailable(f"the fan-out over {self._address} is not available: {reason}") from error


class RedisWebSocketConnectionBackend:
    """Lets the websockets of all instances of an application hear each other through Redis.

    Args:
        conn: the user's client; it names the server and stays the user's to close. A `RedisClientFactory` among the
            providers takes its place.
        broadcast_pubsub_channel: where frames for everybody travel. Applications that share a server and should not
            hear each other need other names here.
        send_pubsub_channel: where frames for rooms travel.
    """

    def __init__(
        self,
        conn: Redis,
        broadcast_pubsub_channel: str = "jararaca.websocket.broadcast",
        send_pubsub_channel: str = "jararaca.websocket.send",
    ) -> None:
        self._conn = conn
        self.broadcast_pubsub_channel = broadcast_pubsub_channel
        self.send_pubsub_channel = send_pubsub_channel

    def fanout(self, container: Container) -> RedisFanout:
        """The fan-out itself, made anew at each start of an application."""
        make = container.find(RedisClientFactory) or same_client
        return RedisFanout(make(self._conn))
