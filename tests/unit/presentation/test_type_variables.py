"""Generic controllers: what they have in common is written once, and validated as what each of them says it is."""

from typing import Annotated, Any, Generic, Protocol, TypeVar

import pytest
from fastapi import Body, Query, WebSocket
from pydantic import BaseModel

from jararaca import Get, Microservice, Post, RestController, WebSocketEndpoint, create_http_server

T = TypeVar("T")
K = TypeVar("K")


class Task(BaseModel):
    name: str


class Page(BaseModel, Generic[T]):
    items: list[T]


class Crud(Generic[T, K]):
    @Post()
    async def create(self, item: T) -> T:
        return item

    @Get("/{key}")
    async def find(self, key: K) -> "T | None":
        return None

    @Post("/many")
    async def many(self, items: Annotated[list[T], Body()], keys: Annotated["list[K]", Query()]) -> Page[T]:
        return Page(items=items)

    @WebSocketEndpoint("/{key}/feed")
    async def feed(self, websocket: WebSocket, key: K) -> None:
        await websocket.accept()
        await websocket.send_text(type(key).__name__)


class ByNumber(Crud[T, int]):
    """Fills in one, and leaves the other."""

    @Get("/all/of/them")
    async def every(self) -> list[T]:
        return []


@RestController("/tasks")
class Tasks(ByNumber[Task]):
    @Post("/rename")
    async def rename(self, task: Task) -> Task:
        return task


@RestController("/anything")
class Anything(ByNumber[T]):
    """Leaves one open: it is anything."""


class Named(Protocol):
    name: str


app = Microservice(controllers=[Tasks])
pytestmark = pytest.mark.jararaca(app=f"{__name__}:app")


def schemas(controller: type) -> dict[str, Any]:
    document = create_http_server(Microservice(controllers=[controller])).openapi()
    found: dict[str, Any] = document["paths"]
    return found


def test_variables_are_documented_as_what_they_stand_for() -> None:
    paths = schemas(Tasks)

    task = {"$ref": "#/components/schemas/Task"}
    assert paths["/tasks"]["post"]["requestBody"]["content"]["application/json"]["schema"] == task
    assert paths["/tasks/{key}"]["get"]["parameters"][0]["schema"]["type"] == "integer"
    many = paths["/tasks/many"]["post"]
    assert many["requestBody"]["content"]["application/json"]["schema"]["items"] == task
    assert many["parameters"][0]["schema"]["items"] == {"type": "integer"}
    page = many["responses"]["200"]["content"]["application/json"]["schema"]
    assert page == {"$ref": "#/components/schemas/Page_Task_"}
    every = paths["/tasks/all/of/them"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert every["items"] == task


def test_what_is_left_open_is_anything() -> None:
    every = schemas(Anything)["/anything/all/of/them"]["get"]["responses"]["200"]["content"]["application/json"]

    assert every["schema"]["items"] == {}


async def test_requests_are_validated_as_what_variables_stand_for(http: Any) -> None:
    right = await http.post("/tasks", json={"name": "write", "more": 1})
    wrong = await http.post("/tasks", json={})
    number = await http.get("/tasks/one")

    assert (right.status_code, right.json()) == (200, {"name": "write"})
    assert wrong.json()["detail"][0]["loc"] == ["body", "name"]
    assert number.json()["detail"][0]["loc"] == ["path", "key"]


async def test_so_are_the_parameters_of_websockets(ws: Any) -> None:
    async with ws.connect("/tasks/7/feed") as connection:
        assert await connection.receive_text() == "int"
