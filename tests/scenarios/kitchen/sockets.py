"""Websocket endpoints with and without declared messages."""

from typing import Annotated, Literal

from fastapi import Header, Query, WebSocket
from pydantic import BaseModel, Field

from jararaca import RestController, WebSocketEndpoint
from kitchen.enums import Color
from kitchen.models import Item


class Joined(BaseModel):
    type: Literal["joined"] = "joined"
    who: str


class Said(BaseModel):
    type: Literal["said", "whispered"]
    text: str
    color: Color = Color.RED


class Say(BaseModel):
    text: str


class Leave(BaseModel):
    leave: Literal[True] = True


@RestController("/rooms")
class Rooms:
    """Rooms to talk in."""

    @WebSocketEndpoint(
        "/{room}/chat",
        sends=Annotated[Joined | Said, Field(discriminator="type")],
        receives=Say | Leave,
    )
    async def chat(
        self,
        websocket: WebSocket,
        room: str,
        since: Annotated[int, Query()],
        loud: bool = False,
        x_name: Annotated[str | None, Header()] = None,
    ) -> None:
        """Everything that is said in a room."""

    @WebSocketEndpoint("/items", sends=Item)
    async def items(
        self, websocket: WebSocket, dashed: Annotated[str | None, Query(alias="with-dash")] = None
    ) -> None: ...

    @WebSocketEndpoint("/anything")
    async def anything(self, websocket: WebSocket) -> None: ...
