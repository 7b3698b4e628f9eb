"""Slow clients that hold an application up, many clients at once, and applications that no server would bear."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import WebSocket
from starlette.types import Message

from jararaca import Microservice, Post, RestController, WebSocketEndpoint, use_ws_manager
from jararaca.errors import InvalidOption
from jararaca_testing import RunningApplication, VirtualClock, WebSocketClient, WebSocketClosed

pytestmark = pytest.mark.virtual_only

Client = Callable[[Callable[[WebSocket], Awaitable[None]]], WebSocketClient]


@RestController("/news")
class News:
    @WebSocketEndpoint("/feed", queue_size=4)
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        while True:
            await use_ws_manager().broadcast(await websocket.receive_text())

    @Post("/{word}")
    async def say(self, word: str) -> None:
        await use_ws_manager().broadcast(word)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[News])


class TestASlowClient:
    async def test_it_reads_so_many_frames_a_second_and_the_application_waits(
        self, client: Client, clock: VirtualClock
    ) -> None:
        sent_at: list[float] = []

        async def serve(websocket: WebSocket) -> None:
            await websocket.accept()
            for number in range(5):
                await websocket.send_text(str(number))
                sent_at.append(clock.monotonic())

        async with client(serve).connect("/", read_rate=2) as socket:
            await clock.advance(seconds=10)
            assert sent_at == [0.0, 0.5, 1.0, 1.5, 2.0]
            assert [await socket.receive_text() for _ in range(5)] == ["0", "1", "2", "3", "4"]

    async def test_a_buffer_takes_what_it_has_not_read(self, client: Client, clock: VirtualClock) -> None:
        sent_at: list[float] = []

        async def serve(websocket: WebSocket) -> None:
            await websocket.accept()
            for number in range(6):
                await websocket.send_text(str(number))
                sent_at.append(clock.monotonic())

        async with client(serve).connect("/", read_rate=0.5, read_buffer=3) as socket:
            await clock.advance(seconds=1)
            assert (sent_at, socket.unread) == ([0.0, 0.0, 0.0, 0.0], 5)
            await clock.advance(seconds=10)

        assert sent_at == [0.0, 0.0, 0.0, 0.0, 2.0, 4.0]

    async def test_frames_reach_the_test_when_the_client_has_read_them(
        self, client: Client, clock: VirtualClock
    ) -> None:
        async def serve(websocket: WebSocket) -> None:
            await websocket.accept()
            for number in range(3):
                await websocket.send_text(str(number))
            await websocket.close(4000, "done")

        read_at = []
        async with client(serve).connect("/", read_rate=1, read_buffer=10) as socket:
            for _ in range(3):
                await socket.receive_text()
                read_at.append(clock.monotonic())
            with pytest.raises(WebSocketClosed, match="4000 done"):
                await socket.receive()

        assert read_at == [0.0, 1.0, 2.0]

    async def test_it_leaves_no_timer_when_it_goes(self, client: Client, clock: VirtualClock) -> None:
        async def serve(websocket: WebSocket) -> None:
            await websocket.accept()
            for _ in range(3):
                await websocket._send({"type": "websocket.send", "text": "unread"})

        with pytest.raises(OSError, match="the peer is gone"):
            async with client(serve).connect("/", read_rate=0.001):
                await clock.sleep(1)
        assert clock.next_timers() == []

    async def test_the_application_closes_it_and_serves_the_others(
        self, jararaca_app: RunningApplication, clock: VirtualClock
    ) -> None:
        """The endpoint has a queue of four: a client that reads one frame a minute overflows it."""
        ws, http = jararaca_app.ws, jararaca_app.http
        async with ws.connect("/news/feed", read_rate=1 / 60) as slow, ws.connect("/news/feed") as quick:
            for number in range(10):
                await http.post(f"/news/{number}")
                assert await quick.receive_text() == str(number)
            await clock.advance(minutes=10)

            assert slow.closed is not None
            assert (slow.closed.code, quick.closed) == (1013, None)

    @pytest.mark.parametrize("wrong", [{"read_rate": 0}, {"read_rate": -1}, {"read_buffer": -1}])
    async def test_what_no_client_can_do_is_refused(self, client: Client, wrong: Any) -> None:
        with pytest.raises(InvalidOption, match="read_"):
            async with client(WebSocket.accept).connect("/", **wrong):
                pytest.fail("it was accepted")


async def test_hundreds_of_clients_share_the_loop_and_no_thread_is_started(jararaca_app: RunningApplication) -> None:
    before = threading.active_count()
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(jararaca_app.ws.connect("/news/feed")) for _ in range(300)]
        await clients[0].send_text("hello")

        assert await asyncio.gather(*(each.receive_text() for each in clients)) == ["hello"] * 300
        assert threading.active_count() == before


class TestAHostileApplication:
    """What a server would refuse is refused where it is sent, so that it is found in a test and not in production."""

    @pytest.mark.parametrize(
        ("messages", "complaint"),
        [
            ([{"type": "websocket.send", "text": "early"}], "sent 'websocket.send' on /, where a server takes"),
            (
                [{"type": "websocket.accept"}] * 2,
                "sent 'websocket.accept' on /, where a server takes websocket.send or",
            ),
            ([{"type": "websocket.accept"}, {"type": "http.response.start"}], "sent 'http.response.start'"),
            ([{"type": "websocket.close"}, {"type": "websocket.accept"}], "'websocket.accept' on / after its close"),
            (
                [{"type": "websocket.accept"}, {"type": "websocket.close"}, {"type": "websocket.send", "text": "late"}],
                "'websocket.send' on / after its close",
            ),
            (
                [{"type": "websocket.accept"}, {"type": "websocket.send"}],
                r"a frame of \{\}; a frame has either text \(str\) or bytes",
            ),
            (
                [{"type": "websocket.accept"}, {"type": "websocket.send", "text": "a", "bytes": b"a"}],
                r"a frame of \{'text': 'str', 'bytes': 'bytes'\}",
            ),
            ([{"type": "websocket.accept"}, {"type": "websocket.send", "text": b"a"}], r"\{'text': 'bytes'\}"),
            ([{"type": "websocket.accept"}, {"type": "websocket.close", "code": 1006}], "cannot be closed with 1006"),
            ([{"type": "websocket.accept"}, {"type": "websocket.close", "code": 99}], "cannot be closed with 99"),
            (
                [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 4000, "reason": "x" * 124}],
                "at most 123 bytes, and this one 124",
            ),
        ],
    )
    async def test_it_is_told_where_it_goes_wrong(
        self, client: Client, messages: list[Message], complaint: str
    ) -> None:
        told: list[BaseException] = []

        async def serve(websocket: WebSocket) -> None:
            try:
                for message in messages:
                    await websocket._send(message)
            except (RuntimeError, ValueError) as error:
                told.append(error)

        try:
            async with client(serve).connect("/") as socket:
                await socket.until_ended()
        except WebSocketClosed:
            pass
        with pytest.raises((RuntimeError, ValueError), match=complaint):
            raise told[0]

    async def test_a_client_does_not_send_what_no_client_may_send(self, client: Client) -> None:
        async with client(WebSocket.accept).connect("/") as socket:
            with pytest.raises(ValueError, match="cannot be closed with 1006"):
                socket.close(1006)
