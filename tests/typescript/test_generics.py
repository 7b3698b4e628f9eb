"""A generic declaration with arguments is the very type that the model would be if it were written out."""

from typing import Any

import pytest
from drawn import annotations, drawn, generics
from fastapi import FastAPI
from nodejs import Project
from pydantic import create_model

from jararaca.typescript.collect import collect
from jararaca.typescript.model import Client
from jararaca.typescript.render import render
from jararaca.typescript.spelling import spelled

DRAWN = 120
SAME = """
type Marked<T> = T extends object ? { [K in keyof T]-?: [Marked<T[K]>, {} extends Pick<T, K> ? "?" : "!"] } : T;
type Fits<A, B> = [A] extends [B] ? true : false;
type Same<A, B> = Fits<Marked<A>, Marked<B>> & Fits<Marked<B>, Marked<A>>;
export const body: Same<{body}, {whole_body}> = true;
export const result: Same<{result}, {whole_result}> = true;
"""
"""Each fits the other, with fields that nobody may leave out: a field that one of them lacks is a difference, too."""


def client_of(general: Any) -> Client:
    """The client of an application that takes and gives a generic model, and a subclass, which is written out."""
    app, whole = FastAPI(), create_model("WrittenOut", __base__=general)

    @app.post("/general")
    async def get_general(body: general) -> general: ...

    @app.post("/whole")
    async def get_whole(body: whole) -> whole: ...  # type: ignore[valid-type] # made here

    return collect(app)


def types_of(client: Client) -> dict[str, str]:
    """What both are as bodies and as results."""
    [service] = client.services
    general, whole = service.endpoints
    assert general.body is not None
    assert whole.body is not None
    shapes = {
        "body": general.body.shape,
        "whole_body": whole.body.shape,
        "result": general.result,
        "whole_result": whole.result,
    }
    return {name: spelled(shape) for name, shape in shapes.items()}


def claimed(types: dict[str, str]) -> str:
    """Declarations that compile if generic and written out are the same."""
    text = SAME
    for name, type_ in types.items():
        text = text.replace(f"{{{name}}}", type_)
    return text


def test_drawn_generic_models_are_the_same_as_interfaces_that_are_written_out(project: Project) -> None:
    clients = [client_of(model) for model in drawn(generics(annotations), DRAWN)]
    types = [types_of(client) for client in clients]
    files = {f"app{n}.ts": render(client) + claimed(types[n]) for n, client in enumerate(clients)}

    assert sum("<" in each["result"] for each in types) > DRAWN / 3
    assert all(each["whole_result"].startswith("WrittenOut") for each in types)
    assert project.check(files) == []


@pytest.mark.parametrize("other", ["string[]", "(number | null)[]", "number", "unknown[]", "[number]"])
def test_the_comparison_sees_a_difference(project: Project, other: str) -> None:
    declarations = "interface Page<T> { items: T[] }\ninterface Whole { items: number[] }\n"
    types = {"body": "Page<number>", "whole_body": "Whole", "result": f"{{ items: {other} }}", "whole_result": "Whole"}

    assert [each.line for each in project.check({"app.ts": declarations + claimed(types)})] == [8]


def test_the_comparison_sees_a_field_that_is_missing_or_optional(project: Project) -> None:
    declarations = "interface One { a?: number; b: number }\n"
    types = {"body": "One", "whole_body": "{ b: number }", "result": "One", "whole_result": "{ a: number; b: number }"}

    assert [each.line for each in project.check({"app.ts": declarations + claimed(types)})] == [6, 7]
