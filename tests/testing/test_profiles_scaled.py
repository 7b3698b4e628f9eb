"""Time that is scaled: it tells the truth, refuses what it cannot do, and scales what a broker is told."""

import asyncio
from typing import Any

import pytest

from jararaca import Microservice
from jararaca.adapters.memory.broker.broker import MemoryBroker
from jararaca.adapters.memory.broker.vhost import VirtualHost
from jararaca.errors import UsageError
from jararaca.ports.broker import Binding, BrokerState, Envelope, Exchange, Queue
from jararaca_testing import VirtualClock
from jararaca_testing.profiles.scaled import LATENCY, Made, ScaledBroker, ScaledClock


class Rested:
    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1


def clock_of(rest: Any, scale: float = 0.001, longest: float = 1.0) -> ScaledClock:
    return ScaledClock(scale, longest=longest, rest=rest)


def test_time_passes_faster_by_the_scale_and_what_came_due_is_given_a_moment() -> None:
    rested = Rested()
    clock = clock_of(rested)

    async def advance() -> None:
        await clock.sleep(1)
        await clock.advance(seconds=5, minutes=1, max_steps=3)

    before = (clock.now(), clock.monotonic())
    asyncio.run(advance())

    assert clock.monotonic() - before[1] >= 66 + LATENCY / 0.001
    assert (clock.now() - before[0]).total_seconds() >= 66
    assert rested.times == 1


def test_timeouts_are_scaled_and_those_of_servers_have_a_least_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jararaca_testing.profiles.scaled.LEAST_TIMEOUT", 0.05)
    clock = clock_of(Rested())

    async def wait(seconds: float | None) -> None:
        async with clock.timeout(seconds):
            await clock.sleep(0 if seconds is None else 100)

    asyncio.run(wait(None))
    for seconds, least in ((1, 1), (5, 50), (60, 60)):
        before = clock.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(wait(seconds))
        assert clock.monotonic() - before >= least


def test_an_advance_that_would_take_too_long_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match=r"by 604800 seconds would take 604\.8 real seconds .*virtual_only"):
        asyncio.run(clock_of(Rested()).advance(days=7))


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="cannot advance by -1 seconds"):
        asyncio.run(clock_of(Rested()).advance(-1))


def test_an_unknown_unit_is_refused_with_the_nearest() -> None:
    with pytest.raises(TypeError, match=r"has no unit 'hour'\. Did you mean 'hours'\?"):
        asyncio.run(clock_of(Rested()).advance(hour=1))


@pytest.mark.parametrize("name", ["jump", "set", "autojump", "next_timers", "on_jump"])
def test_what_needs_virtual_time_says_so(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"clock\.{name} needs virtual time.*virtual_only"):
        getattr(clock_of(Rested()), name)


def test_what_no_clock_has_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'tick'"):
        _ = clock_of(Rested()).tick


BINDING = Binding(source="events", destination="orders", routing_key="order.*")


async def connected(broker: ScaledBroker) -> None:
    await broker.connect()
    await broker.declare_exchange(Exchange("events", "topic"))
    await broker.declare_queue(Queue("orders"))
    await broker.bind(BINDING)


@pytest.mark.virtual_only
class TestBroker:
    """A broker in memory stands behind it, on the virtual clock of the test."""

    @pytest.fixture
    def jararaca_microservice(self) -> Any:
        return Microservice()

    @pytest.fixture
    def made(self) -> Made:
        return Made()

    @pytest.fixture
    def broker(self, jararaca_clock: VirtualClock, made: Made) -> ScaledBroker:
        return ScaledBroker(MemoryBroker(VirtualHost(jararaca_clock)), 0.01, made)

    async def test_it_is_the_broker_behind_it_in_everything_else(self, broker: ScaledBroker) -> None:
        states = [broker.state]
        await connected(broker)
        states.append(broker.state)
        assert (states, broker.lost.is_set()) == ([BrokerState.LOST, BrokerState.READY], False)
        taken: list[Any] = []

        await broker.publish(Envelope(b"1"), exchange="events", routing_key="order.paid")
        delivery = await broker.get("orders")
        assert delivery is not None
        assert (delivery.envelope.body, delivery.ack(), await broker.get("orders")) == (b"1", True, None)
        subscription = await broker.consume("orders", prefetch=1, on_delivery=taken.append)
        await broker.publish(Envelope(b"2"), exchange="events", routing_key="order.paid")
        await broker.flush()
        assert [each.envelope.body for each in taken] == [b"2"]
        await subscription.close()

        assert (await broker.inspect_queue("orders")).ready == 1
        await broker.inspect_exchange("events")
        await broker.unbind(BINDING)
        assert (await broker.purge("orders"), await broker.delete_queue("orders")) == (1, 0)
        await broker.delete_exchange("events")
        await broker.close()

    async def test_delays_are_declared_in_scaled_time(self, broker: ScaledBroker, jararaca_clock: VirtualClock) -> None:
        await connected(broker)
        await broker.declare_queue(Queue("wait", arguments={"x-message-ttl": 60_000}))

        await broker.publish(Envelope(b"1"), exchange="", routing_key="wait")
        await broker.publish(Envelope(b"2", expiration="60000"), exchange="", routing_key="orders")
        await jararaca_clock.advance(0.5)
        assert (
            (await broker.inspect_queue("wait")).ready,
            (await broker.inspect_queue("orders")).ready,
        ) == (
            1,
            1,
        )

        await jararaca_clock.advance(0.2)
        assert (
            (await broker.inspect_queue("wait")).ready,
            (await broker.inspect_queue("orders")).ready,
        ) == (
            0,
            0,
        )
        await broker.close()

    async def test_what_was_made_is_deleted_all_of_it(self, broker: ScaledBroker, made: Made) -> None:
        await connected(broker)
        assert (list(made.queues), list(made.exchanges)) == (["orders"], ["events"])

        await made.delete_from(broker)

        assert (list(made.queues), list(made.exchanges)) == ([], [])
        await connected(broker)
        assert (await broker.inspect_queue("orders")).ready == 0
        await broker.close()
