"""The websocket client of the harness, against applications of a few lines."""

from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from jararaca import Microservice
from jararaca_testing import VirtualClock, WebSocketClient, WebSocketClosed, WebSocketRejected, WebSocketSession

pytestmark = pytest.mark.virtual_only

Serve = Callable[[WebSocket], Awaitable[None]]


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice()


Client = Callable[[Serve], WebSocketClient]


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        await websocket.send({**message, "type": "websocket.send"})


async def ignore(websocket: WebSocket) -> None:
    await websocket.accept()
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def test_text_bytes_and_json_travel_both_ways(client: Client) -> None:
    async with client(echo).connect("/") as socket:
        await socket.send_text("ol\u00e1")
        await socket.send_bytes(b"\xff")
        await socket.send_json({"a": [1]})

        assert await socket.receive_text() == "ol\u00e1"
        assert await socket.receive_bytes() == b"\xff"
        assert await socket.receive_json() == {"a": [1]}


async def test_text_reads_as_bytes_and_bytes_as_text_where_a_test_does_not_care(client: Client) -> None:
    async with client(echo).connect("/") as socket:
        await socket.send_text("a")
        await socket.send_bytes(b"b")

        assert (await socket.receive_bytes(), await socket.receive_text()) == (b"a", "b")


async def test_path_query_headers_and_subprotocols_are_those_of_the_handshake(client: Client) -> None:
    seen: list[object] = []

    async def serve(websocket: WebSocket) -> None:
        seen.extend([websocket.url.path, dict(websocket.query_params), websocket.headers["x-one"]])
        seen.append(websocket.scope["subprotocols"])
        await websocket.accept("b")

    async with client(serve).connect("/a/b?c=d", headers={"X-One": "1"}, subprotocols=["a", "b"]) as socket:
        assert socket.subprotocol == "b"
    assert seen == ["/a/b", {"c": "d"}, "1", ["a", "b"]]


async def test_a_frame_that_does_not_come_is_waited_for_in_virtual_time(client: Client, clock: VirtualClock) -> None:
    async with client(ignore).connect("/feed") as socket:
        with pytest.raises(TimeoutError, match="no frame came on /feed within 23 s"):
            await socket.receive(timeout=23)

    assert clock.monotonic() == 23.0


async def test_receive_nothing_passes_when_nothing_came_and_shows_what_came(client: Client) -> None:
    async with client(echo).connect("/feed") as socket:
        await socket.receive_nothing(within=2)
        await socket.send_text("surprise")
        with pytest.raises(AssertionError, match="expected nothing on /feed within 2 s, but received 'surprise'"):
            await socket.receive_nothing(within=2)


async def test_a_closed_connection_gives_what_came_before_and_then_says_why(client: Client) -> None:
    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("last")
        await websocket.close(4001, "enough")

    async with client(serve).connect("/") as socket:
        assert await socket.receive_text() == "last"
        with pytest.raises(WebSocketClosed, match="closed: 4001 enough") as closed:
            await socket.receive()
        with pytest.raises(WebSocketClosed):
            await socket.send_text("too late")
    assert (closed.value.code, closed.value.reason) == (4001, "enough")


@pytest.mark.parametrize(
    ("refuse", "status"),
    [
        ({"type": "websocket.close", "code": 4000}, 403),
        ({"type": "websocket.http.response.start", "status": 429, "headers": []}, 429),
    ],
)
async def test_a_refused_handshake_shows_its_status(client: Client, refuse: Message, status: int) -> None:
    async def serve(websocket: WebSocket) -> None:
        await websocket.receive()
        await websocket.send(refuse)

    with pytest.raises(WebSocketRejected, match=f"HTTP {status}") as rejected:
        async with client(serve).connect("/"):
            pytest.fail("it was accepted")
    assert rejected.value.status == status


async def test_an_application_that_returns_without_an_answer_refuses_with_500(client: Client) -> None:
    async def serve(websocket: WebSocket) -> None: ...

    with pytest.raises(WebSocketRejected, match="HTTP 500"):
        async with client(serve).connect("/"):
            pytest.fail("it was accepted")


async def test_an_application_that_returns_without_closing_vanishes(client: Client) -> None:
    async with client(WebSocket.accept).connect("/") as socket:
        with pytest.raises(WebSocketClosed) as closed:
            await socket.receive()
    assert closed.value.code == 1006


async def broken(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ValueError("broken")


async def broken_early(websocket: WebSocket) -> None:
    raise ValueError("broken")


async def unread(socket: WebSocketSession) -> None: ...


async def read(socket: WebSocketSession) -> None:
    await socket.receive()


@pytest.mark.parametrize(("serve", "use"), [(broken, unread), (broken, read), (broken_early, unread)])
async def test_what_an_endpoint_raises_is_raised_where_the_test_leaves_the_connection(
    client: Client, serve: Serve, use: Callable[[WebSocketSession], Awaitable[None]]
) -> None:
    """Also if the test met the closed socket first: why it was closed is what helps."""
    with pytest.raises(ValueError, match="broken"):
        async with client(serve).connect("/") as socket:
            await use(socket)


async def test_what_the_test_itself_raises_wins(client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client(broken).connect("/"):
            raise ZeroDivisionError


async def test_the_end_of_one_connection_passes_through_the_blocks_of_others(client: Client) -> None:
    with pytest.raises(WebSocketClosed):
        async with client(ignore).connect("/"), client(WebSocket.accept).connect("/") as inner:
            await inner.receive()


@pytest.mark.parametrize(
    ("leave", "code"),
    [
        (lambda socket: socket.close(4002, "bye"), 4002),
        (lambda socket: socket.drop(), 1006),
        (lambda socket: None, 1000),
    ],
)
async def test_the_application_reads_how_the_client_left_and_its_sends_fail(
    client: Client, leave: Callable[[WebSocketSession], None], code: int
) -> None:
    read: list[int] = []

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        read.append((await websocket.receive())["code"])
        with pytest.raises(OSError, match="the peer is gone"):
            await websocket._send({"type": "websocket.send", "text": "too late"})

    async with client(serve).connect("/") as socket:
        leave(socket)
    assert read == [code]


async def test_a_small_read_buffer_holds_the_application_up_frame_by_frame(client: Client, clock: VirtualClock) -> None:
    sent: list[int] = []

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        for number in range(10):
            await websocket.send_text(str(number))
            sent.append(number)

    async with client(serve).connect("/", read_buffer=4) as socket:
        await clock.advance(seconds=1)
        held_up_at = [len(sent), socket.unread]
        await socket.receive_text()
        await clock.advance(seconds=1)
        held_up_at += [len(sent), socket.unread]
        assert [await socket.receive_text() for _ in range(9)] == [str(number) for number in range(1, 10)]
        await socket.until_ended()

    assert held_up_at == [4, 5, 5, 5]
    assert sent == list(range(10))


async def test_a_client_that_leaves_frees_the_application_that_it_held_up(client: Client) -> None:
    errors: list[str] = []

    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket._send({"type": "websocket.send", "text": "unread"})
        except OSError as error:
            errors.append(str(error))

    async with client(serve).connect("/", read_buffer=0) as socket:
        assert socket.unread == 1
    assert errors == ["the peer is gone"]


async def test_waiting_for_the_end_reads_nothing(client: Client, clock: VirtualClock) -> None:
    async def serve(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_text("unread")
        await clock.sleep(2)
        await websocket.close(1000)
        await clock.sleep(3)

    async with client(serve).connect("/") as socket:
        await socket.until_closed()
        closed_at = clock.monotonic()
        await socket.until_ended()

        assert (closed_at, clock.monotonic(), socket.unread) == (2.0, 5.0, 1)
        assert await socket.receive_text() == "unread"
