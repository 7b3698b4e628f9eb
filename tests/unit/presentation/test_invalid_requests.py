"""Whatever a client sends that cannot be read: it is told so, and is no error of the application."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from httpx import AsyncClient
from pydantic import BaseModel, Field

from jararaca import Get, Microservice, Post, RestController, create_http_server

JSON = {"content-type": "application/json"}


class Note(BaseModel, extra="forbid"):
    text: str = Field(max_length=10)


@RestController("/notes")
class Notes:
    @Post()
    async def write(self, note: Note) -> None: ...

    @Get()
    async def find(self, page: int) -> None: ...


@pytest.fixture
def jararaca_microservice() -> Microservice:
    return Microservice(controllers=[Notes])


async def test_the_answer_is_fastapis_own(http: AsyncClient) -> None:
    response = await http.get("/notes", params={"page": "first"})

    assert response.status_code == 422
    assert response.json() == {
        "detail": [
            {
                "type": "int_parsing",
                "loc": ["query", "page"],
                "msg": "Input should be a valid integer, unable to parse string as an integer",
                "input": "first",
            }
        ]
    }


@pytest.mark.parametrize(
    ("headers", "body", "kind", "loc"),
    [
        pytest.param(JSON, rb'{"text": "\ud800"}', "string_unicode", ["body", "text"], id="surrogate"),
        pytest.param(JSON, b'{"text": NaN}', "string_type", ["body", "text"], id="nan"),
        pytest.param(JSON, rb'{"text": "", "\udfff": 1}', "string_unicode", ["body"], id="surrogate-key"),
        pytest.param({}, b"\xff\xfe", "model_attributes_type", ["body"], id="bytes"),
    ],
)
async def test_what_json_cannot_repeat_is_not_shown(
    http: AsyncClient, headers: dict[str, str], body: bytes, kind: str, loc: list[str]
) -> None:
    response = await http.post("/notes", content=body, headers=headers)

    assert (response.status_code, response.headers["content-type"]) == (422, "application/json")
    (detail,) = response.json()["detail"]
    assert (detail["type"], detail["loc"]) == (kind, loc)
    assert "input" not in detail


def test_an_application_may_answer_by_itself() -> None:
    async def mine(_request: Any, _error: Exception) -> Any: ...

    def factory(lifespan: Any) -> FastAPI:
        return FastAPI(lifespan=lifespan, exception_handlers={RequestValidationError: mine})

    assert create_http_server(Microservice(), factory).exception_handlers[RequestValidationError] is mine
