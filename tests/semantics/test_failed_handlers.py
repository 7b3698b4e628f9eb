"""A handler that fails leaves nothing behind: no rows, no messages, no frames."""

from fastapi import WebSocket
from order_handlers import Audit, GatewayDown, Order, book
from script import Script, Scripted
from shopping import Shop, serving, until

from jararaca import (
    IncomingHandler,
    Message,
    MessageBusController,
    RestController,
    WebSocketEndpoint,
    use_ws_manager,
)
from jararaca.core.steps import Kind
from jararaca_testing import Bus, WebSocketClient
from jararaca_testing.contracts import proves


@MessageBusController()
@RestController("/orders")
class Announced(Scripted):
    """Books an order, tells every browser, and then does what the test says."""

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await websocket.send_text("welcome")
        await websocket.receive_text()

    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await book(message)
        await use_ws_manager().broadcast(f"booked {message.payload().number}")
        await self.script.run(message)


async def fail(message: Message[Order]) -> None:
    if message.payload().number < 10:
        raise GatewayDown("no answer")


@proves("F-12")
@serving(Announced, Audit)
async def test_what_a_handler_did_before_it_failed_is_undone_and_never_leaves(
    shop: Shop, script: Script, bus: Bus, ws: WebSocketClient
) -> None:
    """The next message, which succeeds, shows that somebody was listening."""
    bus.expect_errors(GatewayDown)
    bus.expect_leftover("order.placed", kind="dead-letter")
    script.body = fail
    async with ws.connect("/orders/feed") as browser:
        assert await browser.receive_text() == "welcome"

        await shop.place(7)
        await until(shop.app, lambda: shop.ends)
        nothing = (await shop.rows(), shop.announced, shop.app.ledger.of_kind(Kind.FRAME))
        await shop.place(70)
        await until(shop.app, lambda: len(shop.ends) == 2)

        assert nothing == ([], [], [])
        assert shop.ends == [("dead-letter", "error"), ("ack", None)]
        assert (await shop.rows(), shop.announced) == ([70], [70])
        assert await browser.receive_text() == "booked 70"
