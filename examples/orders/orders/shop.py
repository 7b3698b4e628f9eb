"""What customers reach: they place orders, look at them, and watch what becomes of them."""

from fastapi import HTTPException, WebSocket, WebSocketDisconnect

from jararaca import (
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Post,
    RestController,
    WebSocketEndpoint,
    use_publisher,
    use_session,
    use_ws_manager,
)
from orders.entities import OrderEntity
from orders.schemas import FeedEvent, Order, OrderState, OrderView

FEED = "feed"
REMIND_AFTER = 2 * 3600.0  # seconds


async def tell(event: str, order: int) -> None:
    """Tell everybody who watches, at the commit."""
    await use_ws_manager().send([FEED], FeedEvent(type=event, order=order))


@MessageBusController()
@RestController("/orders")
class Shop:
    """Orders come in over HTTP; two hours later, who has not paid is reminded."""

    @Post(options={"status_code": 201})
    async def place(self, order: Order) -> OrderView:
        """Store an order, have it paid, and look after it: all of it at the commit, or nothing."""
        if await use_session().get(OrderEntity, order.id) is not None:
            raise HTTPException(409, f"there is an order {order.id} already")
        use_session().add(OrderEntity(id=order.id, amount=order.amount))
        await use_publisher().publish(order, topic="order.placed")
        await use_publisher().publish(order, topic="order.reminder", delay=REMIND_AFTER)
        await tell("placed", order.id)
        return OrderView(id=order.id, amount=order.amount, state=OrderState.PLACED)

    @Get("/{number}")
    async def show(self, number: int) -> OrderView:
        """One order."""
        order = await use_session().get(OrderEntity, number)
        if order is None:
            raise HTTPException(404, f"there is no order {number}")
        return OrderView(id=order.id, amount=order.amount, state=order.state)

    @IncomingHandler("order.reminder")
    async def remind(self, message: Message[Order]) -> None:
        """Remind of an order that is not paid by now."""
        order = await use_session().get(OrderEntity, message.payload().id)
        if order is not None and order.state is not OrderState.PAID:
            await tell("reminder", order.id)

    @WebSocketEndpoint("/feed")
    async def feed(self, websocket: WebSocket) -> None:
        """What happens to orders, for as long as somebody watches."""
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await use_ws_manager().join([FEED], websocket)
        try:
            while True:
                await websocket.receive_text()
        except WebSocketDisconnect:
            await use_ws_manager().remove_websocket(websocket)
