"""A server that stops says goodbye to every client, and waits for no endpoint longer than it was allowed to."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from fastapi import WebSocket
from httpx import AsyncClient
from starlette.types import Message
from stubborn import Stubborn

from jararaca import Microservice, Post, RestController, WebSocketEndpoint, use_ws_manager
from jararaca.core.application import Application
from jararaca.core.context import use_clock
from jararaca.core.lifecycle import TaskScope
from jararaca.errors import NotConfigured
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.presentation.server import HttpRuntime
from jararaca.presentation.websocket.interceptor import WebSocketInterceptor
from jararaca_testing import VirtualClock, WebSocketClient, WebSocketClosed, WebSocketRejected, WebSocketSession
from jararaca_testing.handshake import handshake_scope
from jararaca_testing.http import ServedApp, http_client
from jararaca_testing.profiles.world import World

pytestmark = pytest.mark.virtual_only


@RestController("/")
class Feed:
    ended: list[str]
    stubborn: Stubborn

    @WebSocketEndpoint("/listens")
    async def listens(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        try:
            await websocket.receive_text()
        finally:
            self.ended.append("listens")

    @WebSocketEndpoint("/busy")
    async def busy(self, websocket: WebSocket) -> None:
        """Waits for something else than its client."""
        await websocket.accept()
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.append("busy")

    @WebSocketEndpoint("/stubborn/{name}")
    async def swallows(self, websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await self.stubborn.wait()

    @WebSocketEndpoint("/works")
    async def works(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await use_clock().sleep(3)
        self.ended.append("works")

    @WebSocketEndpoint("/unmanaged")
    async def unmanaged(self, websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            use_ws_manager()
        except NotConfigured as error:
            await websocket.send_text(str(error))

    @Post("/burst")
    async def burst(self) -> None:
        for number in range(3):
            await use_ws_manager().broadcast(str(number))


class Server:
    """An HTTP runtime of its own, which the test stops."""

    def __init__(self, world: World, *, interceptors: Sequence[object]) -> None:
        Feed.ended = []
        declaration = Microservice(controllers=[Feed], interceptors=interceptors)
        self._application = Application(declaration, world.ports)
        self.http = HttpRuntime(self._application, HttpMicroservice(declaration))
        self.tasks = TaskScope("clients")
        self.ws = WebSocketClient(self.http.asgi, self.tasks)
        self.client: AsyncClient = http_client(ServedApp(lambda: self.http.asgi))

    async def start(self) -> None:
        await self._application.start()
        await self.http.start()

    async def close(self) -> None:
        await self.http.stop(0)
        await self._application.stop()
        await self.client.aclose()


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


@pytest.fixture
async def server(jararaca_world: World) -> AsyncIterator[Server]:
    server = Server(jararaca_world, interceptors=[WebSocketInterceptor()])
    await server.start()
    yield server
    await server.close()


async def close_code(socket: WebSocketSession) -> int:
    with pytest.raises(WebSocketClosed) as closed:
        await socket.receive()
    return closed.value.code


async def test_what_is_queued_is_written_before_the_close_with_1001(server: Server) -> None:
    async with server.ws.connect("/listens", read_buffer=0) as socket:
        await server.client.post("/burst")
        stopping = server.tasks.spawn(server.http.stop(10), name="stop")

        assert [await socket.receive_text() for _ in range(3)] == ["0", "1", "2"]
        assert await close_code(socket) == 1001
        assert await stopping is True
    assert Feed.ended == ["listens"]


async def test_an_endpoint_that_works_may_end_within_the_grace(server: Server, clock: VirtualClock) -> None:
    async with server.ws.connect("/works"):
        assert await server.http.stop(10) is True

    assert (Feed.ended, clock.monotonic()) == (["works"], 3.0)


async def test_an_endpoint_that_waits_for_something_else_is_cancelled_after_the_grace(
    server: Server, clock: VirtualClock
) -> None:
    async with server.ws.connect("/busy") as socket:
        assert await server.http.stop(10) is False
        assert await close_code(socket) == 1001

    assert (Feed.ended, clock.monotonic()) == (["busy"], 10.0)


async def test_without_any_grace_clients_are_told_as_well(server: Server) -> None:
    async with server.ws.connect("/busy") as busy, server.ws.connect("/listens") as listens:
        await server.http.stop(0)

        assert [await close_code(busy), await close_code(listens)] == [1001, 1001]
    assert sorted(Feed.ended) == ["busy", "listens"]


async def test_a_client_that_does_not_read_keeps_nobody_else_waiting(server: Server, clock: VirtualClock) -> None:
    async with server.ws.connect("/listens", read_buffer=0) as slow, server.ws.connect("/listens") as other:
        await server.client.post("/burst")
        stopping = server.tasks.spawn(server.http.stop(60), name="stop")

        assert [await other.receive_text() for _ in range(3)] == ["0", "1", "2"]
        assert (await close_code(other), clock.monotonic()) == (1001, 0.0)
        assert await stopping is True
        assert (slow.unread, clock.monotonic()) == (1, 5.0)


async def test_a_server_that_stops_accepts_no_connection(server: Server) -> None:
    await server.http.stop(1)

    with pytest.raises(WebSocketRejected) as rejected:
        async with server.ws.connect("/listens"):
            pytest.fail("it was accepted")
    assert rejected.value.status == 503


async def test_a_server_that_starts_again_accepts_again(server: Server) -> None:
    await server.http.stop(1)
    await server.http.start()

    async with server.ws.connect("/listens") as socket:
        assert socket.closed is None


async def test_a_server_that_cannot_answer_the_handshake_in_words_refuses_it(server: Server) -> None:
    await server.http.stop(1)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await server.http.asgi({**handshake_scope("/listens", {}, ()), "extensions": {}}, receive, send)

    assert [(message["type"], message["code"]) for message in sent] == [("websocket.close", 1001)]


async def test_without_a_manager_websockets_are_served_and_what_is_missing_is_said(jararaca_world: World) -> None:
    server = Server(jararaca_world, interceptors=())
    await server.start()
    async with server.ws.connect("/unmanaged") as socket:
        assert "Add WebSocketInterceptor() to its interceptors" in await socket.receive_text()
    await server.close()


async def test_a_second_stop_without_grace_cuts_the_first_one_short(server: Server, clock: VirtualClock) -> None:
    async with server.ws.connect("/busy"):
        stopping = server.tasks.spawn(server.http.stop(60), name="stop")
        await clock.advance(seconds=1)
        await server.http.stop(0)
        await stopping

    assert (Feed.ended, clock.monotonic()) == (["busy"], 1.0)


@pytest.fixture
async def stubborn(clock: VirtualClock) -> AsyncIterator[Stubborn]:
    Feed.stubborn = stubborn = Stubborn(clock)
    yield stubborn
    await stubborn.release()


async def test_an_endpoint_that_swallows_its_cancellation_is_abandoned_and_named_without_values(
    server: Server, clock: VirtualClock, stubborn: Stubborn, caplog: pytest.LogCaptureFixture
) -> None:
    async with server.ws.connect("/stubborn/me"):
        assert server.http.under_way == {"exchanges": 0, "websockets": 1}
        assert await server.http.stop(2) is False
        assert (stubborn.cancelled, clock.monotonic()) == ([2.0, 7.0], 12.0)
        await stubborn.release()

    cut, again, abandoned = [each for each in caplog.records if "websockets" in each.__dict__]
    assert cut.getMessage() == again.getMessage() == "websockets are cancelled by the shutdown"
    assert abandoned.getMessage() == "websockets do not end; they are abandoned"
    assert [each.__dict__["websockets"] for each in (cut, again, abandoned)] == [["WS /stubborn/{name}"]] * 3


async def test_a_third_stop_and_a_fourth_do_not_wait_for_such_an_endpoint(
    server: Server, clock: VirtualClock, stubborn: Stubborn
) -> None:
    async with server.ws.connect("/stubborn/me"):
        stopping = []
        for _ in range(4):
            stopping.append(server.tasks.spawn(server.http.stop(600), name="stop"))
            await clock.advance(seconds=1)

        assert [await each for each in stopping] == [False] * 4
        assert (stubborn.cancelled, clock.monotonic()) == ([1.0, 2.0, 3.0], 4.0)
        await stubborn.release()
