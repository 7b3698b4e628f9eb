"""What no client can call is an error that says where; what cannot be typed is `unknown`, says why, and is counted."""

from collections.abc import Callable
from typing import Annotated, Self

import pytest
from clients import client_of, declaration, endpoint_of, signature, text_of, written
from fastapi import Body, Depends, FastAPI, Form, Header, Query, WebSocket
from pydantic import BaseModel, ConfigDict, Field

from jararaca import Get, Post, RestController, WebSocketEndpoint
from jararaca.errors import InvalidHandler
from jararaca.typescript.collect import collect


class Inner(BaseModel):
    value: int


class Outer(BaseModel):
    inner: Inner | None = None
    tags: list[str] = []


class Weird:
    """No model at all."""


class Holder(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    callback: Callable[[int], int]
    weird: Weird | None = None


def dependency(secret: Annotated[str, Query(include_in_schema=False)]) -> str:
    return secret


@RestController("/a")
class InQuery:
    @Get()
    async def find(self, outer: Annotated[Outer, Query()]) -> None: ...


@RestController("/a")
class InForm:
    @Post()
    async def send(self, outer: Annotated[Outer, Form()]) -> None: ...


@RestController("/a")
class InHead:
    @Get()
    async def find(self, value: Annotated[int, Body()]) -> None: ...


@RestController("/a")
class BadHeader:
    @Get()
    async def find(self, value: Annotated[str, Header(alias="X Bad\r\n")]) -> None: ...


@RestController("/a")
class Hidden:
    @Get()
    async def find(self, secret: Annotated[str, Depends(dependency)]) -> None: ...


@pytest.mark.parametrize(
    ("controller", "sentence"),
    [
        (
            InQuery,
            "InQuery.find: the query parameter 'inner' has a type that is neither a scalar nor a list of scalars",
        ),
        (InForm, "InForm.send: the form field 'inner' has a type that is neither a scalar nor a list of scalars"),
        (InHead, "InHead.find: the body belongs to a GET request, which browsers send without one"),
        (BadHeader, "BadHeader.find: the header parameter 'X Bad\\r\\n' has a name that no request can carry"),
        (
            Hidden,
            "Hidden.find: the parameter 'secret' must be given, but include_in_schema=False keeps it from clients",
        ),
    ],
)
def test_method_and_parameter_are_named(controller: type, sentence: str) -> None:
    with pytest.raises(InvalidHandler) as raised:
        client_of(controller)

    assert str(raised.value) == (
        f"{sentence}, so that no client can be generated for it. Change it, or leave the route out of clients with "
        '{"include_in_schema": False}.'
    )


def test_a_hidden_parameter_that_need_not_be_given_is_left_out_and_listed() -> None:
    def traced(x_trace: Annotated[str, Header(include_in_schema=False)] = "") -> str:
        return x_trace

    @RestController("/a")
    class Partly:
        @Get()
        async def find(
            self, trace: Annotated[str, Depends(traced)], secret: Annotated[int, Query(include_in_schema=False)] = 0
        ) -> None: ...

        @WebSocketEndpoint("/feed", sends=Inner)
        async def feed(
            self, websocket: WebSocket, key: Annotated[str, Query(include_in_schema=False)] = ""
        ) -> None: ...

    client = client_of(Partly)

    assert endpoint_of(client, "find").parameters == ()
    assert client.left_out == (
        "the header parameter 'x-trace' of Partly.find, whose include_in_schema is False",
        "the query parameter 'key' of Partly.feed, whose include_in_schema is False",
        "the query parameter 'secret' of Partly.find, whose include_in_schema is False",
    )


def test_a_function_of_no_controller_is_named_with_its_module() -> None:
    app = FastAPI()

    @app.get("/")
    async def find(value: Annotated[int, Body()]) -> None: ...

    with pytest.raises(InvalidHandler, match=r"test_refusals\.find: the body belongs to a GET"):
        collect(app)


@RestController("/a")
class Inexact:
    @Post("/holder")
    async def holder(self, holder: Holder) -> None: ...

    @Get("/plain", {"response_model": None})
    async def plain(self) -> Inner:
        return Inner(value=1)

    @Get("/unsaid")
    async def unsaid(self): ...  # type: ignore[no-untyped-def] # as users write it


def test_a_type_without_schema_is_unknown_with_its_reason() -> None:
    client = client_of(Inexact)
    text = written(client)

    assert declaration(text, "Holder").splitlines() == [
        "interface Holder {",
        "  /** Typed unknown: pydantic has no JSON schema for it (callable). */",
        "  callback: unknown;",
        "  /** Typed unknown: pydantic has no JSON schema for it (is instance). */",
        "  weird?: unknown;",
        "}",
    ]
    assert "Holder: a part is typed unknown: pydantic has no JSON schema for it (callable)" in client.remarks


@pytest.mark.parametrize(
    ("method", "why"),
    [
        ("plain", "it has response_model=None, or its return annotation is no model"),
        ("unsaid", "the method has no return annotation, and declares no response_model"),
    ],
)
def test_a_result_that_nobody_declares_is_unknown_with_its_reason(method: str, why: str) -> None:
    client = client_of(Inexact)

    assert endpoint_of(client, method).remarks == (f"the result is typed unknown: {why}",)
    assert signature(written(client), method) == "(call?: CallOptions) => unknown"
    assert f"Not exact: the result is typed unknown: {why}." in written(client)
    assert f"Inexact.{method}: the result is typed unknown: {why}" in client.remarks


def test_a_schema_written_by_hand_that_leads_nowhere_is_unknown() -> None:
    @RestController("/a")
    class ByHand:
        @Get(
            "/",
            {"responses": {404: {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/No"}}}}}},
        )
        async def find(self) -> int:
            return 1

    client = client_of(ByHand)

    assert "  404: unknown;" in written(client)
    assert client.remarks == ("ByHand.find: a part is typed unknown: its schema refers to 'No', which is nowhere",)


def test_what_a_websocket_sends_must_have_a_schema() -> None:
    @RestController("/a")
    class Feed:
        @WebSocketEndpoint("/feed", sends=Weird)
        async def feed(self, websocket: WebSocket) -> None: ...

    with pytest.raises(InvalidHandler, match=r"^Feed\.feed: sends=the class Weird is no model\. Name a pydantic model"):
        client_of(Feed)


def test_text_of_an_application_without_routes_is_the_runtime_alone() -> None:
    @RestController("/a")
    class Nothing: ...

    assert text_of(Nothing) == "\n"


def broken(_schema: object) -> None:
    raise ZeroDivisionError("on purpose")


class Broken(BaseModel):
    model_config = ConfigDict(json_schema_extra=broken)


def test_a_schema_that_fails_to_be_made_is_named_with_its_method_and_parameter() -> None:
    @RestController("/a")
    class Fails:
        @Post("/fine")
        async def fine(self, value: Annotated[int, Body()]) -> None: ...

        @Post("/broken")
        async def broken(self, given: Broken) -> None: ...

    with pytest.raises(InvalidHandler) as raised:
        client_of(Fails)

    assert str(raised.value) == (
        "Fails.broken: the JSON schema of 'given' cannot be made, because of ZeroDivisionError: on purpose. Correct "
        'what makes it, or leave the route out of clients with {"include_in_schema": False}.'
    )


class Node(BaseModel):
    children: list[Self] = []


class Around(BaseModel):
    node: dict[str, Annotated[Node | None, Field(description="Deep.")]]


@RestController("/a")
class SelfTaken:
    @Post("/fine")
    async def fine(self, value: Annotated[int, Body()]) -> None: ...

    @Post()
    async def send(self, around: Around, value: Annotated[int, Body()]) -> None: ...


@RestController("/a")
class SelfAsked:
    @Get()
    async def find(self, node: Annotated[Node, Query()], value: int = 0) -> None: ...


@RestController("/a")
class SelfGiven:
    @Get()
    async def find(self) -> list[Node]:
        return []


@RestController("/a")
class SelfRefused:
    @Get("/", {"responses": {404: {"model": Node}}})
    async def find(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("controller", "part"),
    [
        (SelfTaken, "SelfTaken.send: the JSON schema of 'around'"),
        (SelfAsked, "SelfAsked.find: the JSON schema of 'node'"),
        (SelfGiven, "SelfGiven.find: the JSON schema of its result"),
        (SelfRefused, "SelfRefused.find: the JSON schema of its answer 404"),
    ],
)
def test_a_model_that_fastapi_cannot_document_is_named_with_its_method_and_part(controller: type, part: str) -> None:
    """FastAPI takes the fields of models out of them, where `Self` is nothing."""
    with pytest.raises(InvalidHandler) as raised:
        client_of(controller)

    assert str(raised.value) == (
        f"{part} cannot be made, because of PydanticUserError: `typing.Self` is invalid in this context in the model "
        f"{Node.__module__}.Node. Write the name of the model, in quotes, in the place of Self, or leave the route out "
        'of clients with {"include_in_schema": False}.'
    )
