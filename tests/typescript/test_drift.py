"""A client that no longer fits its application is noticed: by `--check`, and by the compiler of whoever uses it."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from children import start as start
from nodejs import Project

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.render import render

APP = """
from uuid import UUID
from pydantic import BaseModel
from jararaca import Get, Microservice, Post, RestController, WebSocketEndpoint
from fastapi import WebSocket

class Parcel(BaseModel):
    name: str
    weight: float

class Arrived(BaseModel):
    parcel: Parcel

@RestController("/parcels")
class Parcels:
    @Get("/{number}")
    async def find(self, number: int, lang: str = "en") -> Parcel: ...

    @Post()
    async def send(self, parcel: Parcel) -> None: ...

    @WebSocketEndpoint("/feed", sends=Arrived)
    async def feed(self, websocket: WebSocket) -> None: ...

app = Microservice(controllers=[Parcels])
"""

CONSUMER = """import { FetchBackend, Parcels, ParcelsFeed } from "./app.js";

const parcels = new Parcels(new FetchBackend({ baseUrl: "" }));
await parcels.send({ body: { name: "books", weight: 1.5 } });
export const { weight } = await parcels.find(7, { lang: "de" });
new ParcelsFeed({ baseUrl: "" }).on("message", ({ parcel }) => console.log(parcel.weight));
"""


CHANGES = {
    "a field": ("weight: float", "grams: float", {4, 5, 6}),
    "the type of a field": ("weight: float", "weight: str", {4}),
    "a field that has to be given": ("name: str", "name: str\n    to: str", {4}),
    "a query parameter": ("lang: str", "language: str", {5}),
    "a query parameter that has to be given": ('lang: str = "en"', 'lang: str = "en", *, short: bool', {5}),
    "the type of a path parameter": ("number: int", "number: UUID", {5}),
    "a method": ("async def find(", "async def look_up(", {5}),
    "a controller": ("Parcels", "Letters", {1, 6}),
    "a message": ("sends=Arrived", "sends=Parcel", {6}),
}


def rendered(app: str) -> str:
    """The client of an application that is given as text."""
    module = ModuleType("app_under_change")
    exec(app, module.__dict__)
    return render(collect(create_http_server(module.app)))


def test_what_changes_in_python_no_longer_compiles_in_typescript(project: Project) -> None:
    clients = {"nothing": rendered(APP)}
    for change, (old, new, _lines) in CHANGES.items():
        clients[change] = rendered(APP.replace(old, new))

    complaints = project.check(
        {f"{change}/app.ts": client for change, client in clients.items()}
        | {f"{change}/consumer.ts": CONSUMER for change in clients}
    )

    assert {(each.file, each.line) for each in complaints} == {
        (f"{change}/consumer.ts", line) for change, (_old, _new, lines) in CHANGES.items() for line in lines
    }


def test_an_addition_that_nobody_has_to_give_breaks_nobody(project: Project) -> None:
    more = APP.replace('lang: str = "en"', 'lang: str = "en", short: bool = False')
    more = more.replace("weight: float", "weight: float\n    note: str | None = None")

    assert rendered(more) != rendered(APP)
    assert project.check({"app.ts": rendered(more), "consumer.ts": CONSUMER}) == []


def test_a_renamed_field_is_noticed_by_the_command_and_by_the_compiler(
    project: Project, start: Callable[..., Any]
) -> None:
    def generate(app: str, *options: str) -> int:
        (project.folder / "app.py").write_text(app)
        code: int = start("jararaca", "gen-tsi", "app:app", "app.ts", *options, folder=project.folder).end()
        return code

    assert generate(APP) == 0
    assert project.check({"consumer.ts": CONSUMER}) == []

    changed = APP.replace("weight: float", "grams: float")

    assert generate(changed, "--check") == 1
    assert project.check({"consumer.ts": CONSUMER}) == []
    assert generate(changed) == 0
    assert {each.line for each in project.check({"consumer.ts": CONSUMER})} == {4, 5, 6}
