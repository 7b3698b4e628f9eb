"""Clients of websocket endpoints: where they connect, what they are told, and what they may say."""

from typing import Annotated, Any, Literal

import pytest
from clients import client_of, declaration, text_of, written
from fastapi import APIRouter, Cookie, Depends, FastAPI, Header, Query, WebSocket
from pydantic import BaseModel, Field, RootModel

from jararaca import RestController, WebSocketEndpoint
from jararaca.typescript.collect import collect
from jararaca.typescript.model import Socket


class Created(BaseModel):
    type: Literal["created"] = "created"
    number: int


class Moved(BaseModel):
    type: Literal["up", "down"]


class Bare(BaseModel):
    text: str


class Kinds(BaseModel):
    kind: Literal["kinds"]
    type: int


class OtherKinds(BaseModel):
    kind: Literal["kinds", "others"]


Event = Annotated[Created | Moved, Field(discriminator="type")]


class Wrapped(RootModel[Event]):
    """A union with a name."""


def socket(**options: Any) -> Socket:
    """The client of an endpoint with these options."""

    @RestController("/shop")
    class Shop:
        @WebSocketEndpoint("/feed", **options)
        async def feed(self, websocket: WebSocket) -> None: ...

    [found] = client_of(Shop).sockets
    return found


def messages(sends: Any) -> tuple[str | None, str]:
    """What tells messages apart, and the interface that lists them."""

    @RestController("/shop")
    class Shop:
        @WebSocketEndpoint("/feed", sends=sends)
        async def feed(self, websocket: WebSocket) -> None: ...

    client = client_of(Shop)
    lines = declaration(written(client), "ShopFeedMessages").splitlines()[1:-1]
    return client.sockets[0].tag, " ".join(line.strip() for line in lines)


@pytest.mark.parametrize(
    ("sends", "tag", "expected"),
    [
        (Created, "type", 'created: Created & { type: "created" };'),
        (
            Event,
            "type",
            'created: Created & { type: "created" }; down: Moved & { type: "down" }; up: Moved & { type: "up" };',
        ),
        (
            Created | Moved,
            "type",
            'created: Created & { type: "created" }; down: Moved & { type: "down" }; up: Moved & { type: "up" };',
        ),
        (
            Wrapped,
            "type",
            'created: Created & { type: "created" }; down: Moved & { type: "down" }; up: Moved & { type: "up" };',
        ),
        (
            Kinds | OtherKinds,
            "kind",
            'kinds: Kinds | (OtherKinds & { kind: "kinds" }); others: OtherKinds & { kind: "others" };',
        ),
        (Bare, None, "message: Bare;"),
        (Created | Bare, None, "message: Created | Bare;"),
        (list[int], None, "message: number[];"),
        (str, None, "message: string;"),
        (bytes, None, "message: ArrayBuffer;"),
        (None, None, "message: string;"),
    ],
    ids=str,
)
def test_messages_are_typed_by_what_tells_them_apart(sends: Any, tag: str | None, expected: str) -> None:
    assert messages(sends) == (tag, expected)


@pytest.mark.parametrize(
    ("sends", "reads"), [(Created, "json"), (str, "text"), (bytes, "bytes"), (None, "text"), (list[int], "json")]
)
def test_frames_are_read_as_they_are_written(sends: Any, reads: str) -> None:
    assert socket(sends=sends).reads == reads
    assert f'receives: "{reads}"' in written_socket(sends=sends)


def written_socket(**options: Any) -> str:
    @RestController("/shop")
    class Shop:
        @WebSocketEndpoint("/feed", **options)
        async def feed(self, websocket: WebSocket) -> None: ...

    return text_of(Shop)


@pytest.mark.parametrize(
    ("receives", "expected"),
    [
        (Created, "Created"),
        (Created | Moved, "Created | Moved"),
        (str, "string"),
        (bytes, "ArrayBuffer"),
        (None, "string | ArrayBuffer | Blob"),
    ],
    ids=str,
)
def test_what_is_sent_is_what_the_endpoint_reads(receives: Any, expected: str) -> None:
    text = written_socket(sends=str, receives=receives)

    assert f"class ShopFeed extends WebSocketClient<ShopFeedMessages, {expected}> {{" in text


def test_an_endpoint_that_declares_no_messages_is_counted() -> None:
    remark = "no messages are declared with sends=..., so that each is the text of its frame"

    assert socket().remarks == (remark,)
    assert socket(sends=Created).remarks == ()


def session(number: Annotated[int, Query()] = 0) -> int:
    return number


@RestController("/rooms/{room}")
class Rooms:
    @WebSocketEndpoint("/talk", sends=Created)
    async def talk(
        self,
        websocket: WebSocket,
        room: str,
        since: Annotated[int, Query(alias="from")],
        number: Annotated[int, Depends(session)],
        key: Annotated[str, Header()] = "",
        cookie: Annotated[str, Cookie()] = "",
    ) -> None:
        """Talk in a room */."""

    @WebSocketEndpoint("/listen", sends=Created)
    async def listen(self, websocket: WebSocket, room: str, quiet: bool = False) -> None: ...


def test_path_and_query_are_given_when_the_client_is_made() -> None:
    text = text_of(Rooms)

    assert declaration(text, "RoomsTalk").splitlines()[1:-1] == [
        "  constructor(room: string, options: WebSocketOptions & { readonly parameters: "
        "{ readonly from: number; readonly number?: number | undefined } }) {",
        '    super({ path: "/rooms/" + encodePath(room) + "/talk", query: pairsOf([["from", options.parameters.from], '
        '["number", options.parameters.number]]), tag: "type", receives: "json" }, options);',
        "  }",
    ]
    assert "{ readonly parameters?: { readonly quiet?: boolean | undefined } }" in text
    assert '["quiet", (options.parameters ?? {}).quiet]' in text


def test_what_a_websocket_cannot_be_given_is_left_out_and_counted() -> None:
    assert client_of(Rooms).remarks == (
        "RoomsTalk: the header 'key' is left out, because a WebSocket cannot be given any",
        "RoomsTalk: the cookie 'cookie' is left out, because a WebSocket cannot be given any",
    )


def test_its_words_are_a_comment() -> None:
    text = text_of(Rooms)

    assert " * Talk in a room *\\/.\n" in text


def test_both_spellings_of_a_path_are_one_client() -> None:
    assert [each.name for each in client_of(Rooms).sockets] == ["RoomsListen", "RoomsTalk"]


def test_endpoints_of_other_routers_are_clients_too() -> None:
    app, router = FastAPI(), APIRouter(prefix="/inner")

    def limited(limit: int = 1) -> None: ...

    @router.websocket("/{room}", dependencies=[Depends(limited)])
    async def chat(websocket: WebSocket, room: str) -> None: ...

    app.include_router(router, prefix="/outer")
    client = collect(app)

    assert [each.name for each in client.sockets] == ["Chat"]
    assert '"/outer/inner/" + encodePath(room), query: pairsOf([["limit", ' in written(client)
    assert client.models == (), "what nothing mentions is not written"
