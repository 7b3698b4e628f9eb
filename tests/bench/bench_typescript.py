"""A TypeScript client of 300 endpoints and 500 models, against FastAPI's OpenAPI document of the same application.

Models refer to each other, some to themselves, and some differ by direction, as in applications that have grown.
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query
from measuring import Stopwatch, chosen
from pydantic import BaseModel, Field, create_model

from jararaca.typescript.collect import collect
from jararaca.typescript.render import render

ENDPOINTS = 300
MODELS = 500


class State(StrEnum):
    NEW = "new"
    DONE = "done"


def models() -> list[type[BaseModel]]:
    """Each has six fields, one of which is an earlier model, and every fifth is another one when it comes back."""
    made: list[type[BaseModel]] = []
    for number in range(MODELS):
        earlier: Any = made[number // 2] if made else str
        changing: Any = Decimal if number % 5 == 0 else int
        fields: dict[str, Any] = {
            "id": (int, Field(description="What it is known by.")),
            "kind": (Literal["small", "large"], "small"),
            "state": (State, State.NEW),
            "amount": (changing, ...),
            "created": (datetime | None, None),
            "part": (list[earlier], Field(default_factory=list)),
        }
        made.append(create_model(f"Model{number}", **fields))
    return made


def application() -> FastAPI:
    """Routes that take and give these models."""
    app, made = FastAPI(), models()
    for number in range(ENDPOINTS):
        add(app, number, made[number], made[MODELS - 1 - number])
    return app


def add(app: FastAPI, number: int, taken: Any, given: Any) -> None:
    async def endpoint(item_id: int, body: taken, q: Annotated[list[str], Query()] = [], page: int = 1) -> given:  # noqa: B006
        """What a method does."""

    endpoint.__name__ = f"endpoint_{number}"
    app.add_api_route(f"/things/{number}/{{item_id}}", endpoint, methods=["POST"], responses={404: {"model": given}})


def run(make: Callable[[FastAPI], object]) -> None:
    app = application()
    watch = Stopwatch()
    made = make(app)
    watch.print(1)
    assert made


if __name__ == "__main__":
    run(chosen({"client": lambda app: render(collect(app)), "OpenAPI": lambda app: app.openapi()}))
