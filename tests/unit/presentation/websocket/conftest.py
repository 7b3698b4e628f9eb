"""A controller that does with its sockets what a test asks for, over HTTP or over the socket itself."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Annotated, Any

import pytest
from fastapi import Body, HTTPException, Query, WebSocket
from pydantic import BaseModel
from starlette.websockets import WebSocketState

from jararaca import (
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Post,
    RestController,
    ScheduledAction,
    WebSocketEndpoint,
    use_publisher,
    use_ws_manager,
)
from jararaca.core.context import use_unit_of_work
from jararaca.core.invocation import unit_of_work
from jararaca_testing import RunningApplication


class News(BaseModel):
    headline: str


@MessageBusController()
@RestController("/")
class Sockets:
    @WebSocketEndpoint("/ws")
    async def plain(self, websocket: WebSocket, rooms: Annotated[list[str], Query(default_factory=list)]) -> None:
        """Never catches the end of its connection."""
        await websocket.accept()
        await use_ws_manager().add_websocket(websocket)
        await use_ws_manager().join(rooms, websocket)
        while websocket.application_state is WebSocketState.CONNECTED:
            await self.obey(websocket, await websocket.receive_json())

    @WebSocketEndpoint("/small", queue_size=3)
    async def small(self, websocket: WebSocket) -> None:
        await self.plain(websocket, ["small"])

    @WebSocketEndpoint("/oldest", queue_size=3, overflow="drop_oldest")
    async def oldest(self, websocket: WebSocket) -> None:
        await self.plain(websocket, ["small"])

    @WebSocketEndpoint("/newest", queue_size=3, overflow="drop_newest")
    async def newest(self, websocket: WebSocket) -> None:
        await self.plain(websocket, ["small"])

    async def obey(self, websocket: WebSocket, command: list[Any]) -> None:
        manager = use_ws_manager()
        match command:
            case ["add"]:
                await manager.add_websocket(websocket)
            case ["remove"]:
                await manager.remove_websocket(websocket)
            case ["join", rooms]:
                await manager.join(rooms, websocket)
            case ["leave", rooms]:
                await manager.leave(rooms, websocket)
            case ["broadcast", text]:
                await manager.broadcast(text)
            case ["broadcast and roll back", text]:
                async with unit_of_work() as work:
                    await manager.broadcast(text)
                    work.set_rollback_only("the test says so")
            case ["rooms"]:
                await websocket.send_json(sorted(manager.rooms_of(websocket)))
            case ["raise"]:
                raise ValueError("the endpoint is broken")
            case ["close", code]:
                await manager.broadcast("before the end")
                await websocket.close(code)
            case _:
                await websocket.send_json("done")

    @Post("/send")
    async def send(self, rooms: Annotated[Any, Body()], text: Annotated[str, Body()]) -> None:
        await use_ws_manager().send(rooms, text)

    @Post("/broadcast")
    async def broadcast(self, text: Annotated[str, Body(embed=True)]) -> None:
        await use_ws_manager().broadcast(text)

    @Post("/burst")
    async def burst(self, count: Annotated[int, Body(embed=True)]) -> None:
        for number in range(count):
            await use_ws_manager().broadcast(str(number))

    @Post("/news")
    async def news(self, news: News) -> None:
        await use_ws_manager().broadcast(news)

    @Post("/bytes")
    async def binary(self) -> None:
        await use_ws_manager().broadcast(b"\x00\xff")

    @Post("/close")
    async def close(self, room: Annotated[Any, Body(embed=True)]) -> None:
        await use_ws_manager().send([room], "goodbye")
        await use_ws_manager().close_room(room)

    @Get("/count")
    async def count(self, room: str | None = None) -> int:
        return use_ws_manager().local_count(room)

    @Post("/fail")
    async def fail(self, immediate: Annotated[bool, Body(embed=True)]) -> None:
        await use_ws_manager().broadcast("never true", immediate=immediate)
        await use_ws_manager().send(["a"], "nor this", immediate=immediate)
        await use_ws_manager().close_room("a", immediate=immediate)
        raise HTTPException(409)

    @Post("/announce")
    async def announce(self, news: News) -> None:
        """Frames follow messages, in whatever order they are asked for."""
        await use_ws_manager().broadcast(news)
        await use_publisher().publish(news, topic="announced")

    @Post("/order")
    async def order(self) -> None:
        """Frames of one unit of work keep their order; one sent at once, and one after the commit, leave it."""
        manager = use_ws_manager()
        await manager.broadcast("1")
        await manager.send(["a"], "2")
        await manager.broadcast("3")
        await manager.broadcast("at once", immediate=True)
        use_unit_of_work().after_commit(lambda: manager.broadcast("afterwards"))

    @IncomingHandler("announced")
    async def on_announced(self, message: Message[News]) -> None: ...

    @IncomingHandler("news")
    async def on_news(self, message: Message[News]) -> None:
        await use_ws_manager().broadcast(message.payload())

    @ScheduledAction("0 12 1 1 *")
    async def every_year(self) -> None:
        await use_ws_manager().broadcast("a year passed")


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Sockets])


@pytest.fixture
def news() -> News:
    return News(headline="jararaca bites")


Replica = Callable[..., Awaitable[RunningApplication]]


@pytest.fixture
async def replica(jararaca_world: Any) -> AsyncIterator[Replica]:
    """Starts one more process of the application, in the world of this test."""
    running: list[RunningApplication] = []

    async def start(*interceptors: object, name: str = "app") -> RunningApplication:
        declaration = Microservice(controllers=[Sockets], interceptors=interceptors, name=name)
        running.append(RunningApplication(declaration, jararaca_world))
        await running[-1].start()
        return running[-1]

    yield start
    for application in reversed(running):
        await application.stop()
