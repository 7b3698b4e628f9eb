"""A client says what the OpenAPI document says."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from clients import written
from fastapi import FastAPI
from kitchen.main import app as kitchen

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.model import Client, Endpoint, Structure
from jararaca.typescript.names import pascal
from tasks.main import app as tasks

APPLICATIONS: dict[str, Any] = {"kitchen": kitchen, "tasks": tasks}
REQUEST = re.compile(r'\n      method: "(\w+)",\n      path: ([^\n]*),\n(.*?)\n      response: ', re.S)
PAIR = re.compile(r'\[("(?:[^"\\]|\\.)*"), options')


@dataclass
class Served:
    """An application, and what its client is made of."""

    app: FastAPI
    client: Client

    @cached_property
    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Verb, path and operation of everything in the OpenAPI document."""
        paths = self.app.openapi()["paths"].items()
        return [(verb.upper(), encoded(path), each) for path, verbs in paths for verb, each in verbs.items()]

    @cached_property
    def endpoints(self) -> dict[tuple[str, str], Endpoint]:
        """Methods of the client by verb and path."""
        return {(each.verb, path_of(each)): each for service in self.client.services for each in service.endpoints}


@pytest.fixture(scope="module", params=sorted(APPLICATIONS))
def served(request: pytest.FixtureRequest) -> Served:
    app = create_http_server(APPLICATIONS[request.param])
    return Served(app, collect(app))


def credentials(app: FastAPI, operation: dict[str, Any]) -> set[tuple[str, str]]:
    """What a client may send because of security schemes."""
    schemes = app.openapi().get("components", {}).get("securitySchemes", {})
    asked = [schemes[name] for requirement in operation.get("security", ()) for name in requirement]
    return {(each["in"], each["name"]) if each["type"] == "apiKey" else ("header", "Authorization") for each in asked}


def path_of(endpoint: Endpoint) -> str:
    names = {each.key: each.name for each in endpoint.parameters if each.place == "path"}
    return "".join(part.text or f"{{{names[part.key]}}}" for part in endpoint.path)


def encoded(path: str) -> str:
    return path.replace("größe und", "gr%C3%B6%C3%9Fe%20und")


def test_every_operation_is_a_method_and_no_other_is(served: Served) -> None:
    assert served.endpoints.keys() == {(verb, path) for verb, path, _operation in served.operations}


def test_parameters_are_the_same_with_their_names_and_places(served: Served) -> None:
    undeclared = {("path", "name")}  # of a path, but not taken by the method, so that OpenAPI has it not

    for verb, path, operation in served.operations:
        said = {(each["in"], each["name"]) for each in operation.get("parameters", ())}
        mine = {(each.place, each.name) for each in served.endpoints[verb, path].parameters}
        assert mine - undeclared == (said | credentials(served.app, operation)) - undeclared, path


def test_parameters_are_needed_where_openapi_says_so(served: Served) -> None:
    for verb, path, operation in served.operations:
        mine = {(each.place, each.name): each for each in served.endpoints[verb, path].parameters}
        for said in operation.get("parameters", ()):
            assert mine[said["in"], said["name"]].is_required == said.get("required", False), (path, said["name"])


def test_bodies_are_the_same(served: Served) -> None:
    for verb, path, operation in served.operations:
        body, said = served.endpoints[verb, path].body, operation.get("requestBody")
        assert (body is None) == (said is None), path
        if body is not None and said is not None:
            assert body.is_required == said.get("required", False), path
            assert body.content_type in said["content"], path


def test_errors_are_the_same(served: Served) -> None:
    redirects = {"307"}  # which are followed

    for verb, path, operation in served.operations:
        said = {status for status in operation["responses"] if not status.startswith("2")}
        assert {each.name for each in served.endpoints[verb, path].errors} == said - redirects, path


def test_models_have_the_fields_of_the_schemas(served: Served) -> None:
    """Of all that have the name of their schema, which are most."""
    schemas = served.app.openapi()["components"]["schemas"]
    known = {model.name: model.shape for model in served.client.models}
    counts = Counter(pascal(name) for name in schemas)
    compared = 0

    for name, schema in schemas.items():
        mine = known.get(pascal(name))
        if isinstance(mine, Structure) and counts[pascal(name)] == 1:
            required = set(schema.get("required", ()))
            fields = {(field.name, not field.is_optional) for field in mine.fields}
            assert fields == {(each, each in required) for each in schema.get("properties", ())}, name
            compared += 1
    assert compared >= len(known) / 2


def test_generic_declarations_have_the_fields_of_every_schema_that_fills_them_in() -> None:
    app = create_http_server(kitchen)
    schemas = app.openapi()["components"]["schemas"]
    compared: Counter[str] = Counter()

    for model in collect(app).models:
        plain, way = re.sub("(Input|Output)$", "", model.name), "".join(re.findall("Input$|Output$", model.name))
        for name, schema in schemas.items():
            fills = model.parameters and re.search(
                rf"(?:^|__){plain}(?:_\w+_)?(?:-(?:{way or 'Input|Output'}))?(?:__\d)?$", name
            )
            if fills and isinstance(model.shape, Structure):
                required = set(schema.get("required", ()))
                fields = {(field.name, not field.is_optional) for field in model.shape.fields}
                assert fields == {(each, each in required) for each in schema.get("properties", ())}, name
                compared[model.name] += 1
    assert compared == {"Envelope": 8, "Page": 8, "Pair": 4, "Path": 1, "SumInput": 1, "SumOutput": 1, "Tally": 2}


def test_what_is_written_is_what_was_collected(served: Served) -> None:
    """The text itself names every parameter of a request, and no other."""
    requests = REQUEST.findall(written(served.client))
    endpoints = [each for service in served.client.services for each in service.endpoints]

    for (verb, path, rest), endpoint in zip(requests, endpoints, strict=True):
        assert verb == endpoint.verb
        assert [json.loads(name) for name in PAIR.findall(rest)] == [
            each.name for each in endpoint.parameters if each.place != "path"
        ]
        assert path.count("encodePath") == sum(each.place == "path" for each in endpoint.parameters)
