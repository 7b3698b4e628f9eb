"""An application that says what it was asked, and speaks over websockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import Form, HTTPException, Request, Response, UploadFile, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from jararaca import Get, Microservice, Post, RestController, WebSocketEndpoint, use_ws_manager


class Said(BaseModel):
    """What a feed tells: what it was told, and by which of its connections."""

    type: Literal["said", "welcome"]
    text: str
    connection: int = 0


@RestController("/mirror")
class Mirror:
    """Says what it was asked."""

    def __init__(self) -> None:
        self.abandoned = asyncio.Event()
        self.connections = 0

    @Get("/asked/{rest:path}")
    async def asked(self, request: Request, rest: str) -> dict[str, Any]:
        return {
            "path": rest,
            "query": request.query_params.multi_items(),
            "headers": [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
            "cookies": request.cookies,
        }

    @Post("/body")
    async def body(self, request: Request) -> dict[str, Any]:
        return {"type": request.headers["content-type"], "text": (await request.body()).decode()}

    @Post("/form")
    async def form(
        self, note: Annotated[str, Form()], tags: Annotated[list[str], Form()], files: list[UploadFile]
    ) -> dict[str, Any]:
        read = [[each.filename, each.content_type, (await each.read()).hex()] for each in files]
        return {"note": note, "tags": tags, "files": read}

    @Get("/status/{status}")
    async def status(self, status: int) -> Response:
        if status >= 400:
            raise HTTPException(status, {"status": status})
        return Response(status_code=status)

    @Get("/never")
    async def never(self, request: Request) -> None:
        """Answers only when nobody listens any more."""
        while (await request.receive())["type"] != "http.disconnect":
            pass

    @Get("/stream", {"response_class": StreamingResponse})
    async def stream(self) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            try:
                yield b"first"
                await asyncio.Event().wait()
            finally:
                self.abandoned.set()

        return StreamingResponse(chunks(), media_type="application/octet-stream")

    @Get("/abandoned")
    async def was_abandoned(self) -> bool:
        """Answers once somebody has left a stream."""
        return await self.abandoned.wait()

    @Get("/events", {"response_class": EventSourceResponse})
    async def events(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data={"n": 1}, event="count", id="7", retry=250)
        yield ServerSentEvent(raw_data="two\nlines", comment="unseen")
        yield ServerSentEvent(data="text")

    @Get("/lines")
    async def lines(self) -> AsyncIterator[Said]:
        yield Said(type="said", text="one\nline")
        yield Said(type="welcome", text="ü\u2028")

    @WebSocketEndpoint("/feed/{room}")
    async def feed(self, websocket: WebSocket, room: str) -> None:
        """Tells a room what is said in it. Some words end the connection, as the application or as an accident."""
        await websocket.accept(subprotocol=next(iter(websocket.scope["subprotocols"]), None))
        manager, self.connections = use_ws_manager(), self.connections + 1
        await manager.add_websocket(websocket)
        await manager.join([room], websocket)
        number = self.connections
        hello = Said(type="welcome", text=websocket.query_params.get("name", ""), connection=number)
        await websocket.send_text(hello.model_dump_json())
        while True:
            text = await websocket.receive_text()
            if text.startswith("close "):
                await websocket.close(int(text.removeprefix("close ")), "as told")
                return
            if text == "fail":
                raise RuntimeError("an accident")
            said = Said(type="said", text=text, connection=number)
            await manager.send([room], said if text != "in bytes" else said.model_dump_json().encode())


app = Microservice(name="mirror", controllers=[Mirror])
