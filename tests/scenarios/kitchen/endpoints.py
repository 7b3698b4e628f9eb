"""What requests carry, and what answers are."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Body, Cookie, Depends, File, Form, Header, Path, Query, Request, Response, UploadFile
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.security import APIKeyHeader, APIKeyQuery, HTTPBearer, OAuth2PasswordBearer
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, Field, Json

from jararaca import Delete, Get, Patch, Post, Put, RestController
from jararaca.presentation.decorators import Head, Options
from jararaca.presentation.middleware import HttpMiddleware
from kitchen.containers import Containers, Page
from kitchen.enums import Color, Priority, Rights
from kitchen.generics import Generics
from kitchen.models import Animal, Bird, Error, Item, Models, Paths, Serialized
from kitchen.scalars import Scalars
from kitchen.unions import Cat, Dog, Pet, Unions

T = TypeVar("T")


class Missing(BaseModel):
    detail: str


class Filter(BaseModel):
    """Parameters in a model."""

    limit: int = Field(100, gt=0, description="How many.")
    order_by: Literal["created_at", "name"] = "name"
    tags: list[str] = []
    since: date | None = None


class Traced(HttpMiddleware):
    """Looks at a header of its own."""

    async def intercept(self, request: Request, x_trace: Annotated[str | None, Header()] = None) -> AsyncIterator[None]:
        yield


def pages(offset: int = 0, limit: Annotated[int, Query(le=100)] = 10) -> tuple[int, int]:
    """A dependency with parameters."""
    return offset, limit


def tenant(tenant_id: Annotated[UUID, Header(alias="X-Tenant")], paging: Annotated[Any, Depends(pages)]) -> UUID:
    """A dependency with a dependency."""
    return tenant_id


@RestController("/bodies", {"tags": ["bodies"]})
class Bodies:
    """Everything that a request has in it."""

    @Post("/scalars")
    async def scalars(self, body: Scalars) -> Scalars:
        return body

    @Post("/containers")
    async def containers(self, body: Containers) -> Containers:
        return body

    @Post("/unions")
    async def unions(self, body: Unions) -> Unions:
        return body

    @Post("/models")
    async def models(self, body: Models) -> Models:
        return body

    @Post("/paths")
    async def paths(self, body: Paths) -> Paths:
        return body

    @Post("/generics")
    async def generics(self, body: Generics) -> Generics:
        return body

    @Put("/optional")
    async def optional(self, item: Item | None = None) -> Item | None:
        return item

    @Put("/several")
    async def several(self, item: Item, bird: Bird, importance: Annotated[int, Body()], note: str | None = None) -> int:
        return importance

    @Put("/embedded")
    async def embedded(self, item: Annotated[Item, Body(embed=True)]) -> Item:
        return item

    @Patch("/union")
    async def union(self, pet: Pet) -> Cat | Dog:
        return pet

    @Post("/list")
    async def many(self, items: list[Item]) -> list[Item]:
        return items

    @Post("/number")
    async def number(self, value: Annotated[int, Body()]) -> int:
        return value

    @Post("/dictionary")
    async def dictionary(self, values: dict[Color, list[Item]]) -> dict[str, Item]:
        return {}

    @Post("/text")
    async def text(self, body: Annotated[str, Body(media_type="text/plain")]) -> str:
        return body

    @Post("/raw", {"openapi_extra": {"requestBody": {"content": {"application/x-yaml": {}}, "required": True}}})
    async def raw(self, request: Request) -> dict[str, Any]:
        return {}

    @Post("/form")
    async def form(self, name: Annotated[str, Form()], tags: Annotated[list[str], Form()] = []) -> str:  # noqa: B006
        return name

    @Post("/form-model")
    async def form_model(self, filter: Annotated[Filter, Form()]) -> Filter:  # noqa: A002
        return filter

    @Post("/file")
    async def upload(
        self, file: UploadFile, note: Annotated[str, Form()] = "", raw: Annotated[bytes, Form()] = b""
    ) -> int:
        return file.size or 0

    @Post("/files")
    async def uploads(self, files: list[UploadFile], extra: Annotated[bytes | None, File()] = None) -> list[str]:
        return []


@RestController("/parameters")
class Parameters:
    """Paths, queries, headers and cookies."""

    @Get("/paths/{number}/{color}/{day}")
    async def path(self, number: int, color: Color, day: date, kind: Annotated[str, Query()] = "x") -> str:
        return kind

    @Get("/rest/{rest:path}")
    async def rest(self, rest: str) -> str:
        return rest

    @Get("/fixed/größe und/{class}", {"deprecated": True})
    async def fixed(self, class_: Annotated[float, Path(alias="class", description="No `*/` identifier.")]) -> float:
        """An old one."""
        return class_

    @Get("/undeclared/{name}")
    async def undeclared(self, request: Request) -> str:
        return str(request.path_params["name"])

    @Get("/query")
    async def query(
        self,
        text: str,
        numbers: Annotated[list[int], Query()],
        colors: Annotated[set[Color] | None, Query()] = None,
        priority: Priority = Priority.LOW,
        price: Decimal | None = None,
        either: int | str = 0,
        aliased: Annotated[int, Query(alias="item-query", deprecated=True, description="Some.")] = 0,
        literal: Literal["a", "b"] = "a",
        parsed: Annotated[Json[list[int]] | None, Query()] = None,
        whatever: Any = None,
        rights: Rights = Rights.READ,
        hidden: Annotated[int, Query(include_in_schema=False)] = 0,
    ) -> int:
        return len(numbers)

    @Get("/model")
    async def model(self, filter: Annotated[Filter, Query()]) -> Filter:  # noqa: A002
        return filter

    @Get("/headers", middlewares=[Traced])
    async def headers(
        self,
        user_agent: Annotated[str, Header()],
        x_key: Annotated[str, Header(alias="X-API-Key")],
        repeated: Annotated[list[str] | None, Header()] = None,
        under_score: Annotated[int, Header(convert_underscores=False)] = 0,
    ) -> str:
        return x_key

    @Get("/cookies")
    async def cookies(
        self, session: Annotated[str | None, Cookie()] = None, ab: Annotated[int, Cookie(alias="A-B")] = 0
    ) -> int:
        return ab

    @Get("/depends")
    async def depends(self, owner: Annotated[UUID, Depends(tenant)], limit: int = 5) -> str:
        return str(owner)

    @Post("/collisions/{body}/{options}/{call}")
    async def collisions(
        self,
        item: Item,
        body: str,
        options: str,
        call: int,
        id: Annotated[int, Header()],  # noqa: A002
        name: Annotated[str, Cookie()],
    ) -> int:
        return call

    @Post("/same/{item_id}")
    async def same(
        self,
        item_id: int,
        item: Item,
        query: Annotated[str, Query(alias="body")],
        header: Annotated[str, Header(alias="body")],
    ) -> int:
        return item_id


class Answer(Enum):
    YES = "yes"


@RestController("/answers", {"responses": {401: {"model": Error, "description": "Who are you? */"}}})
class Answers:
    """What comes back."""

    @Delete("/nothing", {"status_code": 204})
    async def nothing(self) -> None: ...

    @Get("/null")
    async def null(self) -> None: ...

    @Get("/untyped")
    async def untyped(self):  # type: ignore[no-untyped-def] # as users write it
        return 1

    @Get("/anything")
    async def anything(self) -> Any:
        return 1

    @Get("/enum")
    async def enum(self) -> Answer:
        return Answer.YES

    @Post(
        "/created",
        {"status_code": 201, "responses": {200: {"model": Item}, 404: {"model": Missing}, "5XX": {"model": Missing}}},
    )
    async def created(self, serialized: Serialized) -> Serialized:
        return serialized

    @Get("/maybe", {"responses": {204: {"description": "None."}}})
    async def maybe(self) -> Item | None:
        return None

    @Get("/text", {"response_class": PlainTextResponse})
    async def text(self) -> str:
        return ""

    @Get("/html")
    async def html(self) -> HTMLResponse:
        return HTMLResponse("")

    @Get("/own")
    async def own(self) -> JSONResponse:
        return JSONResponse(None)

    @Get("/response")
    async def response(self) -> Response:
        return Response()

    @Get("/redirect", {"status_code": 307})
    async def redirect(self) -> RedirectResponse:
        return RedirectResponse("/")

    @Get("/file", {"response_class": FileResponse})
    async def file(self) -> str:
        return "/"

    @Get("/image", {"responses": {200: {"content": {"image/png": {}}}}, "response_class": Response})
    async def image(self) -> Response:
        return Response()

    @Get("/stream")
    async def stream(self) -> StreamingResponse:
        return StreamingResponse(iter(()))

    @Get("/events", {"response_class": EventSourceResponse})
    async def events(self) -> AsyncIterable[Item]:
        yield Item(here=1)

    @Get("/lines")
    def lines(self) -> Iterator[Item]:
        yield Item(here=1)

    @Get("/included", {"response_model_include": {"name"}})
    async def included(self) -> Animal:
        return Animal(name="x")

    @Get("/excluded", {"response_model_exclude": {"name"}})
    async def excluded(self) -> Bird:
        return Bird(name="x")

    @Get("/without-null", {"response_model_exclude_none": True})
    async def without_null(self) -> Unions:
        raise NotImplementedError

    @Get("/without-unset", {"response_model_exclude_unset": True})
    async def without_unset(self) -> Bird:
        return Bird(name="x")

    @Get("/by-name", {"response_model_by_alias": False})
    async def by_name(self) -> Models:
        raise NotImplementedError

    @Head("/head")
    async def head(self) -> None: ...

    @Options("/options")
    async def options(self) -> list[str]:
        return []

    @Get("/hidden", {"include_in_schema": False})
    async def hidden(self) -> int:
        return 1

    @Get("/twice/a")
    @Get("/twice/b")
    @Post("/twice/a")
    async def twice(self) -> int:
        return 2

    @Get("/constructor")
    async def constructor(self) -> int:
        return 1

    @Get("/delete")
    async def delete(self) -> int:
        return 1


@RestController("/secure")
class Secure:
    """Behind security schemes."""

    @Get("/key")
    async def key(self, key: Annotated[str, Depends(APIKeyHeader(name="X-Secret", scheme_name="Key"))]) -> str:
        return key

    @Get("/query-key")
    async def query_key(self, key: Annotated[str, Depends(APIKeyQuery(name="api_key"))]) -> str:
        return key

    @Get("/bearer")
    async def bearer(self, token: Annotated[Any, Depends(HTTPBearer())]) -> str:
        return str(token)

    @Get("/oauth")
    async def oauth(self, token: Annotated[str, Depends(OAuth2PasswordBearer("/token"))]) -> str:
        return token


class Crud(Generic[T]):
    """What controllers of entities have in common."""

    @Get("/{item_id}", {"responses": {404: {"model": Missing}}})
    async def get(self, item_id: int) -> T:
        raise NotImplementedError

    @Get()
    async def list(self, paging: Annotated[Any, Depends(pages)]) -> Page[T]:
        raise NotImplementedError

    @Post()
    async def create(self, item: T) -> T:
        return item


@RestController("/items")
class Items(Crud[Item]):
    """Inherited methods for one entity."""


@RestController("/birds")
class Birds(Crud[Bird]):
    """Inherited methods for another one, and a method of its own."""

    async def get(self, item_id: int) -> Bird:
        """Overridden; still a route."""
        raise NotImplementedError

    @Get("/{item_id}/song")
    async def song(self, item_id: int) -> bytes:
        return b""
