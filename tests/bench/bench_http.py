"""A GET of a small model: a controller inside a unit of work, against FastAPI alone and with a `yield` dependency."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from measuring import Stopwatch, chosen
from pydantic import BaseModel

from jararaca import Get, Microservice, RestController, create_http_server

REQUESTS = 6_000
WARM_UP = 500


class Item(BaseModel):
    id: int
    name: str


@RestController("/items")
class Items:
    @Get("/{item_id}")
    async def get(self, item_id: int) -> Item:
        return Item(id=item_id, name="lamp")


async def transaction() -> AsyncIterator[None]:
    yield


async def plain_get(item_id: int) -> Item:
    return Item(id=item_id, name="lamp")


async def get_in_transaction(item_id: int, work: Annotated[None, Depends(transaction)]) -> Item:
    return Item(id=item_id, name="lamp")


async def drive(app: FastAPI) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/items/7",
        "raw_path": b"/items/7",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"bench"), (b"accept", b"*/*"), (b"user-agent", b"bench")],
        "client": ("127.0.0.1", 1),
        "server": ("bench", 80),
    }
    statuses = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    async with app.router.lifespan_context(app):
        for _ in range(WARM_UP):
            await app(dict(scope), receive, send)
        watch = Stopwatch()
        for _ in range(REQUESTS):
            await app(dict(scope), receive, send)
        watch.print(REQUESTS)
    assert set(statuses) == {200}


async def controller() -> None:
    await drive(create_http_server(Microservice(controllers=[Items])))


async def plain() -> None:
    app = FastAPI()
    app.add_api_route("/items/{item_id}", plain_get)
    await drive(app)


async def with_dependency() -> None:
    app = FastAPI()
    app.add_api_route("/items/{item_id}", get_in_transaction)
    await drive(app)


if __name__ == "__main__":
    variant = chosen(
        {
            "controller with unit of work": controller,
            "plain FastAPI": plain,
            "FastAPI with a yield dependency": with_dependency,
        }
    )
    asyncio.run(variant())
