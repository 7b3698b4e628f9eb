"""Redis fan-out where the connection misbehaves; what every fan-out does is in the contract.

`ScriptedServer` is a TCP server that speaks just enough of the protocol to subscribe, and can then fall silent, hang
up or talk out of turn.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from fakeredis import FakeAsyncRedis, FakeServer
from redis.asyncio import BlockingConnectionPool, Redis

from jararaca.adapters.redis.connection import RedisClientFactory, address_of, same_client
from jararaca.adapters.redis.fanout import RedisFanout, RedisWebSocketConnectionBackend
from jararaca.core.container import Container
from jararaca.core.microservice import Microservice
from jararaca.core.tokens import ProviderSpec
from jararaca.errors import FanoutUnavailable

pytestmark = pytest.mark.asyncio

PATIENCE = 10.0
Command = list[bytes]
Answer = Callable[[Command], bytes]


def bulk(*parts: bytes) -> bytes:
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def confirmation(channel: bytes) -> bytes:
    return b"*3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(channel), channel)


def frame(channel: bytes, payload: bytes) -> bytes:
    return bulk(b"message", channel, payload)


def well_behaved(command: Command) -> bytes:
    match command[0].upper():
        case b"SUBSCRIBE":
            return b"".join(confirmation(channel) for channel in command[1:])
        case b"PING":
            return bulk(b"pong", b"")
        case b"PUBLISH":
            return b":0\r\n"
        case _:
            return b"+OK\r\n"


def except_for(name: bytes, answer: bytes) -> Answer:
    """A server that behaves, but answers one command in its own way."""
    return lambda command: answer if command[0].upper() == name else well_behaved(command)


class ScriptedServer:
    """Answers each command by a function, and can write or hang up unasked. `commands` are the names received."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.commands: list[str] = []
        self.subscribed = asyncio.Event()
        self.pinged = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.hang_up()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        while header := await reader.readline():
            command = [await self._part(reader) for _ in range(int(header[1:]))]
            self.commands.append(command[0].decode().upper())
            writer.write(self.answer(command))
            {"SUBSCRIBE": self.subscribed, "PING": self.pinged}.get(self.commands[-1], asyncio.Event()).set()
        writer.close()

    async def _part(self, reader: asyncio.StreamReader) -> bytes:
        length = int((await reader.readline())[1:])
        return (await reader.readexactly(length + 2))[:-2]

    def say(self, data: bytes) -> None:
        for writer in self.writers:
            writer.write(data)

    def hang_up(self) -> None:
        for writer in self.writers:
            writer.close()
        self.writers.clear()

    def client(self) -> Redis:
        return Redis(host="127.0.0.1", port=self.port, password="hush", protocol=2)


@asynccontextmanager
async def scripted(
    answer: Answer = well_behaved, *, ping_interval: float = 5.0
) -> AsyncIterator[tuple[ScriptedServer, RedisFanout]]:
    async with ScriptedServer(answer).running() as server:
        fanout = RedisFanout(server.client(), ping_interval=ping_interval)
        yield server, fanout
        await fanout.close()


async def following(frames: AsyncIterator[tuple[str, bytes]]) -> tuple[str, bytes]:
    async with asyncio.timeout(PATIENCE):
        return await anext(frames)


async def test_a_connection_that_is_closed_ends_the_subscription_although_the_server_is_up() -> None:
    """This is what redis-py heals in silence."""
    async with scripted() as (server, fanout), fanout.subscribe("news") as frames:
        server.hang_up()

        with pytest.raises(FanoutUnavailable, match="not available"):
            await following(frames)


async def test_what_arrived_before_a_loss_is_yielded_before_it_is_reported() -> None:
    async with scripted() as (server, fanout), fanout.subscribe("news") as frames:
        server.say(frame(b"news", b"last words"))
        server.hang_up()

        assert await following(frames) == ("news", b"last words")
        with pytest.raises(FanoutUnavailable):
            await following(frames)


async def test_a_second_confirmation_betrays_a_reconnect() -> None:
    async with scripted() as (server, fanout), fanout.subscribe("news") as frames:
        server.say(confirmation(b"news"))

        with pytest.raises(FanoutUnavailable, match="lost in between"):
            await following(frames)


async def test_a_server_that_does_not_answer_two_pings_is_lost() -> None:
    """A frozen server or a half-open link closes nothing: only silence tells."""
    async with (
        scripted(except_for(b"PING", b""), ping_interval=0.4) as (server, fanout),
        fanout.subscribe("news") as frames,
    ):
        with pytest.raises(FanoutUnavailable, match="no answer for"):
            await following(frames)
        assert server.commands.count("PING") == 2


async def test_a_quiet_server_that_answers_pings_is_not_lost() -> None:
    async with scripted(ping_interval=0.25) as (server, fanout), fanout.subscribe("news") as frames:
        waiting = following(frames)
        talking = say_after_pings(server, 3)

        received, _ = await asyncio.gather(waiting, talking)

        assert received == ("news", b"at last")


async def say_after_pings(server: ScriptedServer, count: int) -> None:
    while server.commands.count("PING") < count:
        server.pinged.clear()
        await server.pinged.wait()
    server.say(frame(b"news", b"at last"))


async def test_messages_between_two_confirmations_are_not_lost() -> None:
    early = confirmation(b"a") + frame(b"a", b"early") + confirmation(b"b")
    async with (
        scripted(except_for(b"SUBSCRIBE", early)) as (_, fanout),
        fanout.subscribe("a", "b") as frames,
    ):
        assert await following(frames) == ("a", b"early")


async def test_a_subscription_that_is_not_confirmed_is_not_entered() -> None:
    async with scripted(except_for(b"SUBSCRIBE", b""), ping_interval=0.01) as (_, fanout):
        with pytest.raises(FanoutUnavailable, match=r"no confirmation within 0\.01 s"):
            async with fanout.subscribe("news"):
                pass


async def test_a_refused_subscription_is_not_entered() -> None:
    refusal = b"-NOPERM this user has no permissions to access one of the channels\r\n"
    async with scripted(except_for(b"SUBSCRIBE", refusal)) as (_, fanout):
        with pytest.raises(FanoutUnavailable, match="no permissions"):
            async with fanout.subscribe("news"):
                pass


async def test_a_refused_login_says_so_without_the_password() -> None:
    async with scripted(except_for(b"AUTH", b"-WRONGPASS invalid username-password pair\r\n")) as (server, fanout):
        with pytest.raises(FanoutUnavailable, match="refused the login") as caught:
            await fanout.publish("news", b"hello")
        assert f"redis://127.0.0.1:{server.port}" in str(caught.value)
        assert "hush" not in str(caught.value)


async def test_a_server_that_is_not_there_is_named() -> None:
    async with scripted() as (server, _):
        port = server.port
    fanout = RedisFanout(Redis(host="127.0.0.1", port=port))
    with pytest.raises(FanoutUnavailable, match=f"redis://127.0.0.1:{port} is not available"):
        await fanout.publish("news", b"hello")
    with pytest.raises(FanoutUnavailable, match=f"redis://127.0.0.1:{port} is not available"):
        async with fanout.subscribe("news"):
            pass
    await fanout.close()


async def test_a_failed_publish_is_not_repeated() -> None:
    """A repeated publish could arrive twice; who called decides."""
    async with scripted(except_for(b"PUBLISH", b"-LOADING Redis is loading the dataset\r\n")) as (server, fanout):
        with pytest.raises(FanoutUnavailable, match="loading"):
            await fanout.publish("news", b"hello")
        assert server.commands.count("PUBLISH") == 1


@pytest.mark.parametrize("protocol", [2, 3])
async def test_a_client_that_decodes_texts_still_carries_bytes(protocol: int) -> None:
    fanout = RedisFanout(FakeAsyncRedis(server=FakeServer(), decode_responses=True, protocol=protocol))
    async with fanout.subscribe("news") as frames:
        await fanout.publish("news", b"\xff\x00\xfe")

        assert await following(frames) == ("news", b"\xff\x00\xfe")
    await fanout.close()


async def test_a_prefix_keeps_applications_apart_even_in_other_databases() -> None:
    server = FakeServer()
    fanouts = [
        RedisFanout(FakeAsyncRedis(server=server, db=db), prefix=prefix) for db, prefix in [(0, "a:"), (1, "b:")]
    ]
    async with fanouts[0].subscribe("news") as at_first, fanouts[1].subscribe("news") as at_second:
        await fanouts[1].publish("news", b"for b")
        await fanouts[0].publish("news", b"for a")

        assert (await following(at_first), await following(at_second)) == (("news", b"for a"), ("news", b"for b"))
    for fanout in fanouts:
        await fanout.close()


async def test_the_limits_of_the_users_pool_are_left_to_the_user() -> None:
    """A subscription takes no connection from a pool that has one."""
    server = FakeServer()
    theirs = FakeAsyncRedis(server=server)
    pool = BlockingConnectionPool(
        connection_class=theirs.connection_pool.connection_class, max_connections=1, timeout=1, server=server
    )
    fanout = RedisFanout(Redis(connection_pool=pool))
    async with fanout.subscribe("a") as first, fanout.subscribe("a") as second:
        await fanout.publish("a", b"hello")
        assert await following(first) == await following(second)
    await fanout.close()


async def test_closing_the_fanout_leaves_the_users_client_open() -> None:
    client = FakeAsyncRedis(server=FakeServer())
    await RedisFanout(client).close()
    assert await client.ping()
    await client.aclose()


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (Redis(host="cache.test", port=6380, username="u", password="p"), "redis://cache.test:6380"),
        (Redis(unix_socket_path="/run/redis.sock"), "unix:///run/redis.sock"),
    ],
)
async def test_an_address_has_no_login_in_it(client: Redis, address: str) -> None:
    assert address_of(client) == address


async def test_the_websocket_backend_uses_the_users_client() -> None:
    server = FakeServer()
    backend = RedisWebSocketConnectionBackend(FakeAsyncRedis(server=server), "all", "rooms")
    fanout = backend.fanout(Container(Microservice()))
    other = RedisFanout(FakeAsyncRedis(server=server))
    async with fanout.subscribe(backend.broadcast_pubsub_channel, backend.send_pubsub_channel) as frames:
        await other.publish("rooms", b"hello")

        assert await following(frames) == ("rooms", b"hello")
    await fanout.close()
    await other.close()


async def test_a_client_factory_among_the_providers_takes_the_place_of_the_users_client() -> None:
    """The user's server does not exist here, and nobody notices."""
    theirs = Redis(host="redis.invalid", port=1)
    replaced: list[Redis] = []

    def fake(client: Redis) -> Redis:
        replaced.append(client)
        return FakeAsyncRedis(server=FakeServer())

    app = Microservice(providers=[ProviderSpec(RedisClientFactory, use_value=fake)])
    fanout = RedisWebSocketConnectionBackend(theirs).fanout(Container(app))
    async with fanout.subscribe("news") as frames:
        await fanout.publish("news", b"hello")

        assert await following(frames) == ("news", b"hello")
    await fanout.close()
    assert replaced == [theirs]


async def test_without_a_factory_a_client_stands_for_itself() -> None:
    client = Redis()
    assert same_client(client) is client
