"""An application whose methods answer with what they were given, and remember it as Python has it."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Body, Cookie, File, Form, Header, Path, Query, Response, UploadFile, WebSocket
from fastapi.responses import JSONResponse, PlainTextResponse, StreamingResponse
from fastapi.sse import EventSourceResponse
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, TypeAdapter, computed_field

from jararaca import Delete, Get, Microservice, Patch, Post, Put, RestController, WebSocketEndpoint


class Colour(StrEnum):
    RED = "red"
    DARK_BLUE = "dark blue"


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


class Rights(IntFlag):
    READ = 1
    WRITE = 2


class Mixed(Enum):
    NOTHING = 0
    WORD = "word"


T = TypeVar("T")
Z = TypeVar("Z")
A = TypeVar("A")


class Circle(BaseModel):
    kind: Literal["circle"]
    radius: float


class Square(BaseModel):
    kind: Literal["square"]
    side: int


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Envelope(BaseModel, Generic[T]):
    inside: T
    more: "list[Envelope[T]]" = []


class Both(BaseModel, Generic[Z, A]):
    """Its parameters are not in the order of the alphabet."""

    left: Z
    right: A | None


class Scalars(BaseModel):
    text: str
    whole: int
    real: float
    truth: bool
    raw: bytes
    amount: Decimal
    id: UUID
    day: date
    moment: datetime
    hour: time
    duration: timedelta


class Everything(BaseModel):
    """One field for each kind of value."""

    model_config = ConfigDict(populate_by_name=True)

    scalars: Scalars
    colour: Colour
    size: Size
    mixed: Mixed
    words: list[str]
    numbers: set[int]
    pair: tuple[int, str]
    many: tuple[float, ...]
    by_name: dict[str, Decimal]
    by_number: dict[int, bool]
    by_colour: dict[Colour, Size]
    shape: Annotated[Circle | Square, Field(discriminator="kind")]
    union: int | str | list[Tree] | None
    exact: Literal["a'b", "\\", 1, True, None]
    tree: Tree
    anything: Any
    key: str = Field(alias="the-key")
    left_out: int | None = None
    with_default: list[int] = Field(default_factory=lambda: [1])
    envelope: Envelope[Tree | None]
    both: Both[int, Envelope[Colour]]

    @computed_field
    def length(self) -> int:
        return len(self.words)


class Change(BaseModel):
    """What may be changed: left alone where it is absent, emptied where it is null."""

    title: str | None = None
    count: int = 0
    day: date | None = None
    tree: Tree | None = None
    words: list[str | None] | None = None


class Filter(BaseModel):
    after: date | None = None
    sizes: list[Size] = []


class Placed(BaseModel):
    """Read from inside of another field; one of them can be given by a name too."""

    deep: int = Field(validation_alias=AliasPath("outer", 0))
    direct: int = Field(validation_alias=AliasChoices(AliasPath("outer", 1), "named"))


class Named(Placed):
    model_config = ConfigDict(populate_by_name=True)


class Chosen(BaseModel):
    word: str = Field(validation_alias=AliasChoices(AliasPath("outer", 0), "named"))


class Missing(BaseModel):
    what: str


class Taken(BaseModel):
    by: int


class Ask(BaseModel):
    type: Literal["ask"]
    value: Everything


class Stop(BaseModel):
    type: Literal["stop"]


class Answer(BaseModel):
    type: Literal["answer"] = "answer"
    value: Everything


class Farewell(BaseModel):
    type: Literal["farewell"] = "farewell"
    asked: int


seen: list[Any] = []
"""What methods were given, the latest last."""


def remembered(value: T) -> T:
    """The value, once it was written down."""
    seen.append(value)
    return value


@RestController("/echo")
class Echo:
    """Answers with what it is given."""

    @Get("/path/{text}/{whole}/{real}/{truth}/{day}/{id}/{colour}/{size}/{amount}/{moment}")
    async def path(
        self,
        text: str,
        whole: int,
        real: float,
        truth: bool,
        day: date,
        id: UUID,  # noqa: A002 -- a name that a path may well have
        colour: Colour,
        size: Annotated[Size, Path()],
        amount: Decimal,
        moment: datetime,
    ) -> tuple[str, int, float, bool, date, UUID, Colour, Size, Decimal, datetime]:
        return remembered((text, whole, real, truth, day, id, colour, size, amount, moment))

    @Get("/rest/{rest:path}")
    async def rest(self, rest: str) -> str:
        return remembered(rest)

    @Get("/query")
    async def query(
        self,
        text: str,
        real: float,
        words: Annotated[list[str], Query()],
        moment: datetime,
        amount: Decimal,
        colour: Colour,
        given: Annotated[str, Query(alias="X-Given for")],
        ids: Annotated[list[UUID], Query()],
        exact: Literal["a&b", "", "+ %"],
        hour: time,
        lasting: timedelta,
        sizes: Annotated[set[Size], Query()] = frozenset(),  # type: ignore[assignment] # any default that is empty
        days: Annotated[list[date], Query()] = [],  # noqa: B006 -- FastAPI copies it
        maybe: int | None = None,
        truth: bool = True,
    ) -> dict[str, Any]:
        given_ones: dict[str, Any] = {
            "text": text,
            "real": real,
            "words": words,
            "moment": moment,
            "amount": amount,
            "colour": colour,
        } | {"X-Given for": given, "sizes": sizes, "maybe": maybe, "truth": truth}
        given_ones |= {"ids": ids, "exact": exact, "hour": hour, "lasting": lasting, "days": days}
        return remembered(given_ones)

    @Get("/filtered")
    async def filtered(self, filter: Annotated[Filter, Query()]) -> Filter:  # noqa: A002 -- what APIs call it
        return remembered(filter)

    @Get("/headers")
    async def headers(
        self,
        x_text: Annotated[str, Header()],
        key: Annotated[str, Header(alias="X-API-Key")],
        x_many: Annotated[list[str], Header()],
        x_day: Annotated[date | None, Header()] = None,
        session: Annotated[str, Cookie()] = "",
        number: Annotated[int | None, Cookie(alias="n")] = None,
    ) -> tuple[str, str, list[str], date | None, str, int | None]:
        return remembered((x_text, key, x_many, x_day, session, number))

    @Get("/typed")
    async def typed(
        self,
        x_amount: Annotated[Decimal, Header()],
        x_moment: Annotated[datetime, Header()],
        x_size: Annotated[Size, Header()],
        x_truth: Annotated[bool, Header()],
        x_ids: Annotated[list[UUID], Header()],
        colour: Annotated[Colour | None, Cookie()] = None,
        day: Annotated[date | None, Cookie()] = None,
        real: Annotated[float | None, Cookie()] = None,
    ) -> tuple[Decimal, datetime, Size, bool, list[UUID], Colour | None, date | None, float | None]:
        return remembered((x_amount, x_moment, x_size, x_truth, x_ids, colour, day, real))

    @Post("/form")
    async def form(
        self,
        text: Annotated[str, Form()],
        amount: Annotated[Decimal, Form()],
        colours: Annotated[list[Colour], Form()],
        truth: Annotated[bool, Form()],
        day: Annotated[date, Form()],
        moments: Annotated[list[datetime], Form()],
        maybe: Annotated[int | None, Form()] = None,
    ) -> tuple[str, Decimal, list[Colour], bool, date, list[datetime], int | None]:
        return remembered((text, amount, colours, truth, day, moments, maybe))

    @Post("/upload")
    async def upload(
        self,
        file: UploadFile,
        more: Annotated[list[UploadFile], File()],
        note: Annotated[str, Form()],
        sizes: Annotated[list[Size], Form()],
    ) -> tuple[tuple[str | None, str | None, str], list[str], str, list[Size]]:
        whole = (file.filename, file.content_type, (await file.read()).hex())
        return remembered((whole, [(await each.read()).hex() for each in more], note, sizes))

    @Put("/raw")
    async def raw(self, body: Annotated[bytes, Body(media_type="application/octet-stream")]) -> str:
        return remembered(body).hex()

    @Post("/body")
    async def body(self, body: Everything) -> Everything:
        return remembered(body)

    @Post("/rights")
    async def rights(self, rights: Annotated[list[Rights], Body()], only: Rights = Rights.READ) -> list[Rights]:
        return remembered([*rights, only])

    @Post("/placed")
    async def placed(self, body: Placed) -> Placed:
        return remembered(body)

    @Post("/named")
    async def named(self, body: Named) -> Named:
        return remembered(body)

    @Get("/chosen")
    async def chosen(self, chosen: Annotated[Chosen, Query()]) -> Chosen:
        return remembered(chosen)

    @Post("/list")
    async def listed(self, body: list[Everything | None]) -> list[Everything | None]:
        return remembered(body)

    @Post("/two")
    async def two(self, tree: Tree, shape: Annotated[Circle | Square, Body(discriminator="kind")], n: int) -> list[Any]:
        return remembered([tree, shape, n])

    @Patch("/change/{title}")
    async def change(self, title: str, body: Change) -> dict[str, Any]:
        return remembered(body.model_dump(exclude_unset=True))

    @Post("/nullable")
    async def nullable(self, body: Tree | None = None) -> Tree | None:
        return remembered(body)

    @Post("/union")
    async def union(self, body: Circle | list[Square] | str | None) -> list[Square] | Circle | str | None:
        return remembered(body)

    @Delete("/nothing", {"status_code": 204})
    async def nothing(self) -> None:
        return None

    @Get("/refused/{status}", {"responses": {404: {"model": Missing}, 409: {"model": Taken}}})
    async def refused(self, status: int, what: str = "that", by: int = 7) -> str:
        answers: dict[int, BaseModel] = {404: Missing(what=what), 409: Taken(by=by)}
        return JSONResponse(answers[status].model_dump(), status)  # type: ignore[return-value] # another answer


@RestController("/flow")
class Flow:
    """Answers with what is not JSON."""

    @Get("/text", {"response_class": PlainTextResponse})
    async def text(self, text: str) -> str:
        return text

    @Get("/file")
    async def file(self, hex: str) -> Response:  # noqa: A002 -- what it is
        return Response(bytes.fromhex(hex), media_type="application/x-thing")

    @Get("/stream", {"response_class": StreamingResponse})
    async def stream(self, hexes: Annotated[list[str], Query()]) -> StreamingResponse:
        return StreamingResponse(iter(map(bytes.fromhex, hexes)), media_type="application/octet-stream")

    @Post("/events", {"response_class": EventSourceResponse})
    async def events(self, trees: list[Tree]) -> AsyncIterator[Tree]:
        for tree in trees:
            yield tree

    @Post("/lines")
    async def lines(self, trees: list[Tree]) -> AsyncIterator[Tree]:
        for tree in trees:
            yield tree

    @WebSocketEndpoint("/talk/{room}", sends=Answer | Farewell, receives=Ask | Stop)
    async def talk(self, websocket: WebSocket, room: str, lang: str = "") -> None:
        """Answers what is asked, until it is told to stop."""
        await websocket.accept()
        remembered((room, lang))
        asked, spoken = 0, TypeAdapter[Ask | Stop](Ask | Stop)
        while isinstance(told := spoken.validate_json(await websocket.receive_text()), Ask):
            asked += 1
            await websocket.send_text(Answer(value=remembered(told.value)).model_dump_json(by_alias=True))
        await websocket.send_text(Farewell(asked=asked).model_dump_json())


app = Microservice(name="echo", controllers=[Echo, Flow])
