"""The hand-written part of generated clients, as its users compile and run it."""

import pytest
from nodejs import NEWEST, OLDEST, Project

PEDANTIC = dict.fromkeys(
    [
        "noFallthroughCasesInSwitch",
        "noImplicitOverride",
        "noImplicitReturns",
        "noPropertyAccessFromIndexSignature",
        "noUnusedLocals",
        "noUnusedParameters",
    ],
    True,
)
"""What few turn on, in whose repositories the files have to compile too."""


@pytest.mark.parametrize("compiler", [NEWEST, OLDEST])
def test_it_is_clean_under_every_strict_option(project: Project, runtime: dict[str, str], compiler: str) -> None:
    assert project.check(runtime, compiler=compiler, **PEDANTIC) == []


def test_requests_and_answers(project: Project, runtime: dict[str, str], programs: dict[str, str]) -> None:
    program = programs["http.test.ts"]
    project.build({"http.ts": runtime["http.ts"], "http.test.ts": program}, types=["node"])

    assert project.passes("http.test.js") > program.count("\ntest(")


def test_websockets_that_come_back(project: Project, runtime: dict[str, str], programs: dict[str, str]) -> None:
    program = programs["websocket.test.ts"]
    project.build({"websocket.ts": runtime["websocket.ts"], "websocket.test.ts": program}, types=["node"])

    assert project.passes("websocket.test.js") > program.count("\ntest(")


def test_hooks_in_react(project: Project, runtime: dict[str, str], programs: dict[str, str]) -> None:
    program = programs["query.test.ts"]
    files = {"http.ts": runtime["http.ts"], "query.ts": runtime["query.ts"], "query.test.ts": program}
    project.build(files, types=["node"], skipLibCheck=True)  # the types of the packages are theirs

    assert project.passes("query.test.js") == program.count("\ntest(")
