"""The contract of a fan-out. Instances that one fixture makes are like processes that share one server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import pytest
import pytest_asyncio

from jararaca.errors import FanoutUnavailable, UsageError
from jararaca.ports.fanout import Fanout
from jararaca_testing.contracts.proofs import proves

PATIENCE = 10.0  # seconds
EVERY_BYTE = bytes(range(256))
Connect = Callable[[], Fanout]


class LosableServer(Protocol):
    """A server that a test can take away."""

    async def lose(self) -> None:
        """End the connections of this test's instances, under their eyes."""
        ...

    async def recover(self) -> None:
        """Take connections again."""
        ...


async def receive(frames: AsyncIterator[tuple[str, bytes]], count: int) -> list[tuple[str, bytes]]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(frames) for _ in range(count)]


class FanoutContract:
    """Every test of a `Fanout`. Inherit it in a class whose name begins with `Test`, and override `new_fanout`."""

    pytestmark = pytest.mark.asyncio

    @pytest.fixture
    def new_fanout(self) -> Callable[[], Fanout]:
        """Override this: makes instances that all hear each other, and nobody else."""
        raise UsageError(
            f"{type(self).__name__} says not which fan-out is under contract. Override its fixture new_fanout with one "
            "that returns a function, which makes one more instance at each call."
        )

    @pytest_asyncio.fixture
    async def connect(self, new_fanout: Callable[[], Fanout]) -> AsyncIterator[Connect]:
        """Makes one more instance, which is closed after the test."""
        instances: list[Fanout] = []

        def connect() -> Fanout:
            instances.append(new_fanout())
            return instances[-1]

        yield connect
        for instance in instances:
            await instance.close()

    @proves("FANOUT-01")
    async def test_what_one_instance_publishes_reaches_itself_and_the_others(self, connect: Connect) -> None:
        first, second = connect(), connect()
        async with first.subscribe("news") as at_first, second.subscribe("news") as at_second:
            await first.publish("news", b"hello")

            assert await receive(at_first, 1) == [("news", b"hello")]
            assert await receive(at_second, 1) == [("news", b"hello")]

    @proves("FANOUT-02", "REDIS-17")
    async def test_a_subscription_is_in_effect_as_soon_as_it_is_entered(self, connect: Connect) -> None:
        subscriber, publisher = connect(), connect()
        for number in range(20):
            async with subscriber.subscribe(f"channel-{number}") as frames:
                await publisher.publish(f"channel-{number}", b"first")
                assert await receive(frames, 1) == [(f"channel-{number}", b"first")]

    @proves("FANOUT-03", "REDIS-01")
    async def test_who_subscribes_later_never_sees_it(self, connect: Connect) -> None:
        instance = connect()
        await instance.publish("news", b"missed")
        async with instance.subscribe("news") as frames:
            await instance.publish("news", b"seen")

            assert await receive(frames, 1) == [("news", b"seen")]

    @proves("FANOUT-04", "REDIS-06")
    async def test_several_channels_come_through_one_subscription_in_the_order_of_the_publisher(
        self, connect: Connect
    ) -> None:
        instance = connect()
        async with instance.subscribe("a", "b") as frames:
            sent = [("ab"[number % 2], b"%d" % number) for number in range(50)]
            await asyncio.gather(*(instance.publish(channel, payload) for channel, payload in sent))

            assert await receive(frames, 50) == sent

    @proves("FANOUT-05")
    async def test_other_channels_do_not_arrive(self, connect: Connect) -> None:
        instance = connect()
        async with instance.subscribe("news") as frames:
            await instance.publish("olds", b"not asked for")
            await instance.publish("news", b"asked for")

            assert await receive(frames, 1) == [("news", b"asked for")]

    @proves("FANOUT-06", "REDIS-11")
    @pytest.mark.parametrize("payload", [b"", EVERY_BYTE, b"\r\n$5\r\n", bytes(200_000), "schön".encode()])
    async def test_every_byte_of_a_payload_arrives(self, connect: Connect, payload: bytes) -> None:
        instance = connect()
        async with instance.subscribe("news") as frames:
            await instance.publish("news", payload)

            assert await receive(frames, 1) == [("news", payload)]

    @proves("FANOUT-05")
    @pytest.mark.parametrize("channel", ["n*", "n?", "[n]", "a b", "räume", "a,b", "new\nline"])
    async def test_a_channel_is_an_exact_name(self, connect: Connect, channel: str) -> None:
        """Names with the signs of patterns and protocols stand for themselves."""
        instance = connect()
        async with instance.subscribe(channel) as frames:
            await instance.publish("nn", b"for somebody else")
            await instance.publish("n", b"for somebody else")
            await instance.publish(channel, b"mine")

            assert await receive(frames, 1) == [(channel, b"mine")]

    async def test_a_subscription_can_be_looped_over(self, connect: Connect) -> None:
        instance = connect()
        arrived = []
        async with asyncio.timeout(PATIENCE), instance.subscribe("news") as frames:
            await instance.publish("news", b"1")
            async for frame in frames:
                arrived.append(frame)
                break

        assert arrived == [("news", b"1")]

    @proves("FANOUT-09")
    async def test_closing_an_instance_ends_a_subscription_that_nobody_waits_for(self, connect: Connect) -> None:
        instance = connect()
        async with instance.subscribe("news") as frames:
            await instance.close()

            with pytest.raises(FanoutUnavailable, match="closed"):
                await receive(frames, 1)

    @proves("FANOUT-07")
    async def test_each_subscription_of_one_instance_gets_its_own_copy(self, connect: Connect) -> None:
        instance = connect()
        async with instance.subscribe("news") as first, instance.subscribe("news", "other") as second:
            await instance.publish("news", b"hello")

            assert await receive(first, 1) == await receive(second, 1) == [("news", b"hello")]

    @proves("FANOUT-07")
    async def test_leaving_a_subscription_leaves_the_others_alone(self, connect: Connect) -> None:
        instance = connect()
        async with instance.subscribe("news") as staying:
            async with instance.subscribe("news"):
                pass
            await instance.publish("news", b"hello")

            assert await receive(staying, 1) == [("news", b"hello")]

    @proves("FANOUT-08")
    async def test_a_wait_that_is_cancelled_loses_nothing(self, connect: Connect) -> None:
        instance = connect()
        async with instance.subscribe("news") as frames:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await anext(frames)
            await instance.publish("news", b"hello")

            assert await receive(frames, 1) == [("news", b"hello")]

    @proves("FANOUT-09")
    async def test_closing_an_instance_ends_the_wait_of_its_subscriptions_for_good(self, connect: Connect) -> None:
        instance = connect()
        async with instance.subscribe("news") as frames:
            ended, _ = await asyncio.gather(receive(frames, 1), instance.close(), return_exceptions=True)

            assert isinstance(ended, FanoutUnavailable)
            with pytest.raises(FanoutUnavailable, match="closed"):
                await receive(frames, 1)

    @proves("FANOUT-09")
    async def test_closing_an_instance_leaves_the_others_alone(self, connect: Connect) -> None:
        leaving, staying = connect(), connect()
        async with staying.subscribe("news") as frames:
            await leaving.close()
            await staying.publish("news", b"hello")

            assert await receive(frames, 1) == [("news", b"hello")]

    @proves("FANOUT-09")
    async def test_a_closed_instance_neither_publishes_nor_subscribes(self, connect: Connect) -> None:
        instance = connect()
        await instance.close()
        await instance.close()

        with pytest.raises(FanoutUnavailable, match="closed"):
            await instance.publish("news", b"hello")
        with pytest.raises(FanoutUnavailable, match="closed"):
            async with instance.subscribe("news"):
                pass


class LosableFanoutContract(FanoutContract):
    """Those of a fan-out over a server that may go away. Override `server` as well."""

    @pytest.fixture
    def server(self) -> LosableServer:
        """Override this: takes the server of `new_fanout` away, and brings it back."""
        raise UsageError(
            f"{type(self).__name__} says not how its server goes away. Override its fixture server with one that "
            "returns an object with the methods lose() and recover(), or inherit FanoutContract."
        )

    @proves("FANOUT-10")
    async def test_a_lost_server_ends_a_subscription_for_good(self, server: LosableServer, connect: Connect) -> None:
        """A driver that reconnects in silence would hide that something was missed."""
        instance = connect()
        async with instance.subscribe("news") as frames:
            ended, _ = await asyncio.gather(receive(frames, 1), server.lose(), return_exceptions=True)

            assert isinstance(ended, FanoutUnavailable)
            with pytest.raises(FanoutUnavailable, match="not available"):
                await receive(frames, 1)

    @proves("FANOUT-10")
    async def test_after_a_loss_one_can_subscribe_anew(self, server: LosableServer, connect: Connect) -> None:
        instance = connect()
        await instance.publish("news", b"before")
        await server.lose()
        await server.recover()
        with contextlib.suppress(FanoutUnavailable):  # the first publish may find the dead connection
            await instance.publish("news", b"between")
        async with instance.subscribe("news") as frames:
            await instance.publish("news", b"after")

            assert await receive(frames, 1) == [("news", b"after")]
