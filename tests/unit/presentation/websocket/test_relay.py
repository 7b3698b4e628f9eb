"""What happens between instances when their connection fails: local clients go on, and what was missed is told."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise

import pytest

from jararaca import Microservice, WebSocketInterceptor, use_ws_manager
from jararaca.adapters.memory.fanout import FanoutHub, MemoryFanout
from jararaca.core.container import Container
from jararaca.core.environment import Environment
from jararaca.errors import FanoutUnavailable
from jararaca.presentation.websocket.interceptor import RELAY
from jararaca.presentation.websocket.relay import OUTBOX_SIZE, Channels, FrameRelay, Gap
from jararaca_testing import RunningApplication, VirtualClock, WebSocketClient
from jararaca_testing.chance import SeededChance
from jararaca_testing.profiles.world import World

pytestmark = pytest.mark.virtual_only

Replica = Callable[..., Awaitable[RunningApplication]]


class Line:
    """A `Fanout` that can be cut, that can lose or repeat what is published, and that can fall silent."""

    def __init__(self, hub: FanoutHub, clock: VirtualClock) -> None:
        self._hub = hub
        self._clock = clock
        self._inner = MemoryFanout(hub)
        self.is_cut = False
        self.lost = 0
        self.repeats = False
        self.is_deaf = False
        self.attempts: list[float] = []

    async def publish(self, channel: str, payload: bytes) -> None:
        self._refuse_when_cut()
        if self.lost > 0:
            self.lost -= 1
            return
        await self._inner.publish(channel, payload)
        if self.repeats:
            self.repeats = False
            raise FanoutUnavailable("the answer was lost")

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[AsyncIterator[tuple[str, bytes]]]:
        self.attempts.append(self._clock.monotonic())
        self._refuse_when_cut()
        async with self._inner.subscribe(*channels if not self.is_deaf else "x") as frames:
            yield frames

    async def cut(self) -> None:
        self.is_cut = True
        await self._inner.close()

    def mend(self) -> None:
        self.is_cut = False
        self._inner = MemoryFanout(self._hub)

    async def close(self) -> None:
        await self._inner.close()

    def _refuse_when_cut(self) -> None:
        if self.is_cut:
            raise FanoutUnavailable("the line is cut")


class Backend:
    """A backend of the user's own."""

    broadcast_pubsub_channel = "broadcast"
    send_pubsub_channel = "send"

    def __init__(self, line: Line) -> None:
        self._line = line

    def fanout(self, container: Container) -> Line:
        return self._line


class Instance:
    """One server: its line, its clients, and the gaps it was told of."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.gaps: list[Gap] = []
        self.interceptor = WebSocketInterceptor(Backend(line), on_gap=self.gaps.append)
        self.running: RunningApplication

    @property
    def ws(self) -> WebSocketClient:
        return self.running.ws

    @property
    def relay(self) -> FrameRelay:
        relay = self.running.environment.resource(RELAY)
        assert isinstance(relay, FrameRelay)
        return relay

    async def broadcast(self, text: str) -> None:
        """Broadcast, and let the frame leave and arrive."""
        await self.running.http.post("/broadcast", json={"text": text})
        await self.running.settle()

    async def readiness(self) -> tuple[int, bool]:
        answer = await self.running.http.get("/health/ready")
        return answer.status_code, answer.json()["checks"]["websocket fan-out"]


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@pytest.fixture
def hub() -> FanoutHub:
    return FanoutHub()


@pytest.fixture
def instances(hub: FanoutHub, clock: VirtualClock) -> tuple[Instance, Instance]:
    """Two servers that have not been started."""
    return Instance(Line(hub, clock)), Instance(Line(hub, clock))


@pytest.fixture
async def two(instances: tuple[Instance, Instance], replica: Replica) -> tuple[Instance, Instance]:
    for instance in instances:
        instance.running = await replica(instance.interceptor)
        await instance.running.settle()
    return instances


Two = tuple[Instance, Instance]


async def test_a_frame_that_was_lost_on_the_way_is_noticed_at_the_next_one(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws") as socket:
        await first.broadcast("1")
        await socket.receive_text()
        first.line.lost = 2
        for text in ("2", "3", "4"):
            await first.broadcast(text)

        assert await socket.receive_text() == "4"
    assert [(gap.seen, gap.next) for gap in second.gaps] == [(1, 4)]
    assert first.gaps == []


async def test_a_lost_tail_is_noticed_at_the_next_heartbeat(two: Two, clock: VirtualClock) -> None:
    first, second = two
    await first.broadcast("1")
    first.line.lost = 1
    await first.broadcast("2")
    await clock.advance(seconds=4)
    assert second.gaps == []
    await clock.advance(seconds=2)

    assert [(gap.seen, gap.next) for gap in second.gaps] == [(1, 3)]


async def test_heartbeats_alone_are_no_gap(two: Two, clock: VirtualClock) -> None:
    first, second = two
    await first.broadcast("1")
    await clock.advance(minutes=5)

    assert (first.gaps, second.gaps) == ([], [])


async def test_a_frame_whose_answer_was_lost_is_published_again_and_delivered_once(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws") as socket:
        first.line.repeats = True
        await first.broadcast("1")
        await first.broadcast("2")

        assert [await socket.receive_text(), await socket.receive_text()] == ["1", "2"]
        await socket.receive_nothing(within=1)
    assert second.gaps == []


async def test_what_is_no_frame_is_counted_and_passed_over(
    two: Two, hub: FanoutHub, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two
    async with second.ws.connect("/ws") as socket:
        hub.deliver("broadcast", b"\0poison")
        hub.deliver("send", b"")
        await first.broadcast("still alive")

        assert await socket.receive_text() == "still alive"
    assert second.relay.undecodable == 2
    assert "a frame on the fan-out channel is not ours" in caplog.text


async def test_while_the_line_is_cut_local_clients_go_on_and_readiness_says_so(two: Two) -> None:
    first, _second = two
    assert await first.readiness() == (200, True)
    await first.line.cut()
    async with first.ws.connect("/ws") as socket:
        await first.broadcast("local")

        assert await socket.receive_text() == "local"
        assert await first.readiness() == (503, False)


async def test_what_was_sent_while_the_line_was_cut_follows_in_order(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws") as socket:
        await first.broadcast("0")
        await socket.receive_text()
        await first.line.cut()
        for text in ("1", "2", "3"):
            await first.broadcast(text)
        first.line.mend()

        assert [await socket.receive_text(timeout=10) for _ in range(3)] == ["1", "2", "3"]
    assert second.gaps == []


async def test_a_server_tries_again_with_growing_pauses_and_tells_that_it_missed_something(
    two: Two, clock: VirtualClock
) -> None:
    _first, second = two
    await second.line.cut()
    second.line.attempts.clear()
    await clock.advance(seconds=20)
    pauses = [round(after - before, 3) for before, after in pairwise(second.line.attempts)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    second.line.mend()
    await clock.advance(seconds=6)

    assert second.gaps == [Gap(None, None, None)]
    assert await second.readiness() == (200, True)


class Middling(SeededChance):
    """Neither the least nor the most."""

    def random(self) -> float:
        return 0.5


async def test_chance_takes_part_of_each_pause(jararaca_world: World, hub: FanoutHub, clock: VirtualClock) -> None:
    """Servers that lost their line at one moment do not come back at one moment."""
    ports = replace(jararaca_world.ports, chance=Middling(1))
    environment = Environment(name="app", ports=ports, container=Container(Microservice()))
    line = Line(hub, clock)
    relay = FrameRelay(environment, line, Channels("broadcast", "send"), heartbeats=True, on_gap=None)
    await line.cut()

    relay.receive()
    await clock.advance(seconds=5)
    await relay.stop()

    pauses = [round(after - before, 4) for before, after in pairwise(line.attempts)]
    assert pauses == [0.075, 0.15, 0.3, 0.6, 1.2, 2.4]


async def test_after_an_interruption_frames_of_others_are_counted_anew(two: Two, clock: VirtualClock) -> None:
    """The interruption was told already; the frames of that time are not told a second time."""
    first, second = two
    await first.broadcast("1")
    await second.line.cut()
    await first.broadcast("2")
    second.line.mend()
    await clock.advance(seconds=20)
    async with second.ws.connect("/ws") as socket:
        await first.broadcast("3")
        assert await socket.receive_text() == "3"

    assert second.gaps == [Gap(None, None, None)]


async def test_a_server_starts_while_the_line_is_cut(instances: Two, replica: Replica, clock: VirtualClock) -> None:
    first, second = instances
    await second.line.cut()
    for instance in instances:
        instance.running = await replica(instance.interceptor)
    assert await second.readiness() == (503, False)
    second.line.mend()
    await clock.advance(seconds=6)

    async with second.ws.connect("/ws") as socket:
        await first.broadcast("at last")
        assert await socket.receive_text() == "at last"


async def test_a_subscription_that_falls_silent_without_an_error_is_made_anew(
    instances: Two, replica: Replica, clock: VirtualClock
) -> None:
    """Nothing comes, not even the server's own heartbeat: after three of them the subscription counts as dead."""
    first, second = instances
    second.line.is_deaf = True
    for instance in instances:
        instance.running = await replica(instance.interceptor)
    await clock.advance(seconds=14)
    assert (await second.readiness(), second.line.attempts) == ((200, True), [0.0])
    second.line.is_deaf = False
    await clock.advance(seconds=2)

    async with second.ws.connect("/ws") as socket:
        await first.broadcast("heard")
        assert await socket.receive_text() == "heard"
    assert second.gaps == [Gap(None, None, None)]


async def test_of_too_many_frames_the_oldest_are_given_up_and_missed_by_number(two: Two, clock: VirtualClock) -> None:
    first, second = two
    await first.broadcast("before")
    await first.line.cut()
    async with first.ws.connect("/ws"):
        await first.running.http.post("/burst", json={"count": OUTBOX_SIZE + 5})
    first.line.mend()
    await clock.advance(seconds=20)

    assert first.relay.dropped == 5
    assert [(gap.seen, gap.next) for gap in second.gaps] == [(1, 7)]


async def test_stopping_sends_what_is_queued(two: Two) -> None:
    first, second = two
    async with second.ws.connect("/ws") as socket:
        await first.line.cut()
        await first.broadcast("the last words")
        first.line.mend()
        await first.running.stop()

        assert await socket.receive_text() == "the last words"


async def test_stopping_waits_a_second_for_a_line_that_stays_cut(
    two: Two, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    first, _second = two
    await first.line.cut()
    await first.broadcast("the last words")
    before = clock.monotonic()
    await first.running.stop()

    assert clock.monotonic() - before == 1
    assert "frames for other instances were not sent" in caplog.text


async def test_on_gap_may_tell_the_clients(instances: Two, replica: Replica, clock: VirtualClock) -> None:
    async def resync(gap: Gap) -> None:
        await use_ws_manager().broadcast("resync")

    first, second = instances
    second.interceptor = WebSocketInterceptor(Backend(second.line), on_gap=resync)
    for instance in instances:
        instance.running = await replica(instance.interceptor)
    await clock.advance(seconds=1)
    async with second.ws.connect("/ws") as socket:
        await first.broadcast("1")
        first.line.lost = 1
        await first.broadcast("2")
        await first.broadcast("3")

        assert [await socket.receive_text() for _ in range(3)] == ["1", "3", "resync"]


async def test_an_on_gap_that_fails_stops_nothing(
    instances: Two, replica: Replica, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(gap: Gap) -> None:
        raise ValueError("broken")

    first, second = instances
    second.interceptor = WebSocketInterceptor(Backend(second.line), on_gap=broken)
    for instance in instances:
        instance.running = await replica(instance.interceptor)
    await clock.advance(seconds=1)
    async with second.ws.connect("/ws") as socket:
        await first.broadcast("1")
        first.line.lost = 1
        await first.broadcast("2")
        await first.broadcast("3")
        await first.broadcast("4")

        assert [await socket.receive_text() for _ in range(3)] == ["1", "3", "4"]
    assert "on_gap failed" in caplog.text


async def test_without_on_gap_a_gap_is_logged(
    instances: Two, replica: Replica, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    first, second = instances
    second.interceptor = WebSocketInterceptor(Backend(second.line))
    for instance in instances:
        instance.running = await replica(instance.interceptor)
    await clock.advance(seconds=1)
    await first.broadcast("1")
    first.line.lost = 1
    await first.broadcast("2")
    await first.broadcast("3")
    await clock.advance(seconds=1)

    assert "frames of another instance were missed" in caplog.text
