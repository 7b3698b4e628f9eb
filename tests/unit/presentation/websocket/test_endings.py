"""However a connection ends, its client is told why, and nothing of it is left."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fastapi import WebSocket, WebSocketDisconnect
from httpx import AsyncClient

from jararaca import Microservice, RestController, WebSocketEndpoint, use_ws_manager
from jararaca.core.context import use_clock
from jararaca.core.invocation import unit_of_work
from jararaca.core.steps import Kind
from jararaca_testing import RunningApplication, WebSocketClient, WebSocketClosed, WebSocketSession

Ending = Callable[[WebSocketSession], Awaitable[object]]


async def polite(socket: WebSocketSession) -> None:
    socket.close(4000, "bye")


async def cut(socket: WebSocketSession) -> None:
    socket.drop()


async def left_open(socket: WebSocketSession) -> None:
    """The client of the test says goodbye at the end of its block."""


def websocket_tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if "websocket /" in task.get_name()]


@pytest.mark.parametrize("ending", [polite, cut, left_open])
async def test_a_connection_that_its_client_ends_leaves_nothing(
    http: AsyncClient, ws: WebSocketClient, jararaca_app: RunningApplication, ending: Ending
) -> None:
    """The endpoint never catches the disconnect: that is not an error, and no reason to stay in a room."""
    async with ws.connect("/ws?rooms=a") as socket:
        await http.post("/broadcast", json={"text": "hello"})
        await ending(socket)

    assert (await http.get("/count")).json() == (await http.get("/count", params={"room": "a"})).json() == 0
    assert websocket_tasks() == []
    assert len(jararaca_app.environment.tasks) == 0
    assert jararaca_app.ledger.of_kind(Kind.CONNECTION)[0].error is None


async def test_nobody_waits_for_a_client_that_vanished(http: AsyncClient, ws: WebSocketClient) -> None:
    async with ws.connect("/ws", read_buffer=0) as gone, ws.connect("/ws") as other:
        await http.post("/broadcast", json={"text": "1"})
        gone.drop()
        await http.post("/broadcast", json={"text": "2"})

        assert [await other.receive_text(), await other.receive_text()] == ["1", "2"]
    assert (await http.get("/count")).json() == 0


async def test_an_exception_closes_with_1011_and_fails_the_test(http: AsyncClient, ws: WebSocketClient) -> None:
    codes: list[int] = []

    async def talk() -> None:
        async with ws.connect("/ws?rooms=a") as socket:
            await socket.send_json(["raise"])
            with pytest.raises(WebSocketClosed) as closed:
                await socket.receive()
            codes.append(closed.value.code)

    with pytest.raises(ValueError, match="the endpoint is broken"):
        await talk()
    assert codes == [1011]
    assert (await http.get("/count")).json() == 0
    assert websocket_tasks() == []


async def test_the_endpoints_own_close_follows_what_was_sent(ws: WebSocketClient) -> None:
    async with ws.connect("/ws") as socket:
        await socket.send_json(["close", 4001])

        assert await socket.receive_text() == "before the end"
        with pytest.raises(WebSocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == 4001


@pytest.mark.virtual_only
async def test_the_endpoints_own_close_does_not_wait_for_ever(ws: WebSocketClient) -> None:
    async with ws.connect("/ws", read_buffer=0) as socket:
        await socket.send_json(["broadcast", "unread"])
        await socket.send_json(["close", 4001])
        await asyncio.wait_for(socket.until_closed(), 6)

        assert socket.closed is not None
        assert socket.closed.code == 4001


@RestController("/")
class Endings:
    outcome: str = ""

    @WebSocketEndpoint("/returns")
    async def returns(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await use_ws_manager().broadcast("the last words")

    @WebSocketEndpoint("/returns-quietly")
    async def returns_quietly(self, websocket: WebSocket) -> None:
        await websocket.accept()

    @WebSocketEndpoint("/raises-early")
    async def raises_early(self, websocket: WebSocket) -> None:
        raise ValueError("before the handshake")

    @WebSocketEndpoint("/holds")
    async def holds(self, websocket: WebSocket) -> None:
        """A task of its own adds the socket when the connection is over already."""
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        with pytest.raises(WebSocketDisconnect):
            await websocket.receive_text()
        async with unit_of_work() as work:
            work.after_commit(lambda: use_ws_manager().add_websocket(websocket))
            await use_ws_manager().remove_websocket(websocket)
        Endings.outcome = f"{use_ws_manager().local_count()} sockets"

    @WebSocketEndpoint("/pushes")
    async def pushes(self, websocket: WebSocket) -> None:
        """Sends by itself, and learns only from that that its client is gone."""
        await websocket.accept()
        await websocket.send_text("first")
        while True:
            await use_clock().sleep(1)
            await websocket.send_text("more")

    @WebSocketEndpoint("/says-goodbye")
    async def says_goodbye(self, websocket: WebSocket) -> None:
        """Tells everybody, itself included, that its client left."""
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            await use_ws_manager().broadcast("somebody left")

    @WebSocketEndpoint("/reads-bytes")
    async def reads_bytes(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_bytes()

    @WebSocketEndpoint("/reads-on")
    async def reads_on(self, websocket: WebSocket) -> None:
        """Forgives one frame that it cannot read."""
        await websocket.accept()
        with pytest.raises(WebSocketDisconnect):
            await websocket.receive_json()
        await websocket.send_json(await websocket.receive_json())

    @WebSocketEndpoint("/sends-itself")
    async def sends_itself(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await use_ws_manager().join(["doomed"], websocket)
        await use_ws_manager().close_room("doomed")
        while True:
            await websocket.send_text("more")
            await websocket.receive_text()


@pytest.mark.parametrize("jararaca_microservice", [Microservice(controllers=[Endings])])
class TestEndpointsThatEnd:
    async def test_one_that_returns_is_closed_with_1000_after_what_was_sent(self, ws: WebSocketClient) -> None:
        async with ws.connect("/returns") as socket:
            assert await socket.receive_text() == "the last words"
            with pytest.raises(WebSocketClosed) as closed:
                await socket.receive()
        assert closed.value.code == 1000

    async def test_one_that_returns_without_having_been_added_is_closed_too(self, ws: WebSocketClient) -> None:
        async with ws.connect("/returns-quietly") as socket:
            with pytest.raises(WebSocketClosed) as closed:
                await socket.receive()
        assert closed.value.code == 1000

    @pytest.mark.virtual_only
    async def test_one_that_returns_does_not_wait_long_for_a_client_that_does_not_read(
        self, ws: WebSocketClient
    ) -> None:
        async with ws.connect("/returns", read_buffer=0) as socket:
            await asyncio.wait_for(socket.until_closed(), 11)

        assert websocket_tasks() == []

    async def test_one_that_raises_before_the_handshake_shows_what_it_raised(self, ws: WebSocketClient) -> None:
        with pytest.raises(ValueError, match="before the handshake"):
            async with ws.connect("/raises-early"):
                pytest.fail("it was accepted")

    async def test_a_socket_whose_connection_is_over_is_not_added_again(self, ws: WebSocketClient) -> None:
        async with ws.connect("/holds"):
            pass

        assert Endings.outcome == "0 sockets"

    async def test_one_whose_socket_was_closed_for_it_reads_and_sends_as_if_the_client_had_gone(
        self, ws: WebSocketClient
    ) -> None:
        async with ws.connect("/sends-itself") as socket:
            with pytest.raises(WebSocketClosed) as closed:
                await socket.receive()

        assert (closed.value.code, socket.error) == (1000, None)

    @pytest.mark.parametrize("leave", [WebSocketSession.close, WebSocketSession.drop])
    async def test_one_that_only_sends_ends_when_its_client_is_gone(
        self, ws: WebSocketClient, leave: Callable[[WebSocketSession], None]
    ) -> None:
        async with ws.connect("/pushes") as socket:
            assert await socket.receive_text() == "first"
            leave(socket)

        assert socket.error is None

    async def test_one_that_tells_everybody_that_its_client_left_reaches_the_others(self, ws: WebSocketClient) -> None:
        async with ws.connect("/says-goodbye") as other:
            async with ws.connect("/says-goodbye"):
                pass

            assert await other.receive_text() == "somebody left"
        assert websocket_tasks() == []

    @pytest.mark.parametrize(
        ("path", "frame"), [("/holds", b"\xff"), ("/says-goodbye", b""), ("/reads-bytes", "text"), ("/reads-bytes", "")]
    )
    async def test_a_frame_of_the_other_kind_ends_the_connection_with_1003_and_is_no_error_of_the_application(
        self, ws: WebSocketClient, caplog: pytest.LogCaptureFixture, path: str, frame: str | bytes
    ) -> None:
        """Whether the endpoint catches the end of its connection or not."""
        async with ws.connect(path) as socket:
            await (socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame))
            await socket.until_closed()

        assert socket.closed is not None
        assert (socket.closed.code, socket.error) == (1003, None)
        assert caplog.records == []  # of warnings and errors

    async def test_an_endpoint_may_read_on_after_a_frame_of_the_other_kind(self, ws: WebSocketClient) -> None:
        async with ws.connect("/reads-on") as socket:
            await socket.send_bytes(b"\xff")
            await socket.send_json(["better"])

            assert await socket.receive_json() == ["better"]
            await socket.until_closed()
        assert socket.closed is not None
        assert socket.closed.code == 1000
