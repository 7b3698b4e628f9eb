"""What the types of a generated client allow, and that they allow what is really sent."""

import json
from typing import Any

import echoing
import pytest
from echoed_values import answers, everything
from echoing import Answer, Everything, Farewell
from hypothesis import given, settings
from hypothesis import strategies as st
from nodejs import NEWEST, OLDEST, Project
from pydantic_core import to_jsonable_python

from jararaca import create_http_server
from jararaca.typescript.collect import collect
from jararaca.typescript.render import render


@pytest.fixture(scope="module")
def client() -> str:
    return render(collect(create_http_server(echoing.app)))


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that the examples of one test share."""
    return Project(tmp_path_factory.mktemp("types") / "project")


@pytest.mark.parametrize("compiler", [NEWEST, OLDEST])
def test_what_compiles_and_what_does_not(
    project: Project, client: str, programs: dict[str, str], compiler: str
) -> None:
    assert project.check({"app.ts": client, "types.ts": programs["types.ts"]}, compiler=compiler) == []


def _constants(type_name: str, values: list[Any]) -> str:
    lines = [f"import type {{ {type_name} }} from './app.js';"]
    lines += [f"export const value{n}: {type_name} = {json.dumps(each)};" for n, each in enumerate(values)]
    return "\n".join(lines)


@settings(max_examples=2)
@given(st.lists(everything, min_size=10, max_size=20), st.lists(answers, min_size=5, max_size=10))
def test_every_value_fits_its_type_without_a_field_too_many(
    module_project: Project, client: str, values: list[Everything], said: list[Answer | Farewell]
) -> None:
    """A literal is refused for a field that its type lacks, as well as for one that it lacks itself."""
    taken = [each.model_dump(mode="json", by_alias=True, round_trip=True) for each in values]
    files = {
        "app.ts": client,
        "taken.ts": _constants("EverythingInput", taken),
        "sent.ts": _constants("EverythingOutput", to_jsonable_python(values, by_alias=True)),
        "said.ts": _constants("FlowTalkMessages[keyof FlowTalkMessages]", to_jsonable_python(said)).replace(
            "{ FlowTalkMessages[keyof FlowTalkMessages] }", "{ FlowTalkMessages }"
        ),
    }

    assert module_project.check(files) == []
