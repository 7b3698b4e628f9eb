"""TypeScript clients of applications that tests declare, and the parts of them that tests look at."""

import re
from typing import Any

from fastapi import FastAPI

from jararaca import Microservice, Post, RestController, create_http_server
from jararaca.presentation.http_microservice import HttpMicroservice
from jararaca.typescript.collect import collect
from jararaca.typescript.model import Client, Endpoint
from jararaca.typescript.render import BANNER, render
from jararaca.typescript.render_query import render_query
from jararaca.typescript.runtime_text import runtime_text


def served(*controllers: type) -> FastAPI:
    """The FastAPI object of an application."""
    return create_http_server(HttpMicroservice(Microservice(controllers=controllers), health_path=None))


def client_of(*controllers: type) -> Client:
    """The model of the client."""
    return collect(served(*controllers))


def written(client: Client) -> str:
    """The text of a client, without the hand-written part."""
    text = render(client).removeprefix(BANNER).strip()
    for name in ("http", "websocket"):
        text = text.removeprefix(runtime_text(name)).strip()
    return f"{text}\n"


def query_written(client: Client, module: str = "./kitchen.js") -> str:
    """The text of the hooks, without the hand-written part."""
    text = render_query(client, client_module=module).removeprefix(BANNER).strip()
    return text.removeprefix(runtime_text("query").replace("./http.js", module)).strip() + "\n"


def text_of(*controllers: type) -> str:
    """The text of the client of an application, without the hand-written part."""
    return written(client_of(*controllers))


def endpoint_of(client: Client, name: str) -> Endpoint:
    """The method of this name; there must be exactly one."""
    [found] = [each for service in client.services for each in service.endpoints if each.name == name]
    return found


def declaration(text: str, name: str) -> str:
    """One declaration of a text, from its keyword to its end."""
    found = re.search(
        rf"^export ((?:interface|type|const|class) {name}\b(?:[^\n]*{{\n.*?^}}[^\n]*|[^\n]*))$", text, re.M | re.S
    )
    assert found is not None, f"{name} is not declared in\n{text}"
    return found[1]


def field(text: str, model: str, name: str) -> str:
    """The type of one field, with the mark of an optional one before it."""
    found = re.search(rf"^  {re.escape(name)}(\??: .*);$", declaration(text, model), re.M)
    assert found is not None, f"{model} has no field {name} in\n{text}"
    return found[1]


def signature(text: str, method: str) -> str:
    """What a method takes and gives, on one line."""
    found = re.search(rf"^  async {method}\((.*?)\): Promise<(.*?)> {{$", text, re.M | re.S)
    assert found is not None, f"there is no method {method} in\n{text}"
    return re.sub(r"\s+", " ", f"({found[1]}) => {found[2]}")


def model_fields(model: Any) -> str:
    """The text of a client that takes and gives one model."""

    @RestController("/")
    class Echo:
        @Post()
        async def echo(self, body: model) -> model:
            return body

    return text_of(Echo)
