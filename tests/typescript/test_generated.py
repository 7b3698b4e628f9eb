"""What is generated, as compilers see it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from clients import client_of, query_written, written
from drawn import drawn_applications
from fastapi import WebSocket
from kitchen.main import app as kitchen
from nodejs import NEWEST, OLDEST, Project
from pydantic import create_model

from jararaca import Get, RestController, WebSocketEndpoint, create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.render import render
from jararaca.typescript.render_query import render_query
from jararaca.typescript.runtime_text import runtime_text
from jararaca_testing.contracts import proves
from tasks.main import app as tasks

DRAWN = 200
PROGRAMS = Path(__file__).parent / "programs"
HOOKS: dict[str, Any] = {"skipLibCheck": True}  # the types of React and of TanStack Query are theirs


@pytest.fixture(scope="module")
def generated() -> Mapping[str, str]:
    """The clients of the kitchen and of the example, with their hooks."""
    whole, example = collect(create_http_server(kitchen)), collect(create_http_server(tasks))
    return {
        "kitchen.ts": render(whole),
        "kitchen.query.ts": render_query(whole, client_module="./kitchen.js"),
        "tasks.ts": render(example),
        "tasks.query.ts": render_query(example, client_module="./tasks.js"),
    }


@pytest.mark.parametrize("compiler", [NEWEST, OLDEST])
def test_one_of_everything_is_clean_under_every_strict_option(
    project: Project, generated: Mapping[str, str], compiler: str
) -> None:
    assert project.check(generated, compiler=compiler, **HOOKS) == []


@pytest.mark.parametrize("resolution", ["bundler", "nodenext"])
def test_one_of_everything_is_clean_however_modules_are_found(
    project: Project, generated: Mapping[str, str], resolution: str
) -> None:
    modules = {"module": "nodenext" if resolution == "nodenext" else "ESNext", "moduleResolution": resolution}

    assert project.check(generated, **modules, **HOOKS) == []


def test_what_must_compile_does_and_what_must_not_does_not(project: Project, generated: Mapping[str, str]) -> None:
    """Every `@ts-expect-error` in the program stands above a mistake; one above none would be a complaint itself."""
    program = (PROGRAMS / "kitchen.types.ts").read_text(encoding="utf-8")

    assert project.check({"kitchen.ts": generated["kitchen.ts"], "kitchen.types.ts": program}) == []
    assert program.count("@ts-expect-error") >= 25


def test_each_expected_mistake_is_one(project: Project, generated: Mapping[str, str]) -> None:
    """The same program without its expectations has a complaint for each, at the line below."""
    lines = (PROGRAMS / "kitchen.types.ts").read_text(encoding="utf-8").splitlines()
    expected = [number + 2 for number, line in enumerate(lines) if "@ts-expect-error" in line]
    bare = "\n".join(re.sub("@ts-expect-error", "expected", line) for line in lines)

    complaints = project.check({"kitchen.ts": generated["kitchen.ts"], "kitchen.types.ts": bare})

    assert sorted({each.line for each in complaints}) == expected


@proves("F-93")
def test_drawn_applications_are_clean_and_add_no_statement_and_no_call(project: Project) -> None:
    """All of them at once, with every strict option; and their syntax trees without the hand-written part."""
    whole, own = {}, {}
    for number, app in enumerate(drawn_applications(DRAWN)):
        client, name = collect(app), f"drawn{number}"
        whole[f"{name}.ts"] = render(client)
        whole[f"{name}.query.ts"] = render_query(client, client_module=f"./{name}.js")
        own[f"own/{name}.ts"], own[f"own/{name}.query.ts"] = written(client), query_written(client)
    project.write({**own, "syntax.mjs": (PROGRAMS / "syntax.mjs").read_text(encoding="utf-8")})

    complaints = project.check(whole, **HOOKS)
    ended = project.node("syntax.mjs", *own)

    assert len(whole) == 2 * DRAWN
    assert complaints == []
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout) == {}


def test_the_look_at_the_syntax_tree_sees_code_that_got_in(project: Project) -> None:
    planted = {"statement.ts": "evil();\n", "call.ts": 'export const it = { "a": evil() };\n', "open.ts": "/** ..."}
    project.write({**planted, "syntax.mjs": (PROGRAMS / "syntax.mjs").read_text(encoding="utf-8")})

    assert json.loads(project.node("syntax.mjs", *planted).stdout).keys() == planted.keys()


def test_a_model_may_have_any_name_that_the_hand_written_part_mentions(project: Project) -> None:
    """It would hide what that means otherwise, or be a second declaration."""
    runtime = "".join(runtime_text(name) for name in ("http", "websocket", "query"))
    mentioned = sorted(set(re.findall(r"\b[A-Z]\w*", runtime)))
    models = [create_model(name, value=(int, 1)) for name in mentioned]
    every: Any = cast(Any, tuple)[tuple(models)]

    @RestController("/every")
    class Every:
        @Get("/name")
        async def get_name(self) -> every:
            raise NotImplementedError

        @WebSocketEndpoint("/feed", sends=models[0])
        async def feed(self, websocket: WebSocket) -> None: ...

    client = client_of(Every)
    files = {"app.ts": render(client), "app.query.ts": render_query(client, client_module="./app.js")}

    assert {"Error", "HttpService", "Promise", "WebSocketClient", "Array"} & set(mentioned)
    assert len(client.models) == len(mentioned)
    assert "\n".join(map(str, project.check(files, **HOOKS))) == ""
