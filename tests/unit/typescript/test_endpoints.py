"""Methods of services: their names, what they take, and what they answer."""

from collections.abc import AsyncIterator, Iterator
from enum import Enum, StrEnum
from typing import Annotated, Any, Literal

import pytest
from clients import client_of, declaration, endpoint_of, field, served, signature, text_of, written
from fastapi import APIRouter, Body, Depends, FastAPI, File, Form, Header, Query, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import AfterValidator, BaseModel, Field

from jararaca import Get, Post, RestController
from jararaca.presentation.options import RouteOptions
from jararaca.typescript.collect import collect


class Item(BaseModel):
    value: int


class Other(BaseModel):
    other: str


class Upload(BaseModel):
    file: UploadFile
    text: bytes = Field(b"", alias="the-text")


class Color(StrEnum):
    RED = "red"


class Mixed(Enum):
    TEXT = "text"
    NUMBER = 7
    NOTHING = None


class ValidationError(BaseModel):
    """Called like one of FastAPI's."""

    mine: int


class HTTPValidationError(BaseModel):
    """Called like another one."""

    mine: int


def answer(annotation: Any, options: RouteOptions) -> tuple[str, str, tuple[str, ...]]:
    """How the result of a method is read, its type, and what is said about it."""

    @RestController("/")
    class Answers:
        @Get("/", options)
        async def answer(self) -> annotation: ...

    client = client_of(Answers)
    found = endpoint_of(client, "answer")
    return found.response, signature(written(client), "answer").partition(" => ")[2], found.remarks


@pytest.mark.parametrize(
    ("annotation", "options", "read", "typed"),
    [
        (Item, {"responses": {202: {"model": Other}}}, "json", "Item | Other"),
        (Item, {"responses": {"2XX": {"model": Other}}}, "json", "Item | Other"),
        (Item, {"responses": {204: {}}}, "json", "Item | undefined"),
        (Item, {"responses": {202: {"content": {"text/plain": {}}}}}, "blob", "Blob"),
        (Item, {"responses": {200: {"content": {"image/png": {}}}}}, "blob", "Blob"),
        (Item, {"responses": {200: {"content": {"application/problem+json": {}}}}}, "blob", "Blob"),
        (Item, {"status_code": 204, "response_model": None}, "empty", "void"),
        (Item, {"status_code": 302}, "json", "Item"),
        (Any, {"response_class": StreamingResponse}, "stream", "ReadableStream<Uint8Array>"),
        (StreamingResponse, {}, "stream", "ReadableStream<Uint8Array>"),
        (EventSourceResponse, {}, "stream", "ReadableStream<Uint8Array>"),
        (Response, {}, "blob", "Blob"),
        ("None", {}, "json", "null"),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_an_answer_is_read_as_it_comes(annotation: Any, options: RouteOptions, read: str, typed: str) -> None:
    assert answer(annotation, options) == (read, typed, ())


def test_json_of_another_media_type_is_json() -> None:
    class Problem(JSONResponse):
        media_type = "application/problem+json"

    assert answer(Item, {"response_class": Problem}) == ("json", "Item", ())


@RestController("/streams")
class Streams:
    @Get("/told", {"response_class": EventSourceResponse})
    async def told(self) -> AsyncIterator[Item]:
        yield Item(value=1)

    @Get("/untold", {"response_class": EventSourceResponse})
    async def untold(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data=1)

    @Get("/lines")
    def lines(self):  # type: ignore[no-untyped-def] # as users write it
        yield 1

    @Get("/texts")
    def texts(self) -> Iterator[str]:
        yield ""


def test_items_of_a_stream_are_typed_where_they_are_declared() -> None:
    client = client_of(Streams)
    text = written(client)
    remark = (
        "the result is typed unknown: what the generator yields is not declared, or is an event whose data is not",
    )

    assert signature(text, "told").endswith(" => AsyncIterable<ServerSentEvent<Item>>")
    assert signature(text, "untold").endswith(" => AsyncIterable<ServerSentEvent<unknown>>")
    assert signature(text, "lines").endswith(" => AsyncIterable<unknown>")
    assert signature(text, "texts").endswith(" => AsyncIterable<string>")
    assert [endpoint_of(client, name).remarks for name in ("told", "untold", "lines", "texts")] == [
        (),
        remark,
        remark,
        (),
    ]


@RestController("/errors")
class Errors:
    @Post(
        "/{number}", {"responses": {"4XX": {"model": Other}, "default": {"model": Item}, 500: {"description": "Oh */"}}}
    )
    async def fail(self, number: int) -> None: ...


def test_errors_have_the_statuses_of_the_document() -> None:
    assert declaration(text_of(Errors), "ErrorsFailErrors").splitlines() == [
        "interface ErrorsFailErrors {",
        "  /** Client Error */",
        '  "4XX": Other;',
        "  /** Oh *\\/ */",
        "  500: unknown;",
        "  /** Default Response */",
        '  "default": Item;',
        "}",
    ]


@RestController("/clash")
class Clash:
    @Post("/{number}")
    async def send(self, number: int, mine: ValidationError) -> HTTPValidationError:
        raise NotImplementedError

    @Get("/{number}")
    async def find(self, number: int) -> None: ...


@RestController("/half")
class Half:
    @Post("/{number}")
    async def send(self, number: int, mine: ValidationError) -> None: ...

    @Get("/{number}")
    async def find(self, number: int) -> None: ...


def test_one_that_is_called_like_the_inner_one_does_too() -> None:
    text = text_of(Half)

    assert declaration(text, "ValidationError").splitlines()[1:] == ["  mine: number;", "}"]
    assert field(text, "HTTPValidationError", "detail") == "?: FastAPIValidationError[]"
    assert "FastAPIHTTP" not in text


def test_a_model_called_like_one_of_fastapi_keeps_its_fields() -> None:
    text = text_of(Clash)

    assert declaration(text, "ValidationError").splitlines()[1:] == ["  mine: number;", "}"]
    assert declaration(text, "HTTPValidationError").splitlines()[1:] == ["  mine: number;", "}"]
    assert field(text, "ClashSendErrors", "422") == ": FastAPIHTTPValidationError"
    assert field(text, "FastAPIHTTPValidationError", "detail") == "?: FastAPIValidationError[]"
    assert field(text, "FastAPIValidationError", "msg") == ": string"


# -- what requests carry


def paging(limit: Annotated[int, Query(ge=1)], tag: Annotated[Literal["a"], Query()] = "a") -> int:
    return limit


@RestController("/requests")
class Requests:
    @Get("/same")
    async def same(
        self, paged: Annotated[int, Depends(paging)], limit: int | None = None, tag: Annotated[str, Query()] = ""
    ) -> None: ...

    @Get("/tuples")
    async def tuples(
        self, pair: Annotated[tuple[int, Any], Query()], some: Annotated[tuple[int, ...] | None, Query()] = None
    ) -> None: ...

    @Get("/weird")
    async def weird(self, odd: Annotated[Any, Query()], even: Annotated[int, AfterValidator(abs), Query()]) -> None: ...

    @Get("/perhaps/{number}/{mixed}/{color}/{nothing}/{rest:path}")
    async def perhaps(self, number: int | None, mixed: Mixed, color: Color, nothing: None, rest: int) -> None: ...

    @Post("/json")
    async def json(self, body: Annotated[Item, Body(media_type="application/vnd.shop+json")]) -> None: ...

    @Post("/union")
    async def union(self, either: Annotated[Item | Other, Form()], more: Annotated[int, Form()] = 0) -> None: ...

    @Post("/nullable")
    async def nullable(self, perhaps: Annotated[Item | None, Form()] = None) -> None: ...

    @Post("/files")
    async def files(self, file: UploadFile | None = None) -> None: ...

    @Post("/upload")
    async def upload(self, upload: Annotated[Upload, Form()]) -> None: ...

    @Post("/parts")
    async def parts(self, upload: Annotated[Upload, File()]) -> None: ...

    @Post("/bytes")
    async def all_bytes(
        self,
        file: UploadFile,
        text: Annotated[bytes, Form()],
        perhaps: Annotated[bytes | None, Form(alias="per-haps")] = None,
        many: Annotated[list[bytes], Form()] = [],  # noqa: B006
        files: Annotated[list[bytes], File()] = [],  # noqa: B006
    ) -> None: ...


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("same", '{ limit: number; tag?: "a" | undefined }'),
        ("tuples", "{ pair: [number, WireScalar]; some?: number[] | null | undefined }"),
        ("weird", "{ odd: WireScalar; even: number }"),
        ("json", "{ body: Item }"),
        ("union", "{ body: (Item | Other) & { more?: number } }"),
        ("nullable", "{ body?: { value?: undefined } | Item | undefined } = {}"),
        ("upload", '{ body: { file: Blob; "the-text"?: string } }'),
        ("parts", '{ body: { file: Blob; "the-text"?: Blob } }'),
        (
            "allBytes",
            '{ body: { file: Blob; text: string; "per-haps"?: string | null; many?: string[]; files?: Blob[] }; }',
        ),
        ("files", "{ body?: { file?: Blob | null } | undefined } = {}"),
    ],
)
def test_options_have_the_types_that_requests_carry(method: str, options: str) -> None:
    assert signature(text_of(Requests), method).partition(", call")[0] == f"(options: {options}"


def test_a_path_carries_no_null_and_its_slashes_where_the_route_takes_them() -> None:
    text = text_of(Requests)

    assert signature(text, "perhaps").startswith(
        '(number: number, mixed: "text" | 7, color: Color, nothing: string | number | boolean, rest: number, call'
    )
    assert '+ encodePath(nothing) + "/" + encodePathSegments(String(rest)),' in text


def test_an_optional_form_is_no_body_where_it_is_left_out() -> None:
    text = text_of(Requests)

    fields = "fieldsOf(Object.entries(options.body))"
    assert f'body: options.body === undefined ? undefined : {{ kind: "multipart", fields: {fields} }},' in text


# -- what is where


def test_routes_of_no_controller_are_a_service_of_their_own() -> None:
    app, router = FastAPI(), APIRouter(prefix="/inner")

    @router.get("/{number}")
    async def find_it(number: int) -> Item:
        raise NotImplementedError

    @app.get("/find")
    async def find_it_too() -> Item:
        raise NotImplementedError

    app.include_router(router, prefix="/outer")
    client = collect(app)

    assert [service.name for service in client.services] == ["Routes"]
    assert signature(written(client), "findIt") == "(number: number, call?: CallOptions) => Item"
    assert '"/outer/inner/" + encodePath(number)' in written(client)


def test_what_is_left_out_is_named() -> None:
    @RestController("/a")
    class Hidden:
        @Get("/b", {"include_in_schema": False})
        async def find(self) -> None: ...

    app = served(Hidden)
    app.mount("/static", FastAPI())

    assert collect(app).left_out == ("GET /a/b, whose include_in_schema is False", "what is mounted at /static")


def test_methods_that_would_have_the_same_name_are_told_apart_and_stay_so() -> None:
    @RestController("/a")
    class Same:
        @Get("/one")
        @Get("/two")
        @Post("/two")
        async def find(self) -> None: ...

        @Get("/three")
        async def constructor(self) -> None: ...

    names = [each.name for each in client_of(Same).services[0].endpoints]

    assert names == ["constructor_", "findGet", "findGetATwo", "findPost"]


def test_controllers_of_the_same_name_get_that_of_their_module() -> None:
    made = [RestController(f"/{name}")(type("Same", (Requests,), {"__module__": name})) for name in ("one", "two")]

    assert [service.name for service in client_of(*made).services] == ["OneSame", "TwoSame"]


def test_a_service_may_be_called_like_something_of_the_language() -> None:
    made = RestController("/p")(type("Promise", (Requests,), {}))

    assert [service.name for service in client_of(made).services] == ["PromiseService"]


def test_three_models_of_one_name_are_numbered() -> None:
    class My_Item(BaseModel):  # noqa: N801 -- as users write it
        first: int

    class My__Item(BaseModel):  # noqa: N801 -- as users write it
        second: int

    class MyItem(BaseModel):
        third: int

    class MyItemModel(BaseModel):
        fourth: int

    @RestController("/a")
    class Four:
        @Get()
        async def find(self) -> tuple[My_Item, My__Item, MyItem, MyItemModel]:
            raise NotImplementedError

    text = text_of(Four)

    assert field(text, "MyItem", "third") == ": number"
    assert field(text, "MyItemModel", "fourth") == ": number"
    assert {field(text, name, key) for name, key in (("MyItemModel2", "first"), ("MyItemModel3", "second"))} == {
        ": number"
    }


def test_a_header_that_two_dependencies_read_is_given_once() -> None:
    def one(x_key: Annotated[str | None, Header()] = None) -> None: ...
    def two(x_key: Annotated[str, Header()]) -> None: ...

    @RestController("/a")
    class Twice:
        @Get()
        async def find(self, a: Annotated[None, Depends(one)], b: Annotated[None, Depends(two)]) -> None: ...

    assert signature(text_of(Twice), "find") == ('(options: { "x-key": string }, call?: CallOptions) => null')


def test_a_form_with_files_is_sent_in_parts_whatever_it_is_said_to_be() -> None:
    bodies = [endpoint_of(client_of(Requests), name).body for name in ("upload", "parts", "union")]

    assert [body.encoding for body in bodies if body] == ["multipart", "multipart", "form"]


def test_two_verbs_of_one_route_are_two_methods() -> None:
    app = FastAPI()

    @app.api_route("/both", methods=["GET", "DELETE"])
    async def both() -> None: ...

    assert [each.name for each in collect(app).services[0].endpoints] == ["bothDelete", "bothGet"]
