"""An application that publishes from every place from which code can: requests, sockets, background tasks, handlers."""

from fastapi import BackgroundTasks, WebSocket
from order_handlers import Booked, Order
from script import Script

from jararaca import (
    IncomingHandler,
    Message,
    MessageBusController,
    Post,
    RestController,
    WebSocketEndpoint,
    use_publisher,
)
from jararaca.core.context import use_unit_of_work
from jararaca.core.invocation import unit_of_work


async def announce(number: int, topic: str = "order.booked") -> str:
    return await use_publisher().publish(message=Booked(number=number), topic=topic)


async def announced(number: int) -> None:
    """A hook: it returns nothing."""
    await announce(number)


@RestController("/orders")
class Orders:
    @Post("/staged")
    async def staged(self) -> int:
        for number in range(1, 6):
            await announce(number)
        return 0

    @Post("/failed")
    async def failed(self) -> int:
        await announce(1)
        raise OSError("after the publish")

    @Post("/doubted")
    async def doubted(self) -> int:
        await announce(1)
        use_unit_of_work().set_rollback_only("better not")
        return 0

    @Post("/later")
    async def later(self, background: BackgroundTasks) -> int:
        background.add_task(announce, 1)
        return 0

    @Post("/mandatory")
    async def mandatory(self) -> int:
        await use_publisher().publish(message=Booked(number=1), topic="nobody.listens", mandatory=True)
        return 0

    @Post("/hooks")
    async def hooks(self) -> int:
        work = use_unit_of_work()
        work.after_commit(lambda: announced(3))
        work.before_commit(lambda: announced(2))
        await announce(1)
        return 0

    @WebSocketEndpoint("/block")
    async def block(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async with unit_of_work():
            await announce(7)
            await websocket.send_text("staged")
            await websocket.receive_text()
        await websocket.send_text("committed")
        await websocket.receive_text()

    @WebSocketEndpoint("/socket")
    async def socket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await announce(int(await websocket.receive_text()))
        await websocket.send_text("announced")
        await websocket.receive_text()


@MessageBusController()
class Audit:
    """Hears of what was booked, one by one."""

    def __init__(self, script: Script) -> None:
        self.script = script

    @IncomingHandler("order.booked", concurrency=1)
    async def hear(self, message: Message[Booked]) -> None:
        await self.script.run(message)


@MessageBusController()
class Relay:
    @IncomingHandler("order.placed")
    async def handle(self, message: Message[Order]) -> None:
        await announce(message.payload().number)
