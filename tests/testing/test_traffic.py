"""Exchanges, websockets and frames of the test's clients are records like everything else."""

from typing import Any

import pytest
from httpx import AsyncClient
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.websockets import WebSocket

from jararaca import (
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    RestController,
    WebSocketEndpoint,
    use_publisher,
    use_ws_manager,
)
from jararaca.core.steps import Kind
from jararaca_testing import Bus, RunningApplication, WebSocketClient, WebSocketRejected
from jararaca_testing.records import Record
from jararaca_testing.traffic import KEPT_OF_A_BODY


class Order(BaseModel):
    id: int


@MessageBusController()
@RestController("/orders")
class Orders:
    @Post(options={"status_code": 201})
    async def place(self, order: Order) -> Order:
        await use_publisher().publish(order, topic="order.placed")
        return order

    @Get("/long")
    async def long(self) -> StreamingResponse:
        async def chunks() -> Any:
            for _number in range(3):
                yield b"x" * (KEPT_OF_A_BODY // 2)

        return StreamingResponse(chunks())

    @Get("/broken")
    async def broken(self) -> None:
        raise ConnectionError("which way?")

    @IncomingHandler("order.placed")
    async def announce(self, message: Message[Order]) -> None:
        await use_ws_manager().broadcast(message.payload())

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        async for text in websocket.iter_text():
            await websocket.send_text(text.upper())

    @WebSocketEndpoint("/members")
    async def members(self, websocket: WebSocket) -> None:
        await websocket.close(4003)


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(name="orders", controllers=[Orders])


def told(app: RunningApplication, *kinds: str) -> list[Record]:
    return [record for record in app.ledger if record.kind in kinds]


async def test_an_exchange_has_what_was_asked_and_answered(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    await http.post("/orders?shop=the%20one", json={"id": 1}, headers={"X-Tenant": "a"})

    (exchange,) = told(jararaca_app, "exchange")
    assert (exchange.facts["method"], exchange.facts["path"]) == ("POST", "/orders?shop=the one")
    assert (exchange.outcome, exchange.payload, exchange.facts["response"]) == ("201", {"id": 1}, {"id": 1})
    assert exchange.headers["x-tenant"] == "a"


async def test_an_exchange_leads_to_its_request_and_so_to_everything_else(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    await http.post("/orders", json={"id": 1})
    await jararaca_app.settle()

    (exchange,) = told(jararaca_app, "exchange")
    (request,) = jararaca_app.ledger.of_kind(Kind.REQUEST)
    (frame,) = jararaca_app.ledger.of_kind(Kind.FRAME)
    assert (exchange.cause, request.cause) == (None, exchange.seq)
    assert bus.published("order.placed").one().cause == request.seq
    assert frame.cause == bus.handled(Orders.announce).one().seq


async def test_a_path_that_no_route_has_is_on_record(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    await http.get("/ordres")

    (exchange,) = told(jararaca_app, "exchange", "request")
    assert (exchange.facts["path"], exchange.outcome) == ("/ordres", "404")


async def test_what_is_raised_at_the_client_is_on_record(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    with pytest.raises(ConnectionError):
        await http.get("/orders/broken")

    (exchange,) = told(jararaca_app, "exchange")
    assert (exchange.outcome, str(exchange.error)) == ("500", "which way?")


async def test_of_a_long_body_the_beginning_is_kept(http: AsyncClient, jararaca_app: RunningApplication) -> None:
    response = await http.get("/orders/long")

    (exchange,) = told(jararaca_app, "exchange")
    assert (len(response.content), len(exchange.facts["response"])) == (3 * KEPT_OF_A_BODY // 2, KEPT_OF_A_BODY)


async def test_frames_are_on_record_in_both_directions(
    ws: WebSocketClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    async with ws.connect("/orders/feed") as feed:
        await feed.send_text("hello")
        assert await feed.receive_text() == "HELLO"
        await bus.publish(Order(id=1), "order.placed")
        await feed.expect(id=1)

    (socket,) = told(jararaca_app, "websocket")
    frames = told(jararaca_app, "sent", "received")
    assert [(each.kind, each.payload) for each in frames] == [
        ("sent", "hello"),
        ("received", "HELLO"),
        ("received", {"id": 1}),
    ]
    assert {each.cause for each in frames} == {socket.seq}
    assert (socket.facts["path"], socket.outcome) == ("/orders/feed", "left with 1000")
    (connection,) = [each for each in jararaca_app.ledger.of_kind(Kind.CONNECTION) if each.handler]
    assert connection.cause == socket.seq


async def test_a_refused_websocket_says_so(ws: WebSocketClient, jararaca_app: RunningApplication) -> None:
    with pytest.raises(WebSocketRejected):
        async with ws.connect("/orders/members"):
            pass

    assert [each.outcome for each in told(jararaca_app, "websocket")] == ["refused"]
