"""How decorated classes become routes: verbs, paths, options, inheritance."""

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Response
from httpx import AsyncClient
from pydantic import BaseModel

from jararaca import (
    Delete,
    Get,
    IncomingHandler,
    Message,
    MessageBusController,
    Microservice,
    Patch,
    Post,
    Put,
    RestController,
    create_http_server,
)
from jararaca.core.metadata import method_facts
from jararaca.errors import InvalidHandler, InvalidOption
from jararaca.presentation.decorators import Head, Options, RouteFact
from jararaca_testing import Bus, RunningApplication


class Note(BaseModel):
    text: str


@RestController("/verbs/")
class Verbs:
    @Get("/")
    async def get(self) -> str:
        return "GET"

    @Post()
    async def post(self) -> str:
        return "POST"

    @Put("//")
    async def put(self) -> str:
        return "PUT"

    @Patch("")
    async def patch(self) -> str:
        return "PATCH"

    @Delete("/")
    async def delete(self) -> str:
        return "DELETE"

    @Head("/")
    async def head(self) -> Response:
        return Response(headers={"x-verb": "HEAD"})

    @Options("/")
    async def options(self) -> Response:
        return Response(headers={"x-verb": "OPTIONS"})


@RestController("/paths")
class Paths:
    @Get("/plain/{number}")
    async def plain(self, number: int) -> int:
        return number

    @Get("/slashed/")
    async def slashed(self) -> str:
        return "slashed"

    @Get("/files/{rest:path}")
    async def files(self, rest: str) -> str:
        return rest


class Root:
    """Not decorated: its methods' paths are absolute."""

    @Get("/")
    async def root(self) -> str:
        return "root"


class Greeter:
    def greeting(self) -> str:
        return "hello"


@RestController("/base", {"tags": ["base"]})
class Base:
    def __init__(self, greeter: Greeter) -> None:
        self.greeter = greeter

    @Get("/kept")
    async def kept(self) -> str:
        return f"{self.greeter.greeting()} from {type(self).__name__}"

    @Get("/overridden")
    async def overridden(self) -> str:
        return "base"

    @Get("/removed")
    async def removed(self) -> str:
        return "base"


@RestController("/derived")
class Derived(Base):
    async def overridden(self) -> str:
        return "derived"

    removed = None  # type: ignore[assignment] # what a subclass may do to a route it does not want


@MessageBusController()
@RestController("/stacked")
class Stacked:
    def __init__(self) -> None:
        self.heard: list[str] = []

    @Get("/")
    async def get(self) -> list[str]:
        return self.heard

    @IncomingHandler("note")
    async def hear(self, message: Message[Note]) -> None:
        self.heard.append(message.payload().text)

    @Get("/class")
    @classmethod
    async def of_class(cls) -> str:
        return cls.__name__


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Verbs, Paths, Root, Base, Derived, Stacked])


@pytest.mark.parametrize("path", ["/verbs", "/verbs/"])
@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_verb_answers_under_both_spellings(http: AsyncClient, verb: str, path: str) -> None:
    assert (await http.request(verb, path, follow_redirects=False)).json() == verb


@pytest.mark.parametrize("verb", ["HEAD", "OPTIONS"])
async def test_verbs_without_a_body_answer_too(http: AsyncClient, verb: str) -> None:
    assert (await http.request(verb, "/verbs")).headers["x-verb"] == verb


async def test_another_verb_than_the_declared_one_is_405(http: AsyncClient) -> None:
    response = await http.delete("/paths/plain/1")

    assert (response.status_code, response.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("path", ["/paths/plain/7", "/paths/plain/7/"])
async def test_a_path_that_ends_in_a_parameter_has_both_spellings(http: AsyncClient, path: str) -> None:
    assert (await http.get(path)).json() == 7


async def test_a_parameter_that_swallows_slashes_keeps_the_last_one(http: AsyncClient) -> None:
    assert (await http.get("/paths/files/a/b/")).json() == "a/b/"


async def test_a_controller_without_a_decorator_serves_absolute_paths(http: AsyncClient) -> None:
    assert (await http.get("/")).json() == "root"


async def test_openapi_shows_one_spelling_without_doubled_slashes(jararaca_app: RunningApplication) -> None:
    paths = jararaca_app.asgi.openapi()["paths"]

    assert list(paths) == [
        "/verbs",
        "/paths/plain/{number}",
        "/paths/slashed/",
        "/paths/files/{rest}",
        "/",
        "/base/kept",
        "/base/overridden",
        "/base/removed",
        "/derived/kept",
        "/derived/overridden",
        "/stacked",
        "/stacked/class",
    ]


async def test_a_trailing_slash_that_was_declared_is_the_documented_spelling(http: AsyncClient) -> None:
    assert (await http.get("/paths/slashed")).json() == (await http.get("/paths/slashed/")).json() == "slashed"


async def test_a_controller_inherits_routes_and_is_built_with_its_own_class(http: AsyncClient) -> None:
    assert (await http.get("/base/kept")).json() == "hello from Base"
    assert (await http.get("/derived/kept")).json() == "hello from Derived"


async def test_an_overriding_method_keeps_the_route_of_its_base(http: AsyncClient) -> None:
    assert (await http.get("/derived/overridden")).json() == "derived"


async def test_a_route_that_a_subclass_removed_is_gone(http: AsyncClient) -> None:
    assert (await http.get("/derived/removed")).status_code == 404


async def test_one_controller_serves_http_and_messages(
    http: AsyncClient, bus: Bus, jararaca_app: RunningApplication
) -> None:
    await bus.publish(Note(text="heard"), "note")
    await jararaca_app.settle()

    assert (await http.get("/stacked")).json() == ["heard"]


async def test_a_class_method_can_be_a_route(http: AsyncClient) -> None:
    assert (await http.get("/stacked/class")).json() == "Stacked"


# options


def header(name: str) -> Any:
    async def add(response: Response) -> None:
        response.headers.append("x-passed", name)

    return Depends(add)


class Plain(Response):
    media_type = "text/plain"


@RestController(
    "/optional",
    {
        "tags": ["outer"],
        "dependencies": [header("controller")],
        "responses": {418: {"description": "tea"}},
        "default_response_class": Plain,
        "deprecated": True,
    },
)
class Optional:
    @Get(
        "/",
        {
            "status_code": 202,
            "tags": ["inner"],
            "dependencies": [header("method")],
            "responses": {409: {"description": "conflict"}},
            "operation_id": "chosen",
            "deprecated": None,
        },
    )
    async def get(self) -> str:
        return "text"


@RestController("/hidden", {"include_in_schema": False, "form_limits": {"max_fields": 3, "max_files": 1}})
class Hidden:
    @Post("/", {"include_in_schema": True, "form_limits": {"max_files": 2}})
    async def post(self) -> str:
        return "hidden"


def optional_server(*controllers: type) -> FastAPI:
    return create_http_server(Microservice(controllers=controllers))


def test_options_of_method_and_controller_are_joined() -> None:
    operation = optional_server(Optional).openapi()["paths"]["/optional"]["get"]

    assert operation["tags"] == ["outer", "inner"]
    assert list(operation["responses"]) == ["202", "418", "409"]
    assert list(operation["responses"]["202"]["content"]) == ["text/plain"]
    assert (operation["operationId"], operation["deprecated"]) == ("chosen", True)


def test_a_controller_that_is_not_documented_hides_its_methods() -> None:
    assert optional_server(Hidden).openapi()["paths"] == {}


class TestOptions:
    @pytest.fixture
    def jararaca_microservice(self) -> Microservice:
        return Microservice(controllers=[Optional])

    async def test_dependencies_run_from_the_controller_inwards(self, http: AsyncClient) -> None:
        response = await http.get("/optional")

        assert response.headers.get_list("x-passed") == ["controller", "method"]
        assert response.status_code == 202


@pytest.mark.parametrize(
    ("decorate", "words"),
    [
        (lambda: Get("/", {"statuscode": 201}), ["@Get('/')", "'statuscode'", "Did you mean 'status_code'?"]),  # type: ignore[arg-type]
        (lambda: RestController("/x", {"tagz": []}), ["@RestController('/x')", "Did you mean 'tags'?"]),  # type: ignore[arg-type]
        (lambda: Post("/", {"zzzz": 1}), ["'zzzz'", "Known are: callbacks, dependencies,"]),  # type: ignore[arg-type]
        (lambda: Get("/", ["x"]), ["@Get('/')", "dictionary of options, and not an object of type list"]),  # type: ignore[arg-type]
        (lambda: Get("/", middlewares=Verbs), ["@Get('/', middlewares=...) takes a list, and got the class Verbs"]),  # type: ignore[arg-type]
        (lambda: RestController("/", middlewares=Verbs), ["@RestController('/', middlewares=...) takes a list"]),  # type: ignore[arg-type]
        (lambda: Get("items"), ["@Get('items')", "Write '/items'"]),
        (lambda: RestController("items"), ["Write '/items'"]),
        (lambda: Get("/{id"), ["@Get('/{id')", "Write it as '/{name}'"]),
        (lambda: RestController("/x}"), ["@RestController('/x}')", "a name in braces"]),
        (lambda: Get(Verbs.get), ["parentheses"]),  # type: ignore[arg-type]
        (lambda: RestController(Verbs), ["parentheses"]),  # type: ignore[arg-type]
    ],
    ids=[
        "near",
        "near-on-class",
        "far",
        "list",
        "middleware",
        "middleware-on-class",
        "no-slash",
        "no-slash-on-class",
        "brace",
        "brace-on-class",
        "bare",
        "bare-class",
    ],
)
def test_what_cannot_be_an_option_or_a_path_is_refused_where_it_is_written(decorate: Any, words: list[str]) -> None:
    with pytest.raises(InvalidOption) as raised:
        decorate()

    assert [word for word in words if word not in str(raised.value)] == []


def test_every_option_of_the_typed_dicts_is_taken_by_the_installed_fastapi() -> None:
    from inspect import signature

    from jararaca.presentation.options import ControllerOptions, RouteOptions

    assert set(RouteOptions.__annotations__) <= set(signature(FastAPI().add_api_route).parameters) | set(
        signature(APIRouter().add_api_route).parameters
    )
    assert set(ControllerOptions.__annotations__) <= set(signature(APIRouter).parameters)


def test_an_option_that_an_older_fastapi_lacks_is_named() -> None:
    from jararaca.presentation.options import supported

    def older(path: str) -> None: ...

    with pytest.raises(InvalidOption, match=r"'max_body_size'.*newer"):
        supported({"max_body_size": 1}, older)


class Static:
    @Get("/")
    @staticmethod
    async def get(number: int) -> int:
        return number


class Bare:
    @Get("/")
    async def get() -> int:  # type: ignore[misc] # the mistake that is shown
        return 1


@pytest.mark.parametrize("controller", [Static, Bare])
def test_a_method_without_self_is_refused_with_its_name(controller: type) -> None:
    with pytest.raises(InvalidHandler, match=rf"{controller.__name__}\.get\(\) has no `self`"):
        optional_server(controller)


def test_a_decorated_method_is_still_the_method() -> None:
    assert [fact.verb for _name, fact in method_facts(Paths, RouteFact)] == ["GET", "GET", "GET"]


class Opaque:
    """Nothing that FastAPI could make a response of."""


class Unservable:
    @Get("/opaque")
    async def opaque(self) -> Opaque:
        return Opaque()


def test_a_method_that_fastapi_refuses_is_named() -> None:
    with pytest.raises(InvalidHandler, match=r"Unservable\.opaque cannot be a route.*FastAPI says"):
        optional_server(Unservable)
